import Synchronization

/// Whether the server that facts are sent to is there. What the vendor tells is of no use without it, and is not asked
/// for once too many calls have failed.
final class ReceiverState: Sendable {
    private struct Calls {
        /// In a row, up to now.
        var failures = 0
        var last: SourceFailure?
    }

    /// Failed calls in a row after which the server counts as gone, until it answers or the next run begins.
    private static let mostFailures = 4

    private let calls = Mutex(Calls())

    /// Why the server counts as gone; nil while it does not.
    var failure: SourceFailure? { calls.withLock { $0.failures >= Self.mostFailures ? $0.last : nil } }

    /// A call ended without an answer: the server was not there, or could not take it.
    func failed(_ failure: SourceFailure) {
        calls.withLock { calls in
            calls.failures += 1
            calls.last = failure
        }
    }

    /// A call was answered, be it by a refusal of what was sent.
    func answered() { calls.withLock { $0 = Calls() } }
}

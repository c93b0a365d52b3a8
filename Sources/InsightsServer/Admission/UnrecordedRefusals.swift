import Dispatch
import Synchronization

/// Bounds what people without a credential can have written: audit records of refused credentials, log lines. What is
/// beyond is counted, and the number is written when the flood ends.
final class UnrecordedRefusals: Sendable {
    /// Time without a further one after which a flood has ended.
    static let quietNanoseconds: UInt64 = 5_000_000_000
    /// Time after which a flood that goes on is summed up nevertheless.
    static let longestNanoseconds: UInt64 = 60_000_000_000

    enum Sum: Equatable {
        case none
        /// The flood goes on.
        case wait
        case summary(UInt64)
    }

    private struct State {
        var count: UInt64 = 0
        var total: UInt64 = 0
        var first: UInt64 = 0
        var last: UInt64 = 0
    }

    private let bucket: SharedTokenBucket
    private let state = Mutex(State())

    init(_ limit: RateLimit) {
        bucket = SharedTokenBucket(limit)
    }

    /// Whether the next one may have a record of its own.
    ///
    /// - Parameter now: monotonic nanoseconds, as everywhere here.
    func mayRecord(now: UInt64) -> Bool { bucket.take(now: now) == nil }

    /// Counts one without a record; true for the first since the last sum.
    func count(now: UInt64) -> Bool {
        state.withLock { state in
            if state.count == 0 { state.first = now }
            state.count += 1
            state.total += 1
            state.last = now
            return state.count == 1
        }
    }

    /// Calls `summarize` after a quiet time, and again as long as it says that the flood goes on.
    static func later(_ summarize: @escaping @Sendable () -> Bool) {
        let wait = DispatchTimeInterval.nanoseconds(Int(quietNanoseconds))
        DispatchQueue.global().asyncAfter(deadline: .now() + wait) {
            if summarize() { later(summarize) }
        }
    }

    /// Takes the sum when it is due, or there is one and `atOnce`.
    func take(now: UInt64, atOnce: Bool) -> Sum {
        state.withLock { state in
            guard state.count > 0 else { return .none }
            // The timer and the clock may differ by a little.
            let isQuiet = now &- state.last >= Self.quietNanoseconds / 10 * 9
            guard atOnce || isQuiet || now &- state.first >= Self.longestNanoseconds else { return .wait }
            defer { state.count = 0 }
            return .summary(state.count)
        }
    }

    /// Since the start.
    var total: UInt64 { state.withLock { $0.total } }
}

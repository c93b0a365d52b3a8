import Synchronization

/// What a synchronization has done so far, over all its runs; read by the progress line and the metrics.
public final class SyncTelemetry: Sendable {
    public struct Counts: Sendable {
        public var customers = 0
        public var customersDone = 0
        /// By what was asked for.
        public var requests: [String: Int] = [:]
        /// Requests that pause now.
        public var pausing = 0
        /// Time that requests paused because a server asked them to.
        public var throttled: Duration = .zero
        public var allRequests: Int { requests.values.reduce(0, +) }
    }

    private let state = Mutex(Counts())
    private let onChange: @Sendable (Counts) -> Void

    public init(onChange: @escaping @Sendable (Counts) -> Void = { _ in }) { self.onChange = onChange }

    public var counts: Counts { state.withLock { $0 } }

    func change(_ body: (inout Counts) -> Void) {
        let counts = state.withLock { counts in
            body(&counts)
            return counts
        }
        onChange(counts)
    }
}

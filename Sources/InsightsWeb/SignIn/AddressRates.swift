import RPCEngine
import Synchronization

/// How often one address may ask for the steps of signing in, which are for anybody.
final class AddressRates: Sendable {
    /// Steps a second in the long run, and at once: an office behind one address may begin its day together.
    static let budget = Limits.Budget(burst: 200, perSecond: 20)
    /// Networks that are remembered; beyond them all others share one bucket.
    static let most = 10_000
    private static let sweepNanoseconds: UInt64 = 1_000_000_000

    private struct State {
        var buckets: [UInt64: TokenBucket] = [:]
        /// When all may be gone through again.
        var nextSweep: UInt64 = 0
    }

    private let state = Mutex(State())

    /// - Parameters:
    ///   - network: of the caller's connection.
    ///   - now: monotonic nanoseconds.
    func take(_ network: UInt64, now: UInt64) -> Bool {
        state.withLock { state in
            var key = network
            if state.buckets[key] == nil, state.buckets.count >= Self.most {
                if now >= state.nextSweep {
                    // Whoever had a rest is as good as new.
                    state.buckets = state.buckets.filter { !$0.value.isFull(now: now) }
                    state.nextSweep = now &+ Self.sweepNanoseconds
                }
                if state.buckets.count >= Self.most { key = 0 }
            }
            return state.buckets[key, default: TokenBucket(Self.budget)].take(now: now)
        }
    }
}

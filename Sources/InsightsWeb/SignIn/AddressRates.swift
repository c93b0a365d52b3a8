import Synchronization

/// How often one address may ask for the steps of signing in, which are for anybody: a token bucket each.
final class AddressRates: Sendable {
    /// Steps a second in the long run, and at once: an office behind one address may begin its day together.
    static let perSecond = 20.0
    static let atOnce = 200.0
    /// Networks that are remembered; beyond them all others share one bucket.
    static let most = 10_000

    private struct Bucket {
        var tokens: Double
        /// Unix seconds at which it had them.
        var at: Int64

        func tokens(now: Int64) -> Double {
            min(AddressRates.atOnce, tokens + Double(max(0, now - at)) * AddressRates.perSecond)
        }
    }

    private struct State {
        var buckets: [UInt64: Bucket] = [:]
        /// Unix seconds at which all were gone through: once a second at most.
        var swept = Int64.min
    }

    private let state = Mutex(State())

    /// - Parameters:
    ///   - network: of the caller's connection.
    ///   - now: Unix time in seconds.
    func take(_ network: UInt64, now: Int64) -> Bool {
        state.withLock { state in
            var key = network
            if state.buckets[key] == nil, state.buckets.count >= Self.most {
                if now != state.swept {
                    // Whoever had a rest is as good as new.
                    state.buckets = state.buckets.filter { $0.value.tokens(now: now) < Self.atOnce }
                    state.swept = now
                }
                if state.buckets.count >= Self.most { key = 0 }
            }
            let tokens = state.buckets[key]?.tokens(now: now) ?? Self.atOnce
            state.buckets[key] = Bucket(tokens: max(0, tokens - 1), at: now)
            return tokens >= 1
        }
    }
}

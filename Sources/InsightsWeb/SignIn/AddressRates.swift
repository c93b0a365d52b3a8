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

    private let buckets = Mutex<[UInt64: Bucket]>([:])

    /// - Parameters:
    ///   - network: of the caller's connection.
    ///   - now: Unix time in seconds.
    func take(_ network: UInt64, now: Int64) -> Bool {
        buckets.withLock { buckets in
            var key = network
            if buckets[key] == nil, buckets.count >= Self.most {
                // Whoever had a rest is as good as new.
                buckets = buckets.filter { $0.value.tokens(now: now) < Self.atOnce }
                if buckets.count >= Self.most { key = 0 }
            }
            let tokens = buckets[key]?.tokens(now: now) ?? Self.atOnce
            buckets[key] = Bucket(tokens: max(0, tokens - 1), at: now)
            return tokens >= 1
        }
    }
}

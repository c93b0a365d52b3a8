import Synchronization
import Tenancy

/// How many calls a partner may make.
package struct RateLimit: Sendable, Hashable {
    package static let standard = RateLimit(validPerSecond: 1_000, burst: 2_000)
    /// Bound of both numbers.
    package static let maximum = 1_000_000

    /// Calls a second in the long run, 1 to 1,000,000.
    package let perSecond: Int
    /// Calls that may come at once after a rest, 1 to 1,000,000.
    package let burst: Int

    /// Nil when a number is out of its bounds.
    package init?(perSecond: Int, burst: Int) {
        let bounds = 1...Self.maximum
        guard bounds.contains(perSecond), bounds.contains(burst) else { return nil }
        self.init(validPerSecond: perSecond, burst: burst)
    }

    private init(validPerSecond perSecond: Int, burst: Int) {
        self.perSecond = perSecond
        self.burst = burst
    }
}

/// One token bucket per partner, over all its connections and every event loop. The operator has none.
package final class RateLimiter: Sendable {
    /// Only registered partners are authenticated, so this bounds the memory; should it ever be reached, the partners
    /// beyond it share one bucket, which errs towards refusing.
    private static let maximumBuckets = 100_000

    let limit: RateLimit
    private let buckets: Mutex<[PartnerID: SharedTokenBucket]>
    private let shared: SharedTokenBucket
    private let refusals = Mutex<[PartnerID: RefusalLines]>([:])

    /// What the log says of a partner's refused calls.
    private struct RefusalLines {
        /// Monotonic nanoseconds.
        var silentUntil: UInt64 = 0
        var silent = 0

        mutating func line(now: UInt64) -> Int? {
            guard now >= silentUntil else {
                silent += 1
                return nil
            }
            silentUntil = now &+ 1_000_000_000
            defer { silent = 0 }
            return silent
        }
    }

    package init(_ limit: RateLimit = .standard) {
        self.limit = limit
        shared = SharedTokenBucket(limit)
        buckets = Mutex([:])
    }

    /// Whether a call that was refused for its rate gets a line in the log: one a second and partner does, since a
    /// flood of refusals may not cost more than the calls would have.
    ///
    /// - Returns: nil for no line, else how many earlier refusals of the partner had none.
    func lineForRefusal(of partner: PartnerID, now: UInt64) -> Int? {
        refusals.withLock { all in
            guard all.count < Self.maximumBuckets || all[partner] != nil else { return nil }
            return all[partner, default: RefusalLines()].line(now: now)
        }
    }

    /// Takes one token of the caller's partner.
    ///
    /// - Parameter now: monotonic time in nanoseconds, of the same clock in every call.
    /// - Returns: nil when the call may go on, else the nanoseconds until the next token.
    package func take(_ caller: Principal, now: UInt64) -> UInt64? {
        guard let partner = caller.partner else { return nil }
        return bucket(of: partner).take(now: now)
    }

    /// The partner's bucket; the one that all others share when there are too many.
    package func bucket(of partner: PartnerID) -> SharedTokenBucket {
        buckets.withLock { buckets in
            if let bucket = buckets[partner] { return bucket }
            guard buckets.count < Self.maximumBuckets else { return shared }
            let bucket = SharedTokenBucket(limit)
            buckets[partner] = bucket
            return bucket
        }
    }
}

/// A token bucket that any thread takes from, in one atomic number: the time at which it will be full again (the
/// generic cell rate algorithm). A call moves that time on by the price of a token and is refused when it would get
/// further ahead than the burst.
package final class SharedTokenBucket: Sendable {
    /// Nanoseconds a token takes to come back, rounded up so that the rate is never exceeded; at least 1,000.
    private let tokenTime: UInt64
    /// Nanoseconds that a full bucket is worth; at most 10^15.
    private let depth: UInt64
    private let fullAt = Atomic<UInt64>(0)

    init(_ limit: RateLimit) {
        let second: UInt64 = 1_000_000_000
        let rate = UInt64(limit.perSecond)
        tokenTime = (second + rate - 1) / rate
        depth = tokenTime * UInt64(limit.burst)
    }

    /// Takes one token at `now`, monotonic nanoseconds. Nil when there was one, else the nanoseconds until there is.
    package func take(now: UInt64) -> UInt64? {
        var seen = fullAt.load(ordering: .relaxed)
        while true {
            let (next, overflow) = max(seen, now).addingReportingOverflow(tokenTime)
            guard !overflow else { return tokenTime }
            // `next` is later than `now`, so the difference is positive.
            let ahead = next &- now
            if ahead > depth { return ahead &- depth }
            let (exchanged, original) = fullAt.weakCompareExchange(expected: seen, desired: next, ordering: .relaxed)
            if exchanged { return nil }
            seen = original
        }
    }
}

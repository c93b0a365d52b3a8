/// A rate limit with a burst, in one integer: the moment at which the bucket would be full again.
struct TokenBucket {
    private var full: UInt64 = 0
    private let interval: UInt64
    private let depth: UInt64

    init(_ budget: Limits.Budget) {
        interval = 1_000_000_000 / UInt64(max(1, min(budget.perSecond, 1_000_000_000)))
        depth = interval * UInt64(max(1, min(budget.burst, 1_000_000_000)))
    }

    /// Takes one token; false when there is none. `now` is monotonic nanoseconds.
    mutating func take(now: UInt64) -> Bool {
        let base = max(full, now)
        let next = base &+ interval
        if next &- now > depth { return false }
        full = next
        return true
    }

    /// Gives tokens back, as when traffic of our own explains the peer's frames.
    mutating func give(_ tokens: UInt64) {
        full = full &- min(full, tokens &* interval)
    }
}

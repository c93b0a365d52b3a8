/// A rate limit with a burst, in one integer: the moment at which the bucket would be full again.
package struct TokenBucket: Sendable {
    private var full: UInt64 = 0
    private let interval: UInt64
    private let depth: UInt64

    package init(_ budget: Limits.Budget) {
        interval = 1_000_000_000 / UInt64(max(1, min(budget.perSecond, 1_000_000_000)))
        depth = interval * UInt64(max(1, min(budget.burst, 1_000_000_000)))
    }

    /// Takes one token; false when there is none. `now` is monotonic nanoseconds.
    package mutating func take(now: UInt64) -> Bool {
        let base = max(full, now)
        let next = base &+ interval
        if next &- now > depth { return false }
        full = next
        return true
    }

    /// Whether it is as it was in the beginning.
    package func isFull(now: UInt64) -> Bool { full <= now }

    /// Gives tokens back, as when traffic of our own explains the peer's frames.
    mutating func give(_ tokens: UInt64) {
        full = full &- min(full, tokens &* interval)
    }
}

import Testing

@testable import InsightsServer

/// What a server on a shared store knows is young enough, or not.
@Suite struct FreshnessTests {
    private let time = HouseTime()
    private let freshness: Freshness

    init() {
        freshness = Freshness(bound: .seconds(60), clock: time.clock, asked: 0)
    }

    @Test func whatWasAskedLastIsAsYoungAsTheQuestion() {
        time.pass(.seconds(60))
        #expect(!freshness.isStale)
        time.pass(.nanoseconds(1))
        #expect(freshness.isStale)
        freshness.follows(asOf: freshness.now)
        #expect(!freshness.isStale)
        // An answer that comes late is to an older question.
        freshness.follows(asOf: 0)
        #expect(freshness.age == 0)
    }

    /// Others may take it for dead, and not wait for it with what they change: what it asked meanwhile does not count.
    @Test func whoWasSilentIsNotFreshBeforeTheOthersKnow() {
        freshness.isWaitedFor(asOf: freshness.now)
        time.pass(.seconds(61))
        freshness.follows(asOf: freshness.now)
        #expect(freshness.isStale)
        freshness.isWaitedFor(asOf: freshness.now)
        // The question was sent before.
        #expect(freshness.isStale)
        time.pass(.milliseconds(1))
        freshness.follows(asOf: freshness.now)
        #expect(!freshness.isStale)
        time.pass(.seconds(59))
        freshness.follows(asOf: freshness.now)
        #expect(freshness.age == 0)
    }
}

@_spi(Authentication) import Tenancy
import Synchronization
import Testing

@testable import InsightsServer

@Suite struct LimitsTests {
    private func caller(_ partner: String) throws -> Principal {
        Principal(.partner(try PartnerID(partner), try PrincipalID("ann"), []))
    }

    @Test func burstThenRate() throws {
        let limiter = RateLimiter(try #require(RateLimit(perSecond: 10, burst: 5)))
        let ann = try caller("p1")
        for _ in 0..<5 { #expect(limiter.take(ann, now: 1_000) == nil) }
        #expect(limiter.take(ann, now: 1_000) == 100_000_000)
        #expect(limiter.take(ann, now: 50_001_000) == 50_000_000)
        #expect(limiter.take(ann, now: 100_000_999) == 1)
        #expect(limiter.take(ann, now: 100_001_000) == nil)
        #expect(limiter.take(ann, now: 100_001_000) != nil)
        // After a long rest the burst is there again, and no more than that.
        let later: UInt64 = 100_000_000_000
        for _ in 0..<5 { #expect(limiter.take(ann, now: later) == nil) }
        #expect(limiter.take(ann, now: later) != nil)
    }

    @Test func partnersAreApartAndTheOperatorFree() throws {
        let limiter = RateLimiter(try #require(RateLimit(perSecond: 1, burst: 1)))
        #expect(limiter.take(try caller("p1"), now: 0) == nil)
        #expect(limiter.take(try caller("p1"), now: 0) != nil)
        #expect(limiter.take(try caller("p2"), now: 0) == nil)
        let feed = Principal(.operator(name: "feed"))
        for _ in 0..<10_000 { #expect(limiter.take(feed, now: 0) == nil) }
    }

    @Test(arguments: [(0, 1), (1, 0), (-1, 1), (1_000_001, 1), (1, 1_000_001)])
    func refusesLimits(_ rate: Int, _ burst: Int) {
        #expect(RateLimit(perSecond: rate, burst: burst) == nil)
    }

    /// Random arrivals in simulated time: in no window are more calls let through than burst + rate × time, an
    /// answered wait is exactly long enough, and a patient caller loses nothing to rounding but the stated share.
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8])
    func neverMoreThanTheRate(_ seed: UInt64) throws {
        var random = SystemSeeded(state: seed)
        let rate = Int.random(in: 1...3_000, using: &random)
        let burst = Int.random(in: 1...300, using: &random)
        let bucket = RateLimiter(try #require(RateLimit(perSecond: rate, burst: burst))).bucket(of: try PartnerID("p"))
        var now: UInt64 = .random(in: 0...1 << 40, using: &random)
        var admitted: [UInt64] = []
        for _ in 0..<2_000 {
            now += .random(in: 0...(2_000_000_000 / UInt64(rate)), using: &random)
            if Int.random(in: 0..<500, using: &random) == 0 { now += 3_000_000_000 }
            guard let wait = bucket.take(now: now) else {
                admitted.append(now)
                continue
            }
            #expect(wait > 0)
            if Bool.random(using: &random) {
                #expect(bucket.take(now: now + wait - 1) != nil)
                now += wait
                #expect(bucket.take(now: now) == nil)
                admitted.append(now)
            }
        }
        for first in admitted.indices where first % 7 == 0 {
            for last in stride(from: first, to: min(first + 900, admitted.count), by: 13) {
                let seconds = Double(admitted[last] - admitted[first]) / 1e9
                #expect(Double(last - first + 1) <= Double(burst) + seconds * Double(rate) + 1e-6)
            }
        }
    }

    @Test func timeMayStandStillOrGoBack() throws {
        let bucket = RateLimiter(try #require(RateLimit(perSecond: 1, burst: 3))).bucket(of: try PartnerID("p"))
        #expect(bucket.take(now: 10_000_000_000) == nil)
        #expect(bucket.take(now: 9_000_000_000) == nil)
        #expect(bucket.take(now: 9_000_000_000) != nil)
        #expect(bucket.take(now: 0) != nil)
        #expect(bucket.take(now: .max) != nil)
    }

    /// Many threads at one moment share exactly one burst.
    @Test func oneBucketOverAllThreads() async throws {
        let limiter = RateLimiter(try #require(RateLimit(perSecond: 1, burst: 1_000)))
        let ann = try caller("p1")
        let admitted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<500).count { _ in limiter.take(ann, now: 77) == nil } }
            }
            return await group.reduce(0, +)
        }
        #expect(admitted == 1_000)
    }
}

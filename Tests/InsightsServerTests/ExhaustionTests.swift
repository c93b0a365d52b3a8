import Foundation
import InsightsAPI
import RPCEngine
import Tenancy
import Testing

@testable import InsightsServer

/// Every RESOURCE_EXHAUSTED names its limit and says when to try again.
@Suite struct ExhaustionTests {
    private static let engine: [ExceededLimit] = [.message, .headers, .connectionBuffer, .memory].map { kind in
        ExceededLimit(kind: kind, limit: 17, message: "above the limit")
    }

    static let refusals: [(status: RPCStatus, reason: String, milliseconds: Int64, pushback: String)] = [
        (Refusal.tooManyCalls(.standard, retryAfterNanoseconds: 1), "RATE_EXCEEDED", 1, "1"),
        (Refusal.tooManyCalls(.standard, retryAfterNanoseconds: 2_000_000), "RATE_EXCEEDED", 2, "2"),
        (Refusal.tooManyCalls(.standard, retryAfterNanoseconds: 2_000_001), "RATE_EXCEEDED", 3, "3"),
        (Refusal.tooManyExports(limit: 4), "TOO_MANY_EXPORTS", 1_000, "1000"),
        (Refusal.tooManyReads(limit: 4), "TOO_MANY_READS", 1_000, "1000"),
        (Refusal.tooManyChanges(limit: 4), "TOO_MANY_CHANGES", 1_000, "1000"),
        (Refusal.tooManyWatches(limit: 4), "TOO_MANY_WATCHES", 10_000, "10000"),
        (Refusal.storeFull, "STORE_FULL", 60_000, "60000"),
        (Refusal.directoryFull(limit: 4), "DIRECTORY_FULL", 60_000, "60000"),
        (Refusal.exceeded(engine[0]), "MESSAGE_TOO_LARGE", 3_600_000, "-1"),
        (Refusal.exceeded(engine[1]), "HEADERS_TOO_LARGE", 3_600_000, "-1"),
        (Refusal.exceeded(engine[2]), "CONNECTION_BUFFER_FULL", 1_000, "1000"),
        (Refusal.exceeded(engine[3]), "OUT_OF_MEMORY", 10_000, "10000"),
    ]

    @Test(arguments: refusals.indices)
    func saysWhichLimitAndWhenAgain(_ index: Int) throws {
        let (status, reason, milliseconds, pushback) = Self.refusals[index]
        #expect(status.code == .resourceExhausted)
        let details = try Google_Rpc_Status(serializedBytes: status.details)
        #expect(details.code == 8 && details.message == status.message && details.details.count == 2)
        let info = try Google_Rpc_ErrorInfo(unpackingAny: details.details[0])
        #expect(info.reason == reason && info.domain == "insights.partner" && info.metadata["limit"]?.isEmpty == false)
        let retry = try Google_Rpc_RetryInfo(unpackingAny: details.details[1]).retryDelay
        #expect(retry.seconds * 1_000 + Int64(retry.nanos) / 1_000_000 == milliseconds)
        #expect(status.trailers.map(\.0) == ["grpc-retry-pushback-ms"] && status.trailers.map(\.1) == [pushback])
    }

    @Test func theLogTellsOneRefusalASecondAndCountsTheOthers() throws {
        let limiter = RateLimiter()
        let partners = [try PartnerID("a"), try PartnerID("b")]
        let second: UInt64 = 1_000_000_000
        #expect(limiter.lineForRefusal(of: partners[0], now: 5) == 0)
        for moment in [5, 6, second] { #expect(limiter.lineForRefusal(of: partners[0], now: moment) == nil) }
        #expect(limiter.lineForRefusal(of: partners[1], now: 6) == 0)
        #expect(limiter.lineForRefusal(of: partners[0], now: 5 + second) == 3)
        #expect(limiter.lineForRefusal(of: partners[0], now: 6 + second) == nil)
        #expect(limiter.lineForRefusal(of: partners[0], now: 9 + 2 * second) == 1)
    }
}

import GRPCCore
import GRPCProtobuf
import InsightsAPI
import Synchronization
import Testing

@testable import InsightsClient

@Suite struct InsightsClientTests {
    private func line(_ body: () async throws -> Void) async -> String {
        do {
            try await body()
            return "no failure"
        } catch {
            return "\(error)"
        }
    }

    @Test func callsCarryTheToken() async throws {
        let (response, authorization) = try await withFake({ _ in }, settings: { $0.token = "abc" }) { client, fake in
            (try await client.whoAmI(PBWhoAmIRequest()), fake.state.withLock { $0.authorization })
        }
        #expect(response.principal.principalID == "alice")
        #expect(authorization == "Bearer abc")
    }

    @Test func readsAreRepeatedAndWritesAreNot() async throws {
        let calls = try await withFake({ $0.unavailableCalls = 3 }) { client, fake in
            _ = try await client.whoAmI(PBWhoAmIRequest())
            return fake.state.withLock { $0.calls }
        }
        #expect(calls == 4)
        try await withFake({ $0.unavailableCalls = 4 }) { client, fake in
            let text = await line { _ = try await client.whoAmI(PBWhoAmIRequest()) }
            #expect(text.contains("the store is away"))
        }
        try await withFake({ $0.unavailableCalls = 1 }) { client, fake in
            let text = await line { _ = try await client.createPrincipal(PBCreatePrincipalRequest()) }
            #expect(text.contains("the store is away"))
            #expect(fake.state.withLock { $0.calls } == 1)
        }
    }

    @Test func errorDetailsBecomeOneLine() async throws {
        let cases: [(GoogleRPCStatus, String)] = [
            (
                GoogleRPCStatus(
                    code: .invalidArgument, message: "bad request",
                    details: [
                        .badRequest(violations: [
                            ErrorDetails.BadRequest.FieldViolation(field: "as_of", description: "is not a day\nreally")
                        ])
                    ]), "as_of is not a day really"
            ),
            (
                GoogleRPCStatus(
                    code: .invalidArgument, message: "bad request",
                    details: [
                        .badRequest(violations: [
                            ErrorDetails.BadRequest.FieldViolation(field: "method", description: "is no method here")
                        ])
                    ]), "method is no method here"
            ),
            (
                GoogleRPCStatus(
                    code: .notFound, message: "no such customer",
                    details: [.errorInfo(reason: "CUSTOMER_NOT_FOUND", domain: "insights.partner")]),
                "no such customer (CUSTOMER_NOT_FOUND)"
            ),
            (
                GoogleRPCStatus(
                    code: .resourceExhausted, message: "too fast", details: [.retryInfo(delay: .milliseconds(1_500))]),
                "too fast; try again in 1 s"
            ),
        ]
        for (status, expected) in cases {
            try await withFake({ $0.failure = status }) { client, _ in
                #expect(await line { _ = try await client.whoAmI(PBWhoAmIRequest()) } == expected)
            }
        }
    }

    @Test func aCallEndsAtItsDeadline() async throws {
        try await withFake({ $0.hangs = true }, settings: { $0.timeout = .milliseconds(200) }) { client, _ in
            let text = await line { _ = try await client.whoAmI(PBWhoAmIRequest()) }
            #expect(text.contains("did not answer in time"))
        }
    }

    @Test func whoeverCannotBeReachedIsNamed() async throws {
        let settings = try #require(ConnectionSettings(server: "127.0.0.1:1"))
        let text = await line {
            try await InsightsClient.withConnection(settings) { _ = try await $0.whoAmI(PBWhoAmIRequest()) }
        }
        #expect(text == "cannot reach 127.0.0.1:1: connection refused")
    }

    @Test func aServerOfAnotherAuthorityIsRefused() async throws {
        try await withFake({ _ in }, settings: { $0.authorityFile = nil }) { client, _ in
            let text = await line { _ = try await client.whoAmI(PBWhoAmIRequest()) }
            #expect(text.hasSuffix("the server's certificate is not signed by the given authority"))
        }
    }

    @Test func serverNamesAreRead() {
        #expect(ConnectionSettings(server: "a.example:1")?.server == "a.example:1")
        #expect(ConnectionSettings(server: "a.example")?.server == "a.example:8443")
        #expect(ConnectionSettings(server: "[::1]:99")?.server == "[::1]:99")
        #expect(ConnectionSettings(server: "[::1]")?.servers.first?.host == "::1")
        #expect(ConnectionSettings(server: "a:1,[::1]:2,c")?.server == "a:1, [::1]:2, c:8443")
        for wrong in [
            "", ":1", "a:0", "a:65536", "a:b", "[::1", "[::1]x", "a b:1", "http://a:1", "é:1", "a:1,", "a:1,,b:2",
        ] {
            #expect(ConnectionSettings(server: wrong) == nil, "\(wrong)")
        }
    }
}

@Suite struct StreamTests {
    private static func batches(_ count: Int) -> Mutex<[PBIngestRequest]> {
        Mutex(
            (0..<count).reversed().map { index in
                var batch = PBIngestRequest()
                batch.batchID = "batch \(index)"
                batch.facts = [PBFact()]
                return batch
            })
    }

    @Test(arguments: [[], [0], [3], [0, 0, 2, 1], [9]])
    func cutStreamsLoseAndRepeatNothing(cuts: [Int]) async throws {
        let receipts = Mutex([String]())
        let source = Self.batches(10)
        let (outcome, accepted) = try await withFake({ $0.cuts = cuts }) { client, fake in
            let outcome = try await client.ingest(window: 3) {
                source.withLock { $0.popLast() }
            } onReceipt: { receipt in
                receipts.withLock { $0.append(receipt.batchID) }
            }
            return (outcome, fake.state.withLock { $0.accepted })
        }
        let expected = (0..<10).map { "batch \($0)" }
        #expect(accepted == expected)
        #expect(receipts.withLock { $0 } == expected)
        #expect(outcome.acceptedBatches == 10)
        #expect(outcome.acceptedFacts == 10)
        #expect(outcome.refusal == nil)
        // The batch before each cut was taken already.
        #expect(outcome.duplicateBatches >= (cuts.isEmpty ? 0 : 1))
    }

    @Test func aRefusalStopsTheRest() async throws {
        let source = Self.batches(50)
        let (outcome, accepted) = try await withFake({ $0.refusedBatch = "batch 5" }) { client, fake in
            let outcome = try await client.ingest(window: 2) {
                source.withLock { $0.popLast() }
            } onReceipt: { _ in
            }
            return (outcome, fake.state.withLock { $0.accepted })
        }
        #expect(outcome.refusal?.status.field == "facts[0].coverage.through")
        #expect(outcome.refusal?.status.factIndex == 0)
        #expect(accepted.count <= 7)
        #expect(Array(accepted.prefix(5)) == (0..<5).map { "batch \($0)" })
    }

    @Test func aServerThatStaysAwayIsGivenUp() async throws {
        let source = Self.batches(1)
        await #expect(throws: InsightsClientError.self) {
            try await withFake({ $0.cuts = [0, 0, 0] }) { client, _ in
                _ = try await client.ingest(attempts: 2) {
                    source.withLock { $0.popLast() }
                } onReceipt: { _ in
                }
            }
        }
    }

    @Test func aFailingSourceEndsTheIngest() async throws {
        struct Broken: Error {}
        await #expect(throws: Broken.self) {
            try await withFake({ _ in }) { client, _ in
                _ = try await client.ingest {
                    throw Broken()
                } onReceipt: { _ in
                }
            }
        }
    }

    @Test(arguments: [[], [0], [2, 0, 3]])
    func exportsGoOnAfterACut(cuts: [Int]) async throws {
        let text = Mutex("")
        try await withFake({
            $0.exportRows = 8
            $0.exportCuts = cuts
        }) { client, _ in
            try await client.exportInsights(PBExportInsightsRequest()) { message in
                text.withLock { $0 += String(decoding: message.csvChunk, as: UTF8.self) }
            }
        }
        #expect(text.withLock { $0 } == (0..<8).map { "row \($0)\n" }.joined())
    }
}

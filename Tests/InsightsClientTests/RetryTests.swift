import GRPCCore
import GRPCProtobuf
import InsightsAPI
import RPCTransport
import Synchronization
import Testing

@testable import InsightsClient

/// What is tried again, when, and how often.
@Suite struct RetryTests {
    private func pause(
        _ code: RPCError.Code, isRepeatable: Bool, pushback: String? = nil, unseen: Bool = false
    ) -> Duration? {
        var metadata = Metadata()
        if let pushback { metadata.addString(pushback, forKey: "grpc-retry-pushback-ms") }
        var error = RPCError(code: code, message: "", metadata: metadata)
        if unseen { error.cause = CallNotProcessed() }
        var schedule = RetrySchedule(isRepeatable: isRepeatable, attempts: 4)
        return schedule.pause(after: error)
    }

    @Test func onlyWhatIsSafeIsRepeated() {
        #expect(pause(.unavailable, isRepeatable: true) != nil)
        #expect(pause(.unavailable, isRepeatable: false) == nil)
        #expect(pause(.unavailable, isRepeatable: false, pushback: "5") == nil)
        #expect(pause(.unavailable, isRepeatable: false, unseen: true) != nil)
        #expect(pause(.resourceExhausted, isRepeatable: true) == nil)
        #expect(pause(.resourceExhausted, isRepeatable: true, pushback: "5") != nil)
        for code: RPCError.Code in [.cancelled, .deadlineExceeded, .internalError, .permissionDenied, .aborted] {
            #expect(pause(code, isRepeatable: true, pushback: "5") == nil, "\(code)")
        }
    }

    @Test func theServerSaysWhen() throws {
        let asked = try #require(pause(.unavailable, isRepeatable: true, pushback: "3000"))
        #expect((.seconds(3) ... .milliseconds(3_600)).contains(asked))
        for never in ["-1", "soon", "", "10001"] {
            #expect(pause(.unavailable, isRepeatable: true, pushback: never) == nil, "\(never)")
        }
    }

    @Test func pausesGrowAndEnd() {
        var schedule = RetrySchedule(isRepeatable: true, attempts: 10)
        let error = RPCError(code: .unavailable, message: "")
        let expected = [150, 300, 600, 1_200, 2_400, 4_800, 5_000, 5_000, 5_000]
        for milliseconds in expected {
            let middle = Duration.milliseconds(milliseconds)
            let pause = schedule.pause(after: error)
            #expect(pause.map { (middle * 0.8...middle * 1.2).contains($0) } == true)
        }
        let after = schedule.pause(after: error)
        #expect(after == nil)
        schedule.madeProgress()
        let first = schedule.pause(after: error) ?? .zero
        #expect(first > .zero && first < .milliseconds(200))
    }

    /// A write that no server has seen goes to the next one; one that it has seen is not repeated.
    @Test func writesAreRepeatedWhenNobodyHasSeenThem() async throws {
        let calls = try await withFake({ _ in }) { client, fake in
            let dead = try EngineServer()
            dead.stop()
            var settings = client.settings
            let servers = settings.servers
            settings.servers = try [#require(ServerAddress("127.0.0.1:\(dead.port)", defaultPort: 1))]
            let write = Task { [settings] in
                try await InsightsClient.withConnection(settings) {
                    _ = try await $0.createPrincipal(PBCreatePrincipalRequest())
                }
            }
            await #expect(throws: InsightsClientError.self) { try await write.value }
            settings.servers += servers
            try await InsightsClient.withConnection(settings) {
                _ = try await $0.createPrincipal(PBCreatePrincipalRequest())
            }
            return fake.state.withLock { $0.calls }
        }
        #expect(calls == 1)
    }
}

import Foundation
import GRPCCore
import RPCTransport
import Synchronization
import Testing

@testable import InsightsClient

/// The transport against our own engine: what is carried, what is bounded, what happens when servers come and go.
@Suite(.serialized) struct TransportTests {
    // MARK: What is carried

    @Test func tenThousandCallsTakeOneConnection() async throws {
        let server = try EngineServer()
        try await withTransport([server.port]) { client async throws in
            try await withThrowingDiscardingTaskGroup { group in
                for worker in 0..<20 {
                    group.addTask { () async throws in
                        for number in 0..<500 {
                            let text = "\(worker) \(number)"
                            #expect(try await client.text("Echo", text) == text)
                        }
                    }
                }
            }
            #expect(server.connectionsAccepted == 1)
            #expect(server.server.statistics.callsFinished == 10_000)
        }
        server.stop()
    }

    /// More calls at once than the server takes: the rest wait for their turn and nobody is refused.
    @Test func callsWaitForTheServersStreams() async throws {
        let server = try EngineServer { $0.maxConcurrentStreams = 7 }
        try await withTransport([server.port]) { client async throws in
            try await withThrowingDiscardingTaskGroup { group in
                for _ in 0..<100 {
                    group.addTask { () async throws in #expect(try await client.text("Later", "5") == "5") }
                }
            }
        }
        #expect(server.server.statistics.streamsRefused == 0)
        #expect(server.connectionsAccepted == 1)
        server.stop()
    }

    @Test func metadataGoesBothWays() async throws {
        let server = try EngineServer()
        try await withTransport([server.port]) { client async throws in
            var metadata = Metadata()
            metadata.addBinary([0, 255, 7, 9], forKey: "x-echo-bin")
            metadata.addString("text", forKey: "X-Text")
            let answer = try await client.answer("Echo", metadata: metadata)
            #expect(Array(answer.leading[binaryValues: "x-echo-bin"]) == [[0, 255, 7, 9]])
            #expect(Array(answer.trailing[stringValues: "x-trailer"]) == ["text"])
            for value in ["a\r\nb", "ä", "\u{0}"] {
                let error = await #expect(throws: RPCError.self) {
                    try await client.answer("Echo", metadata: ["x-text": .string(value)])
                }
                #expect(error?.code == .internalError)
            }
        }
        server.stop()
    }

    @Test func statusesCarryDetails() async throws {
        let server = try EngineServer()
        try await withTransport([server.port]) { client async throws in
            let error = await #expect(throws: RPCError.self) { try await client.answer("Fail") }
            #expect(error?.code == .failedPrecondition && error?.message == "käse % \n")
            #expect(error.map { Array($0.metadata[binaryValues: "grpc-status-details-bin"]) } == [[1, 2, 3]])
            #expect(await client.failure("Nothing").hasPrefix("unimplemented"))
        }
        server.stop()
    }

    /// Larger than every window, and a bound for what is accepted.
    @Test func largeMessagesPassAndTooLargeOnesDoNot() async throws {
        let server = try EngineServer()
        try await withTransport([server.port]) { client async throws in
            let large = [UInt8](repeating: 7, count: 4 << 20)
            #expect(try await client.answer("Echo", large).message == large)
            let error = await #expect(throws: RPCError.self) {
                try await client.answer("Echo", large, limit: large.count - 1)
            }
            #expect(error?.code == .resourceExhausted)
            #expect(try await client.answer("Echo", large, limit: large.count).message.count == large.count)
        }
        server.stop()
    }

    @Test func mutualTLSAndNamesOfServers() async throws {
        let folder = TestCertificates.folder
        let server = try EngineServer(clientAuthority: "\(folder)/ca.pem")
        try await withTransport(
            [server.port],
            {
                $0.certificateFile = "\(folder)/alice.pem"
                $0.keyFile = "\(folder)/alice.key"
                $0.serverName = "localhost"
            }
        ) { client async throws in
            #expect(try await client.text("Peer").hasSuffix("/alice"))
        }
        try await withTransport([server.port], { $0.serverName = "elsewhere.example" }) { client async throws in
            let text = await client.failure("Echo")
            #expect(text == "unavailable: the server's certificate is not for this host name")
        }
        try await withTransport([server.port], { $0.authorityFile = nil }) { client async throws in
            let text = await client.failure("Echo")
            #expect(text == "unavailable: the server's certificate is not signed by the given authority")
        }
        var configuration = TransportConfiguration(servers: [try #require(ServerAddress("a", defaultPort: 1))])
        #expect(throws: TransportSetupError.self) {
            configuration.certificateFile = "\(folder)/alice.pem"
            configuration.keyFile = "\(folder)/bob.key"
            _ = try HTTP2Transport(configuration)
        }
        server.stop()
    }

    // MARK: What is bounded

    /// 50 MB for a server that takes its time: the client stays as little ahead of it as the windows allow.
    @Test func writersWaitForASlowServer() async throws {
        let server = try EngineServer()
        let (messages, bytes) = (800, 65_536)
        try await withTransport([server.port]) { client async throws in
            let ahead = Mutex(0)
            let answers = try await client.stream("SlowReader") { writer in
                for number in 1...messages {
                    try await writer.write([UInt8](repeating: 1, count: bytes))
                    let received = EngineServer.counts.withLock { $0.received }
                    ahead.withLock { $0 = max($0, number - received) }
                }
            } consumer: { response in
                var answers = 0
                for try await _ in response.messages { answers += 1 }
                return answers
            }
            #expect(answers == messages)
            // The server's window of 1 MiB, what sockets hold, and one message of the client's own.
            #expect(ahead.withLock { $0 } * bytes < 8 << 20)
        }
        server.stop()
    }

    /// A reader that rests stops the server, holds up no other call, and what it left is cancelled in the end.
    @Test func serversWaitForASlowReader() async throws {
        let server = try EngineServer()
        try await withTransport([server.port]) { client async throws in
            try await client.stream("Endless") { writer in
                try await writer.write([UInt8](repeating: 0, count: 65_536))
            } consumer: { response in
                var messages = response.messages.makeAsyncIterator()
                _ = try await messages.next()
                try await Task.sleep(for: .milliseconds(300))
                let produced = EngineServer.counts.withLock { $0.produced }
                try await Task.sleep(for: .milliseconds(200))
                #expect(EngineServer.counts.withLock { $0.produced } == produced)
                #expect(produced * 65_536 < 4 << 20)
                #expect(try await client.answer("Echo", [UInt8](repeating: 3, count: 2 << 20)).message.count == 2 << 20)
                // Reading on sets it going again, for as long as one likes.
                for _ in 0..<400 { #expect(try await messages.next()?.count == 65_536) }
            }
            try await eventually("the server heard of the end") {
                EngineServer.counts.withLock { $0.cancelled } == 1
            }
        }
        server.stop()
    }

    @Test func deadlinesAndCancellationsReachTheServer() async throws {
        let server = try EngineServer()
        try await withTransport([server.port]) { client async throws in
            #expect(try await client.text("Echo", "warm") == "warm")
            let began = ContinuousClock.now
            let text = await client.failure("Later", "20000", timeout: .milliseconds(150))
            #expect(text.hasPrefix("deadlineExceeded"))
            #expect(ContinuousClock.now - began < .seconds(5))
            try await eventually("the deadline") { EngineServer.counts.withLock { $0.cancelled } == 1 }
            #expect(EngineServer.counts.withLock { $0.deadlines } == 2)
            let call = Task { try await client.text("Later", "20000", timeout: nil) }
            try await Task.sleep(for: .milliseconds(100))
            call.cancel()
            await #expect(throws: (any Error).self) { try await call.value }
            try await eventually("the cancellation") { EngineServer.counts.withLock { $0.cancelled } == 2 }
            // A writer that waits for room is woken too.
            let writing = Task {
                try await client.stream("SlowReader") { writer in
                    while true { try await writer.write([UInt8](repeating: 1, count: 1 << 20)) }
                } consumer: { response in
                    for try await _ in response.messages {}
                }
            }
            try await Task.sleep(for: .milliseconds(200))
            writing.cancel()
            await #expect(throws: (any Error).self) { try await writing.value }
            try await eventually("the end of the stream") { EngineServer.counts.withLock { $0.cancelled } == 3 }
        }
        server.stop()
    }

    // MARK: Servers that come and go

    @Test func aServerThatComesBackIsFoundAgain() async throws {
        let first = try EngineServer()
        try await withTransport([first.port]) { client async throws in
            #expect(try await client.text("Echo", "a") == "a")
            first.stop()
            #expect(await client.failure("Echo") == "unavailable: connection refused")
            let waiting = Task { try await client.answer("Echo", [1], wait: true).message }
            try await Task.sleep(for: .milliseconds(300))
            let second = try EngineServer(port: first.port)
            #expect(try await waiting.value == [1])
            #expect(try await client.text("Echo", "b") == "b")
            second.stop()
        }
    }

    /// A server that drains lets its calls end, while new ones go to the next.
    @Test func callsMoveToTheNextServer() async throws {
        let (first, second) = (try EngineServer(), try EngineServer())
        try await withTransport([first.port, second.port]) { client async throws in
            #expect(try await client.text("Echo", "a") == "a")
            #expect((first.connectionsAccepted, second.connectionsAccepted) == (1, 0))
            try await withThrowingDiscardingTaskGroup { group in
                for _ in 0..<20 {
                    group.addTask { () async throws in #expect(try await client.text("Later", "400") == "400") }
                }
                try await Task.sleep(for: .milliseconds(100))
                group.addTask { first.stop(grace: .seconds(5)) }
                for number in 0..<200 {
                    group.addTask { () async throws in
                        #expect(try await client.text("Echo", "\(number)") == "\(number)")
                    }
                }
            }
            #expect(try await client.text("Echo", "b") == "b")
            #expect(second.connectionsAccepted == 1)
        }
        second.stop()
    }

    /// A dead address is passed over, and the one that answers is kept.
    @Test func deadAddressesArePassedOver() async throws {
        let server = try EngineServer()
        let dead = try EngineServer()
        dead.stop()
        try await withTransport([dead.port, server.port]) { client async throws in
            for _ in 0..<3 { #expect(try await client.text("Echo", "a") == "a") }
            #expect(server.connectionsAccepted == 1)
            server.stop()
            #expect(await client.failure("Echo") == "unavailable: connection refused")
        }
        // One that takes the connection and says nothing costs the time that it is given.
        let mute = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(mute) }
        listen(mute, 8)
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(mute, $0, &length) }
        }
        let other = try EngineServer()
        try await withTransport(
            [Int(address.sin_port.bigEndian), other.port], { $0.connectTimeout = .milliseconds(200) }
        ) { client async throws in
            #expect(try await client.text("Echo", "a") == "a")
        }
        try await withTransport([Int(address.sin_port.bigEndian)], { $0.connectTimeout = .milliseconds(200) }) {
            client async throws in
            #expect(await client.failure("Echo") == "unavailable: it did not answer in time")
        }
        other.stop()
    }

    @Test func namesAreLookedUp() async throws {
        let server = try EngineServer()
        let name = try #require(ServerAddress("localhost:\(server.port)", defaultPort: 1))
        try await withTransport([], { $0.servers = [name] }) { client async throws in
            #expect(try await client.text("Echo", "a") == "a")
        }
        let nobody = try #require(ServerAddress("nobody.invalid:1", defaultPort: 1))
        try await withTransport([], { $0.servers = [nobody] }) { client async throws in
            #expect(await client.failure("Echo").hasPrefix("unavailable: "))
        }
        server.stop()
    }

    /// Ending the transport ends what still runs, and nothing begins after it.
    @Test func nothingHangsAtTheEnd() async throws {
        let server = try EngineServer()
        let transport = try await withTransport([server.port]) { client async throws in
            async let last = client.text("Later", "300")
            try await Task.sleep(for: .milliseconds(50))
            client.beginGracefulShutdown()
            #expect(await client.failure("Echo").contains("stopped"))
            #expect(try await last == "300")
            return client
        }
        #expect(await transport.failure("Echo").contains("stopped"))
        var configuration = TransportConfiguration(
            servers: [try #require(ServerAddress("127.0.0.1:\(server.port)", defaultPort: 1))])
        configuration.authorityFile = "\(TestCertificates.folder)/ca.pem"
        let client = GRPCClient(transport: try HTTP2Transport(configuration))
        let running = Task { try await client.runConnections() }
        let call = Task { await client.failure("Later", "20000") }
        try await Task.sleep(for: .milliseconds(200))
        running.cancel()
        #expect(await call.value.hasPrefix("unavailable"))
        try await running.value
        server.stop()
    }
}

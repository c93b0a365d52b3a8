import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import InsightsAPI
import Synchronization
import Testing

@testable import InsightsClient
@testable import RPCTransport

/// The transport against servers that are not ours: one that breaks the rules as scripted, and the stock Python one.
@Suite(.serialized) struct ForeignServerTests {
    /// HTTP/2's code of a reset, and gRPC's of the call.
    static let resets: [(Int, RPCError.Code)] = [
        (0, .internalError), (1, .internalError), (2, .internalError), (8, .cancelled), (11, .resourceExhausted),
        (12, .permissionDenied), (99, .internalError),
    ]

    @Test func resetsInMidStreamComeAfterWhatWasSent() async throws {
        let peer = try ScriptedPeer("scripted")
        try await withTransport([peer.ports[0]]) { client async throws in
            for (code, expected) in Self.resets {
                let messages = Mutex<[[UInt8]]>([])
                let error = await #expect(throws: RPCError.self) {
                    try await client.stream("Reset") { writer in
                        try await writer.write(Array("\(code)".utf8))
                    } consumer: { response in
                        for try await message in response.messages { messages.withLock { $0.append(message) } }
                    }
                }
                #expect(error?.code == expected, "\(code)")
                #expect(messages.withLock { $0 } == [Array("first".utf8)])
            }
            #expect(await client.failure("Cut").hasPrefix("unavailable: the connection was closed"))
            #expect(await client.failure("BadFrame") == "unavailable: the server broke the rules of HTTP/2")
        }
    }

    /// What the server has not worked on is sent again, with its body, but not for ever.
    @Test func refusedCallsAreSentAgain() async throws {
        let peer = try ScriptedPeer("scripted")
        try await withTransport([peer.ports[0]]) { client async throws in
            #expect(try await client.text("Refuse", "1") == "2")
            #expect(try await client.text("Refuse", "3") == "4")
            let error = await #expect(throws: RPCError.self) { try await client.text("Refuse", "4") }
            #expect(error?.code == .unavailable && error?.cause is CallNotProcessed)
        }
    }

    /// The server that works on a call is told how much of its time is left.
    @Test func aCallThatIsSentAgainHasLessTime() async throws {
        let peer = try ScriptedPeer("scripted")
        try await withTransport([peer.ports[0]]) { client async throws in
            let timeouts = try await client.text("RefuseLate", timeout: .seconds(90)).split(separator: " ")
            let units: [Character: Int] = ["n": 1, "u": 1_000, "m": 1_000_000, "S": 1_000_000_000]
            let left = timeouts.compactMap { text in Int(text.dropLast()).map { $0 * (units[text.last ?? " "] ?? 0) } }
            // Either is rounded by less than a microsecond.
            #expect(left.count == 2 && left[0] - left[1] >= 299_998_000 && left[1] > 0, "\(timeouts)")
        }
    }

    @Test func whatIsLeftOfATimeout() {
        let second: UInt64 = 1_000_000_000
        let expected: [(String, UInt64, String)] = [
            ("1S", second / 2, "500000u"), ("1S", second - 1, "1n"), ("1S", second, "1n"), ("1S", 9 * second, "1n"),
            ("99999999n", 1, "99999998n"), ("90S", 1, "90000000u"), ("100S", 1, "100000m"), ("2H", second, "7199000m"),
            ("99999999M", 1, "99999999M"), ("99999999H", 1, "99999999H"), ("0n", 5, "1n"),
            ("", 1, ""), ("S", 1, "S"), ("5", 1, "5"), ("5x", 1, "5x"), ("-5S", 1, "-5S"),
            ("999999999S", 1, "999999999S"),
        ]
        for (text, waited, rest) in expected {
            #expect(RequestHeaders.rest(ofTimeout: text, after: waited) == rest, "\(text) after \(waited)")
        }
    }

    @Test func callsOutliveTheirServersGoodbye() async throws {
        let peer = try ScriptedPeer("scripted")
        try await withTransport([peer.ports[0]]) { client async throws in
            _ = try await client.text("Log")
            #expect(try await client.text("GoAwayUnseen") == "at last")
            #expect(try await client.text("Log") == "call GoAwayUnseen,connection,call GoAwayUnseen,call Log")
            async let late = client.text("GoAwaySeen")
            try await Task.sleep(for: .milliseconds(100))
            #expect(try await client.text("Echo", "new") == "new")
            #expect(try await late == "late")
        }
    }

    @Test func answersThatAreNoneAreNamed() async throws {
        let peer = try ScriptedPeer("scripted")
        try await withTransport([peer.ports[0]]) { client async throws in
            let expected = [
                "Status503": "unavailable: the server answered with HTTP status 503",
                "Web": "unknown: the server's answer is not of gRPC",
                "NoStatus": "internalError: the server ended the call without a status",
                "NoTrailers": "internalError: the server ended the call without a status",
                "HalfMessage": "internalError: the answer ends within a message",
                "Compressed": "internalError: the server compressed a message, which nobody had allowed",
                "HugeClaim": "resourceExhausted: the answer has a message of 4294967295 bytes, 67108864 are allowed",
                "TrailersOnly": "notFound: no ä %zz",
            ]
            for (method, text) in expected { #expect(await client.failure(method) == text) }
            let error = await #expect(throws: RPCError.self) { try await client.answer("TrailersOnly") }
            let values = error.map { Array($0.metadata[binaryValues: "x-bin"]) }
            #expect(values == [[1, 2], [3]])
            #expect(try await client.text("Padded") == "pieces")
            #expect(try await client.text("Log").components(separatedBy: "connection").count == 2)
            // What is given up is reset with CANCEL.
            #expect(await client.failure("Hang", timeout: .milliseconds(100)).hasPrefix("deadlineExceeded"))
            try await eventually("the reset") { try await client.text("Log").contains("reset 8") }
        }
    }

    @Test func silentServersAreLeft() async throws {
        let peer = try ScriptedPeer("scripted")
        try await withTransport(
            [peer.ports[0]],
            {
                $0.keepaliveTime = .milliseconds(100)
                $0.keepaliveTimeout = .seconds(5)
            }
        ) { client async throws in
            // It answers pings: the call goes on to its deadline.
            #expect(await client.failure("Hang", timeout: .milliseconds(700)).hasPrefix("deadlineExceeded"))
            #expect(try await client.text("Log") == "connection,call Hang,reset 8,call Log")
        }
        try await withTransport(
            [peer.ports[0]],
            {
                $0.keepaliveTime = .milliseconds(100)
                $0.keepaliveTimeout = .milliseconds(300)
            }
        ) { client async throws in
            #expect(await client.failure("Sleep") == "unavailable: it no longer answers")
        }
    }

    /// No storm of connections for a server that gives up each at once, and none for one without HTTP/2.
    @Test func uselessServersAreLeftAlone() async throws {
        let peer = try ScriptedPeer("scripted")
        try await withTransport([peer.ports[1]]) { client async throws in
            let began = ContinuousClock.now
            #expect(await client.failure("Echo") == "unavailable: the server is going away")
            #expect(ContinuousClock.now - began < .seconds(3))
        }
        try await withTransport([peer.ports[0]]) { client async throws in
            #expect(try await client.text("Log").components(separatedBy: "connection").count - 1 <= 5)
        }
        try await withTransport([peer.ports[1], peer.ports[0]]) { client async throws in
            #expect(try await client.text("Echo", "a") == "a")
        }
        try await withTransport([peer.ports[2]]) { client async throws in
            #expect(await client.failure("Echo") == "unavailable: the server does not speak HTTP/2")
        }
    }

    @Test func theStockPythonServer() async throws {
        let peer = try ScriptedPeer("stock")
        try await withTransport([peer.ports[0]]) { client async throws in
            let answer = try await client.answer("Echo", [1, 2, 3])
            #expect(answer.message == [1, 2, 3])
            #expect(Array(answer.trailing[binaryValues: "x-peer-bin"]) == [[0, 1]])
            #expect(Array(answer.trailing[stringValues: "x-left"]) == ["True"])
            #expect(await client.failure("Fail") == "failedPrecondition: kein Käse")
            #expect(await client.failure("Nothing").hasPrefix("unimplemented"))
            let sizes = [0, 1, 65_535, 3 << 20]
            let echoed = try await client.stream("Both") { writer in
                for size in sizes { try await writer.write([UInt8](repeating: 5, count: size)) }
            } consumer: { response in
                var echoed: [Int] = []
                for try await message in response.messages { echoed.append(message.count) }
                return echoed
            }
            #expect(echoed == sizes)
            for number in 0..<1_000 { #expect(try await client.text("Echo", "\(number)") == "\(number)") }
        }
    }

    /// A program that has SwiftNIO already brings its own transport.
    @Test func otherTransportsFitTheClient() async throws {
        try await withFake({ $0.unavailableCalls = 1 }) { client, _ in
            let server = try #require(client.settings.servers.first)
            let transport = try HTTP2ClientTransport.Posix(
                target: .ipv4(address: server.host, port: server.port),
                transportSecurity: .tls {
                    $0.trustRoots = .certificates([.file(path: "\(TestCertificates.folder)/ca.pem", format: .pem)])
                })
            try await withGRPCClient(transport: transport) { grpc async throws in
                let other = InsightsClient(grpc, settings: client.settings)
                #expect(try await other.whoAmI(PBWhoAmIRequest()).principal.principalID == "alice")
            }
        }
    }
}

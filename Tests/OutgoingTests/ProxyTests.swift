import Foundation
import Testing

@testable import Outgoing

/// The variables belong to the process: one test after the other.
@Suite(.serialized)
struct ProxyTests {
    private func with(_ variables: [String: String], _ body: () async throws -> Void) async throws {
        for (name, value) in variables { setenv(name, value, 1) }
        defer { for name in variables.keys { unsetenv(name) } }
        try await body()
    }

    @Test func theVariablesNameTheProxy() async throws {
        let bench = try Bench()
        let proxy = "http://someone:secret@127.0.0.1:\(bench.server.port(.proxy))"
        let target = "localhost:\(bench.server.port(.name))"
        try await with(["HTTPS_PROXY": proxy]) {
            let answer = try await bench.get("/status/200") {
                $0.authorization = "Bearer secret"
                $0.headers = ["X-Own": "1"]
            }
            #expect(answer.status == 200)
        }
        try await with(["HTTPS_PROXY": proxy, "NO_PROXY": "localhost"]) { _ = try await bench.get("/status/200") }
        let seen = try await bench.seen()
        #expect(seen.requests.filter { $0.path == "/status/200" }.count == 2)
        #expect(seen.tunnels.map(\.target) == [target])
        // Nothing that is meant for the server.
        #expect(seen.tunnels.first?.headers["authorization"] == nil)
        #expect(seen.tunnels.first?.headers["x-own"] == nil)
        #expect(seen.requests.first?.headers["proxy-authorization"] == nil)
    }

    /// The server is verified through the tunnel like without.
    @Test func theProxyIsNotTheServer() async throws {
        let bench = try Bench()
        let stranger = bench.server.stranger
        try await with(["HTTPS_PROXY": "http://127.0.0.1:\(bench.server.port(.proxy))"]) {
            let failure = try await bench.failure("/status/200") { $0.authoritiesFile = stranger }
            #expect(failure?.cause == .untrusted)
        }
    }

    @Test func failuresKeepTheProxysSecret() async throws {
        let bench = try Bench()
        let proxies = [
            "http://someone:secret@127.0.0.1:\(bench.server.port(.refusingProxy))",
            "http://someone:secret@no-such-host.invalid:3128", "odd://someone:secret@127.0.0.1:1",
        ]
        for proxy in proxies {
            try await with(["HTTPS_PROXY": proxy]) {
                let failure = try #require(try await bench.failure("/status/200"))
                #expect(failure.cause == .proxy, "\(proxy)")
                #expect(!failure.description.contains("secret"), "\(failure)")
            }
        }
    }
}

import Foundation
import HTTPSTestServer
import Outgoing
import Testing

@testable import Authentication

@Suite struct HTTPSFetchTests {
    private func fetch(
        _ server: HTTPSTestServer, _ path: String, host: String = "localhost", trusting: Bool = true
    ) throws -> [UInt8] {
        var settings = KeySettings()
        settings.timeoutSeconds = path == "/silent" ? 0.5 : 10
        settings.trustRootsFile = trusting ? server.authority : nil
        let address = try #require(HTTPSAddress("https://\(host):\(server.port(.name))\(path)"))
        return try HTTPSKeySetFetcher().fetch(address, settings: settings)
    }

    @Test func fetchesWhatItMay() throws {
        let body = Array(#"{"keys":[]}"#.utf8)
        let server = try HTTPSTestServer()
        try Data(body).write(to: server.folder.appending(path: "keys.json"))
        #expect(try fetch(server, "/file/keys.json") == body)
        #expect(throws: KeySetError.status(302)) { try fetch(server, "/redirect/302?to=http://127.0.0.1:1/keys") }
        #expect(throws: KeySetError.status(500)) { try fetch(server, "/status/500?bytes=5") }
        #expect(throws: KeySetError.status(500)) { try fetch(server, "/status/500?bytes=5000000") }
        #expect(throws: KeySetError.status(404)) { try fetch(server, "/other") }
        for path in ["/bytes/1048577", "/chunked/1000"] {
            #expect(throws: KeySetError.tooLarge(limitBytes: 1_048_576)) { try fetch(server, path) }
        }
        #expect(throws: KeySetError.timedOut) { try fetch(server, "/silent") }
        #expect(throws: KeySetError.unreachable("the connection was closed before the answer was whole")) {
            try fetch(server, "/half")
        }
    }

    @Test func verifiesTheServer() throws {
        let server = try HTTPSTestServer()
        let refusal = KeySetError.unreachable("the TLS connection could not be made")
        #expect(throws: refusal) { try fetch(server, "/status/200", trusting: false) }
        // The right authority, the wrong name.
        #expect(throws: refusal) { try fetch(server, "/status/200", host: "127.0.0.1") }
    }

    @Test func nobodyListens() throws {
        let address = try #require(HTTPSAddress("https://127.0.0.1:1/keys"))
        #expect(throws: KeySetError.unreachable("the server could not be reached")) {
            try HTTPSKeySetFetcher().fetch(address, settings: KeySettings())
        }
    }

    /// The whole way: keys over HTTPS, a token, a caller.
    @Test func tokenWithKeysFromAURL() async throws {
        let issuer = try TestIssuer()
        let server = try HTTPSTestServer()
        try TestIssuer.document(issuer.keySet()).write(to: server.folder.appending(path: "keys.json"))
        var settings = KeySettings()
        settings.trustRootsFile = server.authority
        let bench = try TokenBench(
            [issuer.settings(["jwks": server.url("/file/keys.json")])], settings: settings,
            fetcher: HTTPSKeySetFetcher())
        let token = try issuer.token()
        for _ in 0..<500 where !bench.accepts(token) { try await Task.sleep(for: .milliseconds(20)) }
        #expect(bench.accepts(token))
        bench.verifier.stop()
    }
}

import Foundation
import HTTPSTestServer
import Testing

@testable import Outgoing

/// A client and servers that do what the path says.
final class Bench: Sendable {
    let server: HTTPSTestServer
    let client = HTTPSClient()

    init() throws {
        server = try HTTPSTestServer()
    }

    func request(_ path: String, of site: HTTPSTestServer.Site = .name) throws -> HTTPSRequest {
        var request = HTTPSRequest(try #require(HTTPSAddress(server.url(path, of: site))))
        request.authoritiesFile = server.authority
        return request
    }

    func get(
        _ path: String, of site: HTTPSTestServer.Site = .name, _ change: (inout HTTPSRequest) -> Void = { _ in }
    ) async throws -> HTTPSResponse {
        var request = try request(path, of: site)
        change(&request)
        return try await client.send(request)
    }

    /// Why it failed; nil when it did not.
    func failure(
        _ path: String, of site: HTTPSTestServer.Site = .name, _ change: (inout HTTPSRequest) -> Void = { _ in }
    ) async throws -> OutgoingError? {
        do {
            _ = try await get(path, of: site, change)
            return nil
        } catch let error as OutgoingError {
            return error
        }
    }

    // MARK: What the servers saw

    struct Seen: Decodable {
        struct Request: Decodable {
            let site: String
            let method: String
            let path: String
            let headers: [String: String]
            let body: String
        }

        struct Tunnel: Decodable {
            let target: String
            let headers: [String: String]
        }

        let requests: [Request]
        let tunnels: [Tunnel]
        let connections: [String: Int]
        /// Bytes by path, and answers by site that the client did not stay for.
        let sent: [String: Int]
        let hung_up: [String: Int]
    }

    /// Over a client of its own, whose connection is not counted with the others' as long as it asks once.
    func seen() async throws -> Seen {
        let request = try request("/log")
        let body = try await HTTPSClient().send(request).body
        return try JSONDecoder().decode(Seen.self, from: Data(body))
    }

    func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
        for _ in 0..<500 {
            if try await condition() { return true }
            try await Task.sleep(for: .milliseconds(20))
        }
        return false
    }
}

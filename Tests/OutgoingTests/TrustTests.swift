import Foundation
import Testing

@testable import Outgoing

struct TrustTests {
    @Test func onlyTheAuthoritiesOfTheFile() async throws {
        let bench = try Bench()
        #expect(try await bench.failure("/status/200") == nil)
        let stranger = bench.server.stranger
        let failure = try await bench.failure("/status/200") { $0.authoritiesFile = stranger }
        #expect(failure?.cause == .untrusted)
        #expect(failure?.host == "localhost")
        #expect(failure?.detail?.contains("certificate") == true)
        // The system's do not know the test's authority.
        let system = try await bench.failure("/status/200") { $0.authoritiesFile = nil }
        #expect(system?.cause == .untrusted || system?.cause == .unreadableAuthorities)
        let missing = try await bench.failure("/status/200") { $0.authoritiesFile = "/nowhere/authorities.pem" }
        #expect(missing?.cause == .unreadableAuthorities)
        #expect(try await bench.seen().requests.filter { $0.path == "/status/200" }.count == 1)
    }

    /// A connection is judged by the file as it is now.
    @Test func authoritiesAreReadAnew() async throws {
        let bench = try Bench()
        let file = bench.server.folder.appending(path: "changing.pem")
        func use(_ authority: String) throws {
            try Data(contentsOf: URL(filePath: authority)).write(to: file)
        }
        func ask() async throws -> OutgoingError? {
            try await bench.failure("/status/200") {
                $0.authoritiesFile = file.path
                $0.keepsConnection = false
            }
        }
        try use(bench.server.authority)
        #expect(try await ask() == nil)
        try use(bench.server.stranger)
        #expect(try await ask()?.cause == .untrusted)
    }

    @Test func onlyTheNameOfTheCertificate() async throws {
        let bench = try Bench()
        let wrong = try #require(HTTPSAddress("https://127.0.0.1:\(bench.server.port(.name))/status/200"))
        #expect(try await bench.failure("/") { $0.address = wrong }?.cause == .untrusted)
        let other = try #require(HTTPSAddress("https://localhost:\(bench.server.port(.address))/status/200"))
        #expect(try await bench.failure("/") { $0.address = other }?.cause == .untrusted)
        #expect(try await bench.failure("/status/200", of: .address) == nil)
        #expect(try await bench.seen().requests.count == 2)
    }

    @Test func noTLSNoAnswer() async throws {
        let bench = try Bench()
        #expect(try await bench.failure("/status/200", of: .old)?.cause == .noTLS)
        let plain = try #require(HTTPSAddress("https://localhost:\(bench.server.port(.plain))/status/200"))
        #expect(try await bench.failure("/") { $0.address = plain }?.cause == .noTLS)
        let nobody = try #require(HTTPSAddress("https://127.0.0.1:1/"))
        let failure = try await bench.failure("/") { $0.address = nobody }
        #expect(failure?.cause == .unreachable)
        #expect(failure?.description == "127.0.0.1: the server could not be reached (Connection refused)")
        let unknown = try #require(HTTPSAddress("https://no-such-host.invalid/"))
        #expect(try await bench.failure("/") { $0.address = unknown }?.cause == .unreachable)
    }
}

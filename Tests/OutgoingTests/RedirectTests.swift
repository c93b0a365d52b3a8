import Foundation
import Testing

@testable import Outgoing

struct RedirectTests {
    @Test func areAnswersUnlessAllowed() async throws {
        let bench = try Bench()
        let target = bench.server.url("/status/201")
        let answer = try await bench.get("/redirect/302?to=\(target)")
        #expect(answer.status == 302)
        #expect(answer.head.header("location") == target)
        #expect(try await bench.get("/redirect/302?to=\(target)") { $0.limits.redirects = 1 }.status == 201)
    }

    @Test func areCounted() async throws {
        let bench = try Bench()
        let failure = try await bench.failure("/around") { $0.limits.redirects = 3 }
        #expect(failure?.cause == .limit(.redirects(3)))
        #expect(try await bench.seen().requests.filter { $0.path.hasPrefix("/around") }.count == 4)
    }

    @Test func leadToHTTPSAlone() async throws {
        let bench = try Bench()
        let targets = [
            bench.server.url("/status/200", of: .plain), "file:///etc/passwd", "ftp://127.0.0.1:1/",
            bench.server.url("/status/200").replacingOccurrences(of: "https://", with: "https://user:secret@"),
        ]
        for target in targets {
            let failure = try await bench.failure("/redirect/302?to=\(target)") { $0.limits.redirects = 5 }
            #expect(failure?.cause == .forbiddenRedirect, "\(target)")
            #expect(failure?.description.contains("secret") == false)
        }
        let seen = try await bench.seen()
        #expect(seen.requests.allSatisfy { $0.path != "/status/200" })
    }

    /// To another host, and to another port of the same.
    @Test func takeNoCredentialElsewhere() async throws {
        let bench = try Bench()
        let change: (inout HTTPSRequest) -> Void = {
            $0.limits.redirects = 1
            $0.authorization = "Bearer secret"
            $0.headers = ["Accept": "text/csv"]
        }
        func headers(_ target: String) async throws -> [String: String] {
            let answer = try await bench.get("/redirect/302?to=\(target)", change)
            return try JSONDecoder().decode(Bench.Seen.Request.self, from: Data(answer.body)).headers
        }
        let same = try await headers(bench.server.url("/echo"))
        #expect(same["authorization"] == "Bearer secret")
        let elsewhere = try await headers(bench.server.url("/echo", of: .address))
        #expect(elsewhere["authorization"] == nil)
        #expect(elsewhere["accept"] == "text/csv")
        let port = try await headers("https://127.0.0.1:\(bench.server.port(.address))/echo")
        #expect(port["authorization"] == nil)
    }

    @Test func areVerifiedLikeTheFirst() async throws {
        let bench = try Bench()
        let target = "https://127.0.0.1:\(bench.server.port(.name))/status/200"
        let failure = try await bench.failure("/redirect/302?to=\(target)") { $0.limits.redirects = 1 }
        #expect(failure?.cause == .untrusted)
        #expect(failure?.host == "127.0.0.1")
    }

    /// Its body may hold a secret.
    @Test func aPostFollowsNone() async throws {
        let bench = try Bench()
        for status in [302, 303, 307, 308] {
            let target = bench.server.url("/echo", of: .address)
            let answer = try await bench.get("/redirect/\(status)?to=\(target)") {
                $0.limits.redirects = 5
                $0.method = .post(Array("client_secret=x".utf8), contentType: "application/x-www-form-urlencoded")
            }
            #expect(answer.status == status)
        }
        #expect(try await bench.seen().requests.allSatisfy { $0.site == "name" })
    }
}

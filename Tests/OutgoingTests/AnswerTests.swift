import Foundation
import Synchronization
import Testing

@testable import Outgoing

struct AnswerTests {
    @Test func getsWhatIsThere() async throws {
        let bench = try Bench()
        let answer = try await bench.get("/status/503?bytes=5")
        #expect(answer.status == 503)
        #expect(answer.head.header("retry-AFTER") == "7")
        #expect(answer.head.header("nothing") == nil)
        #expect(answer.body == Array("xxxxx".utf8))
        #expect(try await bench.get("/chunked/10").body.count == 163_840)
        #expect(try await bench.get("/bytes/0").body.isEmpty)
        // The head is the final one, after interim answers.
        let interim = try await bench.get("/interim/3")
        #expect(interim.status == 200 && interim.head.header("link") == nil)
        #expect(try await bench.get("/trailers/1").body == Array("x".utf8))
    }

    @Test func postsABody() async throws {
        let bench = try Bench()
        var request = try bench.request("/echo")
        // A zero byte ends no body, and more than a mebibyte waits for no leave.
        let body = Array("a\0b".utf8) + [UInt8](repeating: UInt8(ascii: "c"), count: 2 << 20)
        request.method = .post(body, contentType: "application/x-www-form-urlencoded")
        request.headers = ["X-Empty": "", "User-Agent": "tests"]
        request.authorization = "Bearer secret"
        request.limits.bodyBytes = 4 << 20
        let answer = try await bench.client.send(request)
        let seen = try JSONDecoder().decode(Bench.Seen.Request.self, from: Data(answer.body))
        #expect(seen.method == "POST")
        // Not compared by the macro, which would look for the difference for hours.
        let isWhole = Array(seen.body.utf8) == body
        #expect(isWhole)
        #expect(seen.headers["content-type"] == "application/x-www-form-urlencoded")
        #expect(seen.headers["authorization"] == "Bearer secret")
        #expect(seen.headers["user-agent"] == "tests")
        #expect(seen.headers["x-empty"] == "")
        #expect(seen.headers["expect"] == nil)
    }

    @Test func connectionsAreKeptWhereAllowed() async throws {
        let bench = try Bench()
        for _ in 0..<3 { _ = try await bench.get("/status/200") }
        for _ in 0..<3 { _ = try await bench.get("/status/200", of: .address) { $0.keepsConnection = false } }
        let seen = try await bench.seen()
        #expect(seen.connections["name"] == 2, "one, and that of the question")
        #expect(seen.connections["address"] == 3)
    }

    @Test func severalAtOnce() async throws {
        let bench = try Bench()
        let clock = ContinuousClock()
        let began = clock.now
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<40 {
                group.addTask { String(decoding: try await bench.get("/late/500").body, as: UTF8.self) }
            }
            for try await body in group { #expect(body == "late") }
        }
        // One after the other would take 20 s.
        #expect(clock.now - began < .seconds(10))
    }

    @Test func callsBackOnce() async throws {
        let bench = try Bench()
        let calls = Mutex<[Int?]>([])
        for path in ["/status/200", "/half", "/status/201"] {
            bench.client.send(try bench.request(path)) { result in
                let status = try? result.get().status
                calls.withLock { $0.append(status) }
            }
        }
        #expect(try await bench.eventually { calls.withLock { $0.count } == 3 })
        #expect(calls.withLock { Set($0) } == [200, 201, nil])
    }

    @Test func whatMayNotBeSent() async throws {
        let bench = try Bench()
        let headers = [
            ["X": "a\r\nAuthorization: b"], ["X: a\r\nY": "b"], ["X Y": "z"], ["": "z"], ["X": "a\0b"], ["Cookie": "a"],
            ["authorization": "a"], ["Host": "a"], ["Content-Length": "5"], ["Transfer-Encoding": "chunked"],
        ]
        for header in headers {
            let failure = try await bench.failure("/echo") { $0.headers = header }
            #expect(failure?.cause == .invalidRequest, "\(header)")
        }
        let failure = try await bench.failure("/echo") { $0.authorization = "Bearer a\r\nX: b" }
        #expect(failure?.cause == .invalidRequest)
        #expect(failure?.description.contains("Bearer") == false)
        #expect(try await bench.seen().requests.allSatisfy { $0.path == "/log" })
    }
}

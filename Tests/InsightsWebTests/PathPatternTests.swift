import InsightsWeb
import RPCEngine
import Tenancy
import Testing

struct PathPatternTests {
    @Test(arguments: [
        ("/", [""]), ("/customers", ["customers"]), ("/customers/", ["customers", ""]),
        ("/customers/a%2Fb/users", ["customers", "a/b", "users"]), ("/a+b", ["a+b"]), ("/%C3%A9", ["é"]),
    ])
    func pathsAreReadSegmentBySegment(path: String, segments: [String]) {
        #expect(PathPattern.segments(of: path) == segments)
    }

    @Test(arguments: [
        "", "customers", "//", "/a//b", "/.", "/..", "/a/../b", "/%2e%2E", "/a%00", "/%", "/%4", "/%GG", "/%FF",
        "/é", String(repeating: "/a", count: 17),
    ])
    func pathsThatNobodyMeansAreNone(path: String) {
        #expect(PathPattern.segments(of: path) == nil)
    }

    @Test func variablesAreWholeSegments() throws {
        let pattern: PathPattern = "/customers/{customer_id}/users"
        let path = try #require(PathPattern.segments(of: "/customers/a%2Fb/users"))
        #expect(pattern.variables(in: path) == ["customer_id": "a/b"])
        for other in ["/customers/users", "/customers//users", "/customers/c/users/", "/Customers/c/users", "/"] {
            #expect(PathPattern.segments(of: other).flatMap(pattern.variables) == nil)
        }
    }

    @Test func routesAreFoundByVerbAndPath() throws {
        func answer(_ status: Int) -> @Sendable (RPCStatus, WebHead) -> WebResponse {
            { _, _ in WebResponse(status: status) }
        }
        let site = WebSite(
            connect: nil,
            routes: [
                WebRoute(.get, open: "/a", refusal: answer(1)) { _, done in done(WebResponse(status: 200)) },
                WebRoute(.post, open: "/a", refusal: answer(2)) { _, done in done(WebResponse(status: 200)) },
                WebRoute(.get, "/b/{id}", needs: .readSelf, refusal: answer(3)) { _, _ in WebResponse(status: 200) },
            ]
        ) { _, _, _ in nil }
        func form(_ method: String, _ path: String) -> WebForm? {
            site.form(of: WebHead(method: method, path: path))
        }
        for (method, path, position) in [("GET", "/a", 0), ("POST", "/a", 1), ("GET", "/b/x", 2)] {
            guard case .route(let found, let refusal) = try #require(form(method, path)) else {
                Issue.record("\(path) is no route")
                continue
            }
            #expect(found == position)
            #expect(refusal(RPCStatus(.notFound, "")).status == position + 1)
        }
        guard case .refused(_, let response)? = form("", "/a") else {
            Issue.record("another verb was taken")
            return
        }
        #expect(response.status == 405)
        #expect(response.headers.map { $0.1 } == ["GET, POST"])
        #expect(form("GET", "/c") == nil)
        #expect(form("GET", "/b/..") == nil)
    }
}

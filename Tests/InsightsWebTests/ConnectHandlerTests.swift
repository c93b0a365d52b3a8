import InsightsAPI
import RPCEngine
import Testing

@testable import InsightsWeb

struct ConnectHandlerTests {
    private static func head(_ headers: [(String, String)], path: String = Method.whoAmI.path) -> WebHead {
        var metadata = Metadata()
        for (name, value) in headers { metadata.append(name, value) }
        return WebHead(method: "POST", path: path, headers: metadata)
    }

    private static func refused(_ head: WebHead) -> WebResponse? {
        if case .refused(_, let response)? = ConnectHandler().form(of: head) { response } else { nil }
    }

    @Test(arguments: [
        "text/plain", "application/x-www-form-urlencoded", "", "application/connect+json", "application/grpc-web+proto",
        "application/json; charset=latin1", "application/json; odata=verbose; charset=\"latin1\"",
    ])
    func otherMediaTypesAreToldWhichWouldDo(_ type: String) throws {
        let response = try #require(Self.refused(Self.head([("content-type", type)])))
        let headers = Dictionary(response.headers) { $1 }
        #expect(response.status == 415 && headers["accept-post"] == "application/json, application/proto")
        #expect(headers["content-type"] == "application/json" && headers["cache-control"] == "no-store")
        // What is no method is nobody's.
        #expect(ConnectHandler().form(of: Self.head([("content-type", type)], path: "/a.B/C")) == nil)
    }

    @Test(arguments: [
        "application/json", "APPLICATION/Json;charset=UTF-8", "application/json; charset=\"utf-8\"",
        "application/json ; odata=verbose;charset=utf-8", "application/proto",
    ])
    func mediaTypes(_ type: String) {
        guard case .call(let path, nil, _)? = ConnectHandler().form(of: Self.head([("content-type", type)])) else {
            Issue.record("\(type) is refused")
            return
        }
        #expect(path == Method.whoAmI.path)
    }

    @Test(arguments: [
        ("gzip", true), ("br, GZIP ; Q=1", true), ("gzip;q=0.001", true), ("gzip;q=0", false), ("gzip; q=0.000", false),
        ("gzip;q=0.", false), ("*", false), ("x-gzip", false), ("identity;q=0", false), ("", false),
    ])
    func gzipIsForWhoTakesIt(_ accepted: String, _ isTaken: Bool) {
        #expect(Self.head([("accept-encoding", accepted)]).takesGzip == isTaken)
    }
}

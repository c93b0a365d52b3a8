import Foundation
import InsightsAPI
import RPCEngine
import Testing

@testable import InsightsWeb

struct RESTTranslationTests {
    static func translation(_ path: String, _ query: String = "", takesGzip: Bool = false) throws -> RESTTranslation {
        let (route, variables) = try #require(RESTForms.route(of: path))
        return RESTTranslation(route: route, variables: variables, query: query, takesGzip: takesGzip)
    }

    static func text(_ response: WebResponse) -> String { String(decoding: response.body, as: UTF8.self) }

    @Test func requests() throws {
        let translation = try Self.translation("/v1/customers/C/users", "page_size=7")
        let message = try PBListLicensedUsersRequest(serializedBytes: translation.message(in: [], limit: 100))
        #expect(message.customerID == "C" && message.pageSize == 7)
        #expect {
            _ = try translation.message(in: [], limit: 4)
        } throws: {
            if case WebFailure.tooLarge = $0 { true } else { false }
        }
        #expect {
            _ = try translation.message(in: [0x20], limit: 100)
        } throws: {
            if case WebFailure.refused(let status) = $0 { status.message == "a GET has no body" } else { false }
        }
    }

    @Test func repliesWithTheirRevision() throws {
        let reply = PBGetCustomerResponse.with {
            $0.customer.customerID = "a/b"
            $0.revision = 123
        }
        let response = try Self.translation("/v1/customers/a%2Fb")
            .response(.success(reply.serializedBytes()), trailers: [("x", "1")])
        #expect(Self.text(response) == #"{"customer":{"customerId":"a/b"},"revision":"123"}"#)
        let headers = Dictionary(response.headers) { $1 }
        #expect(
            response.status == 200 && headers["content-type"] == "application/json" && headers["etag"] == #"W/"r123""#)
        #expect(headers.count == 2 + WebResponse.protection.count && response.headers.count == headers.count)
        for (name, value) in WebResponse.protection { #expect(headers[name] == value) }
        let who = try Self.translation("/v1/me").response(.success([]), trailers: [])
        #expect(Self.text(who) == "{}" && !who.headers.contains { $0.0 == "etag" })
        #expect(try Self.translation("/v1/me").response(.success([0xFF]), trailers: []).status == 500)
    }

    @Test func longRepliesArePackedForWhoTakesIt() throws {
        let reply = PBGetTrendResponse.with { $0.points = Array(repeating: PBTrendPoint(), count: 1_000) }
        let plain = try Self.translation("/v1/portfolio/trend").response(
            .success(reply.serializedBytes()), trailers: [])
        let packed = try Self.translation("/v1/portfolio/trend", takesGzip: true)
            .response(.success(reply.serializedBytes()), trailers: [])
        #expect(packed.headers.contains { $0 == ("content-encoding", "gzip") })
        #expect(try Gzip.inflate(packed.body, limit: 100_000) == plain.body)
    }

    @Test func whoIsNobodyIsToldWhatToShow() {
        let nobody = RPCStatus(.unauthenticated, "no credential")
        for response in [RESTError.response(to: nobody), ConnectError.response(to: nobody)] {
            #expect(response.headers.contains { $0 == ("www-authenticate", "Bearer") })
        }
        let other = RESTError.response(to: RPCStatus(.permissionDenied, "")).headers
        #expect(!other.contains { $0.0 == "www-authenticate" })
    }

    @Test func errorsAsAIP193WritesThem() {
        let refusal = RPCStatus(
            .resourceExhausted, "käse \"\\\n",
            details: StatusDetails.serialized(
                code: 8, message: "",
                details: [
                    .errorInfo(reason: "RATE_EXCEEDED", metadata: ["limit": "5"]), .retryInfo(milliseconds: 1_001),
                    .badRequest([.init(field: "page_size", description: "is below 0")]),
                ]), trailers: [("grpc-retry-pushback-ms", "1001")])
        let response = RESTError.response(to: refusal)
        let type = "type.googleapis.com/google.rpc."
        let expected =
            #"{"error":{"code":429,"details":[{"@type":"\#(type)ErrorInfo","domain":"insights.partner","#
            + #""metadata":{"limit":"5"},"reason":"RATE_EXCEEDED"},{"@type":"\#(type)RetryInfo","#
            + #""retryDelay":"1.001s"},{"@type":"\#(type)BadRequest","fieldViolations":[{"description":"is below 0","#
            + #""field":"page_size"}]}],"message":"käse \"\\\n","status":"RESOURCE_EXHAUSTED"}}"#
        #expect(Self.text(response) == expected)
        let headers = Dictionary(response.headers) { $1 }
        #expect(
            response.status == 429 && headers["retry-after"] == "2" && headers["content-type"] == "application/json")
        #expect(headers.count == 2 + WebResponse.protection.count)
        let bare = RESTError.response(to: RPCStatus(.notFound, "no", details: [0xFF]), http: 405)
        #expect(Self.text(bare) == #"{"error":{"code":405,"message":"no","status":"NOT_FOUND"}}"# && bare.status == 405)
    }

    /// The table of `google.rpc.Code`.
    @Test(
        arguments: [
            (1, 499, "CANCELLED"), (2, 500, "UNKNOWN"), (3, 400, "INVALID_ARGUMENT"), (4, 504, "DEADLINE_EXCEEDED"),
            (5, 404, "NOT_FOUND"), (6, 409, "ALREADY_EXISTS"), (7, 403, "PERMISSION_DENIED"),
            (8, 429, "RESOURCE_EXHAUSTED"), (9, 400, "FAILED_PRECONDITION"), (10, 409, "ABORTED"),
            (11, 400, "OUT_OF_RANGE"), (12, 501, "UNIMPLEMENTED"), (13, 500, "INTERNAL"), (14, 503, "UNAVAILABLE"),
            (15, 500, "DATA_LOSS"), (16, 401, "UNAUTHENTICATED"),
        ] as [(UInt8, Int, String)])
    func codes(_ number: UInt8, _ http: Int, _ name: String) throws {
        let code = try #require(RPCStatus.Code(rawValue: number))
        let response = RESTError.response(to: RPCStatus(code, "m"))
        #expect(response.status == http)
        #expect(Self.text(response) == #"{"error":{"code":\#(http),"message":"m","status":"\#(name)"}}"#)
    }
}

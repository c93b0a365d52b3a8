import Foundation
import InsightsAPI
import RPCEngine
import Testing

@testable import InsightsWeb

struct ConnectErrorTests {
    static let refusal = RPCStatus(
        .resourceExhausted, "käse \"\\\n",
        details: StatusDetails.serialized(
            code: 8, message: "",
            details: [
                .errorInfo(reason: "RATE_EXCEEDED", metadata: ["limit": "5"]), .retryInfo(milliseconds: 1_001),
            ]), trailers: [("x-more", "yes")])

    @Test func bodyHeadersAndStatus() throws {
        let response = ConnectError.response(to: Self.refusal, trailers: [("x-other", "1")])
        #expect(response.status == 429)
        let headers = Dictionary(response.headers) { $1 }
        #expect(headers["content-type"] == "application/json" && headers["retry-after"] == "2")
        #expect(headers["trailer-x-more"] == "yes" && headers["trailer-x-other"] == "1")
        for (name, value) in WebResponse.protection { #expect(headers[name] == value) }
        #expect(headers.count == response.headers.count)

        let body = try #require(try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any])
        #expect(body["code"] as? String == "resource_exhausted" && body["message"] as? String == "käse \"\\\n")
        let details = try #require(body["details"] as? [[String: Any]])
        #expect(details.map { $0["type"] as? String } == ["google.rpc.ErrorInfo", "google.rpc.RetryInfo"])
        let info = try #require(details[0]["debug"] as? [String: Any])
        #expect(info["reason"] as? String == "RATE_EXCEEDED" && info["domain"] as? String == StatusDetails.domain)
        let value = try #require(URLBase64.decode(Array(((details[0]["value"] as? String) ?? "?").utf8)))
        #expect(try Google_Rpc_ErrorInfo(serializedBytes: value).metadata == ["limit": "5"])
    }

    @Test func whatIsNotThereIsLeftOut() {
        let response = ConnectError.response(to: RPCStatus(.internalError))
        #expect(String(decoding: response.body, as: UTF8.self) == "{\"code\":\"internal\"}")
        // Bytes that are no status say nothing.
        let odd = ConnectError.response(to: RPCStatus(.aborted, "a", details: [0xFF]))
        #expect(String(decoding: odd.body, as: UTF8.self) == "{\"code\":\"aborted\",\"message\":\"a\"}")
    }

    /// The table of Connect's protocol.
    @Test(
        arguments: [
            (.cancelled, "canceled", 499), (.unknown, "unknown", 500), (.invalidArgument, "invalid_argument", 400),
            (.deadlineExceeded, "deadline_exceeded", 504), (.notFound, "not_found", 404),
            (.alreadyExists, "already_exists", 409), (.permissionDenied, "permission_denied", 403),
            (.resourceExhausted, "resource_exhausted", 429), (.failedPrecondition, "failed_precondition", 400),
            (.aborted, "aborted", 409), (.outOfRange, "out_of_range", 400), (.unimplemented, "unimplemented", 501),
            (.internalError, "internal", 500), (.unavailable, "unavailable", 503), (.dataLoss, "data_loss", 500),
            (.unauthenticated, "unauthenticated", 401),
        ] as [(RPCStatus.Code, String, Int)])
    func codes(_ code: RPCStatus.Code, _ name: String, _ status: Int) {
        #expect(ConnectError.name(code) == name && code.httpStatus == status)
    }
}

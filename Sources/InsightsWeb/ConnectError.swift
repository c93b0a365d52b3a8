import InsightsAPI
import RPCEngine
import SwiftProtobuf

/// How a call of Connect ended that has no reply: a status of HTTP, and `{"code", "message", "details"}`.
enum ConnectError {
    static func response(to status: RPCStatus, trailers: [(String, String)] = []) -> WebResponse {
        let said = StatusBody(status)
        var object: [String: Any] = ["code": name(status.code)]
        if !status.message.isEmpty { object["message"] = status.message }
        if !said.details.isEmpty { object["details"] = said.details.map(detail) }
        var response = WebResponse(
            status: status.code.httpStatus, headers: [("content-type", "application/json")],
            body: StatusBody.bytes(of: object))
        for (name, value) in status.trailers + trailers { response.headers.append(("trailer-" + name, value)) }
        if let seconds = said.retrySeconds { response.headers.append(("retry-after", String(seconds))) }
        response.protect()
        return response
    }

    private static func detail(_ any: Google_Protobuf_Any) -> [String: Any] {
        var object: [String: Any] = [
            "type": StatusBody.name(of: any), "value": URLBase64.encode(Array(any.value)),
        ]
        if let debug = StatusBody.content(of: any) { object["debug"] = debug }
        return object
    }

    /// As Connect writes codes: `invalid_argument`.
    static func name(_ code: RPCStatus.Code) -> String {
        switch code {
        // Of another spelling than gRPC's.
        case .cancelled: "canceled"
        default: StatusCodeNames.name(of: Int32(code.rawValue)).lowercased()
        }
    }
}

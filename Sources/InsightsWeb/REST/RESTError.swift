import InsightsAPI
import RPCEngine

/// How a GET ended that has no reply, as AIP-193 writes it: `{"error": {"code", "status", "message", "details"}}`.
enum RESTError {
    /// - Parameter http: the status of HTTP, where it is not that of the code.
    static func response(to status: RPCStatus, http: Int? = nil) -> WebResponse {
        let said = StatusBody(status)
        let http = http ?? (said.reasons.contains("MESSAGE_TOO_LARGE") ? 413 : status.code.httpStatus)
        var error: [String: Any] = [
            "code": http, "status": StatusCodeNames.name(of: Int32(status.code.rawValue)), "message": status.message,
        ]
        let details = said.details.compactMap { any in
            StatusBody.content(of: any).map { $0.merging(["@type": any.typeURL]) { $1 } }
        }
        if !details.isEmpty { error["details"] = details }
        var response = WebResponse(
            status: http, headers: [("content-type", "application/json")],
            body: StatusBody.bytes(of: ["error": error]))
        if let seconds = said.retrySeconds { response.headers.append(("retry-after", String(seconds))) }
        response.protect()
        return response
    }
}

import Foundation
import InsightsAPI
import RPCEngine
import SwiftProtobuf

/// How a call of Connect ended that has no reply: a status of HTTP, and `{"code", "message", "details"}`.
enum ConnectError {
    static func response(to status: RPCStatus, trailers: [(String, String)] = []) -> WebResponse {
        var response = WebResponse(
            status: httpStatus(status.code), headers: [("content-type", "application/json")], body: body(status))
        for (name, value) in status.trailers + trailers { response.headers.append(("trailer-" + name, value)) }
        if let seconds = retrySeconds(status) { response.headers.append(("retry-after", String(seconds))) }
        response.protect()
        return response
    }

    private static func body(_ status: RPCStatus) -> [UInt8] {
        var object: [String: Any] = ["code": name(status.code)]
        if !status.message.isEmpty { object["message"] = status.message }
        let details = details(of: status).map(detail)
        if !details.isEmpty { object["details"] = details }
        let data = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
        return data.map(Array.init) ?? []
    }

    private static func details(of status: RPCStatus) -> [Google_Protobuf_Any] {
        (try? Google_Rpc_Status(serializedBytes: status.details))?.details ?? []
    }

    private static func detail(_ any: Google_Protobuf_Any) -> [String: Any] {
        let type = any.typeURL.split(separator: "/").last.map(String.init) ?? any.typeURL
        var object: [String: Any] = ["type": type, "value": URLBase64.encode(Array(any.value))]
        let known = types.first { $0.protoMessageName == type }
        if let message = try? known?.init(serializedBytes: any.value), let json = try? message.jsonUTF8Data(),
            let debug = try? JSONSerialization.jsonObject(with: json)
        {
            object["debug"] = debug
        }
        return object
    }

    /// Those that statuses here have.
    private static let types: [any Message.Type] = [
        Google_Rpc_ErrorInfo.self, Google_Rpc_RetryInfo.self, Google_Rpc_BadRequest.self,
        Google_Rpc_QuotaFailure.self,
    ]

    /// Whole seconds, upwards, after which it may be tried again; nil where nothing says so.
    static func retrySeconds(_ status: RPCStatus) -> Int64? {
        for any in details(of: status) where any.typeURL.hasSuffix("/google.rpc.RetryInfo") {
            guard let retry = try? Google_Rpc_RetryInfo(serializedBytes: any.value) else { continue }
            return retry.retryDelay.seconds + (retry.retryDelay.nanos > 0 ? 1 : 0)
        }
        return nil
    }

    /// As Connect writes codes: `invalid_argument`.
    static func name(_ code: RPCStatus.Code) -> String {
        switch code {
        // Of another spelling than gRPC's.
        case .cancelled: "canceled"
        default: StatusCodeNames.name(of: Int32(code.rawValue)).lowercased()
        }
    }

    /// Connect's table.
    static func httpStatus(_ code: RPCStatus.Code) -> Int {
        switch code {
        case .ok: 200
        case .cancelled: 499
        case .invalidArgument, .failedPrecondition, .outOfRange: 400
        case .deadlineExceeded: 504
        case .notFound: 404
        case .alreadyExists, .aborted: 409
        case .permissionDenied: 403
        case .resourceExhausted: 429
        case .unimplemented: 501
        case .unavailable: 503
        case .unauthenticated: 401
        case .unknown, .internalError, .dataLoss: 500
        }
    }
}

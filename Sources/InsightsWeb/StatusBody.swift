import Foundation
import InsightsAPI
import RPCEngine
import SwiftProtobuf

/// What a status of gRPC says, for answers in JSON.
struct StatusBody {
    let details: [Google_Protobuf_Any]

    init(_ status: RPCStatus) {
        details = (try? Google_Rpc_Status(serializedBytes: status.details))?.details ?? []
    }

    /// Whole seconds, upwards, after which it may be tried again; nil where nothing says so.
    var retrySeconds: Int64? {
        for any in details where Self.name(of: any) == Google_Rpc_RetryInfo.protoMessageName {
            guard let retry = try? Google_Rpc_RetryInfo(serializedBytes: any.value) else { continue }
            return retry.retryDelay.seconds + (retry.retryDelay.nanos > 0 ? 1 : 0)
        }
        return nil
    }

    /// Of every `google.rpc.ErrorInfo`.
    var reasons: [String] {
        details.filter { Self.name(of: $0) == Google_Rpc_ErrorInfo.protoMessageName }
            .compactMap { try? Google_Rpc_ErrorInfo(serializedBytes: $0.value).reason }
    }

    /// Full name of the message.
    static func name(of any: Google_Protobuf_Any) -> String {
        any.typeURL.split(separator: "/").last.map(String.init) ?? any.typeURL
    }

    /// What is in it; nil for a message that statuses here do not have.
    static func content(of any: Google_Protobuf_Any) -> [String: Any]? {
        let type = types.first { $0.protoMessageName == name(of: any) }
        guard let message = try? type?.init(serializedBytes: any.value), let json = try? message.jsonUTF8Data() else {
            return nil
        }
        return try? JSONSerialization.jsonObject(with: json) as? [String: Any]
    }

    private static let types: [any Message.Type] = [
        Google_Rpc_ErrorInfo.self, Google_Rpc_RetryInfo.self, Google_Rpc_BadRequest.self,
        Google_Rpc_QuotaFailure.self,
    ]

    /// The same bytes for the same content.
    static func bytes(of object: [String: Any]) -> [UInt8] {
        let data = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
        return data.map(Array.init) ?? []
    }
}

extension RPCStatus.Code {
    /// As `google.rpc.Code` and the protocol of Connect have it.
    var httpStatus: Int {
        switch self {
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

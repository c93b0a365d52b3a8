import SwiftProtobuf

/// One message of `google.rpc.Status.details`.
public enum StatusDetail: Sendable, Hashable {
    /// `google.rpc.ErrorInfo` of the domain ``StatusDetails/domain``; metadata is written sorted by key.
    case errorInfo(reason: String, metadata: [String: String] = [:])
    /// `google.rpc.BadRequest`.
    case badRequest([FieldViolation])
    /// `google.rpc.RetryInfo`: wait this long, in milliseconds, not below 0.
    case retryInfo(milliseconds: Int64)

    /// A field of a request and what is wrong with it.
    public struct FieldViolation: Sendable, Hashable {
        /// Path of the field, such as `facts[3].subscription.effective_date`.
        public var field: String
        public var description: String

        public init(field: String, description: String) {
            self.field = field
            self.description = description
        }
    }
}

/// Serialized `google.rpc.Status` messages for `grpc-status-details-bin`.
public enum StatusDetails {
    /// `ErrorInfo.domain` of every error of this service.
    public static let domain = "insights.partner"

    /// A serialized `google.rpc.Status`; `code` is the gRPC status code.
    public static func serialized(code: Int32, message: String, details: [StatusDetail]) -> [UInt8] {
        var writer = WireWriter()
        writer.int32(1, code)
        writer.string(2, message)
        for detail in details {
            let mark = writer.begin(3)
            writer.string(1, detail.typeURL)
            // An empty `value` is left out, as every empty bytes field of proto3.
            if !detail.isEmpty {
                let value = writer.begin(2)
                writer.fields(of: detail)
                writer.end(value)
            }
            writer.end(mark)
        }
        return writer.finish()
    }

    /// The details as other messages than `google.rpc.Status` have them.
    public static func messages(_ details: [StatusDetail]) -> [Google_Protobuf_Any] {
        details.map { detail in
            var writer = WireWriter()
            writer.fields(of: detail)
            var message = Google_Protobuf_Any()
            message.typeURL = detail.typeURL
            message.value.append(contentsOf: writer.finish())
            return message
        }
    }
}

extension StatusDetail {
    fileprivate var typeURL: String {
        switch self {
        case .errorInfo: "type.googleapis.com/google.rpc.ErrorInfo"
        case .badRequest: "type.googleapis.com/google.rpc.BadRequest"
        case .retryInfo: "type.googleapis.com/google.rpc.RetryInfo"
        }
    }

    fileprivate var isEmpty: Bool {
        if case .badRequest(let violations) = self { violations.isEmpty } else { false }
    }
}

extension WireWriter {
    fileprivate mutating func fields(of detail: StatusDetail) {
        switch detail {
        case .errorInfo(let reason, let metadata):
            string(1, reason)
            string(2, StatusDetails.domain)
            for (key, text) in metadata.sorted(by: { $0.key < $1.key }) {
                let entry = begin(3)
                optionalString(1, key)
                optionalString(2, text)
                end(entry)
            }
        case .badRequest(let violations):
            for violation in violations {
                let mark = begin(1)
                string(1, violation.field)
                string(2, violation.description)
                end(mark)
            }
        case .retryInfo(let milliseconds):
            let delay = max(milliseconds, 0)
            let duration = begin(1)
            int64(1, delay / 1_000)
            int64(2, delay % 1_000 * 1_000_000)
            end(duration)
        }
    }
}

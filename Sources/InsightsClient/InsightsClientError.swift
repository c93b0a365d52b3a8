import GRPCCore
import GRPCProtobuf
import RPCTransport

/// Why a call failed, in one line that a person can act on.
public struct InsightsClientError: Error, Sendable, CustomStringConvertible {
    public var code: RPCError.Code
    /// The reason of `google.rpc.ErrorInfo`, such as `CUSTOMER_NOT_FOUND`.
    public var reason: String?
    /// The field of `google.rpc.BadRequest`, such as `as_of`.
    public var field: String?
    /// When the server says that it is worth trying again.
    public var retryAfter: Duration?
    /// What happened, without code, reason and field.
    public var message: String

    public init(code: RPCError.Code, message: String) {
        self.code = code
        self.message = message
    }

    init(_ error: RPCError, server: String) {
        code = error.code
        message = error.message
        if let status = try? error.unpackGoogleRPCStatus() {
            for detail in status.details {
                if let info = detail.errorInfo { reason = info.reason }
                if let retry = detail.retryInfo { retryAfter = retry.delay }
                if let violation = detail.badRequest?.violations.first {
                    field = violation.field
                    if !violation.violationDescription.isEmpty { message = violation.violationDescription }
                }
            }
        } else if error.code == .unavailable {
            message = "cannot reach \(server): \(Self.deepest(error))"
        } else if error.code == .deadlineExceeded {
            message = "\(server) did not answer in time"
        }
    }

    public var description: String {
        var text = message.isEmpty ? "\(code)" : message
        if let field, !field.isEmpty { text = Self.joined(field, text) }
        if let reason, !reason.isEmpty, !text.contains(reason) { text += " (\(reason))" }
        if let retryAfter { text += "; try again in \(max(1, retryAfter.components.seconds)) s" }
        return Self.singleLine(text)
    }

    /// Descriptions of fields are either sentences about the field, such as “is not a day”, or stand alone.
    private static func joined(_ field: String, _ text: String) -> String {
        let verbs = ["is ", "must ", "has ", "may ", "needs ", "expects ", "cannot "]
        if verbs.contains(where: text.hasPrefix) { return "\(field) \(text)" }
        return text.contains(field) ? text : "\(field): \(text)"
    }

    /// The innermost cause that says something, because the outer ones of some transports only say that a call failed.
    private static func deepest(_ error: RPCError) -> String {
        var text = error.message
        var cause = error.cause
        var depth = 0
        while let current = cause, depth < 8 {
            depth += 1
            if let runtime = current as? RuntimeError {
                text = runtime.message
                cause = runtime.cause
            } else if let rpc = current as? RPCError {
                text = rpc.message
                cause = rpc.cause
            } else {
                if !(current is CallNotProcessed) { text = "\(current)" }
                cause = nil
            }
        }
        return text
    }

    /// Text from the network must not move the cursor or fake a second line.
    static func singleLine(_ text: String) -> String {
        var line = ""
        for scalar in text.unicodeScalars.prefix(2_000) {
            line.unicodeScalars.append(scalar.properties.generalCategory == .control ? " " : scalar)
        }
        return line
    }
}

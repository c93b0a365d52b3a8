import InsightsAPI

/// A bad field of a request: its path and what is wrong with it, in words that can follow the path.
struct FieldError: Error, Sendable, Hashable {
    let field: String
    let reason: String

    init(_ field: String, _ reason: String) {
        self.field = field
        self.reason = reason
    }

    /// One line for people: `as_of is after today (2024-03-31)`.
    var message: String { "\(field) \(reason)" }

    /// The `google.rpc.BadRequest` of this one field.
    var detail: StatusDetail {
        .badRequest([StatusDetail.FieldViolation(field: field, description: reason)])
    }

    /// A serialized `google.rpc.Status` with code `INVALID_ARGUMENT`.
    var serializedStatus: [UInt8] {
        StatusDetails.serialized(code: 3, message: message, details: [detail])
    }
}

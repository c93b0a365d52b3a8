/// A bad field of a fact or of a request: its path and what is wrong with it, in words that can follow the path.
public struct FieldError: Error, Sendable, Hashable {
    public let field: String
    public let reason: String

    public init(_ field: String, _ reason: String) {
        self.field = field
        self.reason = reason
    }

    /// One line for people: `as_of is after today (2024-03-31)`.
    public var message: String { "\(field) \(reason)" }
}

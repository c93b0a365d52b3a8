import LicenseModel

/// Why a batch is refused: the first bad field, in the order of the facts.
public struct BadField: Error, Sendable, Hashable {
    /// Index of the fact; nil when the batch itself is bad.
    public let factIndex: Int?
    /// Path from the request, such as `facts[3].subscription.effective_date`.
    public let field: String
    public let reason: String
    /// The limit on facts that the batch is above; nil when something else is wrong.
    public let exceededFacts: Int?

    public init(factIndex: Int?, field: String, reason: String, exceededFacts: Int? = nil) {
        self.factIndex = factIndex
        self.field = field
        self.reason = reason
        self.exceededFacts = exceededFacts
    }

    /// A field of one fact; `error.field` is its path below the fact.
    public init(factIndex: Int, _ error: FieldError) {
        self.init(factIndex: factIndex, field: "facts[\(factIndex)].\(error.field)", reason: error.reason)
    }

    public var fieldError: FieldError { FieldError(field, reason) }
}

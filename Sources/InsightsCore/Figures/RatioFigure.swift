/// A percentage with both counts: the one place where a percentage is computed from counts, for replies, exports and
/// advice.
public struct RatioFigure: Sendable, Hashable {
    /// Numbers of `partner.insights.v1.RatioDefinition`.
    public enum Definition: UInt8, Sendable {
        case assignedPerSold = 1
        case activeUsersPerTotalUsers = 2
        case activeUsersPerEntitlement = 3
    }

    public let definition: Definition
    public let numerator: Int64
    public let denominator: Int64

    @inlinable
    public init(definition: Definition, numerator: Int64, denominator: Int64) {
        self.definition = definition
        self.numerator = numerator
        self.denominator = denominator
    }

    /// 100 · numerator / denominator, neither rounded nor clamped; nil when the denominator is 0.
    @inlinable public var percent: Double? { Self.percent(numerator, of: denominator) }

    @inlinable
    public static func percent(_ numerator: Int64, of denominator: Int64) -> Double? {
        denominator == 0 ? nil : 100 * Double(numerator) / Double(denominator)
    }
}

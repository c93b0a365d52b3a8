/// A percentage with both counts: the one place where a percentage is computed from counts.
struct RatioFigure: Sendable, Hashable {
    /// Numbers of `partner.insights.v1.RatioDefinition`.
    enum Definition: UInt8, Sendable {
        case assignedPerSold = 1
        case activeUsersPerTotalUsers = 2
        case activeUsersPerEntitlement = 3
    }

    let definition: Definition
    let numerator: Int64
    let denominator: Int64

    /// 100 · numerator / denominator, neither rounded nor clamped; nil when the denominator is 0.
    var percent: Double? { Self.percent(numerator, of: denominator) }

    static func percent(_ numerator: Int64, of denominator: Int64) -> Double? {
        denominator == 0 ? nil : 100 * Double(numerator) / Double(denominator)
    }
}

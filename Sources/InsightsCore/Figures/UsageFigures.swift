import LicenseModel

/// Usage of one workload or product in the window that ends on one day. Counts are people.
public struct UsageRow: Sendable, Hashable {
    public var active: Int64 = 0
    public var totalUsers: Int64 = 0
    public var entitlements: Int64 = 0
    /// The numerator of both usage ratios: `active` of the customers whose licenses are reported too. Differs from
    /// `active` only in sums over customers of which some report no licenses.
    public var ratioActive: Int64 = 0
    /// Decides which of the figures are absent.
    public var reported = ReportedSources.all

    public init() {}

    /// Adds another customer's counts; what it does not report is 0 there.
    static func &+= (left: inout UsageRow, right: UsageRow) {
        left.active &+= right.active
        left.ratioActive &+= right.ratioActive
        left.totalUsers &+= right.totalUsers
        left.entitlements &+= right.entitlements
    }

    static func &-= (left: inout UsageRow, right: UsageRow) {
        left.active &-= right.active
        left.ratioActive &-= right.ratioActive
        left.totalUsers &-= right.totalUsers
        left.entitlements &-= right.entitlements
    }

    var isZero: Bool { active == 0 && totalUsers == 0 && entitlements == 0 }
}

extension UsageRow {
    /// A figure of who is active; nil when it is absent.
    @inlinable public func ifActive(_ figure: Int64) -> Int64? { reported.tellActive ? figure : nil }

    /// A figure that activity is measured against; nil when it is absent.
    @inlinable public func ifUsage(_ figure: Int64) -> Int64? { reported.tellUsage ? figure : nil }

    /// Nil when it is absent, as the other ratio is then.
    @inlinable public var usage: RatioFigure? {
        guard reported.tellUsage else { return nil }
        return RatioFigure(definition: .activeUsersPerTotalUsers, numerator: ratioActive, denominator: totalUsers)
    }

    @inlinable public var usagePerEntitlement: RatioFigure? {
        guard reported.tellUsage else { return nil }
        return RatioFigure(definition: .activeUsersPerEntitlement, numerator: ratioActive, denominator: entitlements)
    }
}

/// Total users and entitlements of one subject.
struct UsageVector: StepValue {
    private var lanes = SIMD2<Int64>(repeating: 0)

    static let zero = UsageVector()

    static func &+= (left: inout UsageVector, right: UsageVector) { left.lanes &+= right.lanes }
    static func &-= (left: inout UsageVector, right: UsageVector) { left.lanes &-= right.lanes }

    init() {}

    init(_ step: UsageStep) {
        lanes.x = step.totalUsers
        lanes.y = step.entitlements
    }

    var totalUsers: Int64 { lanes.x }
    var entitlements: Int64 { lanes.y }
}

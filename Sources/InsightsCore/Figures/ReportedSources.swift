/// Which sources are reported: by a customer, or by every part of a sum. The one place that decides which figures are
/// there; a figure that is not there is absent and never 0. For figures of usage, `activity` is that in the workload or
/// in any workload of the product's SKUs.
public struct ReportedSources: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8

    @inlinable
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// Activity is that of the best workload.
    init(_ coverage: CoverageRow) {
        self.init(
            rawValue: (coverage.subscriptions == nil ? 0 : Self.subscriptions.rawValue)
                | (coverage.assignments == nil ? 0 : Self.assignments.rawValue)
                | (coverage.activity == nil ? 0 : Self.activity.rawValue))
    }

    @inlinable public static var subscriptions: ReportedSources { ReportedSources(rawValue: 1 << 0) }
    @inlinable public static var assignments: ReportedSources { ReportedSources(rawValue: 1 << 1) }
    @inlinable public static var activity: ReportedSources { ReportedSources(rawValue: 1 << 2) }
    @inlinable public static var all: ReportedSources { ReportedSources(rawValue: 1 << 3 - 1) }

    /// What was sold: `sold`, `entitled`, `trial` and `uncounted`, and what each kind of seller sold.
    @inlinable public var tellSold: Bool { rawValue & 0b001 == 0b001 }

    /// Who holds what was sold: the `assigned…` figures and deployment.
    @inlinable public var tellAssigned: Bool { rawValue & 0b011 == 0b011 }

    /// Who is active. Without, there is no usage at all.
    @inlinable public var tellActive: Bool { rawValue & 0b100 == 0b100 }

    /// What activity is measured against: total users, entitlements, both usage ratios and the classes of active users.
    @inlinable public var tellUsage: Bool { rawValue & 0b111 == 0b111 }
}

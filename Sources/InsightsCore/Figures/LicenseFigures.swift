import LicenseModel
import Tenancy

/// Licenses of one SKU, or a sum, on one day and for one reach. Counts are licenses (seats).
public struct LicenseRow: Sendable, Hashable {
    public var sold: Int64 = 0
    public var entitled: Int64 = 0
    public var trial: Int64 = 0
    /// The same in either reach.
    public var uncounted: Int64 = 0
    /// All partners: the count. Own: the estimate, with `assignedLower ≤ assigned ≤ assignedUpper`.
    public var assigned: Int64 = 0
    /// The same in either reach.
    public var assignedUnsold: Int64 = 0
    public var assignedLower: Int64 = 0
    public var assignedUpper: Int64 = 0
    /// The denominator of deployment: `sold` of the customers whose assignments are reported too. Differs from `sold`
    /// only in sums over customers of which some report no assignments.
    public var deploymentSold: Int64 = 0
    /// Decides which of the figures are absent.
    public var reported = ReportedSources.all

    public init() {}

    /// Adds counts; a sum is reported only as far as all its parts are. `FactLimits.maximumQuantity` leaves room for
    /// 90 billion subscriptions before a sum could wrap around.
    public static func &+= (left: inout LicenseRow, right: LicenseRow) {
        left.sold &+= right.sold
        left.entitled &+= right.entitled
        left.trial &+= right.trial
        left.uncounted &+= right.uncounted
        left.assigned &+= right.assigned
        left.assignedUnsold &+= right.assignedUnsold
        left.assignedLower &+= right.assignedLower
        left.assignedUpper &+= right.assignedUpper
        left.deploymentSold &+= right.deploymentSold
        left.reported.formIntersection(right.reported)
    }
}

extension LicenseRow {
    /// A figure of what was sold; nil when it is absent.
    @inlinable public func ifSold(_ figure: Int64) -> Int64? { reported.tellSold ? figure : nil }

    /// A figure of who holds what was sold; nil when it is absent.
    @inlinable public func ifAssigned(_ figure: Int64) -> Int64? { reported.tellAssigned ? figure : nil }

    /// Nil when it is absent.
    @inlinable public var deployment: RatioFigure? {
        guard reported.tellAssigned else { return nil }
        return RatioFigure(definition: .assignedPerSold, numerator: assigned, denominator: deploymentSold)
    }

    /// Whether `assigned`, where it is not absent, is known and no estimate.
    @inlinable public var isExact: Bool { assignedLower == assignedUpper }
}

/// All license figures of one SKU, or a sum, for one partner: what can be added and subtracted.
struct LicenseVector: StepValue {
    /// Where each count is kept.
    enum Lane: Int, CaseIterable {
        case allSold, allEntitled, allTrial
        case ownSold, ownEntitled, ownTrial
        case directSold, unknownSold
        case uncounted
        case allDeploymentSold, ownDeploymentSold
        case assignedUnsold
        case allAssigned
        case ownAssigned, ownAssignedLower, ownAssignedUpper
    }

    /// The first lanes, and room for a few more. Vectors are kept for every day on which something changes: a wider
    /// `further` makes room at the price of memory.
    private var lanes = SIMD16<Int64>(repeating: 0)
    private var further = SIMD4<Int64>(repeating: 0)
    static var maximumLanes: Int { SIMD16<Int64>.scalarCount + SIMD4<Int64>.scalarCount }

    static let zero = LicenseVector()

    static func &+= (left: inout LicenseVector, right: LicenseVector) {
        left.lanes &+= right.lanes
        left.further &+= right.further
    }

    static func &-= (left: inout LicenseVector, right: LicenseVector) {
        left.lanes &-= right.lanes
        left.further &-= right.further
    }

    @inline(__always)
    private subscript(lane: Lane) -> Int64 {
        get {
            let place = lane.rawValue
            return place < lanes.scalarCount ? lanes[place] : further[place &- lanes.scalarCount]
        }
        set {
            let place = lane.rawValue
            if place < lanes.scalarCount {
                lanes[place] = newValue
            } else {
                further[place &- lanes.scalarCount] = newValue
            }
        }
    }

    init() {}

    /// The figures of one SKU of one customer that reports its subscriptions; what else it does not report stays 0.
    ///
    /// - Parameters:
    ///   - all: every seller.
    ///   - own: the caller's partner.
    init(all: LicenseStep, own: SellerStep, directSold: Int64, unknownSold: Int64, reported: ReportedSources) {
        self[.allSold] = all.sold
        self[.allEntitled] = all.entitled
        self[.allTrial] = all.trial
        self[.uncounted] = all.uncounted
        self[.ownSold] = own.sold
        self[.ownEntitled] = own.entitled
        self[.ownTrial] = own.trial
        self[.directSold] = directSold
        self[.unknownSold] = unknownSold
        guard reported.tellAssigned else { return }
        self[.allDeploymentSold] = all.sold
        self[.ownDeploymentSold] = own.sold
        guard all.sold > 0 else {
            self[.assignedUnsold] = all.holders
            return
        }
        self[.allAssigned] = all.holders
        let share = OwnShare(own: own.sold, all: all.sold, assigned: all.holders)
        self[.ownAssigned] = share.estimate
        self[.ownAssignedLower] = share.lower
        self[.ownAssignedUpper] = share.upper
    }

    @inline(__always)
    func row(_ reach: LicenseReach, reported: ReportedSources = .all) -> LicenseRow {
        let isOwn = reach == .own
        var row = LicenseRow()
        row.sold = self[isOwn ? .ownSold : .allSold]
        row.entitled = self[isOwn ? .ownEntitled : .allEntitled]
        row.trial = self[isOwn ? .ownTrial : .allTrial]
        row.uncounted = self[.uncounted]
        row.assigned = self[isOwn ? .ownAssigned : .allAssigned]
        row.assignedUnsold = self[.assignedUnsold]
        row.assignedLower = self[isOwn ? .ownAssignedLower : .allAssigned]
        row.assignedUpper = self[isOwn ? .ownAssignedUpper : .allAssigned]
        row.deploymentSold = self[isOwn ? .ownDeploymentSold : .allDeploymentSold]
        row.reported = reported
        return row
    }

    var directSold: Int64 { self[.directSold] }
    var unknownSold: Int64 { self[.unknownSold] }
    var otherPartnersSold: Int64 { self[.allSold] &- self[.ownSold] &- self[.directSold] &- self[.unknownSold] }
}

/// The own share of pooled assignment: bounds that must hold, and an estimate within them.
struct OwnShare {
    let lower: Int64
    let estimate: Int64
    let upper: Int64

    /// `own` of `all` sold licenses are the partner's (`0 ≤ own ≤ all`); `assigned` are in use.
    init(own: Int64, all: Int64, assigned: Int64) {
        guard all > 0, own > 0, assigned > 0 else {
            lower = 0
            estimate = 0
            upper = 0
            return
        }
        let lower = min(own, max(0, assigned &- (all &- own)))
        let upper = min(own, assigned)
        // The product may pass 64 bits; the quotient cannot, because own ≤ all.
        let quotient = all.dividingFullWidth(assigned.multipliedFullWidth(by: min(own, all))).quotient
        self.lower = lower
        self.upper = upper
        estimate = min(max(quotient, lower), upper)
    }
}

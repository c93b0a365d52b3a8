import LicenseModel

/// All license figures of one SKU, or a sum, for one partner: what can be added and subtracted.
struct LicenseVector: StepValue {
    private var lanes = SIMD16<Int64>(repeating: 0)

    static let zero = LicenseVector()

    static func &+= (left: inout LicenseVector, right: LicenseVector) { left.lanes &+= right.lanes }
    static func &-= (left: inout LicenseVector, right: LicenseVector) { left.lanes &-= right.lanes }

    init() {}

    /// The figures of one SKU of one customer; what its sources do not report stays 0.
    ///
    /// - Parameters:
    ///   - all: every seller.
    ///   - own: the caller's partner.
    init(
        all: LicenseStep, own: SellerStep, directSold: Int64, unknownSold: Int64, hasSubscriptions: Bool,
        hasAssignments: Bool
    ) {
        guard hasSubscriptions else { return }
        lanes[0] = all.sold
        lanes[1] = all.entitled
        lanes[2] = all.trial
        lanes[3] = all.uncounted
        lanes[4] = own.sold
        lanes[5] = own.entitled
        lanes[6] = own.trial
        lanes[7] = directSold
        lanes[8] = unknownSold
        guard hasAssignments else { return }
        lanes[9] = all.sold
        lanes[10] = own.sold
        guard all.sold > 0 else {
            lanes[11] = all.holders
            return
        }
        lanes[12] = all.holders
        let share = OwnShare(own: own.sold, all: all.sold, assigned: all.holders)
        lanes[13] = share.estimate
        lanes[14] = share.lower
        lanes[15] = share.upper
    }

    var all: LicenseRow {
        var row = LicenseRow()
        row.sold = lanes[0]
        row.entitled = lanes[1]
        row.trial = lanes[2]
        row.uncounted = lanes[3]
        row.deploymentSold = lanes[9]
        row.assignedUnsold = lanes[11]
        row.assigned = lanes[12]
        row.assignedLower = lanes[12]
        row.assignedUpper = lanes[12]
        return row
    }

    var own: LicenseRow {
        var row = LicenseRow()
        row.sold = lanes[4]
        row.entitled = lanes[5]
        row.trial = lanes[6]
        row.uncounted = lanes[3]
        row.deploymentSold = lanes[10]
        row.assignedUnsold = lanes[11]
        row.assigned = lanes[13]
        row.assignedLower = lanes[14]
        row.assignedUpper = lanes[15]
        return row
    }

    var directSold: Int64 { lanes[7] }
    var unknownSold: Int64 { lanes[8] }
    var otherPartnersSold: Int64 { lanes[0] &- lanes[4] &- lanes[7] &- lanes[8] }
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

/// Total users and entitlements of one subject.
struct UsageVector: StepValue {
    private var lanes = SIMD2<Int64>(repeating: 0)

    static let zero = UsageVector()

    static func &+= (left: inout UsageVector, right: UsageVector) { left.lanes &+= right.lanes }
    static func &-= (left: inout UsageVector, right: UsageVector) { left.lanes &-= right.lanes }

    init() {}

    init(_ step: UsageStep) {
        lanes[0] = step.totalUsers
        lanes[1] = step.entitlements
    }

    var totalUsers: Int64 { lanes[0] }
    var entitlements: Int64 { lanes[1] }
}

import InsightsCore

/// Which figures of a row are shown, and its ratios (definition “Presence of a figure”): every reply asks here.
extension LicenseRow {
    var showsSubscriptions: Bool { subscriptionsReported }
    var showsAssignments: Bool { subscriptionsReported && assignmentsReported }

    /// Nil when a source that it needs is not reported.
    var deployment: RatioFigure? {
        guard showsAssignments else { return nil }
        return RatioFigure(definition: .assignedPerSold, numerator: assigned, denominator: deploymentSold)
    }

    /// Whether the share of assigned licenses is known; nil when it is not reported.
    var isExact: Bool? { showsAssignments ? assignedLower == assignedUpper : nil }
}

extension UsageRow {
    var showsLicenses: Bool { activityReported && licensesReported }

    var usage: RatioFigure? {
        guard showsLicenses else { return nil }
        return RatioFigure(definition: .activeUsersPerTotalUsers, numerator: ratioActive, denominator: totalUsers)
    }

    var usagePerEntitlement: RatioFigure? {
        guard showsLicenses else { return nil }
        return RatioFigure(definition: .activeUsersPerEntitlement, numerator: ratioActive, denominator: entitlements)
    }
}

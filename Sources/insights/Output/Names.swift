import InsightsAPI

/// Words for enum values.
extension PBProduct {
    var title: String {
        switch self {
        case .office365: "Office 365"
        case .dynamics365: "Dynamics 365"
        default: "all covered products"
        }
    }

    var code: String {
        switch self {
        case .office365: "PRODUCT_OFFICE_365"
        case .dynamics365: "PRODUCT_DYNAMICS_365"
        default: ""
        }
    }
}

extension PBSource {
    var title: String {
        switch self {
        case .subscriptions: "subscriptions"
        case .assignments: "assignments"
        case .activity: "activity"
        default: "unknown source"
        }
    }
}

extension PBSourceCoverage {
    /// `activity 2026-03-29 (lagging)` or `activity not reported`.
    var sentence: String {
        switch status {
        case .notReported: "\(source.title) \(NumberText.notReported)"
        case .lagging: "\(source.title) \(through) (lagging)"
        default: "\(source.title) \(through)"
        }
    }
}

extension PBFreshness {
    func coverage(_ source: PBSource) -> PBSourceCoverage? { sources.first { $0.source == source } }

    var sentence: String { sources.map(\.sentence).joined(separator: " · ") }

    /// The last reported day of one source, for lists that are seen from today: yesterday is no lag there.
    func day(_ source: PBSource) -> String {
        guard let coverage = coverage(source), coverage.status != .notReported else { return NumberText.notReported }
        return coverage.through
    }

    /// The day of one source with its mark, for a table cell.
    func cell(_ source: PBSource) -> String {
        guard let coverage = coverage(source), coverage.status != .notReported else { return NumberText.notReported }
        return coverage.status == .lagging ? "\(coverage.through) (lagging)" : coverage.through
    }
}

extension PBSubscriptionState {
    var title: String {
        switch self {
        case .active: "active"
        case .grace: "grace"
        case .suspended: "suspended"
        case .deprovisioned: "deprovisioned"
        default: "unknown"
        }
    }
}

extension PBUsageClass {
    var title: String {
        switch self {
        case .entitled: "entitled"
        case .uncountedSubscription: "uncounted subscription"
        case .trial: "trial"
        case .overAssigned: "over-assigned"
        case .turnover: "turnover"
        case .unlicensed: "unlicensed"
        default: "unknown"
        }
    }

    var meaning: String {
        switch self {
        case .entitled: "within the licenses that may be used"
        case .uncountedSubscription: "on a second subscription in grace, disabled or deprovisioned"
        case .trial: "on a trial: its activity counts, its seats do not"
        case .overAssigned: "more people hold the license than there are licenses"
        case .turnover: "held a license earlier in the window; it moved to somebody else"
        case .unlicensed: "held no license in the window"
        default: ""
        }
    }
}

extension PBRole {
    var title: String {
        switch self {
        case .userManagementAdmin: "user-management-admin"
        case .adminAgent: "admin-agent"
        case .salesAgent: "sales-agent"
        default: "unknown"
        }
    }
}

extension PBPermission {
    var title: String {
        switch self {
        case .readSelf: "READ_SELF"
        case .readInsights: "READ_INSIGHTS"
        case .exportInsights: "EXPORT_INSIGHTS"
        case .readCustomers: "READ_CUSTOMERS"
        case .readSubscriptions: "READ_SUBSCRIPTIONS"
        case .readUsers: "READ_USERS"
        case .managePrincipals: "MANAGE_PRINCIPALS"
        case .readAudit: "READ_AUDIT"
        case .ingest: "INGEST"
        case .managePartners: "MANAGE_PARTNERS"
        default: "unknown"
        }
    }
}

extension PBRecommendationKind {
    var title: String {
        switch self {
        case .showTheValue: "Show the value"
        case .offerTraining: "Offer training"
        case .convertTrial: "Convert the trial"
        case .reclaimLicenses: "Reclaim licenses"
        case .licenseTheUsers: "License the users"
        case .resolveSubscription: "Resolve the subscription"
        default: "Advice"
        }
    }
}

extension PBLicenseScope {
    var sentence: String {
        switch self {
        case .own: "licenses: own sales only"
        default: "licenses: all sellers"
        }
    }
}

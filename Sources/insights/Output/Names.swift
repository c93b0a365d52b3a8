import InsightsAPI
import Tenancy

/// Words for enum values: `title` for people, and `code`, the name in the protos without its prefix, for machines.
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
        case .office365: "OFFICE_365"
        case .dynamics365: "DYNAMICS_365"
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
    ///
    /// - Parameter codes: the workloads that are not reported where others are.
    func sentence(unreported codes: [String]) -> String {
        if status == .notReported { return "\(source.title) \(NumberText.notReported)" }
        let remarks =
            (status == .lagging ? ["lagging"] : [])
            + (codes.isEmpty ? [] : ["\(codes.joined(separator: ", ")) \(NumberText.notReported)"])
        return "\(source.title) \(through)" + (remarks.isEmpty ? "" : " (\(remarks.joined(separator: "; ")))")
    }
}

extension [PBWorkloadCoverage] {
    /// The workloads that are not reported.
    var unreportedCodes: [String] { filter { $0.status == .notReported }.map(\.workloadCode) }
}

extension PBFreshness {
    func coverage(_ source: PBSource) -> PBSourceCoverage? { sources.first { $0.source == source } }

    /// `subscriptions 2026-03-31 · assignments 2026-03-31 · activity 2026-03-29 (lagging; APPS, CRM not reported)`.
    var sentence: String {
        sources.map { $0.sentence(unreported: $0.source == .activity ? workloads.unreportedCodes : []) }
            .joined(separator: " · ")
    }

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
    var code: String {
        switch self {
        case .active: "ACTIVE"
        case .grace: "GRACE"
        case .suspended: "SUSPENDED"
        case .deprovisioned: "DEPROVISIONED"
        default: "UNKNOWN"
        }
    }

    var title: String { code.lowercased() }
}

extension PBAttribution {
    var code: String {
        switch self {
        case .exact: "EXACT"
        case .estimated: "ESTIMATED"
        default: ""
        }
    }
}

extension PBAccessDecision {
    var code: String { self == .allowed ? "ALLOWED" : "DENIED" }
    var title: String { code.lowercased() }
}

extension PBUsageClass {
    var code: String {
        switch self {
        case .entitled: "ENTITLED"
        case .uncountedSubscription: "UNCOUNTED_SUBSCRIPTION"
        case .trial: "TRIAL"
        case .overAssigned: "OVER_ASSIGNED"
        case .turnover: "TURNOVER"
        case .unlicensed: "UNLICENSED"
        case .free: "FREE"
        case .unidentified: "UNIDENTIFIED"
        default: "UNKNOWN"
        }
    }

    var title: String { self == .overAssigned ? "over-assigned" : code.lowercased().replacing("_", with: " ") }

    var meaning: String {
        switch self {
        case .entitled: "within the licenses that may be used"
        case .uncountedSubscription: "on a second subscription in grace, disabled or deprovisioned"
        case .trial: "on a trial: its activity counts, its seats do not"
        case .overAssigned: "more people hold the license than there are licenses"
        case .turnover: "held a license earlier in the window; it moved to somebody else"
        case .unlicensed: "held no license in the window"
        case .free: "on a free license, which nobody bought"
        case .unidentified: "known by a concealed name only"
        default: ""
        }
    }
}

extension PBRole {
    var code: String {
        switch self {
        case .userManagementAdmin: "USER_MANAGEMENT_ADMIN"
        case .adminAgent: "ADMIN_AGENT"
        case .salesAgent: "SALES_AGENT"
        default: "UNKNOWN"
        }
    }

    /// As `--role` takes it.
    var title: String { code.lowercased().replacing("_", with: "-") }
}

extension PBPermission {
    var code: String { permission?.name ?? "UNKNOWN" }
}

extension PBRecommendationKind {
    var code: String {
        switch self {
        case .showTheValue: "SHOW_THE_VALUE"
        case .offerTraining: "OFFER_TRAINING"
        case .convertTrial: "CONVERT_TRIAL"
        case .reclaimLicenses: "RECLAIM_LICENSES"
        case .licenseTheUsers: "LICENSE_THE_USERS"
        case .resolveSubscription: "RESOLVE_SUBSCRIPTION"
        default: "UNKNOWN"
        }
    }

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

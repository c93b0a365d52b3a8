import InsightsAPI
import RPCEngine
import Tenancy

/// Sentences and names.
extension English {
    func customerCount(_ count: String, isOne: Bool) -> String { "\(count) \(isOne ? "customer" : "customers")" }
    func subscriptionCount(_ count: String, isOne: Bool) -> String {
        "\(count) \(isOne ? "own subscription" : "own subscriptions")"
    }
    func userCount(_ count: String, isOne: Bool) -> String {
        "\(count) \(isOne ? "person with a license" : "people with a license")"
    }
    func foundCount(_ count: String, isOne: Bool) -> String { "\(count) \(isOne ? "person" : "people") found" }
    func principalCount(_ count: String, isOne: Bool) -> String { "\(count) \(isOne ? "account" : "accounts")" }
    func recordCount(_ count: String, isOne: Bool) -> String { "\(count) \(isOne ? "record" : "records")" }
    func adviceCount(_ count: String, isOne: Bool) -> String {
        "\(count) \(isOne ? "piece of advice" : "pieces of advice")"
    }

    func allAdvice(_ count: String) -> String { "All \(count) pieces of advice" }
    func trendOf(_ days: String) -> String { "The last \(days) days" }
    func axisChanges(_ from: String, _ top: String) -> String {
        "Above the dotted line at \(from) the scale is compressed: its top is \(top)."
    }
    func chartSummary(_ lines: [String]) -> String {
        "Lines over days for \(lines.joined(separator: ", ")). "
            + "A gap is a day that is not reported. The numbers are in the table below."
    }
    func classesOf(_ count: String) -> String { "\(count) active users by why they are active" }
    func workloadsBehind(_ count: String) -> String { "\(count) workloads lag or are not reported" }
    func uncatalogued(_ count: String) -> String {
        "Licenses of \(count) SKUs are in no figure, because no catalog names them"
    }
    func rolesThatDo(_ roles: String) -> String { "A role that allows this: \(roles)." }

    func licensesOf(isOwn: Bool) -> String { isOwn ? "licenses that you sold" : "licenses of all sellers" }
    func assignedOf(_ assigned: String, _ sold: String, isMore: Bool) -> String {
        isMore ? "\(assigned) assigned, \(sold) licenses sold" : "\(assigned) of \(sold) licenses assigned"
    }
    func activeOf(_ active: String, _ total: String, isMore: Bool) -> String {
        isMore ? "\(active) active, \(total) users counted" : "\(active) of \(total) users active"
    }
    func deploymentCovers(_ count: String, of sold: String) -> String {
        "Deployment covers \(count) of the \(sold) licenses sold: assignments of the others are not reported."
    }

    func source(_ source: PBSource) -> String {
        switch source {
        case .subscriptions: "subscriptions"
        case .assignments: "assignments"
        case .activity: "activity"
        default: "unknown"
        }
    }

    func state(_ state: PBSubscriptionState) -> String {
        switch state {
        case .active: "active"
        case .grace: "in grace"
        case .suspended: "disabled"
        case .deprovisioned: "ended"
        default: "unknown"
        }
    }

    func term(_ duration: String) -> String {
        let (number, unit) = (Int(duration.dropFirst().dropLast()), duration.last)
        guard duration.first == "P", let number else { return duration }
        switch unit {
        case "M": return "\(number) \(number == 1 ? "month" : "months")"
        case "Y": return "\(number) \(number == 1 ? "year" : "years")"
        case "W": return "\(number) \(number == 1 ? "week" : "weeks")"
        case "D": return "\(number) \(number == 1 ? "day" : "days")"
        default: return duration
        }
    }

    func metric(_ metric: TrendMetric) -> String {
        switch metric {
        case .usage: "usage"
        case .deployment: "deployment"
        case .sold: "licenses sold"
        case .assigned: "licenses assigned"
        case .active: "active users"
        }
    }

    func metricMeaning(_ metric: TrendMetric) -> String {
        switch metric {
        case .usage: "Active users as a share of total users, over the 28 days through each day; it can pass 100 %."
        case .deployment: "The share of the licenses sold that is assigned."
        case .sold: "Licenses sold, without trials."
        case .assigned: "People who hold a license."
        case .active: "People with any activity in the 28 days through each day."
        }
    }

    func usageClass(_ usageClass: PBUsageClass) -> (title: String, meaning: String) {
        switch usageClass {
        case .entitled: ("Entitled", "within the licenses that may be used")
        case .uncountedSubscription: ("Uncounted subscription", "on a second subscription in grace, disabled or ended")
        case .trial: ("Trial", "on a trial: its activity counts, its licenses do not")
        case .overAssigned: ("Over-assigned", "more people hold the license than there are licenses")
        case .turnover: ("Turnover", "held a license earlier in the 28 days; it moved to somebody else")
        case .unlicensed: ("Unlicensed", "held no license in the 28 days")
        case .free: ("Free", "on a free license, which nobody bought")
        case .unidentified: ("Unidentified", "known by a concealed name only")
        default: ("unknown", "")
        }
    }

    func adviceKind(_ kind: PBRecommendationKind) -> String {
        switch kind {
        case .showTheValue: "Show the value"
        case .offerTraining: "Offer training"
        case .convertTrial: "Convert the trial"
        case .reclaimLicenses: "Reclaim licenses"
        case .licenseTheUsers: "License the users"
        case .resolveSubscription: "Resolve the subscription"
        default: advice
        }
    }

    func evidenceName(_ name: String) -> String { Self.evidenceNames[name] ?? name }

    private static let evidenceNames = [
        "active_users": "active users",
        "assigned": "assigned",
        "auto_renew": "renews by itself",
        "deployment_percent": "deployment",
        "how_to_requests": "how-to requests",
        "sku_id": "license",
        "sold": "sold",
        "subscription_id": "subscription",
        "term": "term",
        "term_end": "end of term",
        "total_users": "total users",
        "unassigned": "not assigned",
        "usage_percent": "usage",
        "workload_code": "workload",
        "trial_users": "on a trial",
        "unlicensed_users": "without a license",
        "uncounted_subscription_users": "on an uncounted subscription",
    ]

    func role(_ role: Role) -> String {
        switch role {
        case .userManagementAdmin: "user management admin"
        case .adminAgent: "admin agent"
        case .salesAgent: "sales agent"
        }
    }

    func permission(_ permission: Permission) -> String {
        switch permission {
        case .readSelf: "see who you are"
        case .readInsights: "read every figure and all advice"
        case .exportInsights: "export the portfolio"
        case .readCustomers: "read the list of customers"
        case .readSubscriptions: "read own subscriptions"
        case .readUsers: "read named users"
        case .managePrincipals: "manage who may do what"
        case .readAudit: "read the audit trail"
        case .ingest: "write facts"
        case .managePartners: "manage partners"
        }
    }

    func refusal(_ code: RPCStatus.Code) -> (title: String, meaning: String) {
        switch code {
        case .notFound: ("Not found", "There is no such page or customer.")
        case .permissionDenied: ("No access", "Your roles do not include this page.")
        case .unauthenticated:
            (
                "Sign in",
                "This server knows people by their client certificate: load yours into the browser and come back."
            )
        case .invalidArgument, .failedPrecondition, .outOfRange:
            ("That cannot be shown", "Something in the form or the address is not right.")
        case .resourceExhausted: ("Too much at once", "Try again in a moment.")
        case .unavailable: ("Not available now", "The server cannot answer at the moment. Try again shortly.")
        case .deadlineExceeded, .cancelled: ("It took too long", "Try again, or ask for less.")
        default: ("Something went wrong", "The server could not make this page.")
        }
    }

    var definitions: [(String, String)] {
        [
            (
                "Deployment",
                "The share of the licenses sold that is assigned. A license is assigned to a person, never "
                    + "to a seller: where several sold, the own part is an estimate with certain "
                    + "bounds."
            ),
            (
                "Usage",
                "People who were active at least once in 28 days, as a share of the people whose licenses "
                    + "count. It is not capped at 100 %: Explain shows who the others are."
            ),
            (
                "Usage per entitlement",
                "The same people as a share of the licenses that may be used: the definition before 2020."
            ),
            (
                "Sold",
                "Licenses of subscriptions that are active, in grace or disabled. Trials "
                    + "and free licenses are never sold."
            ),
            (
                "Entitled",
                "Licenses that may be used: active ones, and those in grace that have no active sibling."
            ),
            (
                "Uncounted",
                "Licenses of subscriptions that no longer count, but did in the last 28 days."
            ),
            (
                "Not reported",
                "A source has not told us yet. It is never shown as 0, and never added up as if it were."
            ),
            (
                "Lagging",
                "A source has reported, but not up to the day of the figures."
            ),
            (
                "Own and all sellers",
                "Own is what your organization sold. All sellers are you, the vendor itself, "
                    + "other partners (only ever a sum) and sellers that no source names."
            ),
        ]
    }
}

/// What a caller may do. Raw values are those of `partner.insights.v1.Permission`.
public enum Permission: UInt8, CaseIterable, Sendable, Hashable {
    case readSelf = 1
    case readInsights = 2
    case exportInsights = 3
    case readCustomers = 4
    case readSubscriptions = 5
    case readUsers = 6
    case managePrincipals = 7
    case readAudit = 8
    case ingest = 9
    case managePartners = 10

    /// The name that callers see in refusals and in the role matrix.
    public var name: String {
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
        }
    }
}

/// A role of a principal within its partner. Raw values are those of `partner.insights.v1.Role`.
public enum Role: UInt8, CaseIterable, Sendable, Hashable {
    case userManagementAdmin = 1
    case adminAgent = 2
    case salesAgent = 3

    /// The name in a bearer token's `roles` claim.
    public var tokenName: String {
        switch self {
        case .userManagementAdmin: "UserManagementAdmin"
        case .adminAgent: "AdminAgent"
        case .salesAgent: "SalesAgent"
        }
    }

    /// The name for people, as the partner programme writes it.
    public var title: String {
        switch self {
        case .userManagementAdmin: "user management admin"
        case .adminAgent: "admin agent"
        case .salesAgent: "sales agent"
        }
    }

    public init?(tokenName: String) {
        guard let role = Role.allCases.first(where: { $0.tokenName == tokenName }) else { return nil }
        self = role
    }
}

/// A set of roles; what several roles may do adds up.
public struct RoleSet: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    public init(_ roles: some Sequence<Role>) {
        rawValue = roles.reduce(0) { $0 | (1 << $1.rawValue) }
    }

    public func contains(_ role: Role) -> Bool {
        rawValue & (1 << role.rawValue) != 0
    }

    /// In the order of the enum.
    public var roles: [Role] { Role.allCases.filter(contains) }
}

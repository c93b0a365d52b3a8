/// What a caller may touch once a permission was granted.
public enum AccessGrant: Sendable, Hashable {
    /// One partner's book.
    case partner(PartnerScope)
    /// Facts of any partner, to write.
    case `operator`(OperatorGrant)

    public var scope: PartnerScope? {
        if case .partner(let scope) = self { return scope }
        return nil
    }

    public var operatorGrant: OperatorGrant? {
        if case .operator(let grant) = self { return grant }
        return nil
    }
}

/// Why a caller may not, and what would do.
public struct AccessRefusal: Error, Sendable, Hashable {
    public let permission: Permission
    /// Roles that have the permission; empty when only the operator has it.
    public let sufficientRoles: [Role]
}

/// The role table: the one place that says which role has which permission. Deny by default.
public enum AccessPolicy {
    /// The permissions of a role, `WhoAmI` included.
    public static func permissions(of role: Role) -> Set<Permission> {
        switch role {
        case .userManagementAdmin:
            [.readSelf, .readInsights, .exportInsights, .readCustomers, .readUsers, .managePrincipals, .readAudit]
        case .adminAgent:
            [.readSelf, .readInsights, .exportInsights, .readCustomers, .readSubscriptions, .readUsers, .readAudit]
        case .salesAgent:
            [.readSelf, .readInsights, .exportInsights, .readCustomers, .readSubscriptions]
        }
    }

    /// The permissions of the operator, who feeds the system and reads no partner's figures.
    public static let operatorPermissions: Set<Permission> = [.readSelf, .ingest, .managePartners]

    /// The permissions of somebody registered without any role.
    public static let permissionsWithoutRole: Set<Permission> = [.readSelf]

    /// The roles that have a permission, in the order of the enum.
    public static func roles(with permission: Permission) -> [Role] {
        Role.allCases.filter { permissions(of: $0).contains(permission) }
    }

    /// The permissions of a set of roles: they add up.
    public static func permissions(of roles: RoleSet) -> Set<Permission> {
        roles.roles.reduce(permissionsWithoutRole) { $0.union(permissions(of: $1)) }
    }

    public static func permissions(of principal: Principal) -> Set<Permission> {
        switch principal.identity {
        case .operator: operatorPermissions
        case .partner(_, _, let roles): permissions(of: roles)
        }
    }

    /// The grant that a principal gets for a permission, or why not. The only door to a `PartnerScope`.
    public static func authorize(
        _ principal: Principal, for permission: Permission
    ) throws(AccessRefusal) -> AccessGrant {
        switch principal.identity {
        case .operator(let name):
            guard operatorPermissions.contains(permission) else { break }
            return .operator(OperatorGrant(name: name))
        case .partner(let partner, _, let roles):
            guard masks[Int(permission.rawValue)] & (roles.rawValue | Self.anybody) != 0 else { break }
            return .partner(PartnerScope(partner: partner, reach: .allPartners))
        }
        throw AccessRefusal(permission: permission, sufficientRoles: roles(with: permission))
    }

    /// Bit 0 of a mask: every registered caller of a partner. Bit 0 is no role.
    private static let anybody: UInt8 = 1

    /// Per permission the roles that have it, as bits of `RoleSet`; made once from the table above.
    private static let masks: [UInt8] = {
        var masks = [UInt8](repeating: 0, count: Permission.allCases.count + 1)
        for permission in Permission.allCases {
            var mask = RoleSet(roles(with: permission)).rawValue & ~anybody
            if permissionsWithoutRole.contains(permission) { mask |= anybody }
            masks[Int(permission.rawValue)] = mask
        }
        return masks
    }()
}

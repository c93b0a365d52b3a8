import Tenancy

/// Roles and permissions have the same numbers on the wire and in the policy.
extension PBRole {
    public init(role: Role) {
        self = PBRole(rawValue: Int(role.rawValue)) ?? .unspecified
    }
}

extension PBPermission {
    public init(permission: Permission) {
        self = PBPermission(rawValue: Int(permission.rawValue)) ?? .unspecified
    }

    /// Nil for a number that the policy does not know.
    public var permission: Permission? {
        UInt8(exactly: rawValue).flatMap(Permission.init(rawValue:))
    }
}

/// Who is calling. Only authentication can make one.
public struct Principal: Sendable, Hashable {
    /// What the credential names.
    public enum Identity: Sendable, Hashable {
        /// A registered principal of one partner.
        case partner(PartnerID, PrincipalID, RoleSet)
        /// The operator of the system, by the name in its certificate. Has no partner and no roles.
        case `operator`(name: String)
    }

    public let identity: Identity

    @_spi(Authentication)
    public init(_ identity: Identity) {
        self.identity = identity
    }

    /// The caller's partner; nil for the operator.
    public var partner: PartnerID? {
        if case .partner(let partner, _, _) = identity { return partner }
        return nil
    }

    /// The principal id, or the operator's name.
    public var name: String {
        switch identity {
        case .partner(_, let principal, _): principal.text
        case .operator(let name): name
        }
    }

    public var roles: RoleSet {
        if case .partner(_, _, let roles) = identity { return roles }
        return []
    }

    public var isOperator: Bool { partner == nil }
}

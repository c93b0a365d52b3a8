@_spi(Authentication) import Tenancy

/// The rights with which tests call a store, made the way a server makes them.
public enum Grants {
    public static func `operator`() throws -> OperatorGrant {
        let principal = Principal(.operator(name: "conformance"))
        guard let grant = try AccessPolicy.authorize(principal, for: .ingest).operatorGrant else {
            throw ConformanceFailure("the operator has no grant")
        }
        return grant
    }

    public static func scope(_ partner: String) throws -> PartnerScope {
        let roles = RoleSet([Role.userManagementAdmin])
        let principal = Principal(.partner(try PartnerID(partner), try PrincipalID("admin"), roles))
        guard let scope = try AccessPolicy.authorize(principal, for: .managePrincipals).scope else {
            throw ConformanceFailure("the admin has no scope")
        }
        return scope
    }
}

import Tenancy

/// What a bearer token says, once it is proven.
public struct TokenIdentity: Sendable, Hashable {
    public let partner: PartnerID
    public let principal: PrincipalID
    public let roles: RoleSet
    /// The `exp` claim, Unix seconds.
    public let expiresAt: Int64
}

/// Checks bearer tokens of the configured issuers.
public final class TokenVerifier: Sendable {
    func verify(
        _ token: Substring.UTF8View, certificate: [UInt8]?, now: Int64
    ) throws(AuthenticationFailure) -> TokenIdentity {
        throw AuthenticationFailure(.tokensNotAccepted)
    }
}

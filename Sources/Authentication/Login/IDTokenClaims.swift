import Cryptography

/// What a proven token about a sign-in claims (OpenID Connect Core, section 3.1.3.7): for this client, of this sign-in,
/// just made. No such token is a leave to call, and no leave to call is one.
struct IDTokenClaims {
    private let claims: [String: StrictJSON]
    private let issuer: TokenIssuer
    private let expiresAt: Int64
    private let issuedAt: Int64
    private let notBefore: Int64?

    init(_ token: TokenText, of issuer: TokenIssuer, client: String) throws(AuthenticationFailure) {
        claims = token.claims
        self.issuer = issuer
        guard let name = claims["iss"]?.string, issuer.name.matches(name, tenant: claims["tid"]?.string) else {
            throw AuthenticationFailure(.tokenIssuer)
        }
        // Keycloak tells its kinds in a claim.
        let kind = claims["typ"]?.string?.asciiLowercased
        guard !token.isAccessToken, kind == nil || kind == "id" else { throw AuthenticationFailure(.tokenKind) }
        try Self.checkAudience(claims, client)
        guard let expiry = claims["exp"]?.numericDate, let issued = claims["iat"]?.numericDate, issued < expiry else {
            throw AuthenticationFailure(.tokenTimes)
        }
        (expiresAt, issuedAt) = (expiry, issued)
        notBefore = try TokenClaims.time(claims["nbf"])
    }

    func identity(nonce: String, now: Int64) throws(AuthenticationFailure) -> TokenIdentity {
        guard let claimed = claims["nonce"]?.string,
            areEqualInConstantTime(Array(claimed.utf8), Array(nonce.utf8))
        else { throw AuthenticationFailure(.tokenNonce) }
        guard now < expiresAt + TokenClaims.skew else {
            throw AuthenticationFailure(.tokenExpired, seconds: now - expiresAt)
        }
        let start = max(issuedAt, notBefore ?? issuedAt)
        guard start <= now + TokenClaims.skew else {
            throw AuthenticationFailure(.tokenNotYetValid, seconds: start - now)
        }
        return TokenIdentity(
            partner: try TokenClaims.partner(claims, issuer), principal: try TokenClaims.principal(claims),
            roles: try TokenClaims.roles(issuer.rolesClaim.value(in: claims)), expiresAt: expiresAt)
    }

    /// Of several audiences the token must say which it was made for.
    private static func checkAudience(
        _ claims: [String: StrictJSON], _ client: String
    ) throws(AuthenticationFailure) {
        guard let audiences = TokenClaims.texts(claims["aud"]), audiences.contains(client) else {
            throw AuthenticationFailure(.tokenAudience)
        }
        let party = claims["azp"]
        guard party == nil ? audiences.count == 1 : party?.string == client else {
            throw AuthenticationFailure(.tokenParty)
        }
    }
}

import Cryptography
import Tenancy

/// What a proven token claims, checked against its issuer's settings. Times are checked at each use.
struct TokenClaims: Sendable {
    /// Seconds that the issuer's clock may differ from this one.
    static let skew: Int64 = 60
    /// Claims that only tokens about a sign-in have: they tell a client who its user is and are no leave to call.
    private static let idTokenClaims = ["at_hash", "c_hash"]

    let identity: TokenIdentity
    /// Nil when the token has no `nbf`.
    private let notBefore: Int64?
    /// The token was over before it began.
    private let neverHeld: Bool
    /// SHA-256 of the certificate that the token is bound to (RFC 8705); nil when it is bound to none.
    let certificate: [UInt8]?

    init(_ claims: [String: StrictJSON], of issuer: TokenIssuer) throws(AuthenticationFailure) {
        guard let name = claims["iss"]?.string, issuer.name.matches(name, tenant: claims["tid"]?.string) else {
            throw AuthenticationFailure(.tokenIssuer)
        }
        try Self.checkAudience(claims["aud"], issuer)
        try Self.checkKind(claims)
        guard let expiry = claims["exp"]?.numericDate else { throw AuthenticationFailure(.tokenTimes) }
        notBefore = try Self.time(claims["nbf"])
        let start = [notBefore, try Self.time(claims["iat"])].compactMap(\.self).max()
        neverHeld = start.map { $0 >= expiry } ?? false
        identity = TokenIdentity(
            partner: try Self.partner(claims, issuer), principal: try Self.principal(claims),
            roles: try Self.roles(issuer.rolesClaim.value(in: claims)), expiresAt: expiry)
        certificate = try Self.binding(claims["cnf"])
    }

    /// Whether the token holds at `now` for a caller with that certificate.
    func check(certificate presented: [UInt8]?, now: Int64) throws(AuthenticationFailure) {
        if let certificate, certificate != presented { throw AuthenticationFailure(.tokenBinding) }
        guard now < identity.expiresAt + Self.skew else {
            throw AuthenticationFailure(.tokenExpired, seconds: now - identity.expiresAt)
        }
        guard !neverHeld else { throw AuthenticationFailure(.tokenTimes) }
        if let notBefore, now < notBefore - Self.skew {
            throw AuthenticationFailure(.tokenNotYetValid, seconds: notBefore - now)
        }
    }

    /// A time that a token need not have.
    static func time(_ claim: StrictJSON?) throws(AuthenticationFailure) -> Int64? {
        guard let claim else { return nil }
        guard let time = claim.numericDate else { throw AuthenticationFailure(.tokenTimes) }
        return time
    }

    /// A tenant is a text, or a list of a single one.
    static func partner(
        _ claims: [String: StrictJSON], _ issuer: TokenIssuer
    ) throws(AuthenticationFailure) -> PartnerID {
        guard let claim = issuer.tenantClaim.value(in: claims) else {
            throw AuthenticationFailure(.tokenTenantMissing)
        }
        var tenant = claim.string
        if let listed = claim.array, listed.count == 1 { tenant = listed[0].string }
        guard let tenant, let partner = issuer.partner(ofTenant: tenant) else {
            throw AuthenticationFailure(.tokenTenant)
        }
        return partner
    }

    /// Refuses tokens that are no leave to call. Keycloak tells its kinds in the claim `typ`, and of its access tokens
    /// some have the `nonce` that elsewhere is in tokens about a sign-in alone.
    private static func checkKind(_ claims: [String: StrictJSON]) throws(AuthenticationFailure) {
        let kind = claims["typ"]?.string?.asciiLowercased
        let isAboutSignIn = idTokenClaims.contains { claims[$0] != nil } || (claims["nonce"] != nil && kind != "bearer")
        guard !isAboutSignIn, !["id", "refresh", "offline", "logout"].contains(kind) else {
            throw AuthenticationFailure(.tokenKind)
        }
    }

    /// Who calls: `oid`, which is the same in every application, or `sub`, which nearly every issuer has. A name that
    /// is no principal id, such as a mail address, counts by its digest, so that no log has it.
    static func principal(_ claims: [String: StrictJSON]) throws(AuthenticationFailure) -> PrincipalID {
        let name: String
        if let claim = claims["oid"] ?? claims["sub"] {
            guard let subject = claim.string, !subject.isEmpty else { throw AuthenticationFailure(.tokenSubject) }
            if let id = try? PrincipalID(subject) { return id }
            let digest = DigestAlgorithm.sha256.digest(of: Array(subject.utf8)).prefix(16)
            name = "sub-" + Hex.text(of: digest)
        } else {
            name = "unnamed"
        }
        guard let id = try? PrincipalID(name) else { throw AuthenticationFailure(.tokenSubject) }
        return id
    }

    private static func checkAudience(
        _ claim: StrictJSON?, _ issuer: TokenIssuer
    ) throws(AuthenticationFailure) {
        guard let names = texts(claim), !issuer.audiences.isDisjoint(with: names) else {
            throw AuthenticationFailure(.tokenAudience)
        }
    }

    /// Names of other kinds of roles give nothing.
    static func roles(_ claim: StrictJSON?) throws(AuthenticationFailure) -> RoleSet {
        guard let claim, claim != .null else { return RoleSet([]) }
        guard let names = texts(claim) else { throw AuthenticationFailure(.tokenRoles) }
        return RoleSet(names.compactMap(Role.init(tokenName:)))
    }

    /// A text, or a list of nothing but texts; nil for anything else.
    static func texts(_ claim: StrictJSON?) -> [String]? {
        if let text = claim?.string { return [text] }
        guard let elements = claim?.array else { return nil }
        let texts = elements.compactMap(\.string)
        return texts.count == elements.count ? texts : nil
    }

    /// A token that is bound to something else than a certificate's digest cannot be checked here and is refused.
    private static func binding(_ claim: StrictJSON?) throws(AuthenticationFailure) -> [UInt8]? {
        guard let claim else { return nil }
        guard let members = claim.object, members.count == 1, let text = members["x5t#S256"]?.string,
            let digest = Base64URL.bytes(of: Array(text.utf8)), digest.count == 32
        else { throw AuthenticationFailure(.tokenBinding) }
        return digest
    }
}

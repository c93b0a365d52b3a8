import Cryptography
import Tenancy

/// What a proven token claims, checked against its issuer's settings. Times are checked at each use.
struct TokenClaims: Sendable {
    /// Seconds that the issuer's clock may differ from this one.
    static let skew: Int64 = 60
    /// Claims that only tokens about a sign-in have: they tell a client who its user is and are no leave to call.
    private static let idTokenClaims = ["nonce", "at_hash", "c_hash"]

    let identity: TokenIdentity
    let notBefore: Int64
    /// The token was over before it began.
    private let neverHeld: Bool
    /// SHA-256 of the certificate that the token is bound to (RFC 8705); nil when it is bound to none.
    let certificate: [UInt8]?

    init(_ claims: [String: StrictJSON], of issuer: TokenIssuer) throws(AuthenticationFailure) {
        guard claims["iss"]?.string == issuer.issuer else { throw AuthenticationFailure(.tokenIssuer) }
        try Self.checkAudience(claims, issuer)
        guard let tenant = claims["tid"]?.string, let partner = issuer.partners[tenant] else {
            throw AuthenticationFailure(.tokenTenant)
        }
        guard Self.idTokenClaims.allSatisfy({ claims[$0] == nil }) else {
            throw AuthenticationFailure(.tokenAudience)
        }
        guard let expiry = claims["exp"]?.numericDate, let notBefore = claims["nbf"]?.numericDate else {
            throw AuthenticationFailure(.tokenTimes)
        }
        var start = notBefore
        if let issued = claims["iat"] {
            guard let time = issued.numericDate else { throw AuthenticationFailure(.tokenTimes) }
            start = max(start, time)
        }
        identity = TokenIdentity(
            partner: partner, principal: try Self.principal(claims),
            roles: try Self.roles(claims[issuer.rolesClaim]), expiresAt: expiry)
        self.notBefore = notBefore
        neverHeld = start >= expiry
        certificate = try Self.binding(claims["cnf"])
    }

    /// Whether the token holds at `now` for a caller with that certificate.
    func check(certificate presented: [UInt8]?, now: Int64) throws(AuthenticationFailure) {
        if let certificate, certificate != presented { throw AuthenticationFailure(.tokenBinding) }
        guard now < identity.expiresAt + Self.skew else { throw AuthenticationFailure(.tokenExpired) }
        guard !neverHeld else { throw AuthenticationFailure(.tokenTimes) }
        guard now >= notBefore - Self.skew else { throw AuthenticationFailure(.tokenNotYetValid) }
    }

    /// Who calls: `oid`, which is the same in every application, or `sub`, which nearly every issuer has. A name that
    /// is no principal id, such as a mail address, counts by its digest, so that no log has it.
    private static func principal(_ claims: [String: StrictJSON]) throws(AuthenticationFailure) -> PrincipalID {
        let name: String
        if let claim = claims["oid"] ?? claims["sub"] {
            guard let subject = claim.string, !subject.isEmpty else { throw AuthenticationFailure(.tokenSubject) }
            if let id = try? PrincipalID(subject) { return id }
            let digest = DigestAlgorithm.sha256.digest(of: Array(subject.utf8)).prefix(16)
            name = "sub-" + digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        } else {
            name = "unnamed"
        }
        guard let id = try? PrincipalID(name) else { throw AuthenticationFailure(.tokenSubject) }
        return id
    }

    private static func checkAudience(
        _ claims: [String: StrictJSON], _ issuer: TokenIssuer
    ) throws(AuthenticationFailure) {
        let named: Bool
        switch claims["aud"] {
        case .string(let audience): named = audience == issuer.audience
        case .array(let audiences):
            guard audiences.allSatisfy({ $0.string != nil }) else { throw AuthenticationFailure(.tokenAudience) }
            named = audiences.contains(.string(issuer.audience))
        default: named = false
        }
        guard named else { throw AuthenticationFailure(.tokenAudience) }
    }

    /// One name or a list of names. Names of other kinds of roles give nothing.
    private static func roles(_ claim: StrictJSON?) throws(AuthenticationFailure) -> RoleSet {
        let names: [StrictJSON]
        switch claim {
        case nil: names = []
        case .string: names = claim.map { [$0] } ?? []
        case .array(let elements): names = elements
        default: throw AuthenticationFailure(.tokenRoles)
        }
        guard names.allSatisfy({ $0.string != nil }) else { throw AuthenticationFailure(.tokenRoles) }
        return RoleSet(names.compactMap(\.string).compactMap(Role.init(tokenName:)))
    }

    /// A token that is bound to something else than a certificate's digest cannot be checked here and is refused.
    private static func binding(_ claim: StrictJSON?) throws(AuthenticationFailure) -> [UInt8]? {
        guard let claim else { return nil }
        guard let members = claim.object, members.count == 1, let text = members["x5t#S256"]?.string,
            let digest = Base64URL.decode(Array(text.utf8)), digest.count == 32
        else { throw AuthenticationFailure(.tokenBinding) }
        return digest
    }
}

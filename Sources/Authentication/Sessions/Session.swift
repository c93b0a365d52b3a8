import Cryptography
import Tenancy

/// Which sign-in of which issuer a cookie comes from; tells nothing of either. A session ends when its issuer's file
/// goes, or names another client.
struct IssuerMark: Sendable, Hashable {
    static let byteCount = 16

    let bytes: [UInt8]

    init(issuer: String, client: String) {
        bytes = Array(DigestAlgorithm.sha256.digest(of: Array("\(issuer)\n\(client)".utf8)).prefix(Self.byteCount))
    }

    init(bytes: [UInt8]) { self.bytes = bytes }
}

/// Somebody who signed in, as the cookie says. Only `Sessions` makes one of a cookie, and only `SignIn` a new one.
public struct Session: Sendable, Hashable {
    /// Seconds after the first sign-in at which it ends in any case.
    public static let longestSeconds: Int64 = 8 * 3_600
    /// Seconds without a call after which it ends.
    public static let idleSeconds: Int64 = 30 * 60
    /// Seconds for which the roles that the issuer told are believed.
    public static let rolesSeconds: Int64 = 3_600
    /// Seconds within which the time of the last call is not written again.
    public static let renewalSeconds: Int64 = 60

    let mark: IssuerMark
    public let partner: PartnerID
    public let principal: PrincipalID
    public let roles: RoleSet
    /// Unix seconds: of the first sign-in, of the roles, of the last call as the cookie knows it.
    let since: Int64
    let rolesAt: Int64
    let seen: Int64

    /// Last second, if the person goes on calling.
    var expiresAt: Int64 { min(since + Self.longestSeconds, rolesAt + Self.rolesSeconds) }

    /// What stays the same when it is renewed.
    struct Name: Hashable, Sendable {
        let mark: IssuerMark
        let partner: PartnerID
        let principal: PrincipalID
        let since: Int64
    }

    var name: Name { Name(mark: mark, partner: partner, principal: principal, since: since) }

    var identity: TokenIdentity {
        TokenIdentity(partner: partner, principal: principal, roles: roles, expiresAt: expiresAt)
    }

    /// The same with another last call.
    func seen(at now: Int64) -> Session {
        Session(
            mark: mark, partner: partner, principal: principal, roles: roles, since: since, rolesAt: rolesAt, seen: now)
    }

    /// Whether it is over but for its roles, which the issuer may be asked for again.
    func hasOldRoles(now: Int64) -> Bool { now >= rolesAt + Self.rolesSeconds }

    /// Throws when it is over, old roles aside.
    func checkTimes(now: Int64) throws(AuthenticationFailure) {
        // The servers' clocks differ a little. Times that no server could have written are those of no session.
        let latest = now + TokenClaims.skew
        guard since >= 0, since <= rolesAt, since <= seen, rolesAt <= latest, seen <= latest else {
            throw AuthenticationFailure(.sessionInvalid)
        }
        guard now < since + Self.longestSeconds else { throw AuthenticationFailure(.sessionExpired) }
        guard now < seen + Self.idleSeconds else { throw AuthenticationFailure(.sessionIdle) }
    }

    // MARK: As bytes

    private static let version: UInt8 = 1

    var bytes: [UInt8] {
        var writer = FieldWriter()
        writer.add(Self.version)
        writer.add(fixed: mark.bytes)
        writer.add(since)
        writer.add(rolesAt)
        writer.add(seen)
        writer.add(roles.rawValue)
        writer.add(partner.text)
        writer.add(principal.text)
        return writer.bytes
    }

    /// Nil for anything but what `bytes` has written.
    init?(bytes: [UInt8]) {
        var reader = FieldReader(bytes)
        guard reader.byte() == Self.version, let mark = reader.fixed(IssuerMark.byteCount), let since = reader.number(),
            let rolesAt = reader.number(), let seen = reader.number(), let roles = reader.byte(),
            let partner = reader.text().flatMap({ try? PartnerID($0) }),
            let principal = reader.text().flatMap({ try? PrincipalID($0) }), reader.isAtEnd
        else { return nil }
        // Far beyond any clock, and far from the end of the numbers.
        let sane: ClosedRange<Int64> = 0...253_402_300_799
        guard sane.contains(since), sane.contains(rolesAt), sane.contains(seen) else { return nil }
        self.init(
            mark: IssuerMark(bytes: mark), partner: partner, principal: principal,
            roles: RoleSet(RoleSet(rawValue: roles).roles), since: since, rolesAt: rolesAt, seen: seen)
    }

    init(
        mark: IssuerMark, partner: PartnerID, principal: PrincipalID, roles: RoleSet, since: Int64, rolesAt: Int64,
        seen: Int64
    ) {
        self.mark = mark
        self.partner = partner
        self.principal = principal
        self.roles = roles
        self.since = since
        self.rolesAt = rolesAt
        self.seen = seen
    }
}

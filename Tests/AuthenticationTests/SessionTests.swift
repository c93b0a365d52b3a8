import Cryptography
import Tenancy
import Testing

@testable import Authentication

/// Cookies of people who signed in.
@Suite struct SessionTests {
    static let now = TestIssuer.now
    static let key = [UInt8](0..<32)
    static let otherKey = [UInt8](100..<132)

    static func publicURL() throws -> PublicURL { try #require(PublicURL("https://insights.example")) }

    static func sessions(_ issuer: TokenIssuer, key: [UInt8] = key, previous: [UInt8]? = nil) throws -> Sessions {
        Sessions(
            keys: try SessionKeys(current: key, previous: previous), issuers: [issuer], publicURL: try publicURL())
    }

    static func issuer(_ login: [String: Any] = ["client_id": "web"]) throws -> TokenIssuer {
        try TestIssuer().settings(["login": login])
    }

    static func session(
        of issuer: TokenIssuer, principal: String = "ann", partner: String = "p1", roles: [Role] = [.adminAgent],
        since: Int64 = now, rolesAt: Int64? = nil, seen: Int64? = nil
    ) throws -> Session {
        Session(
            mark: try #require(issuer.login?.mark(of: issuer)), partner: try PartnerID(partner),
            principal: try PrincipalID(principal), roles: RoleSet(roles), since: since, rolesAt: rolesAt ?? since,
            seen: seen ?? rolesAt ?? since)
    }

    /// What stands in the cookie.
    static func text(_ sessions: Sessions, _ session: Session) throws -> String {
        try #require(sessions.setting(session).flatMap { HostCookie.session.value(in: [$0]) })
    }

    static func cause(_ sessions: Sessions, _ text: String, now: Int64 = now) -> AuthenticationFailure.Cause? {
        do throws(AuthenticationFailure) {
            _ = try sessions.open(text, now: now)
            return nil
        } catch {
            return error.cause
        }
    }

    @Test func opensAsItWasSealed() throws {
        let issuer = try Self.issuer()
        let sessions = try Self.sessions(issuer)
        for roles in [[], [Role.salesAgent], Role.allCases] {
            let session = try Self.session(
                of: issuer, principal: String(repeating: "n", count: 128), partner: String(repeating: "p", count: 128),
                roles: roles, since: Self.now - 7_000, rolesAt: Self.now - 3_000, seen: Self.now - 20)
            #expect(try sessions.open(Self.text(sessions, session), now: Self.now) == session)
        }
        let header = try #require(sessions.setting(Self.session(of: issuer)))
        #expect(header.hasPrefix("__Host-insights="))
        #expect(header.hasSuffix("; Path=/; Secure; HttpOnly; SameSite=Lax"))
    }

    @Test func tenThousandAlteredBitsAreRefused() throws {
        let issuer = try Self.issuer()
        let sessions = try Self.sessions(issuer)
        let text = try Self.text(sessions, Self.session(of: issuer))
        let sealed = try #require(Base64URL.bytes(of: text.utf8))
        var random = Seeded(state: 5)
        var accepted = 0
        for trial in 0..<10_000 {
            var changed = sealed
            // Each bit once, and then several at once.
            let flips =
                trial < sealed.count * 8
                ? [trial] : (0..<3).map { _ in Int.random(in: 0..<sealed.count * 8, using: &random) }
            for bit in Set(flips) { changed[bit / 8] ^= 1 << (bit % 8) }
            if Self.cause(sessions, Base64URL.text(of: changed)) != .sessionInvalid { accepted += 1 }
        }
        #expect(accepted == 0)
        // Characters of the text too, and every shorter one.
        for place in text.indices {
            var other = text
            other.replaceSubrange(place...place, with: text[place] == "A" ? "B" : "A")
            #expect(Self.cause(sessions, other) == .sessionInvalid)
            #expect(Self.cause(sessions, String(text[..<place])) == .sessionInvalid)
        }
        for junk in ["", "=", "a", text + "A", text + "=", " " + text, String(repeating: "A", count: 100_000), "ä"] {
            #expect(Self.cause(sessions, junk) == .sessionInvalid)
        }
    }

    @Test func endsInTime() throws {
        let issuer = try Self.issuer()
        let sessions = try Self.sessions(issuer)
        func cause(since: Int64, rolesAt: Int64? = nil, seen: Int64? = nil) throws -> AuthenticationFailure.Cause? {
            let session = try Self.session(
                of: issuer, since: Self.now + since, rolesAt: rolesAt.map { Self.now + $0 },
                seen: seen.map { Self.now + $0 })
            return Self.cause(sessions, try Self.text(sessions, session))
        }
        #expect(try cause(since: 0) == nil)
        #expect(try cause(since: -8 * 3_600 + 1, rolesAt: 0) == nil)
        #expect(try cause(since: -8 * 3_600, rolesAt: 0) == .sessionExpired)
        #expect(try cause(since: -9_000, rolesAt: -100, seen: -1_799) == nil)
        #expect(try cause(since: -9_000, rolesAt: -100, seen: -1_800) == .sessionIdle)
        #expect(try cause(since: -9_000, rolesAt: -3_599, seen: 0) == nil)
        #expect(try cause(since: -9_000, rolesAt: -3_600, seen: 0) == .sessionRolesOld)
        // Beyond any clock.
        #expect(try cause(since: 61) == .sessionInvalid)
        #expect(try cause(since: 60) == nil)
        #expect(try cause(since: 0, rolesAt: -1, seen: 0) == .sessionInvalid)
        #expect(try cause(since: 0, rolesAt: 0, seen: -1) == .sessionInvalid)
        #expect(try cause(since: -10, rolesAt: 61, seen: 0) == .sessionInvalid)
        #expect(try cause(since: -10, rolesAt: 0, seen: 61) == .sessionInvalid)
        for time in [Int64.max, .min, -1, 253_402_300_800] {
            let session = try Self.session(of: issuer, since: time)
            #expect(Self.cause(sessions, try Self.text(sessions, session)) == .sessionInvalid)
        }
    }

    @Test func isRenewedAtMostOnceAMinute() throws {
        let issuer = try Self.issuer()
        let sessions = try Self.sessions(issuer)
        let session = try Self.session(of: issuer)
        #expect(sessions.renewing(session, now: Self.now + 59) == nil)
        let header = try #require(sessions.renewing(session, now: Self.now + 60))
        let text = try #require(HostCookie.session.value(in: [header]))
        #expect(try sessions.open(text, now: Self.now + 60) == session.seen(at: Self.now + 60))
    }

    @Test func opensWithTheKeyOfItsPurposeAlone() throws {
        let issuer = try Self.issuer()
        let (sessions, session) = (try Self.sessions(issuer), try Self.session(of: issuer))
        let text = try Self.text(sessions, session)
        #expect(Self.cause(try Self.sessions(issuer, key: Self.otherKey), text) == .sessionInvalid)
        #expect(Self.cause(try Self.sessions(issuer, key: Self.otherKey, previous: Self.key), text) == nil)
        let next = try Self.text(try Self.sessions(issuer, key: Self.otherKey, previous: Self.key), session)
        #expect(Self.cause(sessions, next) == .sessionInvalid)
        let login = try #require(sessions.keys.seal(session.bytes, for: .login))
        #expect(Self.cause(sessions, login) == .sessionInvalid)
        // Sealed well, and no session.
        let others: [[UInt8]] = [
            [], [1], [2] + session.bytes.dropFirst(), session.bytes + [0], Array(session.bytes.dropLast()),
        ]
        for bytes in others {
            let text = try #require(sessions.keys.seal(bytes, for: .session))
            #expect(Self.cause(sessions, text) == .sessionInvalid)
        }
        #expect(sessions.keys.seal([UInt8](repeating: 0, count: 400), for: .session) == nil)
    }

    @Test func endsWithItsIssuersLogin() throws {
        let issuer = try Self.issuer()
        let text = try Self.text(try Self.sessions(issuer), Self.session(of: issuer))
        #expect(Self.cause(try Self.sessions(Self.issuer(["client_id": "other"])), text) == .sessionInvalid)
        #expect(Self.cause(try Self.sessions(TestIssuer().settings()), text) == .sessionInvalid)
    }

    @Test func isFoundAmongCookies() {
        func value(_ headers: String...) -> String? { HostCookie.session.value(in: headers) }
        #expect(value() == nil)
        #expect(value("a=b; c") == nil)
        #expect(value("__Host-insights-login=x") == nil)
        #expect(value("__Host-insight=x; a__Host-insights=y; __host-insights=z") == nil)
        #expect(value("a=b; __Host-insights=x=y; c=d") == "x=y")
        #expect(value("a=b", "__Host-insights=x") == "x")
        #expect(value("__Host-insights=") == "")
        // Browsers keep one; two are somebody's attempt.
        #expect(value("__Host-insights=x; __Host-insights=x") == "")
        #expect(value("__Host-insights=x", "__Host-insights=y") == "")
    }

    @Test func countsForPostsFromHereAlone() throws {
        let sessions = try Self.sessions(Self.issuer())
        func counts(_ isPost: Bool, _ headers: [String: [String]]) -> Bool {
            let all = headers.merging(["cookie": ["__Host-insights=x"]]) { first, _ in first }
            return sessions.cookie(isPost: isPost) { all[$0] ?? [] } != nil
        }
        #expect(counts(false, [:]))
        #expect(counts(false, ["sec-fetch-site": ["cross-site"], "origin": ["https://evil.example"]]))
        #expect(counts(true, ["sec-fetch-site": ["same-origin"]]))
        #expect(counts(true, ["sec-fetch-site": ["same-origin"], "origin": ["null"]]))
        #expect(counts(true, ["origin": ["https://insights.example"]]))
        for headers: [String: [String]] in [
            [:], ["origin": ["null"]], ["origin": ["https://evil.example"]], ["origin": ["http://insights.example"]],
            ["origin": ["https://insights.example:8443"]], ["origin": ["https://insights.example.evil"]],
            ["origin": ["https://insights.example", "https://evil.example"]], ["origin": [""]],
            ["sec-fetch-site": ["cross-site"], "origin": ["https://insights.example"]],
            ["sec-fetch-site": ["same-site"]], ["sec-fetch-site": ["none"]],
            ["sec-fetch-site": ["same-origin", "cross-site"]],
        ] {
            #expect(!counts(true, headers), "\(headers)")
        }
    }

    // MARK: As a credential

    private func bench() throws -> (TokenBench, Authenticator, TestIssuer, TokenIssuer, Sessions) {
        let test = try TestIssuer()
        let issuer = try test.settings(["login": ["client_id": "web"]])
        let bench = try TokenBench([issuer])
        let sessions = try Self.sessions(issuer)
        let authenticator = Authenticator(
            directory: bench.directory, trustDomain: try TrustDomain("insights.local"), tokens: bench.verifier,
            sessions: sessions)
        return (bench, authenticator, test, issuer, sessions)
    }

    private func cause(_ result: Result<AuthenticatedCaller, AuthenticationFailure>) -> AuthenticationFailure.Cause? {
        if case .failure(let failure) = result { return failure.cause }
        return nil
    }

    @Test func namesWhoCalls() throws {
        let (_, authenticator, _, issuer, sessions) = try bench()
        func result(_ session: Session, now: Int64 = Self.now) throws -> Result<
            AuthenticatedCaller, AuthenticationFailure
        > {
            authenticator.authenticate(
                certificate: nil, authorization: [], cookie: try Self.text(sessions, session), now: now)
        }
        let caller = try result(Self.session(of: issuer)).get()
        #expect(caller.principal.name == "ann" && caller.principal.partner?.text == "p1")
        #expect(caller.principal.roles == RoleSet([.adminAgent]) && caller.displayName == "Ann")
        #expect(caller.session?.principal.text == "ann" && !caller.viaCertificate)
        #expect(caller.expiresAt == Self.now + 3_600)
        // As of tokens, the registry need not know the person.
        #expect(try result(Self.session(of: issuer, principal: "guest")).get().principal.name == "guest")
        #expect(try cause(result(Self.session(of: issuer, principal: "off"))) == .principalDisabled)
        #expect(try cause(result(Self.session(of: issuer, partner: "p9"))) == .partnerUnknown)
        #expect(try cause(result(Self.session(of: issuer), now: Self.now + 1_800)) == .sessionIdle)
        #expect(
            cause(authenticator.authenticate(certificate: nil, authorization: [], cookie: "", now: Self.now))
                == .sessionInvalid)
        #expect(cause(authenticator.authenticate(certificate: nil, authorization: [], now: Self.now)) == .noCredential)
    }

    @Test func givesNothingBesideOtherCredentials() throws {
        let (bench, authenticator, test, issuer, sessions) = try bench()
        let ann = certificate(["spiffe://insights.local/partner/p1/principal/sal"])
        let other = certificate(["spiffe://insights.local/partner/p2/principal/root"])
        let theOperator = certificate(["spiffe://insights.local/operator/feed"])
        let text = try Self.text(sessions, Self.session(of: issuer, roles: Role.allCases))
        func result(
            _ peer: PeerIdentity?, _ authorization: [String] = [], _ cookie: String? = nil
        ) -> Result<AuthenticatedCaller, AuthenticationFailure> {
            authenticator.authenticate(
                certificate: peer, authorization: authorization, cookie: cookie ?? text, now: Self.now)
        }
        let caller = try result(ann).get()
        #expect(caller.principal.name == "sal" && caller.principal.roles == RoleSet([.salesAgent]))
        #expect(caller.session == nil)
        #expect(cause(result(other)) == .partnersDiffer)
        #expect(cause(result(theOperator)) == .partnersDiffer)
        let bearer = ["Bearer " + (try test.token())]
        #expect(try result(nil, bearer).get().principal.roles == RoleSet([.adminAgent]))
        #expect(cause(result(nil, ["Bearer " + (try test.token(claims: ["tid": "tenant-2"]))])) == .partnersDiffer)
        #expect(cause(result(nil, ["Bearer junk"])) == .tokenMalformed)
        // What is over keeps nobody out who has a certificate.
        #expect(try result(other, [], "junk").get().principal.partner?.text == "p2")
        // And without sessions a cookie is nothing.
        #expect(
            cause(bench.authenticator.authenticate(certificate: nil, authorization: [], cookie: text, now: Self.now))
                == .noCredential)
    }

    @Test func endsWhenThePersonIsDisabled() throws {
        let (bench, authenticator, _, issuer, sessions) = try bench()
        let text = try Self.text(sessions, Self.session(of: issuer))
        func result() -> Result<AuthenticatedCaller, AuthenticationFailure> {
            authenticator.authenticate(certificate: nil, authorization: [], cookie: text, now: Self.now)
        }
        let before = try result().get()
        let change = try bench.directory.prepare(
            .update(try PrincipalID("ann"), PrincipalUpdate(isDisabled: true)), in: scope("p1"))
        try bench.directory.publish(change)
        #expect(cause(result()) == .principalDisabled)
        #expect(throws: AuthenticationFailure.self) { try authenticator.renewed(before) }
    }
}

import Crypto
import CryptoExtras
import Foundation
import JWTKit
@_spi(Authentication) import Tenancy
import Testing

@testable import Authentication

@Suite struct TokenTests {
    private let issuer: TestIssuer
    private let all = TestIssuer.Signer.allCases.map(\.rawValue)

    init() throws {
        issuer = try TestIssuer()
    }

    @Test func goodTokenOfEveryAlgorithm() throws {
        let bench = try TokenBench([issuer.settings(["algorithms": all])])
        for signer in TestIssuer.Signer.allCases {
            let caller = try bench.outcome(issuer.token(signer)).get()
            #expect(
                caller.principal
                    == Principal(.partner(try PartnerID("p1"), try PrincipalID("ann"), RoleSet([.adminAgent]))))
            #expect(caller.token != nil)
            #expect(caller.displayName == "Ann")
            #expect(caller.expiresAt == TestIssuer.now + 600)
        }
        #expect(bench.accepts(try issuer.token(.RS256)))
    }

    /// Another implementation signs: what jwt-kit writes is accepted here.
    @Test func tokensOfAnIndependentImplementation() async throws {
        struct Payload: JWTPayload {
            var iss = IssuerClaim(value: TestIssuer.name)
            var aud = AudienceClaim(value: [TestIssuer.audience, "other"])
            var exp = ExpirationClaim(value: Date(timeIntervalSince1970: Double(TestIssuer.now) + 100.5))
            var nbf = NotBeforeClaim(value: Date(timeIntervalSince1970: Double(TestIssuer.now) - 100))
            var tid = "tenant-2"
            var sub = SubjectClaim(value: "app-1")
            var roles = ["SalesAgent", "UserManagementAdmin"]
            func verify(using algorithm: some JWTAlgorithm) throws {}
        }
        let keys = JWTKeyCollection()
        await keys.add(
            rsa: try Insecure.RSA.PrivateKey(pem: issuer.rsa.pemRepresentation), digestAlgorithm: .sha256, kid: "rsa1")
        await keys.add(ecdsa: try ES256PrivateKey(pem: issuer.ec.pemRepresentation), kid: "ec1")
        let bench = try TokenBench([issuer.settings()])
        for kid: JWKIdentifier in ["rsa1", "ec1"] {
            let caller = try bench.outcome(try await keys.sign(Payload(), kid: kid)).get()
            #expect(
                caller.principal
                    == Principal(
                        .partner(
                            try PartnerID("p2"), try PrincipalID("app-1"),
                            RoleSet([.salesAgent, .userManagementAdmin]))))
        }
    }

    // MARK: J1

    @Test func algorithmTricks() throws {
        let bench = try TokenBench([issuer.settings()])
        var tried = 0
        var accepted = 0
        func attack(_ token: String) {
            tried += 1
            guard let failure = bench.failure(token) else { return accepted += 1 }
            #expect(failure.reason == .invalid)
        }
        let payload = TestIssuer.encode(try JSONSerialization.data(withJSONObject: TestIssuer.claims))
        for name in ["none", "None", "nOnE", "NONE", "", "rs256", "RS256 ", "HS256", "HS384", "HS512", "EdDSA", "RS1"] {
            let header = TestIssuer.encode(
                try JSONSerialization.data(withJSONObject: ["alg": name, "kid": "rsa1", "typ": "JWT"]))
            attack("\(header).\(payload).")
            attack("\(header).\(payload)")
            attack("\(header).\(payload).AAAA")
            // A good signature under a bad name.
            attack(try issuer.token(header: ["alg": name]))
        }
        // The public key as an HMAC secret, in every form that an attacker has it.
        let numbers = try issuer.rsa.publicKey.getKeyPrimitives()
        for secret in [
            Data(issuer.rsa.publicKey.pemRepresentation.utf8), issuer.rsa.publicKey.derRepresentation,
            issuer.rsa.publicKey.pkcs1DERRepresentation, numbers.modulus,
            try Data(contentsOf: URL(fileURLWithPath: issuer.keysPath)),
        ] {
            let header = TestIssuer.encode(
                try JSONSerialization.data(withJSONObject: ["alg": "HS256", "kid": "rsa1", "typ": "JWT"]))
            let signed = "\(header).\(payload)"
            let code = HMAC<SHA256>.authenticationCode(for: Data(signed.utf8), using: SymmetricKey(data: secret))
            attack(signed + "." + TestIssuer.encode(Data(code)))
        }
        // Every algorithm signed as every other, with each key id.
        for signer in TestIssuer.Signer.allCases {
            for named in TestIssuer.Signer.allCases
            where named != signer || !["RS256", "ES256"].contains(named.rawValue) {
                for kid in ["rsa1", "ec1", "ec384"] {
                    attack(try issuer.token(signer, kid: kid, header: ["alg": named.rawValue]))
                }
            }
        }
        // ECDSA signatures of zeros (the "psychic" ones), in DER, and cut.
        for signature in [Data(count: 64), Data(count: 96), Data(count: 1), Data(repeating: 0xFF, count: 64)] {
            let parts = try issuer.token(.ES256).split(separator: ".")
            attack("\(parts[0]).\(parts[1]).\(TestIssuer.encode(signature))")
        }
        let der = try issuer.ec.signature(for: SHA256.hash(data: Data("x".utf8))).derRepresentation
        let parts = try issuer.token(.ES256).split(separator: ".")
        attack("\(parts[0]).\(parts[1]).\(TestIssuer.encode(der))")
        print("algorithm tricks: accepted \(accepted) of \(tried) bad tokens")
        #expect(tried > 150)
        #expect(accepted == 0)
    }

    // MARK: J2

    /// A junk token that names another algorithm for a key that names none must not spoil the key.
    @Test func keysCannotBePoisoned() throws {
        let bench = try TokenBench([issuer.settings(["algorithms": all])])
        for name in ["PS512", "ES256", "HS256", "none", "RS512"] {
            for kid in ["rsa1", "ec1", "nobody"] {
                let parts = try issuer.token(kid: kid, header: ["alg": name]).split(separator: ".")
                #expect(!bench.accepts("\(parts[0]).\(parts[1]).AAAA"))
            }
        }
        var failed = 0
        for signer in TestIssuer.Signer.allCases where !bench.accepts(try issuer.token(signer)) { failed += 1 }
        #expect(failed == 0)
    }

    @Test func unknownKeyIdIsNeverTriedWithAnotherKey() throws {
        // One key only, so that there would be a "default" one.
        try issuer.writeKeys([TestIssuer.jwk("rsa1", rsa: issuer.rsa.publicKey)])
        let bench = try TokenBench([issuer.settings()])
        #expect(bench.accepts(try issuer.token()))
        #expect(bench.accepts(try issuer.token(header: ["kid": nil])))
        for kid: Any? in ["other", "RSA1", "", NSNull(), 1, ["rsa1"], "rsa1\u{0}", String(repeating: "a", count: 300)] {
            #expect(bench.failure(try issuer.token(header: ["kid": kid]))?.cause == .tokenKeyUnknown)
        }
        for kid in ["../../etc/passwd", "'; DROP TABLE keys;--", "/dev/zero", "https://evil.example/jwks"] {
            #expect(bench.failure(try issuer.token(kid: kid))?.cause == .tokenKeyUnknown)
        }
    }

    @Test func tokenWithoutKeyIdNeedsTheOnlyKey() throws {
        let one = try TestIssuer.jwk("rsa1", rsa: issuer.rsa.publicKey)
        var nameless = one
        nameless["kid"] = nil
        let unnamed = try issuer.token(header: ["kid": nil])
        let other = try issuer.token(header: ["kid": nil], key: issuer.rsaNext)
        for keys in [[one], [nameless], [one, ["kty": "OKP", "kid": "x"]]] {
            try issuer.writeKeys(keys)
            let bench = try TokenBench([issuer.settings()])
            #expect(bench.accepts(unnamed))
            #expect(bench.failure(other)?.cause == .tokenSignature)
            #expect(bench.accepts(try issuer.token()) == keys.contains(one))
        }
        for keys in [[one, TestIssuer.jwk("ec1", p256: issuer.ec.publicKey)], [one, nameless]] {
            try issuer.writeKeys(keys)
            let only = try TokenBench([issuer.settings()]).failure(unnamed)?.cause
            #expect(only == (keys.contains(nameless) ? nil : .tokenKeyUnknown))
        }
        try issuer.writeKeys([nameless, nameless])
        #expect(throws: TokenIssuerError.self) { try TokenBench([issuer.settings()]) }
    }

    // MARK: J3

    @Test func times() throws {
        let bench = try TokenBench([issuer.settings()])
        let now = TestIssuer.now
        func reason(_ changes: [String: Any?], at time: Int64 = now) throws -> AuthenticationFailure.Reason? {
            bench.failure(try issuer.token(claims: changes), now: time)?.reason
        }
        #expect(try reason(["exp": now + 1]) == nil)
        #expect(try reason(["exp": now]) == nil)
        #expect(try reason(["exp": now - 59]) == nil)
        #expect(try reason(["exp": now - 60]) == .expired)
        #expect(try reason(["exp": now - 61]) == .expired)
        // An end before the beginning never held, and tells first that it is over.
        #expect(try reason(["exp": now - 3_600, "nbf": now - 10, "iat": now - 10]) == .expired)
        #expect(try reason(["exp": 0]) == .expired)
        #expect(try reason(["exp": now - 10, "nbf": now]) == .invalid)
        #expect(try reason(["nbf": now]) == nil)
        #expect(try reason(["nbf": now + 59]) == nil)
        #expect(try reason(["nbf": now + 60]) == nil)
        #expect(try reason(["nbf": now + 61]) == .invalid)
        #expect(try reason(["exp": Double(now) + 0.5]) == nil)
        // The same token, remembered by now, ends at its time all the same.
        #expect(try reason([:]) == nil)
        #expect(try reason([:], at: now + 659) == nil)
        #expect(try reason([:], at: now + 660) == .expired)
        #expect(try reason([:], at: now - 661) == .invalid)
        // The end of the year 9999 is the last that a timestamp on the wire can hold.
        for bad: Any? in [nil, "1900000000", -1, 1e300, true, NSNull(), [now + 600], 253_402_300_800, Int64.max] {
            #expect(try reason(["exp": bad]) == .invalid, "exp \(String(describing: bad))")
        }
        #expect(try reason(["exp": 253_402_300_799]) == nil)
        #expect(try reason(["nbf": nil]) == nil)
        #expect(try reason(["nbf": nil, "iat": nil]) == nil)
        for bad: Any? in ["0", -1, true, NSNull(), now + 601] {
            #expect(try reason(["nbf": bad]) == .invalid, "nbf \(String(describing: bad))")
        }
        for bad: Any? in ["x", now + 601, true] { #expect(try reason(["iat": bad]) == .invalid) }
        #expect(try reason(["iat": nil]) == nil)
    }

    @Test func claims() throws {
        let bench = try TokenBench([issuer.settings()])
        func cause(_ changes: [String: Any?]) throws -> AuthenticationFailure.Cause? {
            bench.failure(try issuer.token(claims: changes))?.cause
        }
        for bad: Any? in [nil, "", "https://login.example/tenant", TestIssuer.name + "/", 7, [TestIssuer.name]] {
            #expect(try cause(["iss": bad]) == .tokenIssuer)
        }
        for bad: Any? in [
            nil, "", "api://Insights", [String](), ["other"], 7, [TestIssuer.audience, 7], [[TestIssuer.audience]],
        ] {
            #expect(try cause(["aud": bad]) == .tokenAudience)
        }
        #expect(try cause(["aud": ["other", TestIssuer.audience]]) == nil)
        for bad: Any? in ["", "tenant-3", "tenant-1 ", 1, ["tenant-1", "tenant-1"], "p1", NSNull()] {
            #expect(try cause(["tid": bad]) == .tokenTenant)
        }
        #expect(try cause(["tid": nil]) == .tokenTenantMissing)
        #expect(try cause(["tid": "Tenant-1"]) == nil)
        for (oid, sub): (Any?, Any?) in [("", "ann"), (7, "ann"), (nil, ""), (["ann"], "ann"), (nil, 7)] {
            #expect(try cause(["oid": oid, "sub": sub]) == .tokenSubject)
        }
        for claim in ["nonce", "at_hash", "c_hash"] { #expect(try cause([claim: "x"]) == .tokenKind) }
        for bad: Any in [7, ["AdminAgent", 7], [["AdminAgent"]], [NSNull()], ["AdminAgent": true]] {
            #expect(try cause(["roles": bad]) == .tokenRoles)
        }
    }

    @Test func subjectAndRoles() throws {
        let bench = try TokenBench([issuer.settings(), issuer.settings(["issuer": "other", "roles_claim": "groups"])])
        func principal(_ changes: [String: Any?]) throws -> Principal {
            try bench.outcome(issuer.token(claims: changes)).get().principal
        }
        #expect(try principal(["oid": nil]).name == "pairwise")
        #expect(try principal(["oid": nil, "sub": nil]).name == "unnamed")
        // SHA-256 of the text, its first half: the same for one person, another for another, and no mail address.
        #expect(try principal(["oid": "ann@p1.example"]).name == "sub-\(Self.digest("ann@p1.example"))")
        for long in ["a b", "auth0|1", "é", String(repeating: "a", count: 129)] {
            #expect(try principal(["oid": nil, "sub": long]).name == "sub-\(Self.digest(long))")
        }
        #expect(try principal(["roles": nil]).roles == [])
        #expect(try principal(["roles": "SalesAgent"]).roles == RoleSet([.salesAgent]))
        #expect(try principal(["roles": ["adminagent", "ROLE_ADMIN_AGENT", "Operator"]]).roles == [])
        #expect(try principal(["roles": Role.allCases.map(\.tokenName)]).roles == RoleSet(Role.allCases))
        #expect(try principal(["iss": "other", "groups": ["SalesAgent"]]).roles == RoleSet([.salesAgent]))
        #expect(try principal(["tid": "tenant-2"]).partner == PartnerID("p2"))
    }

    @Test func directoryStillCounts() throws {
        let bench = try TokenBench([issuer.settings(["partners": ["tenant-1": "p1", "tenant-9": "p9"]])])
        #expect(bench.failure(try issuer.token(claims: ["tid": "tenant-9"]))?.cause == .partnerUnknown)
        #expect(bench.failure(try issuer.token(claims: ["oid": "off"]))?.cause == .principalDisabled)
        #expect(bench.accepts(try issuer.token(claims: ["oid": "nobody-yet"])))
        let token = try issuer.token()
        #expect(bench.accepts(token))
        try bench.directory.apply(.update(PrincipalID("ann"), PrincipalUpdate(isDisabled: true)), in: "p1")
        #expect(!bench.accepts(token))
    }

    private static func digest(_ text: String) -> String {
        SHA256.hash(data: Array(text.utf8)).prefix(16).map { String(format: "%02x", $0) }.joined()
    }

    /// See `callersAreRenewed`: a token's roles are its own, those of a certificate shrink with the directory.
    @Test func callersWithTokensAreRenewed() throws {
        let bench = try TokenBench([issuer.settings()])
        let token = try issuer.token(claims: ["oid": "ann", "roles": ["SalesAgent"]])
        let ann = certificate(["spiffe://insights.local/partner/p1/principal/ann"])
        let alone = try bench.outcome(token).get()
        let both = try bench.outcome(token, certificate: ann).get()
        #expect(both.principal.roles == RoleSet([.adminAgent, .salesAgent]))
        let update = PrincipalUpdate(roles: RoleSet([.userManagementAdmin]))
        try bench.directory.apply(.update(PrincipalID("ann"), update), in: "p1")
        #expect(try bench.authenticator.renewed(alone).principal.roles == RoleSet([.salesAgent]))
        #expect(try bench.authenticator.renewed(both).principal.roles == RoleSet([.salesAgent]))
        try bench.directory.apply(.delete(PrincipalID("ann")), in: "p1")
        #expect(try bench.authenticator.renewed(alone).principal.roles == RoleSet([.salesAgent]))
        #expect(throws: AuthenticationFailure.self) { try bench.authenticator.renewed(both) }
        try bench.directory.apply(.create(record("ann", [.adminAgent], disabled: true)), in: "p1")
        for caller in [alone, both] {
            #expect(throws: AuthenticationFailure.self) { try bench.authenticator.renewed(caller) }
        }
    }

    /// The token may name somebody else than the certificate: whoever of the two is disabled calls no more.
    @Test func bothPrincipalsAreLookedAt() throws {
        let bench = try TokenBench([issuer.settings()])
        let token = try issuer.token(claims: ["oid": "sal", "roles": ["SalesAgent"]])
        let ann = certificate(["spiffe://insights.local/partner/p1/principal/ann"])
        let both = try bench.outcome(token, certificate: ann).get()
        try bench.directory.apply(.update(PrincipalID("sal"), PrincipalUpdate(isDisabled: true)), in: "p1")
        #expect(throws: AuthenticationFailure.self) { try bench.authenticator.renewed(both) }
        #expect(bench.failure(token, certificate: ann)?.cause == .principalDisabled)
    }

    @Test func severalIssuersKeepApart() throws {
        let other = try TestIssuer()
        let bench = try TokenBench([
            issuer.settings(), other.settings(["issuer": "second", "partners": ["tenant-1": "p2"]]),
        ])
        // The other issuer's keys have the same ids and other values; the RSA key is shared, the EC key is not.
        #expect(bench.accepts(try issuer.token(.ES256)))
        #expect(!bench.accepts(try issuer.token(.ES256, claims: ["iss": "second"])))
        #expect(bench.accepts(try other.token(.ES256, claims: ["iss": "second"])))
        #expect(!bench.accepts(try other.token(.ES256)))
        #expect(
            try bench.outcome(other.token(.ES256, claims: ["iss": "second"])).get().principal.partner == PartnerID("p2")
        )
        #expect(throws: TokenIssuerError.self) { try TokenBench([issuer.settings(), other.settings()]) }
    }

    // MARK: J4

    @Test func hostileHeaders() throws {
        let fetcher = NoFetcher()
        let bench = try TokenBench([issuer.settings()], fetcher: fetcher)
        let own = try TestIssuer.jwk("rsa1", rsa: issuer.rsaNext.publicKey)
        let parameters: [String: Any] = [
            "jwk": own, "jku": "https://evil.example/jwks", "x5u": "https://evil.example/cert", "x5c": ["MIIB"],
            "crit": ["b64"], "b64": false, "zip": "DEF", "cty": "JWT", "enc": "A128GCM",
        ]
        for (name, value) in parameters {
            #expect(bench.failure(try issuer.token(header: [name: value]))?.cause == .tokenHeader)
            #expect(!bench.accepts(try issuer.token(header: [name: value], key: issuer.rsaNext)))
        }
        for type: Any in ["JWS", "dpop+jwt", "logout+jwt", "secevent+jwt", "", 7] {
            #expect(bench.failure(try issuer.token(header: ["typ": type]))?.cause == .tokenHeader)
        }
        for type: Any? in ["jwt", "JWT", "at+jwt", "application/at+JWT", nil] {
            #expect(bench.accepts(try issuer.token(header: ["typ": type])))
        }
        #expect(bench.accepts(try issuer.token(header: ["x5t": "abc"])))
        #expect(fetcher.calls.load(ordering: .relaxed) == 0)
    }

    @Test func duplicatesAndShapes() throws {
        let bench = try TokenBench([issuer.settings()])
        let header = Data(#"{"alg":"RS256","kid":"rsa1"}"#.utf8)
        let now = TestIssuer.now
        let rest = #""iss":"\#(TestIssuer.name)","aud":"\#(TestIssuer.audience)","exp":\#(now + 9),"nbf":0,"sub":"s""#
        func accepts(_ claims: String, header head: Data? = nil) throws -> Bool {
            bench.accepts(try issuer.token(rawHeader: head ?? header, rawClaims: Data(claims.utf8)))
        }
        #expect(try accepts("{\(rest),\"tid\":\"tenant-1\"}"))
        #expect(try !accepts("{\(rest),\"tid\":\"tenant-1\",\"tid\":\"tenant-2\"}"))
        #expect(try !accepts("{\(rest),\"tid\":\"tenant-1\",\"t\\u0069d\":\"tenant-2\"}"))
        #expect(try !accepts("{\(rest),\"tid\":\"tenant-1\",\"x\":{\"a\":1,\"a\":1}}"))
        #expect(try !accepts("{\(rest),\"tid\":\"tenant-1\"}{}"))
        #expect(try !accepts("[{\(rest),\"tid\":\"tenant-1\"}]"))
        #expect(try !accepts("{\(rest),\"tid\":\"tenant-1\",}"))
        #expect(try !accepts("{\(rest),\"tid\":\"tenant-1\",\"x\":\(String(repeating: "[", count: 3_000))}"))
        for head in [
            #"{"alg":"RS256","alg":"none","kid":"rsa1"}"#, #"{"alg":"none","alg":"RS256","kid":"rsa1"}"#,
            #"{"alg":"RS256","kid":"rsa1","kid":"rsa1"}"#, "[]", "null", "", "{", #"{"alg":["RS256"],"kid":"rsa1"}"#,
        ] {
            #expect(try !accepts("{\(rest),\"tid\":\"tenant-1\"}", header: Data(head.utf8)))
        }
        let good = try issuer.token()
        #expect(bench.accepts(good))
        for bad in [
            good + "=", good + ".", "." + good, good + " ", " " + good + "\n",
            good.replacingOccurrences(of: ".", with: ","),
            String(good.dropLast()), good + "A", good.replacingOccurrences(of: "_", with: "/") + "+", "..", "a.b.c",
            String(repeating: "a.", count: 8_000), String(repeating: "A", count: 65_536),
        ] where bad != " " + good + "\n" {
            #expect(!bench.accepts(bad))
        }
        let long = try issuer.token(claims: ["pad": String(repeating: "x", count: 40_000)])
        #expect(bench.failure(long)?.cause == .tokenTooLong)
    }

    /// One sequence of bytes has one spelling: bits behind the last byte are refused, so that a token cannot be
    /// written in another way and pass for another one.
    @Test func aTokenHasOneSpelling() throws {
        let bench = try TokenBench([issuer.settings()])
        let good = try issuer.token(.ES256)
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        let accepted = alphabet.filter { bench.accepts(String(good.dropLast()) + String($0)) }
        #expect(accepted.count == 1)
    }

    /// Every byte of a good token flipped, and random ones: none is accepted, nothing traps.
    @Test func damagedTokens() throws {
        let bench = try TokenBench([issuer.settings()])
        var random = Seeded(state: 23)
        var accepted = 0
        for token in [try issuer.token(.ES256), try issuer.token(.RS256)] {
            let good = Array(token.utf8)
            for place in good.indices {
                var bad = good
                bad[place] = UInt8.random(in: 0x21...0x7E, using: &random)
                if bad != good, bench.accepts(String(decoding: bad, as: UTF8.self)) { accepted += 1 }
            }
        }
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 1...200, using: &random)).map { _ in
                UInt8.random(in: 0x20...0x7E, using: &random)
            }
            if bench.accepts(String(decoding: bytes, as: UTF8.self)) { accepted += 1 }
        }
        #expect(accepted == 0)
    }

    // MARK: J6 and both credentials

    @Test func tokenBoundToACertificate() throws {
        let bench = try TokenBench([issuer.settings()])
        let digest = [UInt8](repeating: 9, count: 32)
        let bound = try issuer.token(claims: ["cnf": ["x5t#S256": TestIssuer.encode(digest)]])
        let own = certificate(["spiffe://insights.local/partner/p1/principal/ann"], fingerprint: digest)
        let other = certificate(["spiffe://insights.local/partner/p1/principal/ann"])
        #expect(bench.failure(bound, certificate: own) == nil)
        #expect(bench.failure(bound, certificate: other)?.cause == .tokenBinding)
        #expect(bench.failure(bound)?.cause == .tokenBinding)
        for bad: Any in [
            [:], ["jkt": "x"], "x", ["x5t#S256": "AAAA"], ["x5t#S256": TestIssuer.encode(digest), "jkt": "x"],
        ] {
            #expect(bench.failure(try issuer.token(claims: ["cnf": bad]), certificate: own)?.cause == .tokenBinding)
        }
    }

    @Test func bothCredentials() throws {
        let bench = try TokenBench([issuer.settings()])
        func named(_ name: String, _ partner: String = "p1", notAfter: Int64 = .max) -> PeerIdentity {
            certificate(["spiffe://insights.local/partner/\(partner)/principal/\(name)"], notAfter: notAfter)
        }
        func roles(_ name: String, _ token: [String]) throws -> RoleSet {
            let caller = try bench.outcome(
                issuer.token(claims: ["oid": "bob", "roles": token]), certificate: named(name)
            ).get()
            #expect(caller.principal.name == name)
            #expect(caller.token != nil)
            return caller.principal.roles
        }
        #expect(try roles("ann", ["AdminAgent"]) == RoleSet([.adminAgent]))
        #expect(try roles("ann", ["SalesAgent"]) == RoleSet([.adminAgent, .salesAgent]))
        #expect(try roles("sal", ["UserManagementAdmin"]) == RoleSet([.userManagementAdmin, .salesAgent]))
        #expect(try roles("ann", []) == RoleSet([.adminAgent]))
        // Exactly what the two credentials give one by one.
        for name in ["ann", "sal", "root"] {
            for role in Role.allCases {
                let own = try #require(try bench.directory.snapshot.principal(PrincipalID(name), in: scope("p1")))
                #expect(try roles(name, [role.tokenName]) == own.roles.union(RoleSet([role])))
            }
        }
        let token = try issuer.token()
        #expect(bench.failure(token, certificate: named("root", "p2"))?.cause == .partnersDiffer)
        let feed = certificate(["spiffe://insights.local/operator/feed"])
        #expect(bench.failure(token, certificate: feed)?.cause == .partnersDiffer)
        #expect(bench.failure(token, certificate: named("ghost"))?.reason == .invalid)
        #expect(bench.failure(token + "x", certificate: named("ann"))?.reason == .invalid)
        let expired = try issuer.token(claims: ["exp": TestIssuer.now - 100])
        #expect(bench.failure(expired, certificate: named("ann"))?.reason == .expired)
        #expect(bench.failure(token, certificate: named("ann", notAfter: 5))?.reason == .expired)
        #expect(
            try bench.outcome(token, certificate: named("ann", notAfter: TestIssuer.now + 5)).get().expiresAt
                == TestIssuer.now + 5)
        #expect(try bench.outcome(token, certificate: named("ann")).get().expiresAt == TestIssuer.now + 600)
    }
}

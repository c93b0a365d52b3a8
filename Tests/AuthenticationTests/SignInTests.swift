import Cryptography
import Foundation
import Synchronization
import Tenancy
import Testing

@testable import Authentication
@testable import Outgoing

/// Signing in, with an issuer in the place of the network.
@Suite struct SignInTests {
    static let now = TestIssuer.now
    static let metadata: [String: any Sendable] = [
        "issuer": TestIssuer.name, "authorization_endpoint": "https://login.example/authorize?p=1",
        "token_endpoint": "https://login.example/token", "end_session_endpoint": "https://login.example/out",
        "jwks_uri": "https://login.example/keys", "code_challenge_methods_supported": ["plain", "S256"],
    ]

    /// Answers by path, and keeps what was asked.
    final class Network: RequestSender {
        let answers = Mutex<[String: Data]>([:])
        let asked = Mutex<[HTTPSRequest]>([])

        func ask(
            _ request: HTTPSRequest, completion: @escaping @Sendable (Result<HTTPSResponse, OutgoingError>) -> Void
        ) {
            asked.withLock { $0.append(request) }
            guard let body = answers.withLock({ $0[request.address.target] }) else {
                return completion(
                    .failure(OutgoingError(host: request.address.host, cause: .status(400), detail: nil)))
            }
            completion(.success(HTTPSResponse(head: ResponseHead(status: 200, block: []), body: Array(body))))
        }

        func answer(_ path: String, _ object: Any) throws {
            let data = try JSONSerialization.data(withJSONObject: object)
            answers.withLock { $0[path] = data }
        }
    }

    struct Bench {
        let test: TestIssuer
        let network = Network()
        let sessions: Sessions
        let signIn: SignIn

        init(login: [String: Any] = ["client_id": "web"], metadata: [String: any Sendable] = SignInTests.metadata)
            throws
        {
            test = try TestIssuer()
            let issuer = try test.settings(["login": login])
            let tokens = try TokenBench([issuer])
            sessions = try SessionTests.sessions(issuer)
            signIn = try SignIn(
                issuers: [issuer], verifier: tokens.verifier, sessions: sessions, settings: KeySettings(),
                sender: network, report: { _ in })
            try network.answer("/tenant/v2.0/.well-known/openid-configuration", metadata)
            signIn.serve(
                Authenticator(
                    directory: tokens.directory, trustDomain: try TrustDomain("insights.local"), sessions: sessions),
                now: SignInTests.now)
        }

        func begin(to target: String = "/customers", cookies: [String] = [], now: Int64 = SignInTests.now) throws
            -> Begun
        {
            let outcome = Mutex<SignIn.Outcome?>(nil)
            signIn.begin(at: nil, to: target, cookies: cookies, now: now) { ended in outcome.withLock { $0 = ended } }
            guard case .toIssuer(let location, let cookie) = outcome.withLock({ $0 }) else { throw TestIssuer.NoKey() }
            return try Begun(location: location, cookie: cookie)
        }

        /// - Parameter claims: of the ID token, other than good ones.
        func end(
            _ begun: Begun, fields: [String: String?] = [:], claims: [String: Any?] = [:], token: String? = nil,
            cookies: [String]? = nil, now: Int64 = SignInTests.now
        ) throws -> SignIn.Outcome {
            var all: [String: Any?] = [
                "aud": "web", "iat": now, "nbf": nil, "exp": now + 300, "nonce": begun.fields["nonce"],
            ]
            for (name, claim) in claims { all.updateValue(claim, forKey: name) }
            try network.answer("/token", ["id_token": token ?? test.token(claims: all), "access_token": "a"])
            var query: [String: String] = ["code": "c0de", "state": begun.fields["state"] ?? ""]
            for (name, value) in fields { query[name] = value }
            let outcome = Mutex<SignIn.Outcome?>(nil)
            signIn.end(query, cookies: cookies ?? [begun.cookiePair], now: { now }) { ended in
                outcome.withLock { $0 = ended }
            }
            return try #require(outcome.withLock { $0 })
        }
    }

    struct Begun {
        let location: String
        let cookie: String
        let fields: [String: String]

        init(location: String, cookie: String) throws {
            (self.location, self.cookie) = (location, cookie)
            let items = try #require(URLComponents(string: location)?.queryItems)
            fields = Dictionary(items.map { ($0.name, $0.value ?? "") }, uniquingKeysWith: { $1 })
        }

        /// As the browser sends it.
        var cookiePair: String { String(cookie.prefix { $0 != ";" }) }
    }

    private func failure(_ outcome: SignIn.Outcome) -> String? {
        if case .failed(let failure) = outcome { return failure.cause }
        return nil
    }

    @Test func signsIn() throws {
        let bench = try Bench()
        let begun = try bench.begin(to: "/customers?filter=a%20b")
        #expect(begun.location.hasPrefix("https://login.example/authorize?p=1&response_type=code&client_id=web&"))
        #expect(begun.fields["redirect_uri"] == "https://insights.example/login/callback")
        #expect(begun.fields["scope"] == "openid profile" && begun.fields["code_challenge_method"] == "S256")
        #expect(begun.fields["prompt"] == nil && begun.fields["state"]?.utf8.count == 43)
        #expect(begun.cookie.hasPrefix("__Host-insights-login="))
        #expect(begun.cookie.hasSuffix("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600"))
        guard case .signedIn(let session, let target, let cookie) = try bench.end(begun) else {
            Issue.record("not signed in")
            return
        }
        #expect(session.principal.text == "ann" && session.partner.text == "p1")
        #expect(session.roles == RoleSet([.adminAgent]) && target == "/customers?filter=a%20b")
        let text = try #require(HostCookie.session.value(in: [cookie]))
        #expect(try bench.sessions.open(text, now: Self.now) == session)
        #expect(!bench.signIn.metrics().contains("signed-in\"} 0"))
        // The code went with the verifier of the challenge, and with no secret.
        let request = try #require(bench.network.asked.withLock { $0.last })
        guard case .post(let body, _) = request.method else {
            Issue.record("no POST")
            return
        }
        let sent = try #require(URLComponents(string: "?" + String(decoding: body, as: UTF8.self))?.queryItems)
        let fields = Dictionary(sent.map { ($0.name, $0.value ?? "") }, uniquingKeysWith: { $1 })
        let digest = DigestAlgorithm.sha256.digest(of: Array((fields["code_verifier"] ?? "").utf8))
        #expect(Base64URL.text(of: digest) == begun.fields["code_challenge"])
        #expect(fields["code"] == "c0de" && fields["client_id"] == "web" && request.authorization == nil)
        #expect(
            bench.signIn.placeToSignOut(cookies: ["__Host-insights=" + text], now: Self.now)
                == "https://login.example/out?client_id=web")
    }

    @Test func aSecretIsShownToTheIssuerAlone() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/secret"
        try Data("s3cr:t/\n".utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        let bench = try Bench(login: ["client_id": "web app", "client_secret_file": path])
        _ = try bench.end(bench.begin(), claims: ["aud": "web app"])
        let request = try #require(bench.network.asked.withLock { $0.last })
        #expect(request.authorization == "Basic " + Data("web%20app:s3cr%3At%2F".utf8).base64EncodedString())
        guard case .post(let body, _) = request.method else { return }
        #expect(!String(decoding: body, as: UTF8.self).contains("client_id"))
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
        #expect(throws: TokenIssuerError.self) { try Bench(login: ["client_id": "web", "client_secret_file": path]) }
        #expect(throws: TokenIssuerError.self) { try Bench(login: ["client_id": "web", "client_secret_file": "/no"]) }
    }

    @Test func refusesTokensOfOtherSignIns() throws {
        let bench = try Bench()
        let table: [(cause: String, claims: [String: Any?])] = [
            ("token-audience", ["aud": TestIssuer.audience]), ("token-audience", ["aud": nil]),
            ("token-party", ["aud": ["web", "other"]]), ("token-party", ["aud": ["web", "other"], "azp": "other"]),
            ("token-party", ["azp": "other"]), ("token-party", ["azp": 7]),
            ("token-nonce", ["nonce": "other"]), ("token-nonce", ["nonce": nil]), ("token-nonce", ["nonce": ""]),
            ("token-issuer", ["iss": "https://evil.example"]), ("token-issuer", ["iss": nil]),
            ("token-expired", ["exp": Self.now - 60, "iat": Self.now - 600]), ("token-times", ["exp": nil]),
            ("token-times", ["iat": nil]), ("token-times", ["iat": Self.now + 400]),
            ("token-not-yet-valid", ["iat": Self.now + 61]), ("token-not-yet-valid", ["nbf": Self.now + 61]),
            ("token-tenant", ["tid": "elsewhere"]), ("token-tenant-missing", ["tid": nil]),
            ("token-subject", ["oid": ""]), ("token-roles", ["roles": 7]), ("token-kind", ["typ": "Bearer"]),
            ("login-no-role", ["roles": nil]), ("login-no-role", ["roles": ["HelpdeskAgent"]]),
            ("principal-disabled", ["oid": "off"]),
        ]
        for (cause, claims) in table {
            #expect(try failure(bench.end(bench.begin(), claims: claims)) == cause, "\(cause) \(claims)")
        }
        #expect(try failure(bench.end(bench.begin(), claims: ["aud": ["web", "other"], "azp": "web"])) == nil)
        #expect(try failure(bench.end(bench.begin(), claims: ["typ": "ID", "at_hash": "x"])) == nil)
    }

    @Test func refusesTokensThatAreNotProven() throws {
        let bench = try Bench()
        let begun = try bench.begin()
        var claims: [String: Any?] = ["aud": "web", "iat": Self.now, "nonce": begun.fields["nonce"]]
        let good = try bench.test.token(claims: claims)
        let signed = good.split(separator: ".").prefix(2).joined(separator: ".")
        let none =
            TestIssuer.encode(Data(#"{"alg":"none","typ":"JWT"}"#.utf8)) + "."
            + TestIssuer.encode(try JSONSerialization.data(withJSONObject: claims.compactMapValues { $0 }))
        claims["nonce"] = "x"
        let table = [
            ("token-malformed", none + "."), ("token-algorithm", none + ".AAAA"), ("token-malformed", signed + "."),
            ("token-signature", signed + ".AAAA"), ("token-malformed", ""),
            ("token-too-long", String(repeating: "a", count: 16_385)),
            ("token-signature", try bench.test.token(claims: claims, key: bench.test.rsaNext)),
            ("token-algorithm", try bench.test.token(.RS512, claims: claims)),
            ("token-key-unknown", try bench.test.token(kid: "other", claims: claims)),
            ("token-kind", try bench.test.token(header: ["typ": "at+jwt"], claims: claims)),
        ]
        for (cause, token) in table {
            #expect(try failure(bench.end(bench.begin(), token: token)) == cause, "\(token)")
        }
        // And a token about a sign-in is no leave to call.
        let bearer = try TokenBench([bench.test.settings(["audience": "web"])])
        #expect(bearer.failure(good)?.cause == .tokenKind)
    }

    @Test func refusesAnswersOfOtherSignIns() throws {
        let bench = try Bench()
        let (begun, other) = (try bench.begin(), try bench.begin())
        #expect(try failure(bench.end(begun, fields: ["state": other.fields["state"]])) == "login-state")
        #expect(try failure(bench.end(begun, fields: ["state": ""])) == "login-state")
        #expect(try failure(bench.end(begun, cookies: [])) == "login-state")
        #expect(try failure(bench.end(begun, cookies: [other.cookiePair])) == "login-state")
        #expect(try failure(bench.end(begun, cookies: [begun.cookiePair, other.cookiePair])) == "login-state")
        #expect(try failure(bench.end(begun, cookies: [begun.cookiePair + "A"])) == "login-state")
        #expect(try failure(bench.end(begun, now: Self.now + 600)) == "login-too-late")
        #expect(try failure(bench.end(bench.begin(), now: Self.now + 599)) == nil)
        #expect(try failure(bench.end(begun, now: Self.now - 61)) == "login-too-late")
        #expect(try failure(bench.end(bench.begin(), fields: ["code": ""])) == "login-malformed")
        let long = String(repeating: "c", count: 4_097)
        #expect(try failure(bench.end(bench.begin(), fields: ["code": long])) == "login-malformed")
        #expect(try failure(bench.end(bench.begin(), fields: ["error": "access_denied"])) == "login-refused-by-issuer")
        #expect(try failure(bench.end(bench.begin(), fields: ["iss": "https://evil.example"])) == "login-other-issuer")
        #expect(try failure(bench.end(bench.begin(), fields: ["iss": TestIssuer.name])) == nil)
        let strict = try Bench(
            metadata: Self.metadata.merging(["authorization_response_iss_parameter_supported": true]) { $1 })
        #expect(try failure(strict.end(strict.begin())) == "login-other-issuer")
        #expect(try failure(strict.end(strict.begin(), fields: ["iss": TestIssuer.name])) == nil)
        bench.network.answers.withLock { $0["/token"] = nil }
        let outcome = Mutex<SignIn.Outcome?>(nil)
        let last = try bench.begin()
        bench.signIn.end(
            ["code": "c", "state": last.fields["state"] ?? ""], cookies: [last.cookiePair], now: { Self.now }
        ) { ended in outcome.withLock { $0 = ended } }
        #expect(outcome.withLock { $0 }.flatMap(failure) == "login-exchange")
    }

    /// Whatever it was answered with: each answer may cost the issuer a request.
    @Test func isAnsweredOnce() throws {
        let bench = try Bench()
        let begun = try bench.begin()
        #expect(try failure(bench.end(begun)) == nil)
        #expect(try failure(bench.end(begun)) == "login-replayed")
        let refused = try bench.begin()
        #expect(try failure(bench.end(refused, fields: ["code": ""])) == "login-malformed")
        #expect(try failure(bench.end(refused)) == "login-replayed")
        let other = try bench.begin()
        #expect(try failure(bench.end(other, fields: ["state": "x"])) == "login-state")
        #expect(try failure(bench.end(other)) == nil)
    }

    @Test func whoSignedOutIsOut() throws {
        let bench = try Bench()
        let issuer = try bench.test.settings(["login": ["client_id": "web"]])
        let session = try SessionTests.session(
            of: issuer, since: Self.now - 3_000, rolesAt: Self.now - 3_000, seen: Self.now - 2_000)
        // Idle for too long itself, while a copy of it was in use.
        let (old, renewed) = try (
            SessionTests.text(bench.sessions, session), SessionTests.text(bench.sessions, session.seen(at: Self.now))
        )
        #expect(try bench.sessions.open(renewed, now: Self.now) == session.seen(at: Self.now))
        bench.signIn.signOut(cookies: ["__Host-insights=" + old], now: Self.now)
        #expect(throws: AuthenticationFailure(.sessionInvalid)) { try bench.sessions.open(renewed, now: Self.now) }
        let next = try SessionTests.session(of: issuer, since: Self.now, rolesAt: Self.now, seen: Self.now)
        #expect(try bench.sessions.open(SessionTests.text(bench.sessions, next), now: Self.now) == next)
    }

    @Test func setsThatEndAreBounded() {
        let set = ExpiringSet<Int>(most: 3)
        for number in 0..<3 { #expect(set.insert(number, until: 10 + Int64(number), now: 0) == .isNew) }
        #expect(set.insert(1, until: 50, now: 0) == .wasThere)
        #expect(set.insert(3, until: 50, now: 0) == .isFull)
        #expect(set.insert(3, until: 50, now: 10) == .isNew)
        #expect(!set.contains(0, now: 10) && set.contains(1, now: 10) && !set.contains(1, now: 11))
    }

    @Test func oldRolesAreAskedForWithoutAWord() throws {
        let bench = try Bench()
        let issuer = try bench.test.settings(["login": ["client_id": "web"]])
        let session = try SessionTests.session(
            of: issuer, since: Self.now - 10_000, rolesAt: Self.now - 4_000, seen: Self.now - 5)
        let cookie = "__Host-insights=" + (try SessionTests.text(bench.sessions, session))
        let begun = try bench.begin(cookies: [cookie])
        #expect(begun.fields["prompt"] == "none")
        guard case .signedIn(let renewed, _, _) = try bench.end(begun) else {
            Issue.record("not renewed")
            return
        }
        // What began eight hours ago ends all the same.
        #expect(renewed.since == session.since && renewed.rolesAt == Self.now)
        // Where the issuer has to ask, it is asked to.
        let again = try bench.begin(cookies: [cookie])
        guard case .toIssuer(let location, _) = try bench.end(again, fields: ["error": "login_required"]) else {
            Issue.record("no second way")
            return
        }
        #expect(!location.contains("prompt"))
        let over = try SessionTests.session(of: issuer, since: Self.now - 30_000, rolesAt: Self.now - 5)
        let old = "__Host-insights=" + (try SessionTests.text(bench.sessions, over))
        #expect(try bench.begin(cookies: [old]).fields["prompt"] == nil)
    }

    // MARK: What is told

    @Test func targetsArePathsOfThisHost() {
        for good in ["/", "/customers", "/customers/a%2Fb?x=1&y=//z", "/trend#now", "/loginx", "/a:b@c"] {
            #expect(LocalTarget.checked(good) == good)
        }
        for bad in [
            "", "customers", "//evil.example", "/\\evil.example", "\\\\evil", "https://evil.example", "https:evil",
            "javascript:alert(1)", "/a\\b", "/\tevil", "/a\r\nset-cookie: x=y", "/a b", "/ä", "/\u{0}", " /a", "///a",
            "/a//b", "/login", "/login?to=/login", "/login/callback?code=1", "/logout", "@evil", "/%0d\n",
            "\u{2f}\u{2f}evil",
            "/" + String(repeating: "a", count: 1_024),
        ] {
            #expect(LocalTarget.checked(bad) == "/", "\(bad)")
        }
    }

    @Test func publicURLs() {
        for (text, origin) in [
            ("https://insights.example", "https://insights.example"),
            ("https://Insights.Example/", "https://insights.example"),
            ("https://insights.example:443", "https://insights.example"), ("https://[::1]:8443", "https://[::1]:8443"),
            ("https://10.0.0.1:1", "https://10.0.0.1:1"),
        ] {
            #expect(PublicURL(text)?.origin == origin)
        }
        for bad in [
            "", "insights.example", "http://insights.example", "https://", "https://a/b", "https://a//", "https://a?b",
            "https://a#b", "https://u@a", "https://a:0", "https://a:x", "https://a b", "https://a,b", "https://ä",
            "https://" + String(repeating: "a", count: 254),
        ] {
            #expect(PublicURL(bad) == nil, "\(bad)")
        }
    }

    @Test func metadataIsReadStrictly() throws {
        func fault(_ changes: [String: Any?]) throws -> ProviderMetadata.Fault? {
            var document: [String: Any] = Self.metadata
            for (name, value) in changes { document[name] = value }
            return try fault(Array(JSONSerialization.data(withJSONObject: document)))
        }
        func fault(_ json: [UInt8]) throws -> ProviderMetadata.Fault? {
            do throws(ProviderMetadata.Fault) {
                _ = try ProviderMetadata(json: json, issuer: TestIssuer.name)
                return nil
            } catch {
                return error
            }
        }
        #expect(try fault([:]) == nil)
        #expect(try fault(["end_session_endpoint": nil, "code_challenge_methods_supported": nil]) == nil)
        for name in ["https://evil.example", TestIssuer.name + "/", "", nil] as [String?] {
            #expect(try fault(["issuer": name]) == .issuer)
        }
        #expect(try fault(["issuer": [TestIssuer.name]]) == .issuer)
        for name in ["authorization_endpoint", "token_endpoint", "end_session_endpoint"] {
            for bad: Any in [
                "http://login.example/x", "https://u:p@login.example/", "/x", "", 7, ["https://login.example/"],
                "https://login.example/#x", "https://login.example/a b", "javascript:x",
            ] {
                #expect(try fault([name: bad]) == .endpoint, "\(name) \(bad)")
            }
        }
        #expect(try fault(["authorization_endpoint": nil]) == .endpoint)
        #expect(try fault(["code_challenge_methods_supported": ["plain"]]) == .challenge)
        #expect(try fault(["code_challenge_methods_supported": "S256"]) == .challenge)
        for junk in ["", "[]", "null", "{", #"{"issuer":"a","issuer":"a"}"#, String(repeating: "[", count: 1_000)] {
            #expect(try fault(Array(junk.utf8)) == .malformed)
        }
        let padding = [UInt8](repeating: 0x20, count: 300_000)
        #expect(try fault(Array(JSONSerialization.data(withJSONObject: Self.metadata)) + padding) == .malformed)
    }

    @Test func metadataIsKeptAndAskedForSeldom() throws {
        let bench = try Bench()
        func asked() -> Int { bench.network.asked.withLock { $0.count } }
        for second in 0..<3_600 { _ = try bench.begin(now: Self.now + Int64(second)) }
        #expect(asked() == 1)
        // What cannot be fetched again stays in use, and is tried again.
        bench.network.answers.withLock { $0 = [:] }
        for second in 3_600..<3_620 { _ = try bench.begin(now: Self.now + Int64(second)) }
        #expect(asked() == 5)
    }

    @Test func loginsOfIssuerFiles() throws {
        func reason(_ login: Any, issuer: String = TestIssuer.name) -> String {
            do throws(TokenIssuerError) {
                let changes: [String: Any] = ["login": login, "issuer": issuer]
                var members: [String: Any] = ["audience": "a", "jwks": "k.json", "partners": ["t": "p"]]
                members.merge(changes) { $1 }
                let json = (try? JSONSerialization.data(withJSONObject: members)) ?? Data()
                let read = try TokenIssuer(json: Array(json), file: "/etc/i.json")
                return read.login.map { "\($0.discovery) \($0.scopes) \($0.secretFile ?? "-")" } ?? ""
            } catch {
                return error.reason
            }
        }
        #expect(
            reason(["client_id": "w"]) == "https://login.example/tenant/v2.0/.well-known/openid-configuration "
                + "[\"openid\", \"profile\"] -")
        #expect(
            reason(["client_id": "w", "scopes": ["email"], "client_secret_file": "s"], issuer: "https://a/")
                == "https://a/.well-known/openid-configuration [\"openid\", \"email\"] /etc/s")
        #expect(reason([]).contains("must be an object"))
        #expect(reason(["client": "w"]).contains("unknown key"))
        #expect(reason(["client_id": ""]).contains("client_id"))
        #expect(reason(["client_id": "ä"]).contains("ASCII"))
        #expect(reason(["client_id": "{id}"]).contains("stands for nothing"))
        #expect(reason(["client_id": "w", "scopes": "openid"]).contains("scopes"))
        #expect(reason(["client_id": "w", "scopes": ["a b"]]).contains("scopes"))
        #expect(reason(["client_id": "w", "discovery": "http://a"]).contains("https"))
        #expect(reason(["client_id": "w"], issuer: "urn:a").contains("no https URL"))
        #expect(reason(["client_id": "w"], issuer: "https://a/{tenantid}").contains("{tenantid}"))
        #expect(
            reason(["client_id": "w", "discovery": "https://a/o"], issuer: "https://a/{tenantid}").hasPrefix(
                "https://a/o"))
    }
}

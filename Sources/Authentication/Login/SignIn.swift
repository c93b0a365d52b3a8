import Outgoing
import Synchronization

/// Signs people in at the configured issuers (OpenID Connect, the code flow with PKCE), this server being the client:
/// no token ever reaches a browser.
public final class SignIn: Sendable {
    public static let callbackPath = "/login/callback"
    /// Codes that are exchanged at once. Whoever began a sign-in can have some exchanged, and the issuer is another's.
    static let maximumExchanges = 32

    /// Sign-ins that were answered and are not over, as many as are remembered.
    static let maximumAnswered = 100_000

    /// How a step ended.
    public enum Outcome: Sendable {
        /// To the issuer, with the cookie of the sign-in.
        case toIssuer(location: String, cookie: String)
        /// Signed in, with the cookie of the session, and on to a path of this host.
        case signedIn(Session, target: String, cookie: String)
        case failed(SignInFailure)
    }

    private struct Served: Sendable {
        let authenticator: Authenticator
        let ended: @Sendable (Result<Session, SignInFailure>) -> Void
    }

    struct Party: Sendable {
        let issuer: TokenIssuer
        let mark: IssuerMark
        let discovery: Discovery
        let exchange: CodeExchange
    }

    public let sessions: Sessions
    private let parties: [Party]
    private let verifier: TokenVerifier
    private let sender: any RequestSender
    private let report: @Sendable (SignInEvent) -> Void
    /// Set by the server that has the directory.
    private let server = Mutex<Served?>(nil)
    private let exchanges = Atomic(0)
    /// Sign-ins that were answered: each once on this server, whatever the answer was.
    private let answered = ExpiringSet<[UInt8]>(most: maximumAnswered)
    private let counts = SignInCounts()

    /// Reads the secrets of clients. Throws for one that cannot be used.
    ///
    /// - Parameters:
    ///   - issuers: all that the verifier has; one of them has a login at least.
    public convenience init(
        issuers: [TokenIssuer], verifier: TokenVerifier, sessions: Sessions, settings: KeySettings = KeySettings(),
        report: @escaping @Sendable (SignInEvent) -> Void = { _ in }
    ) throws(TokenIssuerError) {
        try self.init(
            issuers: issuers, verifier: verifier, sessions: sessions, settings: settings, sender: HTTPSClient(),
            report: report)
    }

    init(
        issuers: [TokenIssuer], verifier: TokenVerifier, sessions: Sessions, settings: KeySettings,
        sender: any RequestSender, report: @escaping @Sendable (SignInEvent) -> Void
    ) throws(TokenIssuerError) {
        let redirect = sessions.publicURL.origin + Self.callbackPath
        var parties: [Party] = []
        for issuer in issuers {
            guard let login = issuer.login else { continue }
            let exchange = CodeExchange(
                login: login, secret: try ClientSecret.read(login, of: issuer), redirect: redirect, settings: settings)
            let discovery = Discovery(
                issuer, at: login.discovery, sender: sender, settings: settings, report: report)
            parties.append(
                Party(issuer: issuer, mark: login.mark(of: issuer), discovery: discovery, exchange: exchange))
        }
        self.parties = parties
        (self.verifier, self.sessions, self.sender, self.report) = (verifier, sessions, sender, report)
    }

    /// Throws what would stop a start with these issuers; asks nobody.
    public static func check(_ issuers: [TokenIssuer]) throws(TokenIssuerError) {
        try ClientSecret.check(issuers)
    }

    /// From now on people who are not let in are told so when they sign in. Asks the issuers for their metadata.
    ///
    /// - Parameters:
    ///   - now: Unix time in seconds.
    ///   - ended: told of every sign-in that ends, on any thread.
    public func serve(
        _ authenticator: Authenticator, now: Int64,
        ended: @escaping @Sendable (Result<Session, SignInFailure>) -> Void = { _ in }
    ) {
        server.withLock { $0 = Served(authenticator: authenticator, ended: ended) }
        for party in parties { party.discovery.metadata(now: now) { _ in } }
    }

    /// Ends requests to issuers, within a moment; nobody signs in after that.
    public func stop() { sender.end() }

    /// The issuers to choose from, as their files have them.
    public var issuers: [String] { parties.map(\.issuer.issuer) }

    // MARK: To the issuer

    /// Begins a sign-in. Where the browser has a session whose roles alone are too old, the issuer is asked for them
    /// without a word to the person.
    ///
    /// - Parameters:
    ///   - place: of the issuer, in `issuers`; nil for that of the session, or the only one.
    ///   - target: where to go after it.
    ///   - cookies: the values of the `cookie` headers.
    ///   - now: Unix time in seconds.
    public func begin(
        at place: Int?, to target: String, cookies: [String], now: Int64,
        completion: @escaping @Sendable (Outcome) -> Void
    ) {
        let session = renewable(cookies, now: now)
        let known = session.flatMap { session in parties.firstIndex { $0.mark == session.mark } }
        guard let place = place ?? known ?? (parties.count == 1 ? 0 : nil), parties.indices.contains(place) else {
            return completion(failed(.malformed))
        }
        begin(parties[place], to: target, renewing: known == place ? session : nil, now: now, completion: completion)
    }

    /// Whether people have to say at which issuer they sign in.
    public func mustChoose(cookies: [String], now: Int64) -> Bool {
        parties.count > 1 && renewable(cookies, now: now) == nil
    }

    private func renewable(_ cookies: [String], now: Int64) -> Session? {
        guard let text = HostCookie.session.value(in: cookies) else { return nil }
        return try? sessions.openWithoutRoles(text, now: now)
    }

    private func begin(
        _ party: Party, to target: String, renewing session: Session?, now: Int64,
        completion: @escaping @Sendable (Outcome) -> Void
    ) {
        party.discovery.metadata(now: now) { [self] answer in
            switch answer {
            case .failure(let failure): completion(failed(failure))
            case .success(let metadata):
                let state = LoginState(mark: party.mark, begun: now, renews: session?.since, target: target)
                guard let sealed = sessions.keys.seal(state.bytes, for: .login) else {
                    return completion(failed(.malformed))
                }
                completion(
                    .toIssuer(
                        location: Self.location(metadata, party.exchange, state),
                        cookie: HostCookie.login.setting(sealed, lifetime: LoginState.longestSeconds)))
            }
        }
    }

    private static func location(
        _ metadata: ProviderMetadata, _ exchange: CodeExchange, _ state: LoginState
    ) -> String {
        var fields = [
            ("response_type", "code"), ("client_id", exchange.login.clientID), ("redirect_uri", exchange.redirect),
            ("scope", exchange.login.scopes.joined(separator: " ")), ("state", state.stateText),
            ("nonce", state.nonceText), ("code_challenge", state.challenge), ("code_challenge_method", "S256"),
        ]
        if state.renews != nil { fields.append(("prompt", "none")) }
        return metadata.authorization.adding(fields)
    }

    // MARK: Back from the issuer

    /// Ends a sign-in.
    ///
    /// - Parameters:
    ///   - fields: of the query.
    ///   - cookies: the values of the `cookie` headers.
    ///   - now: Unix time in seconds, asked for again when the issuer has answered.
    public func end(
        _ fields: [String: String], cookies: [String], now clock: @escaping @Sendable () -> Int64,
        completion: @escaping @Sendable (Outcome) -> Void
    ) {
        let now = clock()
        guard let text = HostCookie.login.value(in: cookies), let bytes = sessions.keys.open(text, for: .login),
            let state = LoginState(bytes: bytes), let party = parties.first(where: { $0.mark == state.mark })
        else { return completion(failed(.state)) }
        guard let answer = fields["state"], state.isAnswered(by: answer) else {
            return completion(failed(.otherState))
        }
        guard !state.isOver(now: now) else { return completion(failed(.tooLate)) }
        switch answered.insert(state.state, until: state.begun + LoginState.longestSeconds + TokenClaims.skew, now: now)
        {
        // Beyond what is remembered the issuer alone sees to it that a code counts once: else strangers, who can begin
        // sign-ins, could keep everybody from ending one.
        case .isNew, .isFull: break
        case .wasThere: return completion(failed(.replayed))
        }
        party.discovery.metadata(now: now) { [self] answer in
            switch answer {
            case .failure(let failure): completion(failed(failure))
            case .success(let metadata):
                if let failure = Self.fault(of: fields, party, metadata) {
                    guard failure == .refusedByIssuer, state.renews != nil else { return completion(failed(failure)) }
                    // The issuer has to ask the person after all.
                    return begin(party, to: state.target, renewing: nil, now: now, completion: completion)
                }
                exchange(fields["code"] ?? "", state, party, metadata, clock, completion)
            }
        }
    }

    /// Nil where there is a code to exchange.
    private static func fault(
        of fields: [String: String], _ party: Party, _ metadata: ProviderMetadata
    ) -> SignInFailure? {
        // An issuer of many tenants names itself by one of them.
        if let fixed = party.issuer.name.fixed {
            guard fields["iss"].map({ $0 == fixed }) ?? !metadata.namesItself else { return .otherIssuer }
        }
        if fields["error"] != nil { return .refusedByIssuer }
        guard let code = fields["code"], !code.isEmpty, code.utf8.count <= CodeExchange.maximumCodeBytes else {
            return .malformed
        }
        return nil
    }

    private func exchange(
        _ code: String, _ state: LoginState, _ party: Party, _ metadata: ProviderMetadata,
        _ clock: @escaping @Sendable () -> Int64, _ completion: @escaping @Sendable (Outcome) -> Void
    ) {
        guard exchanges.add(1, ordering: .relaxed).newValue <= Self.maximumExchanges else {
            exchanges.subtract(1, ordering: .relaxed)
            return completion(failed(.busy))
        }
        let request = party.exchange.request(code, verifier: state.verifierText, at: metadata.token)
        sender.ask(request) { [self] result in
            exchanges.subtract(1, ordering: .relaxed)
            do throws(SignInFailure) {
                completion(try signedIn(result, state, party, now: clock()))
            } catch {
                completion(failed(error))
            }
        }
    }

    private func signedIn(
        _ result: Result<HTTPSResponse, OutgoingError>, _ state: LoginState, _ party: Party, now: Int64
    ) throws(SignInFailure) -> Outcome {
        let token: String
        do throws(CodeExchange.Fault) {
            token = try CodeExchange.token(in: result)
        } catch {
            let reason = if case .transport(let error) = error { "\(error)" } else { "no id_token in the answer" }
            report(.exchange(issuer: party.issuer.issuer, failure: reason))
            throw .exchange
        }
        let identity: TokenIdentity
        do throws(AuthenticationFailure) {
            identity = try verifier.verifyIDToken(token, of: party.issuer, nonce: state.nonceText, now: now)
        } catch {
            throw .token(error)
        }
        let session = Session(
            mark: party.mark, partner: identity.partner, principal: identity.principal, roles: identity.roles,
            since: state.renews.map { min($0, now) } ?? now, rolesAt: now, seen: now)
        do throws(AuthenticationFailure) {
            try server.withLock { $0 }?.authenticator.requireAdmission(of: session)
        } catch {
            throw .notAdmitted(error)
        }
        guard !session.roles.isEmpty else { throw .noRole }
        guard let cookie = sessions.setting(session) else { throw .malformed }
        counts.signedIn()
        server.withLock { $0 }?.ended(.success(session))
        return .signedIn(session, target: state.target, cookie: cookie)
    }

    private func failed(_ failure: SignInFailure) -> Outcome {
        counts.refused()
        server.withLock { $0 }?.ended(.failure(failure))
        return .failed(failure)
    }

    // MARK: Out

    /// `set-cookie` headers that end a sign-in under way.
    public static var clearingLogin: String { HostCookie.login.clearing }

    /// Whether a browser sends a session's cookie, whatever it is worth.
    public static func isSession(in cookies: [String]) -> Bool { HostCookie.session.value(in: cookies) != nil }

    /// Ends the session on this server: its cookie, and any that an answer under way still renews, is worth nothing.
    ///
    /// - Parameter cookies: the values of the `cookie` headers.
    public func signOut(cookies: [String], now: Int64) {
        if let text = HostCookie.session.value(in: cookies) { sessions.end(text, now: now) }
    }

    /// `set-cookie` headers that end the session.
    public static var clearingSession: String { HostCookie.session.clearing }

    /// Where the browser signs out at the issuer too; nil where there is no such place.
    ///
    /// - Parameter cookies: the values of the `cookie` headers.
    public func placeToSignOut(cookies: [String], now: Int64) -> String? {
        let mark = renewable(cookies, now: now)?.mark
        let party = parties.first { $0.mark == mark } ?? (parties.count == 1 ? parties.first : nil)
        guard let party, let address = party.discovery.known?.endSession else { return nil }
        return address.adding([("client_id", party.exchange.login.clientID)])
    }

    // MARK: Metrics

    /// Prometheus text.
    public func metrics() -> String { counts.exposition }
}

/// How many sign-ins ended how.
private final class SignInCounts: Sendable {
    private let signedInTotal = Atomic<UInt64>(0)
    private let refusedTotal = Atomic<UInt64>(0)

    func signedIn() { signedInTotal.add(1, ordering: .relaxed) }

    func refused() { refusedTotal.add(1, ordering: .relaxed) }

    var exposition: String {
        let name = "insights_sign_ins_total"
        return "# HELP \(name) Sign-ins of people that ended, by how.\n# TYPE \(name) counter\n"
            + "\(name){result=\"signed-in\"} \(signedInTotal.load(ordering: .relaxed))\n"
            + "\(name){result=\"refused\"} \(refusedTotal.load(ordering: .relaxed))\n"
    }
}

/// Opens and makes the cookies of people who signed in: the only place that does.
public struct Sessions: Sendable {
    let keys: SessionKeys
    /// Of the issuers where people sign in.
    private let marks: Set<IssuerMark>
    /// Where browsers find this server: a change that a page asks for must come from here.
    public let publicURL: PublicURL
    /// Sessions that people ended on this server.
    private let ended = ExpiringSet<Session.Name>(most: maximumEnded)

    /// Beyond them a session ends with its cookie alone.
    private static let maximumEnded = 100_000

    /// - Parameter issuers: all that are configured; only those with a login count.
    public init(keys: SessionKeys, issuers: [TokenIssuer], publicURL: PublicURL) {
        self.keys = keys
        self.publicURL = publicURL
        marks = Set(issuers.compactMap { $0.login?.mark(of: $0) })
    }

    /// What may count of a request's headers: the cookie, unless a page of another site could have had the browser
    /// send it along. Nil without one.
    ///
    /// - Parameters:
    ///   - isPost: of the one method that may change something.
    ///   - values: all values of the header of that name.
    public func cookie(isPost: Bool, values: (String) -> [String]) -> String? {
        guard let text = HostCookie.session.value(in: values("cookie")) else { return nil }
        return isPost && !isFromHere(values) ? nil : text
    }

    /// Whether a page of this server asks. Browsers say where a request comes from, and no script can change what they
    /// say; older ones know `origin` alone, which pages without a referrer send as `null`.
    public func isFromHere(_ values: (String) -> [String]) -> Bool {
        let sites = values("sec-fetch-site")
        return sites.isEmpty ? values("origin") == [publicURL.origin] : sites == ["same-origin"]
    }

    /// Whether a page asks for itself again, for figures that changed: nobody clicked.
    ///
    /// - Parameter cookies: the values of the `cookie` headers.
    public static func isReload(_ cookies: [String]) -> Bool { HostCookie.reload.value(in: cookies) != nil }

    /// The `set-cookie` header after which the next request is a click.
    public static var clearingReload: String { HostCookie.reload.clearing }

    /// The session of a cookie. Throws when it is none, of an issuer where nobody signs in, or over.
    func open(_ text: String, now: Int64) throws(AuthenticationFailure) -> Session {
        let session = try openWithoutRoles(text, now: now)
        guard !session.hasOldRoles(now: now) else { throw AuthenticationFailure(.sessionRolesOld) }
        return session
    }

    /// The same where only the roles may be too old: the issuer can be asked for them without a word to the person.
    func openWithoutRoles(_ text: String, now: Int64) throws(AuthenticationFailure) -> Session {
        guard let session = opened(text) else { throw AuthenticationFailure(.sessionInvalid) }
        try session.checkTimes(now: now)
        guard !ended.contains(session.name, now: now) else { throw AuthenticationFailure(.sessionInvalid) }
        return session
    }

    /// Whatever its times say; nil for none of ours.
    private func opened(_ text: String) -> Session? {
        keys.open(text, for: .session).flatMap(Session.init).flatMap { marks.contains($0.mark) ? $0 : nil }
    }

    /// The session of a cookie is worth nothing any more on this server, renewed or not: a copy may be in use where the
    /// cookie itself was idle for too long.
    func end(_ text: String, now: Int64) {
        guard let session = opened(text), now < session.since + Session.longestSeconds else { return }
        _ = ended.insert(session.name, until: session.since + Session.longestSeconds, now: now)
    }

    /// The value of a `set-cookie` header.
    func setting(_ session: Session) -> String? {
        keys.seal(session.bytes, for: .session).map { HostCookie.session.setting($0) }
    }

    /// The value of a `set-cookie` header that says that somebody called just now; nil where the cookie knows well
    /// enough.
    public func renewing(_ session: Session, now: Int64) -> String? {
        guard now - session.seen >= Session.renewalSeconds else { return nil }
        return setting(session.seen(at: now))
    }
}

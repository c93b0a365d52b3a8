@_spi(Authentication) import Tenancy

/// A caller whose credential holds.
public struct AuthenticatedCaller: Sendable, Hashable {
    public let principal: Principal
    /// For people; empty when nobody gave one.
    public let displayName: String
    /// Last second of the credential, Unix time; of two credentials the earlier.
    public let expiresAt: Int64
    /// The directory's generation that the roles were read from: derive nothing from this value once
    /// `PrincipalDirectory.generation` differs.
    public let directoryGeneration: UInt64
    /// Whether a certificate took part; a token did if not.
    public let viaCertificate: Bool
    /// What the token says; nil without one. A caller with a token is not to be remembered per connection.
    let token: TokenIdentity?
    /// Of somebody who signed in; nil with another credential. Not to be remembered per connection either.
    public let session: Session?
}

/// Turns credentials into a caller: the only maker of a `Principal`.
///
/// Synchronous, does no I/O, and may be called from any thread.
public final class Authenticator: Sendable {
    private let directory: PrincipalDirectory
    private let trustDomain: TrustDomain
    private let tokens: TokenVerifier?
    private let sessions: Sessions?

    /// Without a token verifier every bearer token is refused, and without sessions every cookie is nothing.
    public init(
        directory: PrincipalDirectory, trustDomain: TrustDomain, tokens: TokenVerifier? = nil,
        sessions: Sessions? = nil
    ) {
        self.directory = directory
        self.trustDomain = trustDomain
        self.tokens = tokens
        self.sessions = sessions
    }

    /// Who is calling.
    ///
    /// Either credential is enough. Of two, both must hold and name the same partner: the identity is the
    /// certificate's, and the roles of both add up, for each of them could be had by showing that credential alone.
    /// A session counts where there is neither; beside them it adds nothing, and must not be another partner's.
    ///
    /// - Parameters:
    ///   - certificate: the peer's, nil when it showed none.
    ///   - authorization: every value of the `authorization` header.
    ///   - cookie: of a session, where one counts (`Sessions.cookie`); nil without one.
    ///   - now: Unix time in seconds.
    public func authenticate(
        certificate: PeerIdentity?, authorization: [String], cookie: String? = nil, now: Int64
    ) -> Result<AuthenticatedCaller, AuthenticationFailure> {
        do throws(AuthenticationFailure) {
            let snapshot = directory.snapshot
            let certified = try certificate.map { (peer) throws(AuthenticationFailure) in
                try self.caller(of: peer, in: snapshot, now: now)
            }
            let bearer = try bearerCaller(authorization, certificate: certificate, in: snapshot, now: now)
            let caller: AuthenticatedCaller
            switch (certified, bearer) {
            case (nil, nil):
                guard let sessions, let cookie else { throw AuthenticationFailure(.noCredential) }
                return .success(try self.caller(of: sessions.open(cookie, now: now), in: snapshot))
            case (let one?, nil), (nil, let one?): caller = one
            case (let certified?, let bearer?): caller = try Self.combine(certified, bearer)
            }
            try requireSamePartner(caller, cookie, now: now)
            return .success(caller)
        } catch {
            return .failure(error)
        }
    }

    /// Whether somebody who signs in is let in, as with every call after that.
    func requireAdmission(of session: Session) throws(AuthenticationFailure) {
        _ = try caller(of: session, in: directory.snapshot)
    }

    /// Of a cookie that is over or none nothing is known, and it gives nothing.
    private func requireSamePartner(
        _ caller: AuthenticatedCaller, _ cookie: String?, now: Int64
    ) throws(AuthenticationFailure) {
        guard let cookie, let session = try? sessions?.open(cookie, now: now) else { return }
        guard session.partner == caller.principal.partner else { throw AuthenticationFailure(.partnersDiffer) }
    }

    private func caller(
        of session: Session, in snapshot: DirectorySnapshot
    ) throws(AuthenticationFailure) -> AuthenticatedCaller {
        try caller(of: session.identity, session: session, in: snapshot)
    }

    /// The caller by the directory of now, for a change that waited its turn since `caller` was authenticated: whom an
    /// earlier change disabled, deleted or stripped changes nothing any more. Roles are never added.
    ///
    /// - Parameter snapshot: the directory with changes that are not published yet; nil is the published one.
    public func renewed(
        _ caller: AuthenticatedCaller, in snapshot: DirectorySnapshot? = nil
    ) throws(AuthenticationFailure) -> AuthenticatedCaller {
        let snapshot = snapshot ?? directory.snapshot
        guard caller.directoryGeneration != snapshot.generation,
            case .partner(let partner, let name, let roles) = caller.principal.identity
        else { return caller }
        guard !snapshot.isDisabled(partner) else { throw AuthenticationFailure(.partnerDisabled) }
        let record = snapshot.record(name, of: partner)
        guard record?.isDisabled != true else { throw AuthenticationFailure(.principalDisabled) }
        // The roles of a token are the token's own.
        guard caller.viaCertificate else { return caller }
        guard let record else { throw AuthenticationFailure(.principalUnknown) }
        if let token = caller.token, snapshot.record(token.principal, of: partner)?.isDisabled == true {
            throw AuthenticationFailure(.principalDisabled)
        }
        let kept = roles.intersection(record.roles.union(caller.token?.roles ?? []))
        return AuthenticatedCaller(
            principal: Principal(.partner(partner, name, kept)), displayName: record.displayName,
            expiresAt: caller.expiresAt, directoryGeneration: snapshot.generation, viaCertificate: true,
            token: caller.token, session: nil)
    }

    private func caller(
        of peer: PeerIdentity, in snapshot: DirectorySnapshot, now: Int64
    ) throws(AuthenticationFailure) -> AuthenticatedCaller {
        guard peer.verified else { throw AuthenticationFailure(.certificateUnverified) }
        guard let identity = try? SpiffeIdentity(uriSANs: peer.uriSANs, trustDomain: trustDomain) else {
            throw AuthenticationFailure(.certificateName)
        }
        guard now >= peer.notBefore else { throw AuthenticationFailure(.certificateNotYetValid) }
        guard now <= peer.notAfter else { throw AuthenticationFailure(.certificateExpired) }
        let principal: Principal
        var displayName = ""
        switch identity {
        case .operator(let name):
            principal = Principal(.operator(name: name.text))
        case .principal(let partner, let name):
            guard let record = snapshot.record(name, of: partner) else {
                throw AuthenticationFailure(.principalUnknown)
            }
            guard !snapshot.isDisabled(partner) else { throw AuthenticationFailure(.partnerDisabled) }
            guard !record.isDisabled else { throw AuthenticationFailure(.principalDisabled) }
            principal = Principal(.partner(partner, name, record.roles))
            displayName = record.displayName
        }
        return AuthenticatedCaller(
            principal: principal, displayName: displayName, expiresAt: peer.notAfter,
            directoryGeneration: snapshot.generation, viaCertificate: true, token: nil, session: nil)
    }

    private func bearerCaller(
        _ authorization: [String], certificate: PeerIdentity?, in snapshot: DirectorySnapshot, now: Int64
    ) throws(AuthenticationFailure) -> AuthenticatedCaller? {
        guard let value = authorization.first else { return nil }
        guard authorization.count == 1, let token = BearerHeader.token(in: value) else {
            throw AuthenticationFailure(.authorizationHeader)
        }
        guard let tokens else { throw AuthenticationFailure(.tokensNotAccepted) }
        let identity = try tokens.verify(token, certificate: certificate?.fingerprint, now: now)
        return try caller(of: identity, session: nil, in: snapshot)
    }

    /// Whom an issuer vouched for: just now by a token, or when somebody signed in.
    private func caller(
        of identity: TokenIdentity, session: Session?, in snapshot: DirectorySnapshot
    ) throws(AuthenticationFailure) -> AuthenticatedCaller {
        guard snapshot.isRegistered(identity.partner) else { throw AuthenticationFailure(.partnerUnknown) }
        guard !snapshot.isDisabled(identity.partner) else { throw AuthenticationFailure(.partnerDisabled) }
        let record = snapshot.record(identity.principal, of: identity.partner)
        guard record?.isDisabled != true else { throw AuthenticationFailure(.principalDisabled) }
        return AuthenticatedCaller(
            principal: Principal(.partner(identity.partner, identity.principal, identity.roles)),
            displayName: record?.displayName ?? "", expiresAt: identity.expiresAt,
            directoryGeneration: snapshot.generation, viaCertificate: false, token: identity, session: session)
    }

    private static func combine(
        _ certified: AuthenticatedCaller, _ bearer: AuthenticatedCaller
    ) throws(AuthenticationFailure) -> AuthenticatedCaller {
        guard case .partner(let partner, let name, let roles) = certified.principal.identity,
            partner == bearer.principal.partner
        else { throw AuthenticationFailure(.partnersDiffer) }
        return AuthenticatedCaller(
            principal: Principal(.partner(partner, name, roles.union(bearer.principal.roles))),
            displayName: certified.displayName,
            expiresAt: min(certified.expiresAt, bearer.expiresAt),
            directoryGeneration: certified.directoryGeneration, viaCertificate: true, token: bearer.token,
            session: nil)
    }
}

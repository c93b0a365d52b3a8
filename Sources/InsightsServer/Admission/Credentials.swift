import Authentication
import InsightsAPI
import Logging
import RPCEngine

/// Turns what a call brings, a certificate, a token or the cookie of a session, into its caller.
final class Credentials: Sendable {
    private let directory: PrincipalDirectory
    private let authenticator: Authenticator
    /// Nil where nobody signs in.
    private let sessions: Sessions?
    private let memory: PartnerMemory
    private let strangers: StrangerLog
    private let clock: ServerClock

    init(
        directory: PrincipalDirectory, authenticator: Authenticator, sessions: Sessions? = nil, memory: PartnerMemory,
        strangers: StrangerLog, clock: ServerClock
    ) {
        self.directory = directory
        self.authenticator = authenticator
        self.sessions = sessions
        self.memory = memory
        self.strangers = strangers
        self.clock = clock
    }

    /// The caller of a call. A certificate is turned into a caller once per connection and again when the directory,
    /// the verdict on its chain or the time says so; a token or a cookie on every call.
    func caller(of call: CallContext) throws(RPCStatus) -> Caller {
        let connection = call.connection
        let now = clock.unixSeconds()
        let hasToken = call.metadata.contains("authorization")
        let cookie = cookie(of: call)
        // What the certificate alone says.
        let isOfConnection = !hasToken && cookie == nil
        if isOfConnection, let known = connection.attachment as? Caller, known.peerRevision == connection.peerRevision,
            known.identity.directoryGeneration == directory.generation, now <= known.identity.expiresAt
        {
            return known
        }
        let peer = connection.peerCertificate.map { PeerIdentity($0, now: now) }
        let result = authenticator.authenticate(
            certificate: peer, authorization: hasToken ? call.metadata.values(for: "authorization") : [],
            cookie: cookie, now: now)
        switch result {
        case .success(let identity):
            let caller = Caller(
                identity, peerRevision: connection.peerRevision,
                memory: memory.account(of: identity.principal))
            if isOfConnection { connection.attachment = caller }
            if let session = identity.session, isOfPerson(call), let renewal = sessions?.renewing(session, now: now) {
                call.webHeaders = [("set-cookie", renewal)]
            }
            if !identity.viaCertificate, identity.principal.roles.roles.isEmpty { noteNoRole(call) }
            return caller
        case .failure(let failure):
            if isOfConnection { connection.attachment = nil }
            note(failure, of: call, peer: peer)
            throw Refusal.unauthenticated(failure)
        }
    }

    /// A page that watches its figures, and loads them again, is not a person who goes on calling.
    private func isOfPerson(_ call: CallContext) -> Bool {
        call.path != Method.watchInsights.path && !Sessions.isReload(call.webHead?.headers.values(for: "cookie") ?? [])
    }

    /// Of people in browsers: calls of gRPC have none, and of changes only those that a page of this server asks for.
    private func cookie(of call: CallContext) -> String? {
        guard let sessions, let head = call.webHead else { return nil }
        return sessions.cookie(isPost: head.method != "GET") { head.headers.values(for: $0) }
    }

    /// Why a credential was refused, for operators; the caller is told one of three texts. Fixed words, the
    /// issuer as its file has it, the distance of a token's times, and of the certificate its number alone: nothing
    /// that a token or an unverified name says. Whoever shows no credential is
    /// seldom a misled caller and often a scanner.
    private func note(_ failure: AuthenticationFailure, of call: CallContext, peer: PeerIdentity?) {
        strangers.log(
            failure.cause == .noCredential ? .debug : .info, "credential refused",
            metadata: Self.metadata(
                failure, of: call, serial: call.connection.peerCertificate?.serial, reason: peer?.reason ?? ""))
    }

    /// A token that holds and gives nothing: the issuer's file may name another claim than the one that has the roles,
    /// or the issuer write them in other words.
    private func noteNoRole(_ call: CallContext) {
        strangers.log(
            .info, "token gives no role",
            metadata: [
                "request_id": .string(CallLog.requestID(of: call)), "remote": .string(call.connection.remoteAddress),
            ])
    }

    /// - Parameters:
    ///   - serial: of the certificate that the caller showed; nil without one.
    ///   - reason: why its chain is not trusted; empty when it is.
    static func metadata(
        _ failure: AuthenticationFailure, of call: CallContext, serial: String?, reason: String
    ) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "request_id": .string(CallLog.requestID(of: call)), "cause": .string(failure.cause.rawValue),
            "remote": .string(call.connection.remoteAddress),
        ]
        if let serial { metadata["certificate"] = .string(String(serial.prefix(serialDigits))) }
        if !reason.isEmpty { metadata["reason"] = .string(reason) }
        if let issuer = failure.issuer { metadata["issuer"] = .string(issuer) }
        if let seconds = failure.seconds { metadata["seconds"] = .stringConvertible(seconds) }
        return metadata
    }

    /// Of a certificate's serial number in the log: the 20 bytes that RFC 5280 allows.
    private static let serialDigits = 40
}

extension PeerIdentity {
    /// - Parameter now: Unix time in seconds.
    init(_ certificate: PeerCertificate, now: Int64) {
        let (verified, reason) =
            switch certificate.verification {
            case .trusted: (true, "")
            // Left to the authenticator, which refuses every certificate after its end and tells the caller so; one
            // whose issuer has ended stays unverified.
            case .expired where now > certificate.notAfter: (true, "")
            case .expired: (false, "certificate has expired")
            case .failed(let reason): (false, reason)
            }
        self.init(
            verified: verified, reason: reason, uriSANs: certificate.uriSANs, notBefore: certificate.notBefore,
            notAfter: certificate.notAfter, fingerprint: certificate.fingerprint)
    }
}

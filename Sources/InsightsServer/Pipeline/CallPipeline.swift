import Authentication
import InsightsAPI
import LicenseModel
import RPCEngine
import Tenancy

/// What happens to every call before its message is looked at, in this order: authentication, permission (deny by
/// default), rate limit of the partner. And after it: metrics, audit, log.
final class CallPipeline: CallInterceptor {
    /// What a method needs; by the position of the method in the server's configuration.
    enum Requirement: Sendable, Equatable {
        /// No credential: health.
        case nothing
        case permission(Permission)
    }

    private let context: ServerContext
    private let requirements: [Requirement]

    /// - Parameter requirements: one per served method, in the same order.
    init(context: ServerContext, requirements: [Requirement]) {
        self.context = context
        self.requirements = requirements
    }

    func begin(_ call: CallContext, method: MethodEntry) throws(RPCStatus) {
        let record = CallRecord()
        call.attachment = record
        let index = call.methodIndex
        guard index >= 0, index < requirements.count else { throw Refusal.noPermissionDeclared }
        guard case .permission(let permission) = requirements[index] else { return }
        let caller = try authenticate(call)
        record.caller = caller
        call.memoryAccount = permission == .ingest ? context.memory.ofIngest : caller.memory
        let grant: AccessGrant
        do {
            grant = try caller.grant(for: permission)
        } catch {
            // Refused calls count too, or they could be made without end.
            try takeToken(caller, record)
            throw error
        }
        try takeToken(caller, record)
        if let partner = caller.principal.partner {
            if permission == .exportInsights {
                guard context.exports.begin(partner) else { throw Refusal.tooManyExports(limit: context.exports.limit) }
                record.holdsExportSlot = true
            }
        }
        record.grant = grant
        record.permission = permission
    }

    private func takeToken(_ caller: Caller, _ record: CallRecord) throws(RPCStatus) {
        let now = context.clock.monotonicNanoseconds()
        if let wait = context.rateLimiter.take(caller.principal, now: now) {
            record.isRateRefused = true
            throw Refusal.tooManyCalls(context.settings.partnerLimit, retryAfterNanoseconds: wait)
        }
    }

    func status(of exceeded: ExceededLimit) -> RPCStatus { Refusal.exceeded(exceeded) }

    func recheck(_ call: CallContext) -> RPCStatus? {
        let index = call.methodIndex
        guard index >= 0, index < requirements.count, case .permission(let permission) = requirements[index] else {
            return nil
        }
        do throws(RPCStatus) {
            _ = try authenticate(call).grant(for: permission)
            return nil
        } catch {
            return error
        }
    }

    func end(_ call: CallContext, method: MethodEntry?, outcome: CallOutcome) {
        let record = call.record
        if let record, record.holdsExportSlot, let partner = record.caller?.principal.partner {
            context.exports.end(partner)
        }
        var outcome = outcome
        // The engine's clock stands still while its loop works off one wake-up; a call's share of that is wanted too.
        let now = context.clock.monotonicNanoseconds()
        outcome.durationNanoseconds = max(outcome.durationNanoseconds, now &- call.started)
        context.metrics.count(methodIndex: call.methodIndex, outcome: outcome)
        context.auditEnd(of: call, record: record, outcome: outcome)
        var unlogged = 0
        if let record, record.isRateRefused, let partner = record.caller?.principal.partner {
            guard let silent = context.rateLimiter.lineForRefusal(of: partner, now: now) else { return }
            unlogged = silent
        }
        context.callLog.write(call, record: record, outcome: outcome, unlogged: unlogged)
    }

    // MARK: Authentication

    /// The caller of a call. A certificate is turned into a caller once per connection and again when the directory,
    /// the verdict on its chain or the time says so; a token on every call.
    private func authenticate(_ call: CallContext) throws(RPCStatus) -> Caller {
        let connection = call.connection
        let now = context.clock.unixSeconds()
        let hasToken = call.metadata.contains("authorization")
        if !hasToken, let known = connection.attachment as? Caller, known.peerRevision == connection.peerRevision,
            known.identity.directoryGeneration == context.directory.generation, now <= known.identity.expiresAt
        {
            return known
        }
        let result = context.authenticator.authenticate(
            certificate: connection.peerCertificate.map { PeerIdentity($0, now: now) },
            authorization: hasToken ? call.metadata.values(for: "authorization") : [], now: now)
        switch result {
        case .success(let identity):
            let caller = Caller(
                identity, peerRevision: connection.peerRevision,
                memory: context.memory.account(of: identity.principal))
            if !hasToken { connection.attachment = caller }
            return caller
        case .failure(let failure):
            if !hasToken { connection.attachment = nil }
            context.noteRefusedCredential(failure, of: call)
            throw Refusal.unauthenticated(failure)
        }
    }
}

extension PeerIdentity {
    /// - Parameter now: Unix time in seconds.
    init(_ certificate: PeerCertificate, now: Int64) {
        var verified = certificate.verification.isTrusted
        var why = ""
        if case .failed(let code, let reason) = certificate.verification {
            // X509_V_ERR_CERT_HAS_EXPIRED. Left to the authenticator, which refuses every certificate after its end
            // and tells the caller so; a chain that fails for another reason stays unverified.
            verified = code == 10 && now > certificate.notAfter
            why = reason
        }
        self.init(
            verified: verified, reason: why, uriSANs: certificate.uriSANs, notBefore: certificate.notBefore,
            notAfter: certificate.notAfter, fingerprint: certificate.fingerprint)
    }
}

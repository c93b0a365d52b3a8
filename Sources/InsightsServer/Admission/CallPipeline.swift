import Authentication
import InsightsAPI
import RPCEngine
import Tenancy

/// What happens to every call before its message is looked at, in this order: is the server up to date, authentication,
/// permission (deny by default), rate limit of the partner. And after it: metrics, audit, log.
final class CallPipeline: CallInterceptor {
    /// What a method needs; by the position of the method in the server's configuration.
    enum Requirement: Sendable, Equatable {
        /// No credential: health.
        case nothing
        case permission(Permission)
        /// Nobody may.
        case refused
    }

    private let credentials: Credentials
    private let limits: PartnerLimits
    private let audit: CallAudit
    private let metrics: CallMetrics
    private let log: CallLog
    private let clock: ServerClock
    private let requirements: [Requirement]
    /// Nil where one server has the store: it knows everything always.
    private let freshness: Freshness?

    /// - Parameter requirements: one per served method, in the same order.
    init(
        credentials: Credentials, limits: PartnerLimits, audit: CallAudit, metrics: CallMetrics, log: CallLog,
        clock: ServerClock, requirements: [Requirement], freshness: Freshness? = nil
    ) {
        self.credentials = credentials
        self.limits = limits
        self.audit = audit
        self.metrics = metrics
        self.log = log
        self.clock = clock
        self.requirements = requirements
        self.freshness = freshness
    }

    func begin(_ call: CallContext, method: MethodEntry) throws(RPCStatus) {
        let record = CallRecord()
        call.attachment = record
        let permission: Permission
        switch requirement(of: call) {
        case .nothing: return
        case .permission(let needed): permission = needed
        case .refused: throw Refusal.noPermissionDeclared
        }
        // Who may call may be out of date too.
        if let freshness, freshness.isStale { throw Refusal.stale }
        let caller = try credentials.caller(of: call)
        record.caller = caller
        call.memoryAccount = permission == .ingest ? limits.memory.ofIngest : caller.memory
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
                guard limits.exports.begin(partner) else { throw Refusal.tooManyExports(limit: limits.exports.limit) }
                record.holdsExportSlot = true
            }
        }
        record.grant = grant
        record.permission = permission
    }

    private func requirement(of call: CallContext) -> Requirement {
        requirements.indices.contains(call.methodIndex) ? requirements[call.methodIndex] : .refused
    }

    private func takeToken(_ caller: Caller, _ record: CallRecord) throws(RPCStatus) {
        let now = clock.monotonicNanoseconds()
        if let wait = limits.rate.take(caller.principal, now: now) {
            record.isRateRefused = true
            throw Refusal.tooManyCalls(limits.rate.limit, retryAfterNanoseconds: wait)
        }
    }

    func status(of exceeded: ExceededLimit) -> RPCStatus { Refusal.exceeded(exceeded) }

    func recheck(_ call: CallContext) -> RPCStatus? {
        guard case .permission(let permission) = requirement(of: call) else { return nil }
        if let freshness, freshness.isStale { return Refusal.stale }
        do throws(RPCStatus) {
            _ = try credentials.caller(of: call).grant(for: permission)
            return nil
        } catch {
            return error
        }
    }

    func end(_ call: CallContext, method: MethodEntry?, outcome: CallOutcome) {
        let record = call.record
        if let record, record.holdsExportSlot, let partner = record.caller?.principal.partner {
            limits.exports.end(partner)
        }
        var outcome = outcome
        // The engine's clock stands still while its loop works off one wake-up; a call's share of that is wanted too.
        let now = clock.monotonicNanoseconds()
        outcome.durationNanoseconds = max(outcome.durationNanoseconds, now &- call.started)
        metrics.count(methodIndex: call.methodIndex, outcome: outcome)
        audit.end(of: call, record: record, outcome: outcome)
        var unlogged = 0
        if let record, record.isRateRefused, let partner = record.caller?.principal.partner {
            guard let silent = limits.rate.lineForRefusal(of: partner, now: now) else { return }
            unlogged = silent
        }
        log.write(call, record: record, outcome: outcome, unlogged: unlogged)
    }
}

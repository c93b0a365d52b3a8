import InsightsAPI
import RPCEngine
import Tenancy

/// What goes on record: every change of access, every ingest stream, every denied call, every read of named users.
extension ServerContext {
    /// The event of a call that is about to change something; written by `audit(_:)` before the change is made.
    func auditEvent(of call: CallContext, customer: CustomerID? = nil) -> AuditEvent {
        call.record?.isAudited = true
        return event(
            of: call, record: call.record, allowed: true, code: .ok, customer: customer, kind: .change)
    }

    /// Puts a change on record before it is made. Throws when it cannot, and then nothing may change.
    func audit(_ event: AuditEvent) throws(WriteFailure) {
        do {
            try auditLog.appendDurably(event)
        } catch {
            logger.error("audit failure", metadata: ["reason": .string("\(error)")])
            throw .auditUnavailable
        }
    }

    /// At the end of every call, when its outcome is known.
    func auditEnd(of call: CallContext, record: CallRecord?, outcome: CallOutcome) {
        guard let record, call.methodIndex >= 0 else { return }
        let method = MethodTable.method(path: call.path)
        let kind: AuditKind
        switch outcome.code {
        case .unauthenticated:
            // Nobody is known who could be held to a rate, so their records share one: a flood may not fill the disk.
            guard anonymousRecords.take(now: clock.monotonicNanoseconds()) == nil else { return }
            kind = .unauthenticated
        case .permissionDenied: kind = .denied
        default:
            guard !record.isAudited, record.grant != nil, let permission = method?.permission else { return }
            switch permission {
            case .readUsers: kind = .read
            case .ingest where method?.clientStreaming == true: kind = .change
            default: return
            }
        }
        let allowed = kind == .read || kind == .change
        let event = event(
            of: call, record: record, allowed: allowed, code: outcome.code, customer: record.customer, kind: kind)
        if !auditLog.append(event) {
            logger.error("audit failure", metadata: ["reason": "an event could not be kept"])
        }
    }

    private func event(
        of call: CallContext, record: CallRecord?, allowed: Bool, code: RPCStatus.Code, customer: CustomerID?,
        kind: AuditKind
    ) -> AuditEvent {
        let principal = record?.caller?.principal
        return AuditEvent(
            time: Timestamp(milliseconds: clock.unixSeconds() * 1_000), principal: principal?.name ?? "",
            partner: principal?.partner, method: call.path, isAllowed: allowed, code: Int32(code.rawValue),
            revision: UInt64(clamping: published.load().revision.number), customer: customer, kind: kind)
    }
}

extension PBAuditEvent {
    init(_ record: AuditRecord) {
        self.init()
        sequence = Int64(clamping: record.sequence)
        time.seconds = record.time.milliseconds / 1_000
        time.nanos = Int32(truncatingIfNeeded: record.time.milliseconds % 1_000 * 1_000_000)
        principalID = record.principal
        partnerID = record.partner
        method = record.method
        decision = record.isAllowed ? .allowed : .denied
        code = record.code
        revision = Int64(clamping: record.revision)
        customerHash = record.customerHash
    }
}

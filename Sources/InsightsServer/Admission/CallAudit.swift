import AuditTrail
import Authentication
import Logging
import LogLines
import RPCEngine
import Tenancy

/// What goes on record: every change of access, every ingest stream, every denied call, every read of named users.
final class CallAudit: Sendable {
    let trail: AuditLog
    let recorder: ChangeRecorder
    private let clock: ServerClock
    private let published: PublishedCore
    private let logger: Logger
    private let unrecorded = UnrecordedRefusals(RateLimit(perSecond: 50, burst: 1_000) ?? .standard)

    init(trail: AuditLog, clock: ServerClock, published: PublishedCore, logger: Logger) {
        self.trail = trail
        self.clock = clock
        self.published = published
        self.logger = logger
        recorder = ChangeRecorder(auditLog: trail, clock: clock, published: published, logger: logger)
    }

    /// The event of a call that is about to change something, or to name users.
    ///
    /// - Parameter partner: whose trail it belongs to when the caller has none.
    func event(
        of call: CallContext, kind: AuditKind = .change, customer: CustomerID? = nil, partner: PartnerID? = nil
    ) -> AuditEvent {
        call.record?.isAudited = true
        var event = event(
            of: call, record: call.record, allowed: true, code: .ok, customer: customer, kind: kind)
        event.partner = event.partner ?? partner
        return event
    }

    /// Notes a change that is about to be made. Throws when it must not be. Blocks for the disk.
    func beginChange(_ event: AuditEvent) throws(WriteFailure) -> AuditChange {
        guard let change = try recorder.begin([event]).first else { throw .auditUnavailable }
        return change
    }

    /// Puts its outcome on record. Blocks for the disk.
    func endChange(_ change: AuditChange, code: RPCStatus.Code) {
        recorder.end(change, code: code)
    }

    /// Puts a read of named users on record before it is answered. Throws when it must not be answered. Blocks for the
    /// disk, together with everybody else who does.
    func recordRead(_ event: AuditEvent) throws(RPCStatus) {
        do {
            try trail.appendDurably(event)
        } catch {
            recorder.note(error)
            throw refusal
        }
    }

    /// Why nothing may be changed just now; nil when the trail could be written last.
    var refusalOfChanges: RPCStatus? { trail.isWritable ? nil : refusal }

    /// Of what cannot go on record.
    private var refusal: RPCStatus { trail.status.failure == .full ? Refusal.storeFull : Refusal.auditUnavailable }

    /// The record of a read that named nobody in the end; may follow the answer.
    func recordRefusedRead(_ event: AuditEvent, code: RPCStatus.Code) {
        var event = event
        event.code = Int32(code.rawValue)
        append(event)
    }

    /// At the end of every call, when its outcome is known.
    func end(of call: CallContext, record: CallRecord?, outcome: CallOutcome) {
        guard let record, call.methodIndex >= 0 else { return }
        if let ended = record.onEnd { return ended(outcome.code) }
        let kind: AuditKind
        switch outcome.code {
        case .unauthenticated:
            // Nobody is known who could be held to a rate, so their records share one: a flood may not fill the disk.
            guard unrecorded.mayRecord(now: clock.monotonicNanoseconds()) else {
                return countUnrecordedRefusal()
            }
            kind = .unauthenticated
        case .permissionDenied: kind = .denied
        default:
            // What was answered with named users is on record already; this one was refused.
            guard !record.isAudited, record.permission == .readUsers else { return }
            // Of a page the call that it made is.
            if call.webHead != nil, outcome.code == .ok || outcome.code == .notFound { return }
            kind = .read
        }
        let event = event(
            of: call, record: record, allowed: kind == .read, code: outcome.code, customer: record.customer, kind: kind)
        append(event)
    }

    /// Of somebody who signed in, or did not.
    ///
    /// - Parameter session: nil for who did not.
    func recordSignIn(_ session: Session?, method: String) {
        if session == nil, !unrecorded.mayRecord(now: clock.monotonicNanoseconds()) { return countUnrecordedRefusal() }
        append(
            AuditEvent(
                time: auditTime, principal: session?.principal.text ?? "", partner: session?.partner, method: method,
                isAllowed: session != nil,
                code: Int32((session == nil ? RPCStatus.Code.unauthenticated : .ok).rawValue),
                revision: UInt64(clamping: published.load().revision.number),
                kind: session == nil ? .unauthenticated : .read))
    }

    private func append(_ event: AuditEvent) {
        if !trail.append(event) {
            logger.error("audit failure", metadata: ["reason": "an event could not be kept"])
        }
    }

    private func event(
        of call: CallContext, record: CallRecord?, allowed: Bool, code: RPCStatus.Code, customer: CustomerID?,
        kind: AuditKind
    ) -> AuditEvent {
        let principal = record?.caller?.principal
        return AuditEvent(
            time: auditTime, principal: principal?.name ?? "", isOperator: principal?.isOperator ?? false,
            partner: principal?.partner, method: call.path, isAllowed: allowed, code: Int32(code.rawValue),
            revision: UInt64(clamping: published.load().revision.number), customer: customer, kind: kind)
    }

    private var auditTime: Timestamp { Timestamp(milliseconds: clock.unixSeconds() * 1_000) }

    // MARK: Floods of refused credentials

    private func countUnrecordedRefusal() {
        guard unrecorded.count(now: clock.monotonicNanoseconds()) else { return }
        UnrecordedRefusals.later { [weak self] in self?.summarizeRefusals(atOnce: false) ?? false }
    }

    /// Puts the number of refused credentials that were not recorded singly on record, once their flood has ended or
    /// lasted long. True when the flood goes on.
    @discardableResult
    func summarizeRefusals(atOnce: Bool) -> Bool {
        switch unrecorded.take(now: clock.monotonicNanoseconds(), atOnce: atOnce) {
        case .none: return false
        case .wait: return true
        case .summary(let count):
            var event = AuditEvent(
                time: auditTime, principal: "", partner: nil, method: "", isAllowed: false,
                code: Int32(RPCStatus.Code.unauthenticated.rawValue),
                revision: UInt64(clamping: published.load().revision.number), kind: .refusals)
            event.count = count
            append(event)
            return false
        }
    }

    // MARK: Metrics

    /// Prometheus text.
    func metrics() -> String {
        let status = trail.status
        let rows: [(name: String, kind: String, help: String, value: UInt64)] = [
            ("records_total", "counter", "Records in the audit chain.", status.records),
            ("segments", "gauge", "Segments of the audit chain in the data folder.", UInt64(status.segments)),
            ("bytes", "gauge", "Bytes of those segments.", UInt64(status.bytes)),
            ("waiting", "gauge", "Events that wait to be written.", UInt64(status.waiting)),
            ("lost", "gauge", "Events lost whose number is not on record yet.", status.lost),
            (
                "changes_pending", "gauge", "Changes begun whose record is not written yet.",
                UInt64(status.changesUnderWay)
            ),
            ("writable", "gauge", "1 unless the last attempt to write failed.", status.failure == nil ? 1 : 0),
            (
                "refused_credentials_unrecorded_total", "counter",
                "Refused credentials that were not recorded singly.", unrecorded.total
            ),
        ]
        return rows.map { row in
            "# HELP insights_audit_\(row.name) \(row.help)\n# TYPE insights_audit_\(row.name) \(row.kind)\n"
                + "insights_audit_\(row.name) \(row.value)\n"
        }.joined()
    }
}

import AuditTrail
import InsightsAPI
import RPCEngine
import Tenancy

extension AccessService {
    /// Off the event loop: reading waits for the disk, and for a record that is just being made durable.
    func listAuditEvents(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> UnaryAnswer {
        let message: PBListAuditEventsRequest = try decode(bytes)
        let scope = try call.partnerScope()
        let paging = try Paging(reads, message, of: call)
        return try reads.answer(call) { (reply) throws(RPCStatus) in
            try encode(auditEvents(in: scope, paging), into: &reply)
        }
    }

    private func auditEvents(in scope: PartnerScope, _ paging: Paging) throws(RPCStatus) -> PBListAuditEventsResponse {
        let cursor = paging.position.flatMap { AuditCursor(parts: $0.key) }
        let page: AuditPage
        do {
            page = try changes.audit.trail.page(in: scope, from: cursor, limit: paging.size)
        } catch .badCursor {
            throw Refusal.badField("page_token", "is not a token of this list")
        } catch {
            throw Refusal.storeUnavailable
        }
        var response = PBListAuditEventsResponse()
        response.events = page.records.map(PBAuditEvent.init)
        response.totalSize = Int32(clamping: page.total)
        if let next = page.next { response.nextPageToken = paging.token(after: next.parts) }
        return response
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
        isOperator = record.isOperator
    }
}

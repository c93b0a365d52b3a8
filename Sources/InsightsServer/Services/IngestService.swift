import Cryptography
import Dispatch
import InsightsAPI
import InsightsCore
import LicenseModel
import RPCEngine
import SwiftProtobuf
import Tenancy

/// `IngestService`: the operator feeds facts. Nothing here reads a partner's figures.
struct IngestService: Sendable {
    let reads: Reads
    let changes: Changes
    let intake: BatchIntake
    /// Streams whose audit record is not written yet.
    let openStreams: DispatchGroup

    func ingest(_ call: CallContext, _ stream: StreamWriter) throws(RPCStatus) -> any MessageReceiver {
        let receiver = IngestStream(
            intake: intake, audit: changes.audit, openStreams: openStreams, grant: try call.operatorGrant(),
            writer: stream, event: changes.audit.event(of: call))
        call.record?.onEnd = receiver.putOnRecord
        return receiver
    }

    func getIngestStatus(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> UnaryAnswer {
        let request: PBGetIngestStatusRequest = try decode(bytes)
        let grant = try call.operatorGrant()
        // The operator has no partner; the position is bound to the method and the question alone.
        let question = try checked { () throws(FieldError) in
            try PageQuery(partner: "", method: call.path, request: request)
        }
        let query = try checked { () throws(FieldError) in
            (
                customer: try RequestFields.optionalCustomer(request.customerID),
                size: try RequestFields.pageSize(request.pageSize, default: 1_000, maximum: 10_000),
                after: try reads.pageTokens.position(of: request.pageToken, for: question)?.key.first.map {
                    (text) throws(FieldError) in try FieldRules.id(text, "page_token") as CustomerID
                }
            )
        }
        let today = reads.clock.today()
        let core = reads.published.load().core
        let customers = core.customerCount(for: grant)
        let isFew =
            query.customer != nil || customers <= ShortRead.entries && min(customers, query.size) <= ShortRead.rows
        // A page may have the relationships of all.
        let relationships = ShortRead.entries / 4
        let isShort =
            isFew && core.relationshipCount(of: query.customer, upTo: relationships, for: grant) <= relationships
        let tokens = reads.pageTokens
        return try reads.answer(call, isShort: isShort) { (reply) throws(RPCStatus) in
            let found = core.coverage(for: grant, customer: query.customer, after: query.after, limit: query.size)
            var response = PBGetIngestStatusResponse()
            response.revision = core.revision.number
            response.totalSize = Int32(clamping: found.total)
            response.customers = found.rows.map { PBCustomerCoverage($0, on: today) }
            if found.hasMore, let last = found.rows.last {
                response.nextPageToken = tokens.token(
                    for: question, at: PagePosition(revision: core.revision, key: [last.id.text]))
            }
            try encode(response, into: &reply)
        }
    }

    /// On record before it is answered, so off the event loops: it names people, and that waits for the disk.
    func checkCustomer(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> UnaryAnswer {
        let request: PBCheckCustomerRequest = try decode(bytes)
        let grant = try call.operatorGrant()
        let customer = try checked { () throws(FieldError) in try RequestFields.customer(request.customerID) }
        call.record?.customer = customer
        let today = reads.clock.today()
        let core = reads.published.load().core
        let event = changes.audit.event(of: call, kind: .read, customer: customer)
        let audit = changes.audit
        let refused = { audit.recordRefusedRead(event, code: .resourceExhausted) }
        return try reads.answer(call, refused: refused) { (reply) throws(RPCStatus) in
            guard let found = core.check(customer, on: today, for: grant) else {
                audit.recordRefusedRead(event, code: .notFound)
                throw Refusal.customerNotFound
            }
            try audit.recordRead(event)
            try encode(PBCheckCustomerResponse(found, on: today), into: &reply)
        }
    }

    func eraseUser(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> UnaryAnswer {
        let request: PBEraseUserRequest = try decode(bytes)
        let grant = try call.operatorGrant()
        let query = try checked { () throws(FieldError) in
            (
                customer: try RequestFields.customer(request.customerID),
                user: try FieldRules.id(request.userID, "user_id") as UserID
            )
        }
        let audit = changes.audit.event(of: call, customer: query.customer)
        let replacement = try anonymousUser()
        return changes.answer(
            by: .erase(query.user, of: query.customer, replacement: replacement, grant), audit, path: "user"
        ) { made in
            var response = PBEraseUserResponse()
            response.serversPending = made.pendingOnWire
            response.revision = made.revision.number
            return response
        }
    }

    /// An id that says nothing about anybody: 128 random bits.
    private func anonymousUser() throws(RPCStatus) -> UserID {
        do {
            return try UserID("erased-\(Hex.text(of: SecureRandom.bytes(16)))")
        } catch {
            throw RPCStatus(.internalError, "no anonymous id")
        }
    }
}

import AuditTrail
import Cryptography
import Datastore
import Dispatch
import FactReading
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
    let writer: FactWriter
    /// Facts in a batch.
    let maximumFacts: Int
    /// Streams whose audit record is not written yet.
    let openStreams: DispatchGroup

    func ingest(_ call: CallContext, _ stream: StreamWriter) throws(RPCStatus) -> any MessageReceiver {
        let grant = try call.operatorGrant()
        let receiver = IngestStream(
            service: self, grant: grant, writer: stream, event: changes.audit.event(of: call))
        call.record?.onEnd = receiver.putOnRecord
        return receiver
    }

    /// Decodes, validates and submits one batch; answers from the writer, or at once when the batch is refused.
    /// Blocking work: call it off the event loop.
    func accept(
        _ message: [UInt8], by grant: OperatorGrant, answer: @escaping @Sendable (Result<[UInt8], RPCStatus>) -> Void
    ) {
        // What cannot go on record may not change anything.
        guard changes.audit.trail.isWritable else {
            return afterWriter { answer(.failure(Refusal.auditUnavailable)) }
        }
        let batch: FactBatch
        let decoder = IngestDecoder(today: reads.clock.today(), maximumFacts: maximumFacts)
        do {
            batch = try decoder.decode(message)
        } catch {
            let refusal: Result<[UInt8], RPCStatus> =
                switch error {
                case .malformed: .failure(Refusal.malformed(PBIngestRequest.protoMessageName))
                case .bad(let field): response(IngestDecoder.batchID(of: message), refused: field)
                }
            // Answers keep the order of the batches: the ones before may still be with the writer.
            return afterWriter { answer(refusal) }
        }
        let body = FactBatchCodec.encode(batch.facts)
        guard let digest = ContentDigest(DigestAlgorithm.sha256.digest(of: body)) else {
            return answer(.failure(RPCStatus(.internalError, "no digest")))
        }
        let pending = PendingBatch(batch: batch, body: body, digest: digest)
        writer.submit(pending, by: grant) { result in
            answer(receipt(batch.id.text, result))
        }
    }

    /// Runs `body` once everything submitted before has been answered.
    func afterWriter(_ body: @escaping @Sendable () -> Void) {
        writer.afterBatches {
            body()
        } stopped: {
            body()
        }
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
        let isShort =
            query.customer != nil || customers <= ShortRead.entries && min(customers, query.size) <= ShortRead.rows
        let tokens = reads.pageTokens
        return try reads.answer(call, isShort: isShort) { (reply) throws(RPCStatus) in
            let found = core.coverage(for: grant, customer: query.customer, after: query.after, limit: query.size)
            var response = PBGetIngestStatusResponse()
            response.revision = core.revision.number
            response.totalSize = Int32(clamping: found.total)
            response.customers = found.rows.map { customer, coverage in
                var row = PBCustomerCoverage()
                row.customerID = customer.text
                row.sources = PBSourceCoverage.all(coverage, on: today)
                return row
            }
            if found.hasMore, let last = found.rows.last {
                response.nextPageToken = tokens.token(
                    for: question, at: PagePosition(revision: core.revision, key: [last.0.text]))
            }
            try encode(response, into: &reply)
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
            response.revision = made.revision.number
            return response
        }
    }

    /// An id that says nothing about anybody: 128 random bits.
    private func anonymousUser() throws(RPCStatus) -> UserID {
        let random = SecureRandom.bytes(16)
        let digits = random.map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
        do {
            return try UserID("erased-\(digits)")
        } catch {
            throw RPCStatus(.internalError, "no anonymous id")
        }
    }

    // MARK: Receipts

    private func receipt(
        _ batchID: String, _ result: Result<BatchAcceptance, WriteFailure>
    ) -> Result<[UInt8], RPCStatus> {
        switch result {
        case .success(let acceptance):
            var response = PBIngestResponse()
            response.batchID = batchID
            response.revision = acceptance.revision.number
            response.accepted = Int64(acceptance.accepted)
            response.duplicate = acceptance.duplicate
            return Result { () throws(RPCStatus) in try encoded(response) }
        case .failure(.conflict(let conflict)):
            return response(
                batchID,
                refused: BadField(
                    factIndex: conflict.index, field: "facts[\(conflict.index)].\(conflict.field)",
                    reason: conflict.reason))
        case .failure(.batchChanged):
            var response = PBIngestResponse()
            response.batchID = batchID
            response.status.code = Int32(RPCStatus.Code.alreadyExists.rawValue)
            response.status.message = Refusal.batchChanged.message
            response.status.field = "batch_id"
            return Result { () throws(RPCStatus) in try encoded(response) }
        case .failure(let failure):
            return .failure(Refusal.write(failure, path: "batch"))
        }
    }

    private func response(_ batchID: String, refused error: BadField) -> Result<[UInt8], RPCStatus> {
        var response = PBIngestResponse()
        response.batchID = batchID
        let code: RPCStatus.Code = error.exceededFacts == nil ? .invalidArgument : .resourceExhausted
        response.status.code = Int32(code.rawValue)
        response.status.message = error.fieldError.message
        if let index = error.factIndex { response.status.factIndex = Int32(clamping: index) }
        response.status.field = error.field
        var details = [
            StatusDetail.badRequest([.init(field: error.field, description: error.reason)])
        ]
        if let limit = error.exceededFacts { details += Refusal.batchTooLarge(limit: limit) }
        let status = StatusDetails.serialized(
            code: response.status.code, message: response.status.message, details: details)
        return Result { () throws(RPCStatus) in
            do {
                response.status.details = try Google_Rpc_Status(serializedBytes: status).details
            } catch {
                throw RPCStatus(.internalError, "the reply cannot be encoded")
            }
            return try encoded(response)
        }
    }
}

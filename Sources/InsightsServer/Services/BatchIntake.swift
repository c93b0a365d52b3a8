import Cryptography
import Datastore
import FactReading
import InsightsAPI
import InsightsCore
import LicenseModel
import RPCEngine
import SwiftProtobuf
import Tenancy

/// Takes batches in, one by one: decodes and validates, gives to the fact writer, words the answer. Blocking work: not
/// for the event loop.
struct BatchIntake: Sendable {
    let clock: ServerClock
    let audit: CallAudit
    let writer: FactWriter
    /// Facts in a batch.
    let maximumFacts: Int

    /// Answers once the batch is durable and visible, or refused, and every batch before it has its answer.
    func accept(
        _ message: [UInt8], by grant: OperatorGrant, answer: @escaping @Sendable (Result<[UInt8], RPCStatus>) -> Void
    ) {
        // What cannot go on record may not change anything.
        if let refusal = audit.refusalOfChanges { return inTurn { answer(.failure(refusal)) } }
        let batch: FactBatch
        do {
            batch = try IngestDecoder(today: clock.today(), maximumFacts: maximumFacts).decode(message)
        } catch {
            let refusal: Result<[UInt8], RPCStatus> =
                switch error {
                case .malformed: .failure(Refusal.malformed(PBIngestRequest.protoMessageName))
                case .bad(let field, let id): response(id, refused: field)
                }
            return inTurn { answer(refusal) }
        }
        let body = FactBatchCodec.encode(batch.facts)
        guard let digest = ContentDigest(DigestAlgorithm.sha256.digest(of: body)) else {
            return inTurn { answer(.failure(RPCStatus(.internalError, "no digest"))) }
        }
        writer.submit(PendingBatch(batch: batch, body: body, digest: digest), by: grant) { result in
            answer(receipt(batch.id.text, result))
        }
    }

    /// Runs `body` once every batch that the writer was given before has its answer.
    func inTurn(_ body: @escaping @Sendable () -> Void) {
        writer.afterBatches(body, stopped: body)
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
            if let effects = acceptance.effects {
                response.effects = PBBatchEffects(effects)
            } else {
                response.duplicate = true
            }
            return Result { () throws(RPCStatus) in try encoded(response) }
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
        response.status.details = StatusDetails.messages(details)
        return Result { () throws(RPCStatus) in try encoded(response) }
    }
}

extension PBBatchEffects {
    fileprivate init(_ effects: BatchEffects) {
        self.init()
        sellersChanged = Int64(effects.sellersChanged)
        subscriptionsEnded = Int64(effects.subscriptionsEnded)
        peopleMerged = Int64(effects.peopleMerged)
        uncataloguedSkuIds = effects.uncataloguedSkus.map(\.text)
        uncataloguedSkuCount = Int64(effects.uncataloguedSkuCount)
    }
}

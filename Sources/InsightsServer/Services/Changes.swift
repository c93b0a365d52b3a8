import AuditTrail
import RPCEngine
import SwiftProtobuf

/// What methods that change something are made of.
struct Changes: Sendable {
    let queue: ChangeQueue
    let audit: CallAudit

    /// Answers a call by a change in its turn, noted before and on record after.
    ///
    /// - Parameters:
    ///   - path: of the message that the fields of a refusal are in.
    ///   - response: what a change that was made is answered with.
    func answer(
        by kind: PendingChange.Kind, _ event: AuditEvent, path: String,
        response: @escaping @Sendable (MadeChange) -> some Message
    ) -> UnaryAnswer {
        .later { responder in
            let change = PendingChange(kind: kind, event: event) {
                !responder.isCancelled
            } reply: { result in
                switch result {
                case .success(let made):
                    responder.finish(Result { () throws(RPCStatus) in try encoded(response(made)) })
                case .failure(let failure):
                    responder.finish(.failure(Refusal.write(failure, path: path)))
                }
            }
            switch queue.submit(change) {
            case .taken: break
            case .full(let limit): responder.finish(.failure(Refusal.tooManyChanges(limit: limit)))
            case .stopped: responder.finish(.failure(Refusal.shuttingDown))
            }
        }
    }
}

extension MadeChange {
    var pendingOnWire: UInt32 { UInt32(clamping: serversPending) }
}

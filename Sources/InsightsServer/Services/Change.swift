import RPCEngine
import SwiftProtobuf

extension ServerContext {
    /// Makes a change in its turn, noted before and on record after, and answers the call.
    ///
    /// - Parameters:
    ///   - path: of the message that the fields of a refusal are in.
    ///   - response: what a change that was made is answered with.
    func submit(
        _ kind: PendingChange.Kind, _ event: AuditEvent, _ responder: UnaryResponder, path: String,
        response: @escaping @Sendable (MadeChange) -> some Message
    ) {
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
        switch changes.submit(change) {
        case .taken: break
        case .full(let limit): responder.finish(.failure(Refusal.tooManyChanges(limit: limit)))
        case .stopped: responder.finish(.failure(Refusal.shuttingDown))
        }
    }
}

import RPCEngine

/// A query that may take longer than an event loop can spare: whole portfolios customer by customer, or person by
/// person. Its request was checked on the loop.
typealias LongRead = @Sendable (inout [UInt8]) throws(RPCStatus) -> Void

extension ServerContext {
    /// Runs a read beside the event loops, in the partner's turn, and answers with what it appends. False when the
    /// partner has too many waiting already, which is answered.
    @discardableResult
    func read(_ call: CallContext, _ responder: UnaryResponder, _ body: @escaping LongRead) -> Bool {
        guard let partner = call.record?.caller?.principal.partner else {
            responder.finish(.failure(Refusal.noPermissionDeclared))
            return false
        }
        let isTaken = longReads.submit(for: partner) {
            // Whoever has hung up would otherwise keep the others waiting.
            if responder.isCancelled { return }
            responder.finish(
                Result { () throws(RPCStatus) in
                    var reply: [UInt8] = []
                    try body(&reply)
                    return reply
                })
        }
        if !isTaken { responder.finish(.failure(Refusal.tooManyReads(limit: longReads.limit))) }
        return isTaken
    }
}

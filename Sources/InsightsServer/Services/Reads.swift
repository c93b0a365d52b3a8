import Authentication
import InsightsCore
import RPCEngine
import Tenancy

/// A query that may take longer than an event loop can spare: whole portfolios customer by customer, or person by
/// person. Its request was checked on the loop.
typealias LongRead = @Sendable (inout [UInt8]) throws(RPCStatus) -> Void

/// What methods that change nothing are made of: the published facts, page tokens over them, and the turns in which
/// long reads run beside the event loops.
struct Reads: Sendable {
    let published: PublishedCore
    let clock: ServerClock
    let pageTokens: PageTokens
    let turns: PartnerTurns
    let authenticator: Authenticator

    /// Answers a call by a read.
    ///
    /// - Parameters:
    ///   - isShort: the read looks at so little that it is run at once, on the event loop; else beside the loops, in
    ///     the caller's turn.
    ///   - refused: called when the caller has too many reads waiting, which is the answer.
    func answer(
        _ call: CallContext, isShort: Bool = false, refused: @escaping () -> Void = {}, by body: @escaping LongRead
    ) throws(RPCStatus) -> UnaryAnswer {
        guard let caller = call.record?.caller, let permission = call.record?.permission else {
            throw Refusal.noPermissionDeclared
        }
        if isShort { return .now(body) }
        let asker = caller.principal.partner.map(PartnerTurns.Asker.partner) ?? .operator
        let deadline = call.deadline ?? .max
        let now = clock.monotonicNanoseconds
        let (authenticator, identity) = (authenticator, caller.identity)
        return .later { responder in
            let isTaken = turns.submit(for: asker) {
                // Whoever has hung up or waits no longer would otherwise keep the others waiting. The event loop ends
                // the call by itself, but it may be busy.
                if responder.isCancelled { return }
                if now() >= deadline { return responder.finish(.failure(Refusal.deadlinePassed)) }
                responder.answer { (reply) throws(RPCStatus) in
                    // Meanwhile the caller may have been removed, or its partner disabled.
                    try authenticator.requireStill(identity, permission)
                    try body(&reply)
                }
            }
            guard !isTaken else { return }
            responder.finish(
                .failure(Refusal.tooManyReads(limit: turns.limit, ofOperator: caller.principal.isOperator)))
            refused()
        }
    }
}

extension Authenticator {
    /// Throws when the caller, authenticated before, is no longer or may no longer.
    fileprivate func requireStill(_ caller: AuthenticatedCaller, _ permission: Permission) throws(RPCStatus) {
        do throws(StandingFailure) {
            try requireStanding(of: caller, for: permission)
        } catch {
            throw Refusal.standing(error)
        }
    }
}

extension UnaryResponder {
    fileprivate func answer(_ body: LongRead) {
        finish(
            Result { () throws(RPCStatus) in
                var reply: [UInt8] = []
                try body(&reply)
                return reply
            })
    }
}

/// What is read on the event loop itself: less than about a quarter of a millisecond. Everything above it runs in turn.
enum ShortRead {
    /// Entries of a list that are looked at one by one, at up to 0.3 µs each.
    static let entries = 1_000
    /// Rows of a reply, at up to 4 µs each.
    static let rows = 64
    /// Customers whose figures of many days are added up.
    static let customers = 32
    /// SKUs whose figures of many days are added up.
    static let skus = 32
}

extension PartnerBook {
    /// Whether a look at each of the partner's customers is short.
    var isShortWalk: Bool {
        relationshipCount <= ShortRead.entries && (isPrepared || relationshipCount <= ShortRead.customers)
    }

    /// Whether a trend is short: from the sums it costs the same whatever the number of customers.
    func isShortTrend(of customer: CustomerID?) -> Bool {
        guard skuCount(of: customer) <= ShortRead.skus else { return false }
        return customer != nil || isPrepared || relationshipCount <= ShortRead.customers
    }
}

import Authentication
import InsightsCore
import RPCEngine
import Tenancy

/// A query that may take longer than an event loop can spare: whole portfolios customer by customer, or person by
/// person. Its request was checked on the loop.
typealias LongRead = @Sendable (inout [UInt8]) throws(RPCStatus) -> Void

extension ServerContext {
    /// Runs a read beside the event loops, in the caller's turn, and answers with what it appends. False when the
    /// caller has too many waiting already, which is answered.
    ///
    /// - Parameter isShort: the read looks at so little that it is run at once, on the event loop.
    @discardableResult
    func read(
        _ call: CallContext, _ responder: UnaryResponder, isShort: Bool = false, _ body: @escaping LongRead
    ) -> Bool {
        guard let caller = call.record?.caller, let permission = call.record?.permission else {
            responder.finish(.failure(Refusal.noPermissionDeclared))
            return false
        }
        if isShort {
            responder.answer(body)
            return true
        }
        let asker = caller.principal.partner.map(PartnerTurns.Asker.partner) ?? .operator
        let deadline = call.deadline ?? .max
        let now = clock.monotonicNanoseconds
        let (authenticator, identity) = (authenticator, caller.identity)
        let isTaken = longReads.submit(for: asker) {
            // Whoever has hung up or waits no longer would otherwise keep the others waiting. The event loop ends the
            // call by itself, but it may be busy.
            if responder.isCancelled { return }
            if now() >= deadline { return responder.finish(.failure(Refusal.deadlinePassed)) }
            // Meanwhile the caller may have been removed, or its partner disabled.
            do throws(RPCStatus) {
                try authenticator.requireStill(identity, permission)
            } catch {
                return responder.finish(.failure(error))
            }
            responder.answer(body)
        }
        if !isTaken {
            responder.finish(
                .failure(Refusal.tooManyReads(limit: longReads.limit, ofOperator: caller.principal.isOperator)))
        }
        return isTaken
    }
}

extension Authenticator {
    /// Throws when the caller, authenticated before, is no longer or may no longer.
    fileprivate func requireStill(_ caller: AuthenticatedCaller, _ permission: Permission) throws(RPCStatus) {
        do throws(StandingFailure) {
            try requireStanding(of: caller, for: permission)
        } catch {
            switch error {
            case .unauthenticated(let failure): throw Refusal.unauthenticated(failure)
            case .denied(let refusal): throw Refusal.roleLacks(refusal)
            }
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

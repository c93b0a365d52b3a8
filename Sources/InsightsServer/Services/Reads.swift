import Authentication
import InsightsCore
import LicenseModel
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
    /// Nanoseconds for which a call waits for the revision that it asks for.
    let revisionWait: UInt64

    /// The facts that answer a call: the newest, which are of the revision that the call asks for or a later one. Where
    /// that is not here yet, throws what parks the call, whose handler is run again; and in the end what refuses it.
    func facts(for call: CallContext, since minRevision: UInt64) throws(RPCStatus) -> CoreSnapshot {
        let newest = published.load()
        if minRevision == 0 { return newest }
        let isHere = minRevision <= newest.revision.onWire
        guard let record = call.record, let caller = record.caller, let permission = record.permission,
            let partner = caller.principal.partner
        else { throw Refusal.noPermissionDeclared }
        let now = clock.monotonicNanoseconds()
        let end = record.revisionWaitEnds ?? now &+ revisionWait
        if record.revisionWaitEnds != nil {
            // Meanwhile the caller may have been removed, or its partner disabled.
            try authenticator.requireStill(caller.identity, permission)
        }
        if isHere { return newest }
        if now >= end { throw Refusal.revisionNotHere }
        record.revisionWaitEnds = end
        let waker = call.makeWaker()
        let waits = published.waits.add(partner, for: minRevision, atMost: end &- now, limit: turns.limit) {
            waker.wake()
        }
        guard waits else { throw Refusal.tooManyReads(limit: turns.limit) }
        // Published since it was looked at: nobody else would say so.
        if minRevision <= published.load().revision.onWire { waker.wake() }
        throw call.park()
    }

    /// The same for a page or a stream that goes on where another ended: over the facts of the earlier one while they
    /// are kept and are late enough.
    func facts(
        for call: CallContext, since minRevision: UInt64, goingOnFrom revision: Revision?, at now: Int64
    ) throws(RPCStatus) -> CoreSnapshot {
        guard let revision, minRevision <= revision.onWire else { return try facts(for: call, since: minRevision) }
        let kept = published.load(revision: revision, at: now)
        if kept.revision >= revision { return kept }
        // Told by a server that is further. When this one does not get there, what it has is better than no answer.
        if let end = call.record?.revisionWaitEnds, clock.monotonicNanoseconds() >= end {
            return try facts(for: call, since: minRevision)
        }
        return try facts(for: call, since: revision.onWire)
    }

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
        // A page's reads are in its turn already.
        if isShort || call.record?.isLocal == true { return .now(body) }
        return .later(
            inTurn(of: caller, permission, until: call.deadline, refused: refused) { responder in
                responder.finish(
                    Result { () throws(RPCStatus) in
                        var reply: [UInt8] = []
                        try body(&reply)
                        return reply
                    })
            })
    }

    /// Runs work beside the loops, in the caller's turn, unless nobody waits for it any more or the caller may no
    /// longer.
    ///
    /// - Parameter refused: called when the caller has too many reads waiting, which is the answer.
    func inTurn(
        of caller: Caller, _ permission: Permission, until deadline: UInt64?, refused: @escaping () -> Void = {},
        _ work: @escaping @Sendable (UnaryResponder) -> Void
    ) -> (UnaryResponder) -> Void {
        let (now, authenticator, identity) = (clock.monotonicNanoseconds, authenticator, caller.identity)
        let asker = identity.principal.partner.map(PartnerTurns.Asker.partner) ?? .operator
        let deadline = deadline ?? .max
        return { responder in
            let isTaken = turns.submit(for: asker) {
                // Whoever has hung up or waits no longer would otherwise keep the others waiting. The event loop ends
                // the call by itself, but it may be busy.
                if responder.isCancelled { return }
                if now() >= deadline { return responder.finish(.failure(Refusal.deadlinePassed)) }
                do throws(RPCStatus) {
                    // Meanwhile the caller may have been removed, or its partner disabled.
                    try authenticator.requireStill(identity, permission)
                } catch { return responder.finish(.failure(error)) }
                work(responder)
            }
            guard !isTaken else { return }
            responder.finish(
                .failure(Refusal.tooManyReads(limit: turns.limit, ofOperator: identity.principal.isOperator)))
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

import Dispatch
import InsightsAPI
import InsightsCore
import LicenseModel
import RPCEngine
import Synchronization
import Tenancy

extension InsightsService {
    /// `WatchInsights`: which customers changed, for as long as the caller stays.
    func watchInsights(_ call: CallContext, _ bytes: RawSpan) throws(RPCStatus) -> any MessageSource {
        let request: PBWatchInsightsRequest = try decode(bytes)
        let scope = try call.partnerScope()
        let newest = reads.published.load().revision
        if request.resume > newest.onWire {
            // Another server may have told it, and this one be on its way there.
            if let end = call.record?.revisionWaitEnds, reads.clock.monotonicNanoseconds() >= end {
                throw Refusal.revisionOfTheFuture
            }
            _ = try reads.facts(for: call, since: request.resume)
        }
        guard watches.begin(scope.partner) else { throw Refusal.tooManyInsightsWatches(limit: Watches.limit) }
        return InsightsWatch(
            reads: reads, watches: watches, scope: scope, waker: call.makeWaker(),
            resume: request.resume == 0 ? nil : Revision(number: Int64(clamping: request.resume)))
    }
}

/// How many watches each partner has.
final class Watches: Sendable {
    /// Of one partner.
    static let limit = 100

    private let counts = Mutex<[PartnerID: Int]>([:])

    func begin(_ partner: PartnerID) -> Bool {
        counts.withLock { counts in
            guard counts[partner, default: 0] < Self.limit else { return false }
            counts[partner, default: 0] += 1
            return true
        }
    }

    func end(_ partner: PartnerID) {
        counts.withLock { counts in
            let left = (counts[partner] ?? 1) - 1
            counts[partner] = left > 0 ? left : nil
        }
    }
}

/// One watch. Costs nothing while nothing is published; then one look at the partner's customers beside the event loop,
/// at most twice a second, whose result waits for the reader and grows no further.
private final class InsightsWatch: MessageSource {
    private enum State {
        case idle
        /// To be woken by the clock or a revision.
        case waiting
        case looking
        case looked(PartnerChanges, at: Revision, on: Day)
    }

    private let reads: Reads
    private let watches: Watches
    private let scope: PartnerScope
    private let waker: StreamWaker
    private let state = SharedState()
    /// The facts and the day that were looked at last; nil revision: the watch begins now.
    private var told: Revision?
    private var today: Day
    private var nextLook: UInt64 = 0
    private var isFirst = true
    private var isDraining = false

    private final class SharedState: Sendable {
        let value = Mutex(State.idle)
    }

    /// Nanoseconds between two looks.
    private static let interval: UInt64 = 500_000_000
    /// After which the day is looked at, whatever is published.
    private static let patience: UInt64 = 15_000_000_000
    /// Customers in one message.
    private static let maximumCustomers = 1_000

    init(reads: Reads, watches: Watches, scope: PartnerScope, waker: StreamWaker, resume: Revision?) {
        self.reads = reads
        self.watches = watches
        self.scope = scope
        self.waker = waker
        told = resume
        today = reads.clock.today()
    }

    deinit { watches.end(scope.partner) }

    func next(into reply: inout [UInt8]) throws(RPCStatus) -> SourceStep {
        if isDraining { throw Refusal.shuttingDown }
        let before = state.value.withLock { state in
            defer { if case .looked = state { state = .idle } }
            return state
        }
        switch before {
        case .waiting, .looking: return .pending
        case .idle: break
        case .looked(let changes, let revision, let day):
            (told, today) = (revision, day)
            if isFirst || !changes.isEmpty {
                isFirst = false
                InsightsReply.changes(changes, revision: revision, into: &reply)
                return .message
            }
        }
        goOn()
        return .pending
    }

    /// Looks, or waits until there is something to look at.
    private func goOn() {
        let now = reads.clock.monotonicNanoseconds()
        let newest = reads.published.load()
        let day = reads.clock.today()
        guard isFirst || newest.revision != told || day != today else { return wait(behind: newest.revision) }
        if now < nextLook { return rest(nextLook - now) }
        nextLook = now &+ Self.interval
        look(at: newest, on: day)
    }

    private func look(at snapshot: CoreSnapshot, on day: Day) {
        state.value.withLock { $0 = .looking }
        let (state, waker, scope, told, isSameDay) = (state, waker, scope, told, day == today)
        // What is read back from the store does not say when it changed.
        let isWhole = !isSameDay || (told.map { $0 < reads.published.firstRevision } ?? false)
        let isTaken = reads.turns.submit(for: scope.partner) {
            let changes =
                isWhole
                ? PartnerChanges(isWhole: true)
                : snapshot.book(in: scope, today: day).changes(
                    since: told ?? snapshot.revision, limit: Self.maximumCustomers)
            state.value.withLock { $0 = .looked(changes, at: snapshot.revision, on: day) }
            waker.wake()
        }
        // Whose reads wait in line watches later.
        if !isTaken { rest(Self.interval) }
    }

    private func rest(_ nanoseconds: UInt64) {
        DispatchQueue.global().asyncAfter(
            deadline: .now() + .nanoseconds(Int(clamping: nanoseconds)), execute: waking())
    }

    private func wait(behind revision: Revision) {
        let wake = waking()
        let isNoted = reads.published.watches.add(
            scope.partner, for: revision.onWire + 1, atMost: Self.patience, limit: Watches.limit, wake)
        // Of watches that have ended something may still wait.
        if !isNoted { return rest(Self.interval) }
        // Published since it was looked at: nobody else would say so.
        if reads.published.load().revision != revision { wake() }
    }

    private func waking() -> @Sendable () -> Void {
        state.value.withLock { $0 = .waiting }
        let (state, waker) = (state, waker)
        return {
            state.value.withLock { if case .waiting = $0 { $0 = .idle } }
            waker.wake()
        }
    }

    /// A watch has no end of its own and would use up the whole grace.
    func draining() {
        isDraining = true
        waker.wake()
    }
}

import Authentication
import Datastore
import DequeModule
import Dispatch
import InsightsCore
import LicenseModel
import Synchronization
import Tenancy

/// A validated batch on its way to the writer.
struct PendingBatch: Sendable {
    let batch: FactBatch
    /// The facts by `FactBatchCodec`.
    let body: [UInt8]
    /// SHA-256 of `body`.
    let digest: ContentDigest
}

/// What an accepted batch is answered with.
struct BatchAcceptance: Sendable {
    let revision: Revision
    let accepted: Int
    /// Nil for a batch that was accepted before.
    let effects: BatchEffects?
}

/// The one writer of a server. Waiting batches are made durable together in one turn of the store, then applied to the
/// published core, then acknowledged; groups of other changes come in turn with them. Nothing is acknowledged that is
/// not durable and visible. What other servers wrote, where they share the store, is applied first.
final class FactWriter: Sendable {
    typealias Reply<Value> = @Sendable (Result<Value, WriteFailure>) -> Void

    private typealias Submitted = (batch: PendingBatch, grant: OperatorGrant, reply: Reply<BatchAcceptance>)

    private enum Command: Sendable {
        case batch(PendingBatch, OperatorGrant, Reply<BatchAcceptance>)
        /// To be run once the batches before are answered.
        case after(@Sendable () -> Void)

        var bytes: Int {
            guard case .batch(let pending, _, _) = self else { return 0 }
            return pending.body.count
        }
    }

    private struct State {
        var batches = Deque<Command>()
        /// Groups of other changes.
        var changes = Deque<Change>()
        var scheduled = false
        var stopped = false
    }

    private struct Change {
        let run: @Sendable () -> Void
        let stopped: @Sendable () -> Void
    }

    /// What the writer does before it looks again what waits.
    private struct Round {
        let commands: [Command]
        let change: Change?
    }

    let store: any LicenseDatastore
    let published: PublishedCore
    let directory: PrincipalDirectory
    let authenticator: Authenticator
    let onFailure: @Sendable (DatastoreError) -> Void
    private let queue = DispatchQueue(label: "fact-writer")
    private let state = Mutex(State())
    /// Up to where the published core has the log. Changed on the queue alone.
    let position: Mutex<LogPosition>
    /// Nil where one server has the store.
    let freshness: Freshness?
    /// How often everything was read anew.
    let divergences = Atomic<UInt64>(0)
    /// Called when something was applied that others may wait for: a change of who may call, or an erasure.
    let onUrgent = Mutex<@Sendable () -> Void>({})
    let folding: any StateFolding
    private let ticks = Atomic<UInt64>(0)

    /// Batches of one transaction.
    private static let maximumGroup = 64
    /// Of their bodies, by as little as one batch more: what a change, or the end, waits for.
    private static let maximumGroupBytes = 4 << 20

    /// - Parameters:
    ///   - position: up to where the published core has the log.
    ///   - replayed: the log after the last fold, which the published core has.
    init(
        store: any LicenseDatastore, published: PublishedCore, directory: PrincipalDirectory,
        authenticator: Authenticator, position: LogPosition, replayed: LogProgress = LogProgress(),
        bounds: FoldBounds = FoldBounds(), freshness: Freshness? = nil,
        onFailure: @escaping @Sendable (DatastoreError) -> Void
    ) {
        self.freshness = freshness
        self.store = store
        self.published = published
        self.directory = directory
        self.authenticator = authenticator
        self.onFailure = onFailure
        self.position = Mutex(position)
        folding =
            store.isShared
            ? BucketFolding(
                store: store, published: published, replayed: replayed, bounds: bounds, onFailure: onFailure)
            : Folding(store: store, published: published, replayed: replayed, bounds: bounds, onFailure: onFailure)
    }

    /// Folds soon when the start had much to replay, so that the next one has not.
    func foldAfterStart() {
        queue.async { [self] in
            folding.beginIfDue(share: folding.bounds.startShare)
            drain()
        }
    }

    func submit(_ batch: PendingBatch, by grant: OperatorGrant, reply: @escaping Reply<BatchAcceptance>) {
        enqueue {
            $0.batches.append(.batch(batch, grant, reply))
        } stopped: {
            reply(.failure(.stopped))
        }
    }

    /// Runs `body` on the writer, after every batch submitted before.
    func afterBatches(_ body: @escaping @Sendable () -> Void, stopped: @escaping @Sendable () -> Void) {
        enqueue {
            $0.batches.append(.after(body))
        } stopped: {
            stopped()
        }
    }

    /// Runs `body` on the writer, in turn with the batches: behind one group of them at most.
    func performChange(_ body: @escaping @Sendable () -> Void, stopped: @escaping @Sendable () -> Void) {
        enqueue {
            $0.changes.append(Change(run: body, stopped: stopped))
        } stopped: {
            stopped()
        }
    }

    /// Takes no more changes, finishes those it is at and folds for `time` at most. Those that wait are refused: their
    /// callers are gone, or were told that the server stops. Blocks.
    func stop(folding time: Duration) {
        let (batches, changes) = state.withLock { state in
            state.stopped = true
            defer { (state.batches, state.changes) = ([], []) }
            return (state.batches, state.changes)
        }
        queue.sync {
            for command in batches {
                switch command {
                case .batch(_, _, let reply): reply(.failure(.stopped))
                case .after(let body): body()
                }
            }
            for change in changes { change.stopped() }
            folding.complete(within: time, at: position.withLock { $0 })
        }
    }

    /// Time between looks at the calendar.
    private static let dayCheck = DispatchTimeInterval.seconds(10)

    /// Of them, between looks at what the store need not keep: about a minute.
    private static let ticksToTidy: UInt64 = 6

    /// From now on prepares the published core for the new day whenever one begins, also when nothing changes. Reads
    /// in between are right, and slower.
    func followDays() {
        queue.asyncAfter(deadline: .now() + Self.dayCheck) { [weak self] in
            guard let self, !self.state.withLock({ $0.stopped }) else { return }
            if published.isOfYesterday { published.publish(published.load().core) }
            if store.isShared { tidy() }
            followDays()
        }
    }

    /// What is to be folded after a while, and dropped, though nobody writes.
    private func tidy() {
        folding.beginIfDue()
        drain()
        guard ticks.add(1, ordering: .relaxed).newValue % Self.ticksToTidy == 0 else { return }
        do throws(DatastoreError) { try store.tidy() } catch { onFailure(error) }
    }

    private func enqueue(_ add: (inout State) -> Void, stopped: () -> Void) {
        let (accepted, schedule) = state.withLock { state -> (Bool, Bool) in
            guard !state.stopped else { return (false, false) }
            add(&state)
            let schedule = !state.scheduled
            state.scheduled = true
            return (true, schedule)
        }
        guard accepted else { return stopped() }
        if schedule { queue.async { [self] in drain() } }
    }

    private func drain() {
        while let round = nextRound() {
            run(round.commands)
            round.change?.run()
            folding.step(at: position.withLock { $0 })
        }
    }

    private func nextRound() -> Round? {
        state.withLock { state in
            var bytes = 0
            let commands = Array(
                state.batches.prefix(Self.maximumGroup).prefix { command in
                    defer { bytes += command.bytes }
                    return bytes < Self.maximumGroupBytes
                })
            state.batches.removeFirst(commands.count)
            let round = Round(commands: commands, change: state.changes.popFirst())
            if round.commands.isEmpty, round.change == nil, state.stopped || !folding.isUnderWay {
                state.scheduled = false
                return nil
            }
            return round
        }
    }

    private func run(_ commands: [Command]) {
        var group: [Submitted] = []
        for command in commands {
            switch command {
            case .batch(let batch, let grant, let reply):
                group.append((batch, grant, reply))
            case .after(let body):
                commit(group)
                group = []
                body()
            }
        }
        commit(group)
    }

    /// What becomes of one batch of a group.
    private enum Decision {
        /// It is the entry of that place in the group.
        case accepted(LogEntry)
        case repeated(BatchReceipt)
        case changed
    }

    private func commit(_ group: [Submitted]) {
        guard let first = group.first else { return }
        do throws(DatastoreError) {
            var effects: [BatchEffects] = []
            let decisions = try takeTurn(batches: group.map(\.batch.batch.id), for: first.grant) {
                (_, news) throws(DatastoreError) in
                Self.decide(group, on: news)
            } whenDurable: { core, decisions in
                for (submitted, decision) in zip(group, decisions) {
                    guard case .accepted(let entry) = decision else { continue }
                    effects.append(core.apply(submitted.batch.batch, revision: entry.revision))
                }
            }
            answer(group, decisions, effects)
            folding.beginIfDue()
        } catch {
            // A receipt that cannot be read is one batch's.
            if case .corrupt = error, group.count > 1 {
                for submitted in group { commit([submitted]) }
                return
            }
            // Also what was repeated within the group: the batch counts only once the group is durable.
            onFailure(error)
            for submitted in group { submitted.reply(.failure(.datastore(error))) }
        }
    }

    /// Numbers what is new.
    private static func decide(_ group: [Submitted], on news: TurnNews) -> Turn<[Decision]> {
        var receipts = news.receipts
        var entries: [LogEntry] = []
        var revision = news.nextRevision
        let decisions = group.map { submitted -> Decision in
            let pending = submitted.batch
            if let receipt = receipts[pending.batch.id] {
                return receipt.digest == pending.digest ? .repeated(receipt) : .changed
            }
            let entry = LogEntry.batch(
                pending.batch.id, revision: revision, accepted: pending.batch.facts.count, digest: pending.digest,
                body: pending.body)
            revision = revision.next
            entries.append(entry)
            receipts[pending.batch.id] = entry.receipt
            return .accepted(entry)
        }
        return Turn(decisions, batches: entries)
    }

    /// - Parameter effects: of the accepted ones, in their order.
    private func answer(_ group: [Submitted], _ decisions: [Decision], _ effects: [BatchEffects]) {
        var effects = effects[...]
        for (submitted, decision) in zip(group, decisions) {
            switch decision {
            case .accepted(let entry):
                submitted.reply(
                    .success(
                        BatchAcceptance(
                            revision: entry.revision, accepted: submitted.batch.batch.facts.count,
                            effects: effects.popFirst())))
            case .repeated(let receipt):
                submitted.reply(
                    .success(BatchAcceptance(revision: receipt.revision, accepted: receipt.accepted, effects: nil)))
            case .changed: submitted.reply(.failure(.batchChanged))
            }
        }
    }
}

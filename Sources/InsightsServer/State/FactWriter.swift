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

/// The one writer. Waiting batches are committed together in one durable transaction, then applied to the published
/// core, then acknowledged; groups of other changes come in turn with them. Nothing is acknowledged that is not durable
/// and visible.
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

    /// What one round of the writer does.
    private struct Turn {
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
    let folding: Folding

    /// Batches of one transaction.
    private static let maximumGroup = 64
    /// Of their bodies, by as little as one batch more: what a change, or the end, waits for.
    private static let maximumGroupBytes = 4 << 20

    /// - Parameter replayed: the log after the last fold, which the published core has.
    init(
        store: any LicenseDatastore, published: PublishedCore, directory: PrincipalDirectory,
        authenticator: Authenticator, replayed: LogProgress = LogProgress(), bounds: FoldBounds = FoldBounds(),
        onFailure: @escaping @Sendable (DatastoreError) -> Void
    ) {
        self.store = store
        self.published = published
        self.directory = directory
        self.authenticator = authenticator
        self.onFailure = onFailure
        folding = Folding(
            store: store, published: published, replayed: replayed, bounds: bounds, onFailure: onFailure)
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
            folding.complete(within: time)
        }
    }

    /// Time between looks at the calendar.
    private static let dayCheck = DispatchTimeInterval.seconds(10)

    /// From now on prepares the published core for the new day whenever one begins, also when nothing changes. Reads
    /// in between are right, and slower.
    func followDays() {
        queue.asyncAfter(deadline: .now() + Self.dayCheck) { [weak self] in
            guard let self, !self.state.withLock({ $0.stopped }) else { return }
            if published.isOfYesterday { published.publish(published.load().core) }
            followDays()
        }
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
        while let turn = nextTurn() {
            run(turn.commands)
            turn.change?.run()
            folding.step()
        }
    }

    private func nextTurn() -> Turn? {
        state.withLock { state in
            var bytes = 0
            let commands = Array(
                state.batches.prefix(Self.maximumGroup).prefix { command in
                    defer { bytes += command.bytes }
                    return bytes < Self.maximumGroupBytes
                })
            state.batches.removeFirst(commands.count)
            let turn = Turn(commands: commands, change: state.changes.popFirst())
            if turn.commands.isEmpty, turn.change == nil, state.stopped || !folding.isUnderWay {
                state.scheduled = false
                return nil
            }
            return turn
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

    /// Commits a group: applied to a copy of the core first, which is published only once the store has the batches.
    private func commit(_ group: [Submitted]) {
        guard !group.isEmpty else { return }
        var candidate = published.load().core
        var entries: [LogEntry] = []
        var receipts: [BatchID: BatchReceipt] = [:]
        var answers: [@Sendable (DatastoreError?) -> Void] = []
        for (pending, grant, reply) in group {
            do {
                let batch = pending.batch
                if let receipt = try receipts[batch.id] ?? receipt(of: batch.id, for: grant) {
                    guard receipt.digest == pending.digest else { throw WriteFailure.batchChanged }
                    let acceptance = BatchAcceptance(
                        revision: receipt.revision, accepted: receipt.accepted, effects: nil)
                    // A batch repeated within the group must not be acknowledged before the group is durable.
                    answers.append { reply($0.map { .failure(.datastore($0)) } ?? .success(acceptance)) }
                    continue
                }
                let revision = candidate.revision.next
                let effects = candidate.apply(batch, revision: revision)
                let entry = LogEntry.batch(
                    batch.id, revision: revision, accepted: batch.facts.count, digest: pending.digest,
                    body: pending.body)
                entries.append(entry)
                receipts[batch.id] = entry.receipt
                let acceptance = BatchAcceptance(
                    revision: revision, accepted: batch.facts.count, effects: effects)
                answers.append { reply($0.map { .failure(.datastore($0)) } ?? .success(acceptance)) }
            } catch let failure as WriteFailure {
                // The batch may differ from an earlier one of this group, which counts only once it is durable.
                answers.append { reply(.failure($0.map { .datastore($0) } ?? failure)) }
            } catch {
                answers.append { _ in reply(.failure(.datastore(.unavailable("unexpected error")))) }
            }
        }
        let failure = write(entries)
        if failure == nil, !entries.isEmpty {
            published.publish(candidate)
            folding.note(entries)
        }
        for answer in answers { answer(failure) }
        if failure == nil { folding.beginIfDue() }
    }

    private func receipt(of batch: BatchID, for grant: OperatorGrant) throws(WriteFailure) -> BatchReceipt? {
        do throws(DatastoreError) {
            return try store.receipt(of: batch, for: grant)
        } catch {
            onFailure(error)
            throw .datastore(error)
        }
    }

    private func write(_ entries: [LogEntry]) -> DatastoreError? {
        guard !entries.isEmpty else { return nil }
        do throws(DatastoreError) {
            try store.commit(entries)
            return nil
        } catch {
            onFailure(error)
            return error
        }
    }
}

import Authentication
import Datastore
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
    let duplicate: Bool
}

/// Why a change was not made.
enum WriteFailure: Error, Sendable {
    case conflict(FactConflict)
    /// The batch id was used before with other content.
    case batchChanged
    case directory(DirectoryError)
    case datastore(DatastoreError)
    /// The audit trail cannot be written, so nothing may change.
    case auditUnavailable
    case noSuchUser
    /// The server is shutting down.
    case stopped
}

/// The one writer. Changes queue here; waiting batches are committed together in one durable transaction, then applied
/// to the published core, then acknowledged. Nothing is acknowledged that is not durable and visible.
final class FactWriter: Sendable {
    typealias Reply<Value> = @Sendable (Result<Value, WriteFailure>) -> Void

    private enum Command: Sendable {
        case batch(PendingBatch, OperatorGrant, Reply<BatchAcceptance>)
        /// Anything that is committed by itself.
        case alone(@Sendable (FactWriter) -> Void)
    }

    private struct State {
        var waiting: [Command] = []
        var scheduled = false
        var stopped = false
    }

    /// Only touched on `queue`.
    private struct Progress {
        var factsSinceFold = 0
        var bytesSinceFold = 0
    }

    let store: any LicenseDatastore
    let published: PublishedCore
    let directory: PrincipalDirectory
    private let queue = DispatchQueue(label: "fact-writer")
    private let state = Mutex(State())
    private let progress = Mutex(Progress())
    private let onFailure: @Sendable (DatastoreError) -> Void

    /// Bounds of one transaction.
    private static let maximumGroup = 64
    /// A restart replays at most about this much.
    private static let factsPerFold = 2_000_000
    private static let bytesPerFold = 64 << 20

    init(
        store: any LicenseDatastore, published: PublishedCore, directory: PrincipalDirectory,
        onFailure: @escaping @Sendable (DatastoreError) -> Void
    ) {
        self.store = store
        self.published = published
        self.directory = directory
        self.onFailure = onFailure
    }

    func submit(_ batch: PendingBatch, by grant: OperatorGrant, reply: @escaping Reply<BatchAcceptance>) {
        enqueue(.batch(batch, grant, reply)) { reply(.failure(.stopped)) }
    }

    /// Runs `body` on the writer, after everything submitted before.
    func perform(_ body: @escaping @Sendable (FactWriter) -> Void, stopped: @escaping @Sendable () -> Void) {
        enqueue(.alone(body), stopped: stopped)
    }

    /// Takes no more changes, finishes those that wait and folds. Blocks.
    func stop() {
        state.withLock { $0.stopped = true }
        queue.sync {
            drain()
            fold()
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

    private func enqueue(_ command: Command, stopped: () -> Void) {
        let (accepted, schedule) = state.withLock { state -> (Bool, Bool) in
            guard !state.stopped else { return (false, false) }
            state.waiting.append(command)
            let schedule = !state.scheduled
            state.scheduled = true
            return (true, schedule)
        }
        guard accepted else { return stopped() }
        if schedule { queue.async { [self] in drain() } }
    }

    private func drain() {
        while true {
            let commands = state.withLock { state -> [Command] in
                let taken = Array(state.waiting.prefix(Self.maximumGroup))
                state.waiting.removeFirst(taken.count)
                if taken.isEmpty { state.scheduled = false }
                return taken
            }
            if commands.isEmpty { return }
            var group: [(PendingBatch, OperatorGrant, Reply<BatchAcceptance>)] = []
            for command in commands {
                switch command {
                case .batch(let batch, let grant, let reply):
                    group.append((batch, grant, reply))
                case .alone(let body):
                    commit(group)
                    group = []
                    body(self)
                }
            }
            commit(group)
        }
    }

    /// Commits a group: applied to a copy of the core first, which is published only once the store has the batches.
    private func commit(_ group: [(PendingBatch, OperatorGrant, Reply<BatchAcceptance>)]) {
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
                        revision: receipt.revision, accepted: receipt.accepted, duplicate: true)
                    // A batch repeated within the group must not be acknowledged before the group is durable.
                    answers.append { reply($0.map { .failure(.datastore($0)) } ?? .success(acceptance)) }
                    continue
                }
                do throws(FactConflict) {
                    try candidate.check(batch)
                } catch {
                    throw WriteFailure.conflict(error)
                }
                let revision = candidate.revision.next
                candidate.apply(batch, revision: revision)
                let entry = LogEntry.batch(
                    batch.id, revision: revision, accepted: batch.facts.count, digest: pending.digest,
                    body: pending.body)
                entries.append(entry)
                receipts[batch.id] = entry.receipt
                let acceptance = BatchAcceptance(revision: revision, accepted: batch.facts.count, duplicate: false)
                answers.append { reply($0.map { .failure(.datastore($0)) } ?? .success(acceptance)) }
            } catch let failure as WriteFailure {
                // The conflict may be with an earlier batch of this group, which counts only once it is durable.
                answers.append { reply(.failure($0.map { .datastore($0) } ?? failure)) }
            } catch {
                answers.append { _ in reply(.failure(.datastore(.unavailable("unexpected error")))) }
            }
        }
        let failure = write(entries)
        if failure == nil, !entries.isEmpty {
            published.publish(candidate)
            noteProgress(entries)
        }
        for answer in answers { answer(failure) }
        if failure == nil { foldIfDue() }
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

    private func noteProgress(_ entries: [LogEntry]) {
        progress.withLock { progress in
            for entry in entries {
                progress.factsSinceFold += entry.receipt?.accepted ?? 0
                progress.bytesSinceFold += entry.body.count
            }
        }
    }

    private func foldIfDue() {
        let due = progress.withLock {
            $0.factsSinceFold >= Self.factsPerFold || $0.bytesSinceFold >= Self.bytesPerFold
        }
        if due { fold() }
    }

    /// Writes the state that changed, so that a restart replays less. A failure loses nothing: the log is complete.
    private func fold() {
        var core = published.load().core
        let rows = core.takeDirtyStates().map { StateRow(key: $0.key, body: $0.body) }
        guard !rows.isEmpty else { return }
        do throws(DatastoreError) {
            try store.fold(through: core.revision, states: rows)
            published.publish(core)
            progress.withLock { $0 = Progress() }
        } catch {
            onFailure(error)
        }
    }

    /// Replaces a person by an anonymous one in core and store. Call on the writer.
    func erase(
        user: UserID, of customer: CustomerID, replacement: UserID, for grant: OperatorGrant
    ) throws(WriteFailure) -> Revision {
        var candidate = published.load().core
        let revision = candidate.revision.next
        guard candidate.erase(user: user, of: customer, replacement: replacement, revision: revision) else {
            throw .noSuchUser
        }
        let rows = candidate.takeDirtyStates().map { StateRow(key: $0.key, body: $0.body) }
        do throws(DatastoreError) {
            try store.erase(
                Erasure(
                    user: user, of: customer, replacement: replacement, revision: revision, states: rows, folds: true),
                for: grant)
        } catch {
            onFailure(error)
            throw .datastore(error)
        }
        published.publish(candidate)
        published.forgetShelved(before: revision)
        progress.withLock { $0 = Progress() }
        return revision
    }

    /// Creates a partner: durable, then visible. Call on the writer.
    func createPartner(
        _ partner: PartnerID, name: String?, first: Authentication.PrincipalRecord, for grant: OperatorGrant
    ) throws(WriteFailure) -> Revision {
        var candidate = published.load().core
        let revision = candidate.revision.next
        candidate.advance(to: revision)
        let prepared = try preparing { () throws(DirectoryError) in
            try directory.prepareCreatePartner(partner, first: first, by: grant)
        }
        guard let stored = prepared.change.record else { throw .directory(.notFound) }
        let change = Datastore.AccessChange.createPartner(
            PartnerRecord(id: partner, name: name), first: stored.stored(in: partner))
        try save(change, entry: .partnerCreated(revision: revision), for: .operator(grant))
        published.publish(candidate)
        try publish(prepared)
        return revision
    }

    /// Changes principals of the scope's partner: durable, then visible. Call on the writer.
    func change(
        _ change: PrincipalChange, in scope: PartnerScope
    ) throws(WriteFailure) -> Authentication.PrincipalRecord? {
        let prepared = try preparing { () throws(DirectoryError) in try directory.prepare(change, in: scope) }
        let row: Datastore.AccessChange
        switch (change, prepared.change) {
        case (.create, .principalStored(let partner, let record)):
            row = .createPrincipal(record.stored(in: partner))
        case (_, .principalStored(let partner, let record)):
            row = .updatePrincipal(record.stored(in: partner))
        case (_, .principalDeleted(let partner, let principal)):
            row = .deletePrincipal(partner, principal)
        case (_, .partnerCreated):
            throw .directory(.notFound)
        }
        try save(row, entry: nil, for: .partner(scope))
        try publish(prepared)
        return prepared.change.record
    }

    private func preparing(
        _ body: () throws(DirectoryError) -> PreparedAccessChange
    ) throws(WriteFailure) -> PreparedAccessChange {
        do {
            return try body()
        } catch {
            throw .directory(error)
        }
    }

    private func save(
        _ change: Datastore.AccessChange, entry: LogEntry?, for grant: AccessGrant
    ) throws(WriteFailure) {
        do throws(DatastoreError) {
            try store.save(change, entry: entry, for: grant)
        } catch {
            onFailure(error)
            throw .datastore(error)
        }
    }

    private func publish(_ prepared: PreparedAccessChange) throws(WriteFailure) {
        do {
            try directory.publish(prepared)
        } catch {
            throw .directory(error)
        }
    }
}

extension Authentication.PrincipalRecord {
    /// The row that the store keeps.
    func stored(in partner: PartnerID) -> Datastore.PrincipalRecord {
        Datastore.PrincipalRecord(
            partner: partner, id: principal, displayName: displayName, roles: roles, disabled: isDisabled)
    }
}

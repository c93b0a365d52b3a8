import Dispatch
import LicenseModel
import Synchronization
import Tenancy

/// What the stores in memory that are connected to each other have together.
final class InMemoryContent: Sendable {
    struct Member {
        var seen: ContinuousClock.Instant
        var applied: LogPosition
    }

    struct Rows {
        var id = StoreID.random()
        var changes: Int64 = 0
        var revision = Revision.none
        /// Of changes of access.
        var generation: Int64 = 0
        var folds: BucketFolds
        var receipts: [BatchID: BatchReceipt] = [:]
        /// After `dropped`, in order.
        var log: [LogEntry] = []
        var dropped = Revision.none
        /// Of every entry ever by its revision, and of every change of access by its generation: no number is used
        /// twice, so that one that was lost is told from the one that took its place.
        var stamps: [UInt64] = []
        var accessStamps: [UInt64] = []
        var lastStamp: UInt64 = 0
        /// By bucket.
        var states: [[String: [UInt8]]]
        var partners: [PartnerID: PartnerRecord] = [:]
        var principals: [PartnerID: [PrincipalID: PrincipalRecord]] = [:]
        /// The generation in which the callers of a partner changed last.
        var changedAccess: [PartnerID: Int64] = [:]
        var members: [Int32: Member] = [:]
        var keysCheck: [UInt8]?

        init(buckets: Int) {
            folds = BucketFolds(count: buckets)
            states = Array(repeating: [:], count: buckets)
        }
    }

    let buckets: Int
    /// Held by whoever has its turn; rows are read beside it.
    let turns = Mutex<Void>(())
    let rows: Mutex<Rows>
    let audit = InMemoryAudit()
    private let listeners = Mutex<[DispatchSemaphore]>([])

    init(_ rows: Rows) {
        buckets = rows.states.count
        self.rows = Mutex(rows)
    }

    func add(_ listener: DispatchSemaphore) { listeners.withLock { $0.append(listener) } }
    func remove(_ listener: DispatchSemaphore) { listeners.withLock { $0.removeAll { $0 === listener } } }

    /// There are news.
    func tell() {
        for listener in listeners.withLock({ $0 }) { listener.signal() }
    }
}

extension InMemoryContent.Rows {
    var isShared: Bool { states.count > 1 }

    var position: LogPosition { position(at: revision) }

    private func position(at revision: Revision) -> LogPosition {
        guard isShared else { return LogPosition(revision: revision) }
        return LogPosition(
            revision: revision, generation: generation, digest: digest(at: revision, generation: generation))
    }

    private func digest(at revision: Revision, generation: Int64) -> [UInt8] {
        func stamp(_ number: Int64, of stamps: [UInt64]) -> UInt64 {
            stamps.indices.contains(Int(number) - 1) ? stamps[Int(number) - 1] : 0
        }
        return Array("\(stamp(revision.number, of: stamps))/\(stamp(generation, of: accessStamps))".utf8)
    }

    func receipts(of batches: [BatchID]) -> [BatchID: BatchReceipt] {
        var found: [BatchID: BatchReceipt] = [:]
        for batch in batches { found[batch] = receipts[batch] }
        return found
    }

    func principals(of partner: PartnerID) -> [PrincipalRecord] {
        (principals[partner] ?? [:]).values.sorted { $0.id < $1.id }
    }

    /// Throws unless the position is of this log, as far as that is still known.
    func check(_ asked: LogPosition) throws(DatastoreError) {
        let isKnown = asked.digest.map { $0 == digest(at: asked.revision, generation: asked.generation) } ?? true
        guard asked.revision <= revision, asked.revision >= dropped, asked.generation <= generation, isKnown else {
            throw .diverged(at: asked.revision)
        }
    }

    func news(after asked: LogPosition, limit: Int) throws(DatastoreError) -> LogNews {
        try check(asked)
        let new = log.suffix(Int(revision.number - asked.revision.number)).prefix(limit)
        // Of a store that one server has alone nothing is news.
        let changed = isShared ? changedAccess.filter { $0.value > asked.generation }.keys.sorted() : []
        return LogNews(
            entries: Array(new),
            partners: changed.compactMap { id in
                partners[id].map { PartnerAccess(partner: $0, principals: principals(of: id)) }
            }, position: position(at: new.last?.revision ?? asked.revision),
            isComplete: (new.last?.revision ?? asked.revision) == revision)
    }

    // MARK: Changes

    /// All of a checked turn, or nothing.
    mutating func write<Value>(_ turn: Turn<Value>) throws(DatastoreError) -> LogPosition {
        for entry in turn.batches {
            guard let receipt = entry.receipt, receipts[receipt.batch] != nil else { continue }
            throw .duplicateBatch(receipt.batch)
        }
        if turn.access.isEmpty {
            append(turn)
        } else {
            var changed = self
            for save in turn.access { try changed.save(save.change) }
            changed.append(turn)
            self = changed
        }
        return position
    }

    private mutating func append<Value>(_ turn: Turn<Value>) {
        for entry in turn.entries {
            if let receipt = entry.receipt { receipts[receipt.batch] = receipt }
            log.append(entry)
            revision = entry.revision
            stamps.append(nextStamp())
        }
        if let erasure = turn.erasure {
            fold(erasure.bucket, through: erasure.entry.revision, states: erasure.states)
            if isShared { withdraw(erasure) }
        }
        dropLog()
        changes += Int64(turn.batches.count + turn.access.count + (turn.erasure == nil ? 0 : 1))
    }

    private mutating func save(_ change: AccessChange) throws(DatastoreError) {
        switch change {
        case .createPartner(let partner, let first):
            guard partners[partner.id] == nil else { throw .alreadyExists }
            partners[partner.id] = partner
            principals[partner.id, default: [:]][first.id] = first
        case .updatePartner(let id, let disabled):
            guard let partner = partners[id] else { throw .notFound }
            partners[id] = PartnerRecord(id: id, name: partner.name, isDisabled: disabled)
        case .createPrincipal(let principal):
            guard partners[principal.partner] != nil else { throw .notFound }
            guard principals[principal.partner]?[principal.id] == nil else { throw .alreadyExists }
            principals[principal.partner, default: [:]][principal.id] = principal
        case .updatePrincipal(let principal):
            guard principals[principal.partner]?[principal.id] != nil else { throw .notFound }
            principals[principal.partner, default: [:]][principal.id] = principal
        case .deletePrincipal(let partner, let principal):
            guard principals[partner]?.removeValue(forKey: principal) != nil else { throw .notFound }
        }
        generation += 1
        accessStamps.append(nextStamp())
        changedAccess[change.partner] = generation
    }

    mutating func fold(_ bucket: Int, through revision: Revision, states rows: [StateRow]) {
        for row in rows { states[bucket][row.key] = row.body }
        folds[bucket] = revision
    }

    private mutating func withdraw(_ erasure: Erasure) {
        log = log.map { entry in
            guard entry.kind == .batch, let body = try? erasure.withdrawing(entry.body) else { return entry }
            return entry.replacingBody(by: body)
        }
    }

    /// What neither a start nor a server that is there needs any more.
    mutating func dropLog() {
        let needed = min(folds.least, members.values.map(\.applied.revision).min() ?? folds.least)
        guard needed > dropped else { return }
        dropped = needed
        log.removeAll { $0.revision <= needed }
    }

    private mutating func nextStamp() -> UInt64 {
        lastStamp += 1
        return lastStamp
    }

    var freeMember: Int32 {
        var id: Int32 = 1
        while members[id] != nil { id += 1 }
        return id
    }
}

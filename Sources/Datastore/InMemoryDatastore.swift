import LicenseModel
import Synchronization
import Tenancy

/// A store without files, for tests and demonstrations: the same rules as the durable engines, and nothing survives.
public final class InMemoryDatastore: LicenseDatastore {
    struct Contents {
        var id = StoreID.random()
        var changes: Int64 = 0
        var revision = Revision.none
        var foldedThrough = Revision.none
        var receipts: [BatchID: BatchReceipt] = [:]
        /// After `foldedThrough`, in order.
        var log: [LogEntry] = []
        var states: [String: [UInt8]] = [:]
        var partners: [PartnerID: PartnerRecord] = [:]
        var principals: [PartnerID: [PrincipalID: PrincipalRecord]] = [:]
        var failure: DatastoreError?
    }

    private let contents: Mutex<Contents>

    public convenience init() {
        self.init(Contents())
    }

    init(_ contents: Contents) {
        self.contents = Mutex(contents)
    }

    /// Another store with the same contents, as after closing and opening again.
    public func reopened() -> InMemoryDatastore {
        var copy = contents.withLock { $0 }
        copy.failure = nil
        return InMemoryDatastore(copy)
    }

    /// From now on every call throws `error`; nil ends it. For tests of a store that is away.
    public func fail(with error: DatastoreError?) {
        contents.withLock { $0.failure = error }
    }

    private func with<Result>(
        _ body: (inout sending Contents) throws(DatastoreError) -> sending Result
    ) throws(DatastoreError) -> sending Result {
        try contents.withLock { contents throws(DatastoreError) in
            if let failure = contents.failure { throw failure }
            return try body(&contents)
        }
    }

    public var revision: Revision { contents.withLock { $0.revision } }

    public var mark: StoreMark {
        contents.withLock { StoreMark(store: $0.id, changes: $0.changes, revision: $0.revision) }
    }

    public func beginHistory() throws(DatastoreError) {
        try with { contents throws(DatastoreError) in contents.id = .random() }
    }

    public func commit(_ entries: [LogEntry]) throws(DatastoreError) {
        try with { contents throws(DatastoreError) in
            try LogEntryChecks.check(entries, after: contents.revision)
            for entry in entries {
                guard let receipt = entry.receipt, contents.receipts[receipt.batch] != nil else { continue }
                throw .duplicateBatch(receipt.batch)
            }
            for entry in entries {
                if let receipt = entry.receipt { contents.receipts[receipt.batch] = receipt }
                contents.append(entry)
            }
            contents.changes += Int64(entries.count)
        }
    }

    public func receipt(of batch: BatchID, for grant: OperatorGrant) throws(DatastoreError) -> BatchReceipt? {
        try with { contents throws(DatastoreError) in contents.receipts[batch] }
    }

    public func loadAccess(for grant: OperatorGrant) throws(DatastoreError) -> AccessRegistry {
        try with { contents throws(DatastoreError) in
            let partners = contents.partners.values.sorted { $0.id < $1.id }
            let principals = partners.flatMap { contents.principals(of: $0.id) }
            return AccessRegistry(partners: partners, principals: principals)
        }
    }

    public func save(_ change: AccessChange, entry: LogEntry?, for grant: AccessGrant) throws(DatastoreError) {
        try save([AccessSave(change, entry: entry, for: grant)])
    }

    public func save(_ saves: [AccessSave]) throws(DatastoreError) {
        for save in saves { try save.change.check(entry: save.entry, for: save.grant) }
        try with { contents throws(DatastoreError) in
            var changed = contents
            for save in saves { try changed.save(save.change, entry: save.entry) }
            changed.changes += Int64(saves.count)
            contents = changed
        }
    }

    public func fold(through revision: Revision, states: [StateRow]) throws(DatastoreError) {
        try with { contents throws(DatastoreError) in
            try LogEntryChecks.check(
                foldThrough: revision, folded: contents.foldedThrough, last: contents.revision)
            contents.fold(through: revision, states: states)
        }
    }

    public func recover(
        for grant: OperatorGrant, state: (StateRow) throws -> Void, entry: (LogEntry) throws -> Void
    ) throws -> Revision {
        let copy = try with { contents throws(DatastoreError) in contents }
        for (key, body) in copy.states.sorted(by: { $0.key < $1.key }) { try state(StateRow(key: key, body: body)) }
        for logged in copy.log { try entry(logged) }
        return copy.revision
    }

    public func erase(_ erasure: Erasure, for grant: OperatorGrant) throws(DatastoreError) {
        try with { contents throws(DatastoreError) in
            try contents.erase(erasure)
            contents.changes += 1
        }
    }

    public func backup(to path: String) throws(DatastoreError) {
        throw .invalid("a store in memory has no backup")
    }

    public func health() throws(DatastoreError) {
        try with { _ throws(DatastoreError) in }
    }

    public func statistics() throws(DatastoreError) -> DatastoreStatistics {
        try with { contents throws(DatastoreError) in
            let bytes = contents.states.values.reduce(0) { $0 + $1.count }
            let pending = contents.log.reduce(0) { $0 + $1.body.count }
            return DatastoreStatistics(
                engine: "memory", revision: contents.revision, foldedThrough: contents.foldedThrough,
                stateRows: contents.states.count, storeBytes: Int64(bytes), pendingBytes: Int64(pending),
                erasurePending: false)
        }
    }

    public func close() throws(DatastoreError) {
        contents.withLock { $0.failure = .closed }
    }
}

extension InMemoryDatastore.Contents {
    func principals(of partner: PartnerID) -> [PrincipalRecord] {
        (principals[partner] ?? [:]).values.sorted { $0.id < $1.id }
    }

    mutating func append(_ entry: LogEntry) {
        log.append(entry)
        revision = entry.revision
    }

    mutating func save(_ change: AccessChange, entry: LogEntry?) throws(DatastoreError) {
        switch change {
        case .createPartner(let partner, let first):
            guard let entry, entry.revision == revision.next else {
                throw .outOfOrder(expected: revision.next, found: entry?.revision ?? .none)
            }
            guard partners[partner.id] == nil else { throw .alreadyExists }
            partners[partner.id] = partner
            principals[partner.id, default: [:]][first.id] = first
            append(entry)
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
    }

    mutating func fold(through revision: Revision, states rows: [StateRow]) {
        for row in rows { states[row.key] = row.body }
        foldedThrough = revision
        log.removeAll { $0.revision <= revision }
    }

    mutating func erase(_ erasure: Erasure) throws(DatastoreError) {
        guard erasure.revision == revision.next else {
            throw .outOfOrder(expected: revision.next, found: erasure.revision)
        }
        append(erasure.entry)
        fold(through: erasure.revision, states: erasure.states)
    }
}

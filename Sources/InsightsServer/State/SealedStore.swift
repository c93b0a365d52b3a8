import AuditTrail
import Datastore
import LicenseModel
import LogLines
import Synchronization
import Tenancy

/// A store whose every acknowledged change is in `store.head` before the change returns, so that a store that lacks
/// some is told at the next start.
final class SealedStore: LicenseDatastore {
    private let store: any LicenseDatastore
    private let head: StoreHead
    private let state: Mutex<State>

    private struct State {
        var written: StoreMark
        /// Why the head cannot be written: what was made durable last is not acknowledged, and nothing follows it.
        var failure: String?
    }

    /// Takes the store as it is for the right one from here on.
    ///
    /// - Parameters:
    ///   - fault: what the operator accepted; put on record, and the store gets a history of its own, so that neither
    ///     the lost one nor a copy of it can be taken for it.
    ///   - folder: the data folder.
    ///   - key: of the audit trail, which seals the head too.
    init(
        _ store: any LicenseDatastore, accepting fault: StoreFault?, folder: String, auditLog: AuditLog,
        key: AuditKey?, time: Timestamp
    ) throws {
        self.store = store
        if let fault {
            try auditLog.appendDurably(
                AuditEvent(
                    time: time, principal: "", partner: nil, method: "--accept-older-store: \(fault.summary)",
                    isAllowed: true, code: 0, revision: UInt64(clamping: store.revision.number), kind: .olderStore))
            try store.beginHistory()
        }
        guard let key else { throw AuditError.badKey(reason: "is missing") }
        head = try StoreHead.begin(at: store.mark, folder: folder, key: key)
        state = Mutex(State(written: store.mark))
    }

    // MARK: Changes

    func turn<Value>(
        after position: LogPosition, batches: [BatchID], for grant: OperatorGrant,
        _ body: (TurnNews) throws(DatastoreError) -> Turn<Value>
    ) throws(DatastoreError) -> TurnOutcome<Value> {
        try sealing { () throws(DatastoreError) in
            try store.turn(after: position, batches: batches, for: grant, body)
        }
    }

    func beginHistory() throws(DatastoreError) {
        try sealing { () throws(DatastoreError) in try store.beginHistory() }
    }

    private func sealing<Result>(
        _ change: () throws(DatastoreError) -> Result
    ) throws(DatastoreError) -> Result {
        // After a failure the store may know a batch that is in doubt.
        try checkHead()
        let result = try change()
        let mark = store.mark
        try state.withLock { (state) throws(DatastoreError) in
            guard mark != state.written else { return }
            do throws(AuditError) {
                try head.write(mark)
                // Others lost changes that nobody was told were made: the slot with more of them has to go.
                if mark.changes <= state.written.changes { try head.write(mark) }
            } catch {
                let reason = "its head cannot be written (\(error))"
                state.failure = reason
                throw .stopped(reason)
            }
            state.written = mark
        }
        return result
    }

    private func checkHead() throws(DatastoreError) {
        if let failure = state.withLock({ $0.failure }) { throw .stopped(failure) }
    }

    /// Changes nothing that was acknowledged.
    func foldBucket(
        _ bucket: Int, through position: LogPosition, states: [StateRow]
    ) throws(DatastoreError) -> Bool {
        try store.foldBucket(bucket, through: position, states: states)
    }

    // MARK: The rest is the store's

    func tidy() throws(DatastoreError) { try store.tidy() }

    var isShared: Bool { store.isShared }
    var buckets: Int { store.buckets }
    var position: LogPosition { store.position }
    var mark: StoreMark { store.mark }

    func folds() throws(DatastoreError) -> BucketFolds { try store.folds() }

    func news(
        after position: LogPosition, limit: Int, for grant: OperatorGrant
    ) throws(DatastoreError) -> LogNews {
        try store.news(after: position, limit: limit, for: grant)
    }

    func waitForNews(upTo time: Duration) throws(DatastoreError) -> Bool {
        try store.waitForNews(upTo: time)
    }

    var audit: (any AuditStore)? { store.audit }
    func beat(applied: LogPosition) throws(DatastoreError) { try store.beat(applied: applied) }
    func members() throws(DatastoreError) -> [StoreMember] { try store.members() }
    func keysCheck(own: [UInt8]) throws(DatastoreError) -> [UInt8] { try store.keysCheck(own: own) }

    func receipt(of batch: BatchID, for grant: OperatorGrant) throws(DatastoreError) -> BatchReceipt? {
        // After a failure it may know a batch that is in doubt.
        try checkHead()
        return try store.receipt(of: batch, for: grant)
    }

    func loadAccess(for grant: OperatorGrant) throws(DatastoreError) -> AccessRegistry {
        try store.loadAccess(for: grant)
    }

    func recover(
        for grant: OperatorGrant, readers: Int, bucket: @Sendable (StoredBucket) throws -> Void,
        entry: (LogEntry) throws -> Void
    ) throws -> LogPosition {
        try store.recover(for: grant, readers: readers, bucket: bucket, entry: entry)
    }

    func backup(to path: String) throws(DatastoreError) {
        try store.backup(to: path)
    }

    func health() throws(DatastoreError) {
        try checkHead()
        try store.health()
    }

    func statistics() throws(DatastoreError) -> DatastoreStatistics {
        try store.statistics()
    }

    func close() throws(DatastoreError) {
        try store.close()
    }
}

import LicenseModel
import Tenancy

/// What a starting server reads back, and what a verification reads.
public protocol StoreReading {
    /// How far the durable history goes.
    var mark: StoreMark { get }

    /// Reads everything back: the folded rows in the order of their keys, then the log after them in the order of
    /// revisions, one at a time. Returns the last revision. Errors of the closures come through unchanged.
    ///
    /// An engine with files compares every row, and the rows as a whole, with what was written, and throws `corrupt`
    /// for any difference.
    func recover(
        for grant: OperatorGrant, state: (StateRow) throws -> Void, entry: (LogEntry) throws -> Void
    ) throws -> Revision

    /// Every partner and principal, each in the order of its ids; compared with what was written likewise.
    func loadAccess(for grant: OperatorGrant) throws(DatastoreError) -> AccessRegistry
}

/// Durable memory of the system: the log of accepted changes, the folded state, and who may call.
///
/// Blocking and synchronous. One thread, the writer, calls everything that changes; reads may run on any thread beside
/// it. What was returned from is durable: it survives a killed process and a power loss. What threw did not happen,
/// unless the error says that it may have.
///
/// Revisions have no gaps: every entry is the last revision plus one, over all kinds of entries. Receipts are kept
/// forever, bodies until they are folded.
public protocol LicenseDatastore: StoreReading, Sendable {
    /// The revision of the last durable entry.
    var revision: Revision { get }

    /// Writes accepted batches in one durable transaction: all or none. Entries are of kind `batch`.
    func commit(_ entries: [LogEntry]) throws(DatastoreError)

    /// What was answered to the batch of that id when it was accepted; nil when it never was.
    func receipt(of batch: BatchID, for grant: OperatorGrant) throws(DatastoreError) -> BatchReceipt?

    /// Changes who may call. A partner may change its own principals only, the operator partners only; anything else
    /// is `outsideScope`. `entry` is the revision that a created partner makes, nil for other changes.
    func save(_ change: AccessChange, entry: LogEntry?, for grant: AccessGrant) throws(DatastoreError)

    /// The same for several changes, in their order and in one durable transaction: all or none.
    func save(_ saves: [AccessSave]) throws(DatastoreError)

    /// Replaces the state rows that changed since the last fold, and drops the log bodies through `revision`, in one
    /// durable transaction. The rows must hold everything that the log through `revision` says.
    func fold(through revision: Revision, states: [StateRow]) throws(DatastoreError)

    /// Replaces the state rows that changed since the last fold by rows without the person and drops every log body, in
    /// one durable transaction that makes a revision; receipts stay. Afterwards no file of the store has the person's
    /// id, but for rows that name another person of the same id. Copies made by `backup` before keep it.
    func erase(_ erasure: Erasure, for grant: OperatorGrant) throws(DatastoreError)

    /// Writes a consistent copy to a file that does not exist yet, while reads and writes go on.
    func backup(to path: String) throws(DatastoreError)

    /// Throws when the store cannot be read, or when it no longer accepts changes. Cheap.
    func health() throws(DatastoreError)

    func statistics() throws(DatastoreError) -> DatastoreStatistics

    /// Gives the store another id: from here on its history is not the one that its copies tell.
    func beginHistory() throws(DatastoreError)

    /// Ends all use. Later calls throw `closed`; closing twice is harmless.
    func close() throws(DatastoreError)
}

import LicenseModel
import Tenancy

/// What a starting server reads back, and what a verification reads.
public protocol StoreReading {
    /// How far the durable history goes.
    var mark: StoreMark { get }

    /// In how many parts the state is folded: `StateBuckets.count` where the store is shared, else 1 with everything.
    var buckets: Int { get }

    /// Reads everything back: every bucket; then the log after the least revision that one of them is folded through,
    /// in order and one at a time. What an entry says about a bucket that is folded through its revision already is in
    /// the rows. Returns where the log ends. Errors of the closures come through unchanged.
    ///
    /// Bucket 0 comes first; the others in any order, and on several threads at once where there are several readers.
    /// Whoever is given a bucket reads all its rows. With one reader everything runs on this thread.
    ///
    /// A bucket is one moment, all of them need not be. Throws `diverged` when the log that a bucket needs was dropped
    /// meanwhile, as another server folded: to be begun anew.
    ///
    /// An engine with files compares every row, and the rows as a whole, with what was written, and throws `corrupt`
    /// for any difference.
    ///
    /// - Parameter readers: how many threads may read buckets, `BucketReaders.most` at most.
    func recover(
        for grant: OperatorGrant, readers: Int, bucket: @Sendable (StoredBucket) throws -> Void,
        entry: (LogEntry) throws -> Void
    ) throws -> LogPosition

    /// Every partner and principal, each in the order of its ids; compared with what was written likewise.
    func loadAccess(for grant: OperatorGrant) throws(DatastoreError) -> AccessRegistry
}

/// Durable memory of the system: the log of accepted changes, the folded state, and who may call.
///
/// Blocking and synchronous. One thread, the writer, takes turns and folds; everything else may be called on any thread
/// beside it. What was returned from is durable: it survives a killed process and a power loss. What threw did not
/// happen, unless the error says that it may have.
///
/// Revisions have no gaps: every entry is the last revision plus one, over all kinds of entries and all servers.
/// Receipts are kept forever, bodies until they are folded. Whoever sees a revision sees all before it.
///
/// A store is one server's alone, or shared by several, each with a value of its own. Then others write between two
/// turns, and every turn begins with what they wrote.
public protocol LicenseDatastore: StoreReading, Sendable {
    /// Whether other servers may be on the store.
    var isShared: Bool { get }

    /// The last entry that was written or read through this value; at first the end of the log as it was opened.
    var position: LogPosition { get }

    // MARK: Writing

    /// Takes a turn: waits until nobody else writes, tells `body` everything that was written after `position`, and
    /// writes what it answers in one durable transaction, all or none. What `body` throws comes through, and nothing is
    /// written. `body` runs once at most.
    ///
    /// Nothing is written either, and `body` not asked, when it throws `diverged` (the position is not of this log, or
    /// the log after it was dropped), or `behind` (there is more news than a turn may take). After `inDoubt` the turn
    /// may be durable: then the next one has it among its news, as `position` was not moved, and its receipts.
    ///
    /// A partner may change its own principals only, the operator partners only; anything else is `outsideScope`.
    /// A created partner needs its entry, other changes of access have none.
    ///
    /// After an erasure no file of the store has the person's id, but for rows and bodies that name another person of
    /// the same id, and for what the engine's documentation says is dropped later. An engine of one bucket drops every
    /// body. Copies made by `backup` before keep it.
    ///
    /// - Parameters:
    ///   - position: what the caller has applied. Where the store is not shared it must be the store's.
    ///   - batches: whose receipts are wanted.
    func turn<Value>(
        after position: LogPosition, batches: [BatchID], for grant: OperatorGrant,
        _ body: (TurnNews) throws(DatastoreError) -> Turn<Value>
    ) throws(DatastoreError) -> TurnOutcome<Value>

    /// Replaces the rows of a bucket that changed since it was folded last, in one durable transaction, and drops the
    /// log bodies that no bucket needs any more, at once or later. The rows must hold everything that the log through
    /// `position` says about the bucket; whoever has another log, of which a failover lost a part, is told `diverged`.
    ///
    /// A store of one server may fold in pieces: rows come with the revision that is folded through already until the
    /// last piece, and all bodies stay until then. A shared store takes a bucket whole.
    ///
    /// Returns false, and changed nothing, when another server folds the bucket just now or has folded it as far.
    func foldBucket(_ bucket: Int, through position: LogPosition, states: [StateRow]) throws(DatastoreError) -> Bool

    /// Drops what nobody needs any more though nobody writes; to be called once a minute. Nothing where the store is
    /// not shared.
    func tidy() throws(DatastoreError)

    // MARK: Following

    /// How far each bucket is folded.
    func folds() throws(DatastoreError) -> BucketFolds

    /// What was written after `position`: at most `limit` entries, or fewer when their bodies are large, and at least
    /// one when there is any. Entries and access are of one moment. Throws `diverged` as a turn does.
    func news(
        after position: LogPosition, limit: Int, for grant: OperatorGrant
    ) throws(DatastoreError) -> LogNews

    /// What was answered to the batch of that id when it was accepted; nil when it never was.
    func receipt(of batch: BatchID, for grant: OperatorGrant) throws(DatastoreError) -> BatchReceipt?

    /// Blocks until others may have written something since the last call, for `time` at most; true then. Wakes at
    /// once when the store is closed. Returns false at once where the store is not shared.
    func waitForNews(upTo time: Duration) throws(DatastoreError) -> Bool

    /// Tells the others that this server lives, and what it has applied: its readers see nothing older from here on.
    /// The first beat makes it a member. Nothing where the store is not shared.
    func beat(applied: LogPosition) throws(DatastoreError)

    /// Everybody who ever told that it lives and did not leave by `close`; none where the store is not shared.
    func members() throws(DatastoreError) -> [StoreMember]

    /// What tells the keys that every server on the store must have from others: what the first one left here, and
    /// `own` where none did, which is left then. Gives back `own` where the store is not shared.
    func keysCheck(own: [UInt8]) throws(DatastoreError) -> [UInt8]

    /// The audit trail of a shared store; nil where the one server keeps it in files of its own.
    var audit: (any AuditStore)? { get }

    // MARK: The store itself

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

extension LicenseDatastore {
    /// The revision of `position`.
    public var revision: Revision { position.revision }
}

/// What a store that one server has alone answers to whoever would follow it: nobody else writes.
public protocol UnsharedDatastore: LicenseDatastore {}

extension UnsharedDatastore {
    public var isShared: Bool { false }
    public var buckets: Int { 1 }

    public func waitForNews(upTo time: Duration) throws(DatastoreError) -> Bool { false }
    public func beat(applied: LogPosition) throws(DatastoreError) {}
    public func members() throws(DatastoreError) -> [StoreMember] { [] }
    public func keysCheck(own: [UInt8]) throws(DatastoreError) -> [UInt8] { own }
    public var audit: (any AuditStore)? { nil }
    public func tidy() throws(DatastoreError) {}

    public func news(
        after position: LogPosition, limit: Int, for grant: OperatorGrant
    ) throws(DatastoreError) -> LogNews {
        try requireOwn(position)
        return LogNews(at: position)
    }

    /// Throws unless the position is the store's.
    package func requireOwn(_ position: LogPosition) throws(DatastoreError) {
        guard position.revision == revision else { throw .diverged(at: position.revision) }
    }
}

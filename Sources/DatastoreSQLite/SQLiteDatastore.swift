import Datastore
import Foundation
import GRDB
import LicenseModel
import Synchronization

/// The embedded store: one SQLite file in WAL mode with `synchronous=FULL`, so that what was acknowledged survives a
/// power loss as far as the disk keeps what it has synced.
///
/// One writer connection, several readers beside it. `PATH.lock` is held while the store is open, so that a second
/// server on the same file is refused; a copy by `backup` or `copy` may run meanwhile.
public final class SQLiteDatastore: UnsharedDatastore {
    struct State {
        var revision: Revision
        var foldedThrough: Revision
        var id: StoreID
        /// Acknowledged changes so far.
        var changes: Int64
        /// Set when a change failed in a way that leaves open whether it is durable.
        var stopped: String?
        var closed = false
        /// Bytes of an erased person may still be in the files.
        var scrubPending: Bool
    }

    let pool: DatabasePool
    let path: String
    let state: Mutex<State>
    /// Open as long as the connections: closing any descriptor of the file would drop SQLite's own locks on it.
    let file: FileHandle
    let lock: StoreLock

    private init(pool: DatabasePool, path: String, state: State, file: FileHandle, lock: StoreLock) {
        self.pool = pool
        self.path = path
        self.state = Mutex(state)
        self.file = file
        self.lock = lock
    }

    /// Opens the store, makes it when there is none, and brings its schema up to date. New files get mode 0600.
    ///
    /// Refuses a file that is damaged, is something else, was written by a newer version, or is open elsewhere. Pages,
    /// indexes and settings are checked here; rows, one by one and as a whole, when they are read back.
    ///
    /// - Parameter makesNew: false refuses with `missing` where there is no store.
    public static func open(path: String, makesNew: Bool = true) throws(DatastoreError) -> SQLiteDatastore {
        let path = StoreFiles.resolved(path)
        guard makesNew || StoreFiles.exists(path: path) || StoreFiles.exists(path: path + "-wal") else {
            throw .missing
        }
        let lock = try StoreLock(path: path + ".lock")
        try StoreFiles.makeIfAbsent(path: path) { partial throws(DatastoreError) in
            try SQLiteSchema.create(path: partial)
        }
        let file = try StoreFiles.openForReading(path: path)
        do {
            // On a connection that cannot write, so that a file that is refused stays as it is.
            let inspection = try SQLiteConnection.readOnlyQueue(path: path)
            try inspection.read { db in
                try SQLiteSchema.checkIdentity(db)
                try SQLiteSchema.checkIntegrity(db)
            }
            try inspection.close()
            let pool = try SQLiteConnection.pool(path: path)
            try pool.writeWithoutTransaction(SQLiteConnection.makeDurable)
            try SQLiteSchema.migrate(pool)
            let state = try pool.read(loadState)
            let store = SQLiteDatastore(pool: pool, path: path, state: state, file: file, lock: lock)
            store.scrub(needles: nil)
            return store
        } catch {
            throw SQLiteFailure.error(of: error, opening: true)
        }
    }

    static func loadState(_ db: Database) throws -> State {
        let last = try Int64.fetchOne(db, sql: "SELECT max(revision) FROM entry") ?? 0
        let folded = try SQLiteSchema.value(.foldedThrough, db)
        let entries = try Int64.fetchOne(db, sql: "SELECT count(*) FROM entry WHERE revision > ?", arguments: [folded])
        guard folded >= 0, folded <= last, entries == last - folded else {
            throw DatastoreError.corrupt("entries of the log are missing")
        }
        return State(
            revision: Revision(number: last), foldedThrough: Revision(number: folded),
            id: try SQLiteSchema.storeID(db), changes: try SQLiteSchema.value(.changes, db),
            scrubPending: try SQLiteSchema.value(.scrubPending, db) != 0)
    }

    public var position: LogPosition { LogPosition(revision: state.withLock { $0.revision }) }

    public var mark: StoreMark {
        state.withLock { StoreMark(store: $0.id, changes: $0.changes, revision: $0.revision) }
    }

    // MARK: - Reading and changing

    func read<Result>(_ body: (Database) throws -> Result) throws(DatastoreError) -> Result {
        guard !state.withLock({ $0.closed }) else { throw .closed }
        do {
            // Reentrant, because the closures of `recover` may ask for a receipt; still one snapshot for all of `body`.
            return try pool.unsafeReentrantRead { db in
                guard !db.isInsideTransaction else { return try body(db) }
                var result: Result?
                try db.inTransaction(.deferred) {
                    result = try body(db)
                    return .commit
                }
                guard let result else { throw DatastoreError.unavailable("a read gave nothing") }
                return result
            }
        } catch {
            throw SQLiteFailure.error(of: error)
        }
    }

    /// One durable transaction. After a failure that leaves open whether it is durable, the store takes no more.
    ///
    /// - Parameter count: changes that are acknowledged when this returns.
    func change(
        acknowledging count: Int, _ body: (Database, inout SumChanges) throws -> Void
    ) throws(DatastoreError) {
        let (closed, stopped) = state.withLock { ($0.closed, $0.stopped) }
        guard !closed else { throw .closed }
        if let stopped { throw .stopped(stopped) }
        do {
            try pool.writeWithoutTransaction { db in
                try db.inTransaction(.immediate) {
                    var sums = SumChanges()
                    try body(db, &sums)
                    try sums.write(db)
                    if count > 0 {
                        try SQLiteSchema.set(
                            .changes, to: try SQLiteSchema.value(.changes, db) &+ Int64(count), db)
                    }
                    return .commit
                }
            }
            state.withLock { $0.changes &+= Int64(count) }
        } catch {
            let failure = SQLiteFailure.error(of: error)
            if SQLiteFailure.leavesDoubt(error) {
                state.withLock { $0.stopped = failure.description }
                throw .stopped(failure.description)
            }
            throw failure
        }
    }

    public func beginHistory() throws(DatastoreError) {
        let id = StoreID.random()
        try change(acknowledging: 0) { db, _ in try SQLiteSchema.set(id, db) }
        state.withLock { $0.id = id }
    }

    // MARK: - State of the store

    public func health() throws(DatastoreError) {
        if let stopped = state.withLock({ $0.stopped }) { throw .stopped(stopped) }
        _ = try read { db in try SQLiteSchema.value(.foldedThrough, db) }
    }

    public func statistics() throws(DatastoreError) -> DatastoreStatistics {
        let (rows, bytes) = try read { db in
            let pages = try Int64.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            let size = try Int64.fetchOne(db, sql: "PRAGMA page_size") ?? 0
            return (try Int.fetchOne(db, sql: "SELECT count(*) FROM state") ?? 0, pages * size)
        }
        let pending = StoreFiles.size(path: path + "-wal")
        return state.withLock { state in
            DatastoreStatistics(
                engine: "sqlite", revision: state.revision, foldedThrough: state.foldedThrough, stateRows: rows,
                storeBytes: bytes, pendingBytes: pending, erasurePending: state.scrubPending)
        }
    }

    public func close() throws(DatastoreError) {
        guard !state.withLock({ $0.closed }) else { return }
        scrub(needles: nil)
        let first = state.withLock { state in
            defer { state.closed = true }
            return !state.closed
        }
        guard first else { return }
        defer { lock.release() }
        // So that the main file alone is the whole store. A reader in the way is harmless: the rest stays beside it.
        _ = try? pool.writeWithoutTransaction { db in try db.checkpoint(.truncate) }
        do {
            try pool.close()
            try file.close()
        } catch {
            throw SQLiteFailure.error(of: error)
        }
    }
}

import Datastore
import GRDB
import LicenseModel
import Tenancy

extension SQLiteDatastore {
    /// Lets `body` read the store at `path`, which another process may be serving: one snapshot, on a connection that
    /// cannot write. Its pages, indexes and settings are checked first; rows are when they are read. Errors of `body`
    /// come through unchanged.
    public static func inspect<Result>(
        storeAt path: String, _ body: (any CopiedStore) throws -> Result
    ) throws -> Result {
        let path = StoreFiles.resolved(path)
        guard StoreFiles.exists(path: path) else { throw DatastoreError.missing }
        guard StoreFiles.size(path: path) > 0 else { throw DatastoreError.corrupt("its file is empty") }
        do {
            let queue = try SQLiteConnection.readOnlyQueue(path: path)
            var result: Result?
            try queue.inDatabase { db in
                try db.inTransaction(.deferred) {
                    try SQLiteSchema.checkIdentity(db)
                    try SQLiteSchema.checkIntegrity(db)
                    try SQLiteSchema.checkCurrent(db)
                    let state = try loadState(db)
                    let mark = StoreMark(store: state.id, changes: state.changes, revision: state.revision)
                    result = try body(StoreInspection(db: db, mark: mark))
                    return .commit
                }
            }
            try queue.close()
            guard let result else { throw DatastoreError.unavailable("a read gave nothing") }
            return result
        } catch let error as DatabaseError {
            throw SQLiteFailure.error(of: error, opening: true)
        }
    }
}

/// A store within one read transaction.
private struct StoreInspection: CopiedStore {
    let db: Database
    let mark: StoreMark
    let buckets = 1

    func recover(
        for grant: OperatorGrant, readers: Int, bucket: @Sendable (StoredBucket) throws -> Void,
        entry: (LogEntry) throws -> Void
    ) throws -> LogPosition {
        try SQLiteDatastore.recover(db, bucket, entry)
    }

    func loadAccess(for grant: OperatorGrant) throws(DatastoreError) -> AccessRegistry {
        do {
            return try SQLiteDatastore.loadAccess(db)
        } catch {
            throw SQLiteFailure.error(of: error)
        }
    }

    func heads(for grant: OperatorGrant, _ use: (LogEntry) throws -> Void) throws {
        _ = try SQLiteDatastore.checkEntries(db) { try use(try $0.head) }
    }
}

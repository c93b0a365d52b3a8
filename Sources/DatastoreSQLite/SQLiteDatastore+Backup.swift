import Datastore
import GRDB

extension SQLiteDatastore {
    public func backup(to path: String) throws(DatastoreError) {
        guard !state.withLock({ $0.closed }) else { throw .closed }
        try Self.copy(from: pool, to: path)
    }

    /// Copies the store at `source`, which another process may be serving, to a file that does not exist yet.
    public static func copy(storeAt source: String, to path: String) throws(DatastoreError) {
        let source = StoreFiles.resolved(source)
        guard StoreFiles.exists(path: source) else { throw .notAccessible("there is no store") }
        do {
            let queue = try SQLiteConnection.readOnlyQueue(path: source)
            try queue.read(SQLiteSchema.checkIdentity)
            try copy(from: queue, to: path)
            try queue.close()
        } catch {
            throw SQLiteFailure.error(of: error, opening: true)
        }
    }

    private static func copy(from reader: some DatabaseReader, to path: String) throws(DatastoreError) {
        guard !StoreFiles.exists(path: path) else { throw .invalid("the file for the backup exists already") }
        try StoreFiles.makeIfAbsent(path: path) { partial throws(DatastoreError) in
            do {
                let copy = try DatabaseQueue(path: partial, configuration: SQLiteConnection.configuration())
                try reader.backup(to: copy)
                try copy.writeWithoutTransaction { db in
                    // One file without companions, checked before it gets its name.
                    try db.execute(sql: "PRAGMA journal_mode = DELETE")
                    try SQLiteSchema.checkIntegrity(db)
                }
                try copy.close()
            } catch {
                throw SQLiteFailure.error(of: error)
            }
        }
    }
}

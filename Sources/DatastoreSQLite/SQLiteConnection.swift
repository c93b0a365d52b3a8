import Datastore
import GRDB

/// How connections to the store are set up.
enum SQLiteConnection {
    /// How long a connection waits for another process, such as a copy, before it gives up; in seconds.
    private static let busySeconds = 5.0

    static func configuration() -> Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(busySeconds)
        configuration.label = "store"
        configuration.prepareDatabase { db in
            // Deleted content is overwritten with zeros at once; erasure relies on it.
            try db.execute(sql: "PRAGMA secure_delete = ON")
            try db.execute(sql: "PRAGMA trusted_schema = OFF")
            try db.execute(sql: "PRAGMA cell_size_check = ON")
        }
        return configuration
    }

    static func pool(path: String) throws -> DatabasePool {
        try DatabasePool(path: path, configuration: configuration())
    }

    static func readOnlyQueue(path: String) throws -> DatabaseQueue {
        var configuration = configuration()
        configuration.readonly = true
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    /// Makes a commit on this connection return only when its bytes are synced. The pool itself asks for less.
    static func makeDurable(_ db: Database) throws {
        try db.execute(sql: "PRAGMA synchronous = FULL")
        // A checkpoint every 16 MiB of 4 KiB pages; the file beside is cut back to 64 MiB after a large fold.
        try db.execute(sql: "PRAGMA wal_autocheckpoint = 4096")
        try db.execute(sql: "PRAGMA journal_size_limit = 67108864")
        guard try Int.fetchOne(db, sql: "PRAGMA synchronous") == 2,
            try String.fetchOne(db, sql: "PRAGMA journal_mode") == "wal"
        else { throw DatastoreError.notAccessible("its file system does not allow durable writes") }
    }
}

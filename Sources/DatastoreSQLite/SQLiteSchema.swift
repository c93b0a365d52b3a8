import Datastore
import GRDB

/// The tables and their versions.
///
/// ```
/// entry      every revision ever: kind and, of a batch, its receipt; never deleted
/// body       the facts of the batches after the last fold
/// state      the folded state
/// partner, principal   who may call
/// meta       numbers by name
/// ```
enum SQLiteSchema {
    /// "PINS" in ASCII: tells the store from other SQLite files.
    private static let applicationID = 0x5049_4E53

    enum MetaName: String {
        /// The last revision whose facts are in `state`.
        case foldedThrough = "folded_through"
        /// 1 from an erasure until every trace of it has left the files.
        case scrubPending = "scrub_pending"
    }

    private static let migrator: DatabaseMigrator = {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 log, state and access") { db in
            try db.execute(sql: version1)
            try db.execute(sql: "PRAGMA application_id = \(applicationID)")
        }
        migrator.registerMigration("3 disabled partners") { db in
            try db.execute(sql: "ALTER TABLE partner ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0")
        }
        return migrator
    }()

    private static let version1 = """
        CREATE TABLE entry (
            revision INTEGER PRIMARY KEY,
            kind INTEGER NOT NULL,
            batch TEXT UNIQUE,
            accepted INTEGER,
            digest BLOB
        ) STRICT;
        CREATE TABLE body (
            revision INTEGER PRIMARY KEY REFERENCES entry (revision),
            facts BLOB NOT NULL
        ) STRICT;
        CREATE TABLE state (
            key TEXT PRIMARY KEY,
            checksum INTEGER NOT NULL,
            content BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE partner (
            id TEXT PRIMARY KEY,
            name TEXT
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE principal (
            partner TEXT NOT NULL REFERENCES partner (id),
            id TEXT NOT NULL,
            display_name TEXT NOT NULL,
            roles INTEGER NOT NULL,
            disabled INTEGER NOT NULL,
            PRIMARY KEY (partner, id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE meta (
            name TEXT PRIMARY KEY,
            value INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        INSERT INTO meta (name, value) VALUES ('folded_through', 0), ('scrub_pending', 0);
        """

    /// Makes a store in a file of its own, which becomes visible only when it is complete.
    static func create(path: String) throws(DatastoreError) {
        do {
            let queue = try DatabaseQueue(path: path, configuration: SQLiteConnection.configuration())
            try migrator.migrate(queue)
            try queue.close()
        } catch {
            throw SQLiteFailure.error(of: error, opening: true)
        }
    }

    static func checkIdentity(_ db: Database) throws {
        guard try Int.fetchOne(db, sql: "PRAGMA application_id") == applicationID else {
            throw DatastoreError.notAStore
        }
        guard try !migrator.hasBeenSuperseded(db) else { throw DatastoreError.schemaTooNew }
    }

    static func checkIntegrity(_ db: Database) throws {
        guard try String.fetchOne(db, sql: "PRAGMA quick_check(1)") == "ok" else {
            throw DatastoreError.corrupt("its pages contradict each other")
        }
    }

    static func migrate(_ pool: DatabasePool) throws {
        try migrator.migrate(pool)
    }

    static func value(_ name: MetaName, _ db: Database) throws -> Int64 {
        let statement = try db.cachedStatement(sql: "SELECT value FROM meta WHERE name = ?")
        guard let value = try Int64.fetchOne(statement, arguments: [name.rawValue]) else {
            throw DatastoreError.corrupt("a setting is missing")
        }
        return value
    }

    static func set(_ name: MetaName, to value: Int64, _ db: Database) throws {
        let statement = try db.cachedStatement(sql: "UPDATE meta SET value = ? WHERE name = ?")
        try statement.execute(arguments: [value, name.rawValue])
    }
}

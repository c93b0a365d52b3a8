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
/// sum        of each table but the last two: its rows, counted and added up
/// ```
///
/// Every row has a checksum over all its columns, and every transaction keeps the sums, so that a row that was changed,
/// lost, moved or put in is noticed when the store is read back.
enum SQLiteSchema {
    /// "PINS" in ASCII: tells the store from other SQLite files.
    private static let applicationID = 0x5049_4E53

    enum MetaName: String {
        /// The last revision whose facts are in `state`.
        case foldedThrough = "folded_through"
        /// 1 from an erasure until every trace of it has left the files.
        case scrubPending = "scrub_pending"
        /// Acknowledged changes so far.
        case changes
        /// The two halves of the id of this history.
        case storeHigh = "store_high"
        case storeLow = "store_low"
    }

    private static let migrator: DatabaseMigrator = {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 log, state and access") { db in
            try db.execute(sql: version1)
            try db.execute(sql: "PRAGMA application_id = \(applicationID)")
        }
        migrator.registerMigration("2 checksums and disabled partners", migrate: addChecksums)
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

    /// Pages, and that every index has what its table has: by its index a batch is known that was accepted before.
    /// Takes about a second for each million batches ever accepted.
    static func checkIntegrity(_ db: Database) throws {
        guard try String.fetchOne(db, sql: "PRAGMA integrity_check(1)") == "ok" else {
            throw DatastoreError.corrupt("its pages contradict each other")
        }
    }

    /// Throws for a store of an older version, which has no checksums to verify.
    static func checkCurrent(_ db: Database) throws {
        guard try migrator.hasCompletedMigrations(db) else {
            throw DatastoreError.invalid("an older version of this program wrote the store: run migrate first")
        }
    }

    static func migrate(_ pool: DatabasePool) throws {
        try migrator.migrate(pool)
    }

    static func value(_ name: MetaName, _ db: Database) throws -> Int64 {
        let statement = try db.cachedStatement(sql: "SELECT value, checksum FROM meta WHERE name = ?")
        guard let row = try Row.fetchOne(statement, arguments: [name.rawValue]),
            let value = Int64.fromDatabaseValue(row[0])
        else { throw DatastoreError.corrupt("a setting is missing") }
        guard Int64.fromDatabaseValue(row[1]) == RowChecksum.setting(name: name.rawValue, value: value) else {
            throw DatastoreError.corrupt("a setting is not what was written")
        }
        return value
    }

    static func set(_ name: MetaName, to value: Int64, _ db: Database) throws {
        let statement = try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO meta (name, value, checksum) VALUES (?, ?, ?)")
        try statement.execute(arguments: [
            name.rawValue, value, RowChecksum.setting(name: name.rawValue, value: value),
        ])
    }

    static func storeID(_ db: Database) throws -> StoreID {
        StoreID(
            high: UInt64(bitPattern: try value(.storeHigh, db)), low: UInt64(bitPattern: try value(.storeLow, db)))
    }

    static func set(_ id: StoreID, _ db: Database) throws {
        try set(.storeHigh, to: Int64(bitPattern: id.high), db)
        try set(.storeLow, to: Int64(bitPattern: id.low), db)
    }
}

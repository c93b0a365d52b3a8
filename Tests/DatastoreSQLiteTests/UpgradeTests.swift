import Datastore
import DatastoreConformance
import DatastoreSQLite
import Foundation
import GRDB
import LicenseModel
import Tenancy
import Testing

/// Stores of the first version, which had no checksums but those of the content of state rows.
@Suite struct UpgradeTests {
    private static let version1 = """
        CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
        INSERT INTO grdb_migrations (identifier) VALUES ('1 log, state and access');
        PRAGMA application_id = 1346981459;
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
        INSERT INTO meta (name, value) VALUES ('folded_through', 1500), ('scrub_pending', 0);
        INSERT INTO partner (id, name) VALUES ('alpha', NULL), ('beta', 'Beta B.V.');
        INSERT INTO principal (partner, id, display_name, roles, disabled)
            VALUES ('alpha', 'admin', 'Ann', 2, 0), ('beta', 'bob', '', 4, 1);
        """

    private static let last: Int64 = 1_520
    private static let states = (0..<30).map { number in
        StateRow(key: "row-\(number)", body: [UInt8](repeating: UInt8(number), count: 2_000))
    }

    /// Entry 1,510 is the creation of a partner, the others are batches.
    private static func log(after revision: Int64) throws -> [LogEntry] {
        try ((revision + 1)...last).map { number in
            number == 1_510
                ? .partnerCreated(revision: Revision(number: number)) : try SampleBatches.entry(number, facts: 3)
        }
    }

    private func makeVersion1(_ folder: StoreFolder) throws {
        let queue = try DatabaseQueue(path: folder.store)
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA journal_mode = WAL")
            try db.execute(sql: Self.version1)
            try db.inTransaction {
                for entry in try Self.log(after: 0) {
                    try db.execute(
                        sql: "INSERT INTO entry (revision, kind, batch, accepted, digest) VALUES (?, ?, ?, ?, ?)",
                        arguments: [
                            entry.revision.number, Int64(entry.kind.rawValue), entry.receipt?.batch.text,
                            entry.receipt?.accepted, (entry.receipt?.digest.bytes).map { Data($0) },
                        ])
                    guard entry.kind == .batch, entry.revision.number > 1_500 else { continue }
                    try db.execute(
                        sql: "INSERT INTO body (revision, facts) VALUES (?, ?)",
                        arguments: [entry.revision.number, Data(entry.body)])
                }
                for row in Self.states {
                    let body = row.body ?? []
                    try db.execute(
                        sql: "INSERT INTO state (key, checksum, content) VALUES (?, ?, ?)",
                        arguments: [row.key, Int64(CRC32C.checksum(of: body)), Data(body)])
                }
                return .commit
            }
        }
        try queue.close()
    }

    @Test func everythingIsThereAndSealed() throws {
        let folder = try StoreFolder()
        try makeVersion1(folder)
        try requireRefusal(.invalid("an older version of this program wrote the store: run migrate first")) {
            try SQLiteDatastore.inspect(storeAt: folder.store) { _ in }
        }
        let grant = try Grants.operator()
        for _ in 0..<2 {
            let store = try SQLiteDatastore.open(path: folder.store)
            let recovered = try Recovered(store)
            #expect(recovered.states == Self.states.sorted { $0.key < $1.key })
            #expect(recovered.log == (try Self.log(after: 1_500)))
            #expect(store.mark.changes == 0 && store.mark.revision.number == Self.last)
            let access = try store.loadAccess(for: grant)
            #expect(access.partners.map(\.name) == [nil, "Beta B.V."])
            #expect(access.principals.map(\.displayName) == ["Ann", ""] && access.principals[1].isDisabled)
            #expect(try store.receipt(of: try BatchID("batch-3"), for: grant)?.revision.number == 3)
            try store.close()
        }
        let store = try SQLiteDatastore.open(path: folder.store)
        try store.commit([try SampleBatches.entry(Self.last + 1)])
        try store.fold(through: store.revision, states: [StateRow(key: "row-3", body: nil)])
        #expect(try Recovered(store).states.count == 29)
        try store.close()
        let queue = try DatabaseQueue(path: folder.store)
        try queue.write { try $0.execute(sql: "UPDATE principal SET disabled = 0 WHERE id = 'bob'") }
        try queue.close()
        let damaged = try SQLiteDatastore.open(path: folder.store)
        try requireRefusal(.corrupt("a principal is not what was written")) { _ = try damaged.loadAccess(for: grant) }
        try damaged.close()
    }

    /// What the first version could tell is told before it is sealed.
    @Test func damageFromBeforeIsNotSealed() throws {
        let folder = try StoreFolder()
        try makeVersion1(folder)
        let queue = try DatabaseQueue(path: folder.store)
        try queue.write { try $0.execute(sql: "UPDATE state SET content = zeroblob(9) WHERE key = 'row-7'") }
        try queue.close()
        for _ in 0..<2 {
            try requireRefusal(.corrupt("the checksum of a state row does not match its bytes")) {
                try SQLiteDatastore.open(path: folder.store).close()
            }
        }
    }
}

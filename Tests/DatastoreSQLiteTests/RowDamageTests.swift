import Datastore
import DatastoreConformance
import DatastoreSQLite
import Foundation
import GRDB
import LicenseModel
import Tenancy
import Testing

/// Rows that a sound file has and nobody wrote: changed, lost, moved, put in.
@Suite struct RowDamageTests {
    private static func principal(_ id: String, roles: RoleSet, disabled: Bool = false) throws -> PrincipalRecord {
        PrincipalRecord(
            partner: try PartnerID("alpha"), id: try PrincipalID(id), displayName: id, roles: roles,
            isDisabled: disabled)
    }

    /// A store with something in every table, closed; `batch-11` to `batch-20` are in the log, the others folded.
    private func makeStore(_ folder: StoreFolder) throws {
        let store = try SQLiteDatastore.open(path: folder.store)
        try store.commit(try SampleBatches.entries(1...20))
        let rows = ["catalog", "customer/C", "customer/D", "users/C/00000000", "users/C/00000001"].map { key in
            StateRow(key: key, body: [UInt8](repeating: 7, count: 200))
        }
        try store.fold(through: Revision(number: 10), states: rows)
        try store.save(
            .createPartner(
                PartnerRecord(id: try PartnerID("alpha"), name: "Alpha"),
                first: try Self.principal("admin", roles: [])),
            entry: .partnerCreated(revision: store.revision.next), for: .operator(try Grants.operator()))
        let alpha = AccessGrant.partner(try Grants.scope("alpha"))
        for (id, disabled) in [("nobody", false), ("gone", true)] {
            let record = try Self.principal(id, roles: RoleSet([]), disabled: disabled)
            try store.save(.createPrincipal(record), entry: nil, for: alpha)
        }
        try store.close()
    }

    private func readBack(_ path: String) throws {
        let store = try SQLiteDatastore.open(path: path)
        defer { try? store.close() }
        _ = try Recovered(store)
        _ = try store.loadAccess(for: try Grants.operator())
    }

    private static let statements = [
        "UPDATE principal SET roles = 2 WHERE id = 'nobody'",
        "UPDATE principal SET disabled = 0 WHERE id = 'gone'",
        "UPDATE principal SET id = 'nobodx' WHERE id = 'nobody'",
        "UPDATE principal SET display_name = 'Nobody' WHERE id = 'nobody'",
        "DELETE FROM principal WHERE id = 'gone'",
        "INSERT INTO principal SELECT partner, 'other', display_name, roles, disabled, checksum FROM principal LIMIT 1",
        "UPDATE partner SET name = 'Alphb'",
        "UPDATE partner SET name = NULL",
        "DELETE FROM principal; DELETE FROM partner",
        "DELETE FROM state WHERE key = 'users/C/00000001'",
        "DELETE FROM state WHERE key = 'users/C/00000000'",
        "DELETE FROM state WHERE key = 'customer/C'",
        "UPDATE state SET key = 'customer/B' WHERE key = 'customer/C'",
        "UPDATE state SET key = 'users/C/00000003' WHERE key = 'users/C/00000001'",
        "UPDATE state SET content = zeroblob(200) WHERE key = 'customer/C'",
        "UPDATE state SET checksum = checksum + 1 WHERE key = 'customer/C'",
        "DELETE FROM state",
        "INSERT INTO state SELECT 'customer/E', checksum, content FROM state WHERE key = 'customer/D'",
        "UPDATE entry SET batch = 'batch-q' WHERE revision = 3",
        "UPDATE entry SET batch = 'batch-q' WHERE revision = 13",
        "UPDATE entry SET digest = zeroblob(32) WHERE revision = 3",
        "UPDATE entry SET digest = zeroblob(32) WHERE revision = 13",
        "UPDATE entry SET accepted = 6 WHERE revision = 3",
        "UPDATE entry SET kind = 2 WHERE revision = 21",
        "DELETE FROM entry WHERE revision = 3",
        "DELETE FROM entry WHERE revision = 21",
        "UPDATE body SET facts = (SELECT facts FROM body WHERE revision = 12) WHERE revision = 13",
        "DELETE FROM body WHERE revision = 13",
        "DELETE FROM body WHERE revision = 20; DELETE FROM entry WHERE revision > 19",
        "UPDATE meta SET value = value + 1 WHERE name = 'changes'",
        "UPDATE meta SET value = 12 WHERE name = 'folded_through'",
        "UPDATE meta SET value = 1 WHERE name = 'store_low'",
        "DELETE FROM meta WHERE name = 'changes'",
        "DELETE FROM sum WHERE name = 'state'",
        "UPDATE sum SET rows = rows - 1 WHERE name = 'state'; DELETE FROM state WHERE key = 'customer/C'",
        // An old page in place of a newer one: whole rows with checksums of their own.
        "UPDATE sum SET (rows, sum, checksum) = (0, 0, 0) WHERE name = 'principal'; DELETE FROM principal",
    ]

    @Test(arguments: statements)
    func isRefused(_ statement: String) throws {
        let folder = try StoreFolder()
        try makeStore(folder)
        try readBack(folder.store)
        let queue = try DatabaseQueue(path: folder.store)
        // Damage asks for no other row's leave.
        try queue.inDatabase { db in
            try db.execute(sql: "PRAGMA foreign_keys = OFF")
            try db.execute(sql: statement)
        }
        try queue.close()
        #expect {
            try readBack(folder.store)
        } throws: { error in
            guard case .corrupt = error as? DatastoreError else { return false }
            return true
        }
        #expect(throws: DatastoreError.self) {
            try SQLiteDatastore.inspect(storeAt: folder.store) { store in
                let grant = try Grants.operator()
                _ = try store.recover(for: grant, bucket: { _, _ in }, state: { _ in }, entry: { _ in })
                _ = try store.loadAccess(for: grant)
            }
        }
    }

    /// The index by which a repeated batch is known is compared with its table.
    @Test func indexesThatMissABatchAreRefused() throws {
        let folder = try StoreFolder()
        try makeStore(folder)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.store))
        // The batch id stands in the table, behind its revision and kind, and in the index, behind nothing else.
        let id = Data("batch-13".utf8)
        var places: [Int] = []
        var from = bytes.startIndex
        while let range = bytes.range(of: id, in: from..<bytes.endIndex) {
            places.append(range.lowerBound)
            from = range.upperBound
        }
        var refused = 0
        for place in places {
            var damaged = bytes
            damaged[place + 7] ^= 8
            for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: folder.store + suffix) }
            try damaged.write(to: URL(fileURLWithPath: folder.store))
            do {
                try readBack(folder.store)
            } catch DatastoreError.corrupt {
                refused += 1
            }
        }
        // Others may lie in bytes of a page that no row uses any more.
        #expect(refused >= 2, "of \(places.count)")
    }

    @Test func marksCountWhatIsAcknowledged() throws {
        let folder = try StoreFolder()
        try makeStore(folder)
        var store = try SQLiteDatastore.open(path: folder.store)
        let mark = store.mark
        #expect(mark.changes == 20 + 1 + 2 && mark.revision == Revision(number: 21))
        try store.fold(through: Revision(number: 21), states: [StateRow(key: "catalog", body: nil)])
        #expect(store.mark == mark)
        try store.commit(try SampleBatches.entries(22...24))
        #expect(store.mark == StoreMark(store: mark.store, changes: 26, revision: Revision(number: 24)))
        #expect(throws: DatastoreError.self) { try store.commit(try SampleBatches.entries(22...24)) }
        #expect(store.mark.changes == 26)
        try store.backup(to: folder.file("copy"))
        try store.beginHistory()
        let begun = store.mark
        #expect(begun.store != mark.store && begun.changes == 26)
        try store.close()
        store = try SQLiteDatastore.open(path: folder.store)
        #expect(store.mark == begun)
        try store.close()
        try SQLiteDatastore.inspect(storeAt: folder.file("copy")) { copy in #expect(copy.mark.store == mark.store) }
        try readBack(folder.store)
    }

    @Test func storesThatAreNotThereAreNotMade() throws {
        let folder = try StoreFolder()
        try requireRefusal(.missing) { try SQLiteDatastore.open(path: folder.store, makesNew: false).close() }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        try SQLiteDatastore.open(path: folder.store).close()
        try SQLiteDatastore.open(path: folder.store, makesNew: false).close()
    }
}

import Datastore
import DatastoreConformance
import DatastoreSQLite
import Foundation
import LicenseModel
import Synchronization
import Tenancy
import Testing

@Suite struct BackupTests {
    @Test func aBackupEqualsItsSource() throws {
        let folder = try StoreFolder()
        let store = try SQLiteDatastore.open(path: folder.store)
        try store.commit(try SampleBatches.entries(1...30))
        try store.fold(through: Revision(number: 12), states: [StateRow(key: "a", body: [1, 2, 3])])
        let change = AccessChange.createPartner(
            PartnerRecord(id: try PartnerID("alpha"), name: "Alpha"), first: try principal)
        try store.save(
            change, entry: .partnerCreated(revision: Revision(number: 31)), for: .operator(try Grants.operator()))
        let copies = [folder.file("one.db"), folder.file("two.db")]
        try store.backup(to: copies[0])
        try SQLiteDatastore.copy(storeAt: folder.store, to: copies[1])
        let source = try Recovered(store)
        let access = try store.loadAccess(for: try Grants.operator())
        try store.commit([try SampleBatches.entry(32)])
        for copy in copies {
            #expect(try mode(of: copy) == 0o600)
            #expect(!FileManager.default.fileExists(atPath: copy + "-wal"))
            let restored = try SQLiteDatastore.open(path: copy)
            #expect(try Recovered(restored) == source)
            #expect(try restored.loadAccess(for: try Grants.operator()) == access)
            try restored.commit([try SampleBatches.entry(32)])
            try restored.close()
        }
        try store.close()
    }

    private var principal: PrincipalRecord {
        get throws {
            PrincipalRecord(
                partner: try PartnerID("alpha"), id: try PrincipalID("admin"), displayName: "Admin",
                roles: RoleSet([Role.userManagementAdmin]))
        }
    }

    private func mode(of path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test func backupsNeverReplaceAFile() throws {
        let folder = try StoreFolder()
        let store = try SQLiteDatastore.open(path: folder.store)
        try Data("mine".utf8).write(to: URL(fileURLWithPath: folder.file("there")))
        try requireRefusal(.invalid("the file for the backup exists already")) {
            try store.backup(to: folder.file("there"))
        }
        try requireRefusal(.invalid("the file for the backup exists already")) { try store.backup(to: folder.store) }
        try requireRefusal(.notAccessible("its folder does not exist")) {
            try store.backup(to: folder.file("none/backup"))
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("there"))) == Data("mine".utf8))
        try requireRefusal(.notAccessible("there is no store")) {
            try SQLiteDatastore.copy(storeAt: folder.file("none"), to: folder.file("copy"))
        }
        try requireRefusal(.notAStore) {
            try SQLiteDatastore.copy(storeAt: folder.file("there"), to: folder.file("copy"))
        }
        #expect(!FileManager.default.fileExists(atPath: folder.file("copy")))
        try store.close()
    }

    @Test func backupsWhileWritingAreWholePrefixes() throws {
        let folder = try StoreFolder()
        let store = try SQLiteDatastore.open(path: folder.store)
        try store.commit([try SampleBatches.entry(1)])
        let done = Mutex(false)
        let failures = Mutex<[String]>([])
        let group = DispatchGroup()
        DispatchQueue.global().async(group: group) {
            do {
                var number: Int64 = 1
                while !done.withLock({ $0 }) {
                    number += 1
                    try store.commit([try SampleBatches.entry(number, facts: 40)])
                }
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        for index in 0..<5 {
            let path = folder.file("backup-\(index)")
            let floor = store.revision.number
            if index % 2 == 0 {
                try store.backup(to: path)
            } else {
                try SQLiteDatastore.copy(storeAt: folder.store, to: path)
            }
            let copy = try SQLiteDatastore.open(path: path)
            let recovered = try Recovered(copy)
            #expect(recovered.revision.number >= floor)
            #expect(recovered.log.map(\.revision.number) == Array(1...recovered.revision.number))
            try copy.close()
        }
        done.withLock { $0 = true }
        group.wait()
        #expect(failures.withLock { $0 }.isEmpty)
        try store.close()
    }
}

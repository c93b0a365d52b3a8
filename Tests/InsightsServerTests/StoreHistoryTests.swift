import Datastore
import DatastoreConformance
import DatastoreSQLite
import Foundation
import LicenseModel
@_spi(Authentication) import Tenancy
import Testing

@testable import AuditTrail
@testable import InsightsServer

/// A store that lacks what was acknowledged is refused, until the operator says otherwise.
@Suite struct StoreHistoryTests {
    private let folder: DataFolder

    init() throws {
        folder = try DataFolder()
    }

    private static func people(_ users: ClosedRange<Int>, of customer: String = "C") throws -> [Fact] {
        try users.map { number in
            .user(
                UserFact(
                    customer: try CustomerID(customer), user: try UserID("u\(number)"), displayName: "User \(number)"))
        }
    }

    /// The main file alone, as an older backup is put back.
    private func putBack(_ store: Data) throws {
        for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: folder.store + suffix) }
        try store.write(to: URL(fileURLWithPath: folder.store))
    }

    private func removeStore() throws {
        for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: folder.store + suffix) }
        try FileManager.default.removeItem(atPath: folder.store)
    }

    private func refusal() -> String? {
        do {
            try folder.open().close()
            return nil
        } catch {
            return "\(error)"
        }
    }

    private func filled(_ batches: ClosedRange<Int>) throws {
        var running = try folder.open()
        if running.core.revision == .none { try running.createPartner("alpha") }
        for number in batches { try running.accept("batch-\(number)", try Self.people(number...number)) }
        try running.close()
    }

    @Test func olderStoresAreRefusedUntilAccepted() throws {
        try filled(1...5)
        let backup = try Data(contentsOf: URL(fileURLWithPath: folder.store))
        #expect(refusal() == nil)
        try filled(6...8)
        let newest = try Data(contentsOf: URL(fileURLWithPath: folder.store))
        try putBack(backup)
        let told =
            "the store is at revision 6, but revision 9 was acknowledged: 3 changes are missing; put the right store "
            + "back, or go on without them with --accept-older-store"
        #expect(refusal() == told)
        #expect(refusal() == told)
        try putBack(newest)
        #expect(refusal() == nil)
        try putBack(backup)
        var running = try folder.open(accepting: true)
        #expect(running.opened.accepted != nil)
        try running.accept("batch-6", try Self.people(20...20))
        try running.close()
        let kinds = try folder.auditLines().filter { $0.contains(#""kind":"olderStore""#) }
        #expect(kinds.count == 1)
        let method = "--accept-older-store: the store is at revision 6, but revision 9 was acknowledged"
        #expect(kinds.first?.contains(method) == true && kinds.first?.contains(#""revision":6"#) == true)
        #expect(refusal() == nil)
        // Neither the lost history nor a copy from before is this one now.
        for other in [newest, backup] {
            let mine = try Data(contentsOf: URL(fileURLWithPath: folder.store))
            try putBack(other)
            #expect(refusal()?.contains("is another one than that whose revision 7 was acknowledged") == true)
            try putBack(mine)
        }
        // Nor do older records of the chain count, without the head.
        try FileManager.default.removeItem(at: folder.file("store.head"))
        #expect(refusal()?.hasPrefix("store.head is missing") == true)
        try folder.open(accepting: true).close()
        #expect(try AuditLog.verify(folder: folder.path).problem == nil)
    }

    @Test func lostChangesOfAccessAreTold() throws {
        try filled(1...2)
        let backup = try Data(contentsOf: URL(fileURLWithPath: folder.store))
        let running = try folder.open()
        try running.createPrincipal("bob", of: "alpha")
        try running.createPrincipal("eve", of: "alpha")
        try running.close()
        try putBack(backup)
        #expect(
            refusal()?.hasPrefix(
                "the store is at revision 3, but later changes of who may call were acknowledged: 2 changes are missing"
            )
                == true)
    }

    @Test func missingStoresAreRefused() throws {
        #expect(try StoreHistory.read(folder: folder.path).isEmpty)
        try folder.open().close()
        // Nothing was acknowledged: a new store lacks nothing.
        try removeStore()
        #expect(try StoreHistory.read(folder: folder.path).isEmpty)
        try filled(1...4)
        try removeStore()
        let history = try StoreHistory.read(folder: folder.path)
        #expect(!history.isEmpty)
        #expect(
            history.fault(of: nil)?.description.hasPrefix("there is no store, but revision 5 was acknowledged; ")
                == true)
        #expect(refusal()?.contains("is another one than that whose revision 5 was acknowledged") == true)
        try folder.open(accepting: true).close()
        #expect(refusal() == nil)
    }

    /// A folder of an older version has no head; its chain tells the revision.
    @Test func foldersWithoutHeadGoByTheChain() throws {
        func history(_ head: StoreHead.Reading) -> StoreHistory {
            StoreHistory(head: head, recorded: Revision(number: 6))
        }
        func mark(_ revision: Int64, changes: Int64) -> StoreMark {
            StoreMark(store: StoreID(high: 1, low: 2), changes: changes, revision: Revision(number: revision))
        }
        #expect(history(.absent).fault(of: mark(6, changes: 0)) == nil)
        #expect(
            history(.absent).fault(of: mark(4, changes: 0))
                == .behind(revision: Revision(number: 4), acknowledged: Revision(number: 6), missing: 2))
        // One whose store counts has had a head.
        #expect(history(.absent).fault(of: mark(6, changes: 2)) == .headMissing(revision: Revision(number: 6)))
        // A copy of a store begins a history in a folder without one.
        #expect(StoreHistory(head: .absent, recorded: .none).fault(of: mark(6, changes: 2)) == nil)
    }

    @Test func lostHeadsAreTold() throws {
        try filled(1...3)
        try FileManager.default.removeItem(at: folder.file("store.head"))
        let told = try #require(refusal())
        #expect(told.hasPrefix("store.head is missing") && told.contains("--accept-older-store"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("store.head").path))
        try folder.open(accepting: true).close()
        #expect(refusal() == nil)
    }

    @Test func damagedHeadsAreRefusedUntilAccepted() throws {
        try filled(1...3)
        let head = try Data(contentsOf: folder.file("store.head"))
        #expect(head.count == 8_192)
        for damaged in [Data(), Data(count: 8_192), head.prefix(40), Data(head.map { $0 ^ 1 })] {
            try damaged.write(to: folder.file("store.head"))
            #expect(refusal()?.hasPrefix("store.head is not what was written") == true)
        }
        // One slot is enough, as a crash in the middle of the other leaves it.
        for slot in 0..<2 {
            var half = head
            half.replaceSubrange((slot * 4_096)..<(slot * 4_096 + 200), with: Data(count: 200))
            try half.write(to: folder.file("store.head"))
            #expect(refusal() == nil, "slot \(slot)")
        }
        try Data(count: 8_192).write(to: folder.file("store.head"))
        try folder.open(accepting: true).close()
        #expect(refusal() == nil)
    }

    /// What the head says is never behind what a caller was told.
    @Test func headsFollowEveryChange() throws {
        var running = try folder.open()
        func head() throws -> StoreMark? {
            guard case .known(let mark) = try StoreHistory.read(folder: folder.path).head else { return nil }
            return mark
        }
        #expect(try head() == running.store.mark)
        try running.createPartner("alpha")
        for number in 1...5 {
            try running.accept("batch-\(number)", try Self.people(number...number))
            #expect(try head() == running.store.mark && running.store.mark.changes == Int64(2 * number))
            try running.createPrincipal("p\(number)", of: "alpha")
            #expect(try head() == running.store.mark)
        }
        try running.fold()
        #expect(try head() == running.store.mark)
        // A store ahead of it was not acknowledged yet: killed between the two.
        let files = try folder.files()
        try running.accept("batch-6", try Self.people(6...6))
        var ahead = try folder.files()
        try running.close()
        ahead["store.head"] = files["store.head"]
        ahead["audit.jsonl"] = files["audit.jsonl"]
        try folder.replace(with: ahead)
        running = try folder.open()
        #expect(running.core.revision == Revision(number: 7))
        #expect(try head() == running.store.mark)
        try running.close()
    }

    /// Groups of people that came before a lost one are no reason to forget them.
    @Test func lostGroupsOfPeopleAreTold() throws {
        var running = try folder.open()
        try running.accept("batch-1", try Self.people(1...600))
        let rows = running.core.takeDirtyStates().map { StateRow(key: $0.key, body: $0.body) }
        #expect(rows.map(\.key).filter { $0.hasPrefix("users/") }.count == 3)
        try running.close()
        for lost in 0..<2 {
            let (key, next) = ("users/C/0000000\(lost)", "users/C/0000000\(lost + 1)")
            let memory = InMemoryDatastore()
            try memory.commit([try SampleBatches.entry(1)])
            try memory.fold(through: Revision(number: 1), states: rows.filter { $0.key != key })
            #expect { try RecoveredState(from: memory) } throws: { error in
                "\(error)" == "the folded state '\(next)' cannot be read: people before it are missing"
            }
        }
    }

    @Test func verificationReadsEverythingBack() throws {
        try filled(1...4)
        func verified() throws -> StoreReport {
            let history = try StoreHistory.read(folder: folder.path)
            return try SQLiteDatastore.inspect(storeAt: folder.store) { store in
                try StoreReport.verifying(store, against: history)
            }
        }
        let report = try verified()
        #expect(report.mark.revision.number == 5 && report.partners == 1 && report.principals == 1)
        #expect(report.replayed == 5 && report.stateRows == 0)
        let backup = try Data(contentsOf: URL(fileURLWithPath: folder.store))
        // Beside a server, and ahead of the head that was read before.
        var running = try folder.open()
        let history = try StoreHistory.read(folder: folder.path)
        try running.accept("batch-5", try Self.people(5...5))
        let ahead = try SQLiteDatastore.inspect(storeAt: folder.store) { store in
            try StoreReport.verifying(store, against: history)
        }
        #expect(ahead.mark.revision.number == 6)
        try running.fold()
        #expect(try verified().replayed == 0)
        try running.close()
        try putBack(backup)
        #expect(throws: StoreFault.self) { try verified() }
    }
}

import Datastore
import DatastoreConformance
import DatastoreSQLite
import Foundation
import GRDB
import LicenseModel
import Tenancy
import Testing

@Suite struct DamageTests {
    private let pageSize = 4_096

    /// A store of some hundred pages, closed, and what it gives back.
    private func makeStore(_ folder: StoreFolder) throws -> Recovered {
        let store = try SQLiteDatastore.open(path: folder.store)
        try store.commit(try (1...60).map { try SampleBatches.entry($0, facts: 40) })
        let rows = (0..<80).map { StateRow(key: "row-\($0)", body: [UInt8](repeating: UInt8($0), count: 3_000)) }
        try store.fold(through: Revision(number: 10), states: rows)
        let recovered = try Recovered(store)
        try store.close()
        return recovered
    }

    /// Every page in turn is overwritten. The store is refused, recovery throws, or everything is as it was, because
    /// the page was not in use. It never gives back something else.
    @Test func damagedPagesNeverGoUnnoticed() throws {
        let folder = try StoreFolder()
        let whole = try makeStore(folder)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.store))
        var refused = 0
        for page in 0..<(bytes.count / pageSize) {
            var damaged = bytes
            let start = page * pageSize
            damaged.replaceSubrange(start..<(start + pageSize), with: Data(repeating: 0xA5, count: pageSize))
            let path = folder.file("damaged.db")
            try damaged.write(to: URL(fileURLWithPath: path))
            do {
                let store = try SQLiteDatastore.open(path: path)
                defer { try? store.close() }
                let recovered = try Recovered(store)
                let undamaged = recovered == whole || !decodes(recovered)
                #expect(undamaged, "page \(page)")
            } catch let error as DatastoreError {
                refused += 1
                switch error {
                case .corrupt: break
                case .notAStore: #expect(page == 0)
                default: Issue.record("page \(page): \(error)")
                }
            }
            for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
        }
        #expect(refused > 80, "of \(bytes.count / pageSize)")
    }

    /// Whether every batch passes the checksum of its encoding, which is the reader's next step.
    private func decodes(_ recovered: Recovered) -> Bool {
        recovered.log.allSatisfy { (try? FactBatchCodec.decode($0.body)) != nil }
    }

    @Test func cutFilesAreRefused() throws {
        let folder = try StoreFolder()
        _ = try makeStore(folder)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.store))
        for kept in [1, 99, 100, pageSize, pageSize * 3, bytes.count / 2, bytes.count - pageSize] {
            let path = folder.file("cut.db")
            try bytes.prefix(kept).write(to: URL(fileURLWithPath: path))
            #expect(throws: DatastoreError.self, "\(kept) bytes") { try SQLiteDatastore.open(path: path).close() }
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count == kept)
            for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
        }
    }

    /// A cut log beside the main file cannot be told from one that a crash cut: what is whole is kept, in order.
    @Test func cutLogsGiveAWholePrefix() throws {
        let folder = try StoreFolder()
        let store = try SQLiteDatastore.open(path: folder.store)
        for number in 1...20 as ClosedRange<Int64> { try store.commit([try SampleBatches.entry(number)]) }
        let main = try Data(contentsOf: URL(fileURLWithPath: folder.store))
        let wal = try Data(contentsOf: URL(fileURLWithPath: folder.store + "-wal"))
        try store.close()
        var random = SeededGenerator(seed: 8)
        var longest: Int64 = 0
        for step in 0...40 {
            let kept = step == 40 ? wal.count : random.int(0...wal.count)
            let path = folder.file("cut-\(step).db")
            try main.write(to: URL(fileURLWithPath: path))
            try wal.prefix(kept).write(to: URL(fileURLWithPath: path + "-wal"))
            let cut = try SQLiteDatastore.open(path: path)
            let recovered = try Recovered(cut)
            let last = recovered.revision.number
            let expected = last == 0 ? [] : try SampleBatches.entries(1...last)
            #expect(recovered.log == expected)
            longest = max(longest, last)
            // What is missing can be sent again.
            try cut.commit([try SampleBatches.entry(last + 1)])
            try cut.close()
        }
        #expect(longest == 20)
    }

    @Test func damagedLogsNeverGoUnnoticed() throws {
        let folder = try StoreFolder()
        let store = try SQLiteDatastore.open(path: folder.store)
        for number in 1...20 as ClosedRange<Int64> { try store.commit([try SampleBatches.entry(number)]) }
        let main = try Data(contentsOf: URL(fileURLWithPath: folder.store))
        let wal = try Data(contentsOf: URL(fileURLWithPath: folder.store + "-wal"))
        try store.close()
        var random = SeededGenerator(seed: 9)
        for step in 0..<40 {
            var damaged = wal
            let offset = random.int(0...(wal.count - 1))
            damaged[offset] ^= UInt8(1 << random.int(0...7))
            let path = folder.file("flipped-\(step).db")
            try main.write(to: URL(fileURLWithPath: path))
            try damaged.write(to: URL(fileURLWithPath: path + "-wal"))
            guard let cut = try? SQLiteDatastore.open(path: path) else { continue }
            let recovered = try Recovered(cut)
            let last = recovered.revision.number
            #expect(recovered.log == (last == 0 ? [] : try SampleBatches.entries(1...last)))
            try cut.close()
        }
    }

    @Test func missingEntriesAreRefused() throws {
        let statements = [
            "DELETE FROM body WHERE revision = 12; DELETE FROM entry WHERE revision = 12",
            "UPDATE meta SET value = 99 WHERE name = 'folded_through'", "DELETE FROM meta",
            "UPDATE meta SET value = 3 WHERE name = 'folded_through'",
        ]
        for statement in statements {
            let folder = try StoreFolder()
            _ = try makeStore(folder)
            let queue = try DatabaseQueue(path: folder.store)
            try queue.write { try $0.execute(sql: statement) }
            try queue.close()
            #expect(throws: DatastoreError.self, "\(statement)") {
                let store = try SQLiteDatastore.open(path: folder.store)
                defer { try? store.close() }
                _ = try Recovered(store)
            }
        }
    }

    @Test func changedRowsAreRefused() throws {
        let folder = try StoreFolder()
        _ = try makeStore(folder)
        let queue = try DatabaseQueue(path: folder.store)
        try queue.write { try $0.execute(sql: "UPDATE state SET content = x'00' WHERE key = 'row-5'") }
        try queue.close()
        let store = try SQLiteDatastore.open(path: folder.store)
        try requireRefusal(.corrupt("the checksum of a state row does not match its bytes")) {
            _ = try Recovered(store)
        }
        try store.close()
    }
}

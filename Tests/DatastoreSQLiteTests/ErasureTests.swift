import Datastore
import DatastoreConformance
import DatastoreSQLite
import Foundation
import LicenseModel
import Tenancy
import Testing

@Suite struct ErasureTests {
    /// Rows of many sizes, so that pages split and merge and leave what they held.
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func erasedIDsLeaveEveryFile(seed: UInt64) throws {
        let folder = try StoreFolder()
        let store = try SQLiteDatastore.open(path: folder.store)
        let people = try (1...3).map { try PersonSample(number: $0) }
        var random = SeededGenerator(seed: seed)
        var number: Int64 = 0
        for step in 0..<60 {
            number += 1
            let person = people[random.int(0...2)]
            var facts = try SampleBatches.facts(number, count: random.int(0...80))
            facts += try person.before
            try store.commit([try person.entry(number, facts: facts)])
            let rows = (0..<random.int(0...20)).map { _ in row(of: person, &random) }
            if step % 9 == 5 { try store.fold(through: Revision(number: number - 1), states: rows) }
        }
        let erased = people[1]
        #expect(try !folder.filesContaining(erased.user.text).isEmpty)
        let rows = try Recovered(store).states.filter { contains($0, erased) }.map { StateRow(key: $0.key, body: [0]) }
        try store.erase(erased.erasure(revision: number + 1, states: rows))
        #expect(try folder.filesContaining(erased.user.text).isEmpty)
        #expect(try store.statistics().erasurePending == false)
        #expect(try Recovered(store).log.isEmpty)
        #expect(try store.statistics().revision == Revision(number: number + 1))
        try store.close()
        #expect(try folder.filesContaining(erased.user.text).isEmpty)
        let again = try SQLiteDatastore.open(path: folder.store)
        #expect(try Recovered(again).revision == Revision(number: number + 1))
        try again.close()
    }

    /// Pages that were balanced keep copies of rows in bytes that no row uses; overwriting deleted rows alone leaves
    /// the person there in about one of nine of these stores.
    @Test func erasedIDsLeaveUnusedBytesOfPages() throws {
        let people = try (1...3).map { try PersonSample(number: $0) }
        for seed in 1...30 as ClosedRange<UInt64> {
            let folder = try StoreFolder()
            let store = try SQLiteDatastore.open(path: folder.store)
            var random = SeededGenerator(seed: seed)
            let rows = (0..<800).map { _ in
                let number = random.int(0...2)
                let size = [0, 20, 300, 900, 3_000][random.int(0...4)]
                let filler = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                let body = random.chance(80) ? Array(people[number].user.text.utf8) + filler : nil
                return StateRow(key: "\(number)/\(random.int(0...200))", body: body)
            }
            try store.fold(through: .none, states: rows)
            let erased = try Recovered(store).states.filter { contains($0, people[1]) }
            try #require(!erased.isEmpty)
            let gone = erased.map { StateRow(key: $0.key, body: nil) }
            try store.erase(people[1].erasure(revision: 1, states: gone))
            #expect(try folder.filesContaining(people[1].user.text).isEmpty, "seed \(seed)")
            #expect(try !folder.filesContaining(people[2].user.text).isEmpty, "seed \(seed)")
            try store.close()
        }
    }

    /// A later erasure does not look for bodies that a fold has taken in, so they must be gone.
    @Test func foldedBodiesLeaveTheStore() throws {
        let folder = try StoreFolder()
        let store = try SQLiteDatastore.open(path: folder.store)
        let people = try (1...3).map { try PersonSample(number: $0) }
        for (number, person) in zip(1..., people) {
            try store.commit([try person.entry(Int64(number), facts: person.before)])
        }
        try store.fold(through: Revision(number: 2), states: [])
        try store.close()
        let counts = try people.map { try folder.filesContaining($0.user.text).count }
        #expect(counts == [0, 0, 1])
    }

    private func row(of person: PersonSample, _ random: inout SeededGenerator) -> StateRow {
        var body = Array(person.user.text.utf8)
        body += (0..<random.int(0...900)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let key = "\(person.customer.text)/\(random.int(0...60))"
        return StateRow(key: key, body: random.chance(85) ? body : nil)
    }

    private func contains(_ row: StateRow, _ person: PersonSample) -> Bool {
        Data(row.body ?? []).range(of: Data(person.user.text.utf8)) != nil
    }

    /// A reader of an older snapshot keeps the log beside the main file; the erasure is finished later.
    @Test func longReadersDelayTheErasureOfBytes() throws {
        let folder = try StoreFolder()
        let store = try SQLiteDatastore.open(path: folder.store)
        let person = try PersonSample()
        try store.commit([try SampleBatches.entry(1), try person.entry(2, facts: person.before)])
        _ = try store.recover(
            for: try Grants.operator(), bucket: { _, _ in }, state: { _ in },
            entry: { entry in
                guard entry.revision.number == 1 else { return }
                try store.erase(person.erasure(revision: 3))
                #expect(try store.statistics().erasurePending)
            })
        #expect(try !folder.filesContaining(person.user.text).isEmpty)
        #expect(try Recovered(store).log.isEmpty)
        try store.close()
        #expect(try folder.filesContaining(person.user.text).isEmpty)
    }
}

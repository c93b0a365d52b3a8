import CLinux
import LicenseModel
import Testing

@testable import InsightsCore

/// What older copies of a core cost beside the newest is never more than the core says.
@Suite struct DisplacedTests {
    private let start: Int32 = 19_000

    /// One customer of the given people with ten years of subscriptions, beside forty small ones of the same partner.
    private func core(people: Int) throws -> InsightsCore {
        var core = InsightsCore()
        var facts = [Make.sku("A", .office365, [.exo, .spo]), Make.sku("B", .office365, [.teams])]
        for customer in 0..<41 {
            let id = customer == 0 ? "C" : "small-\(customer)"
            facts.append(Make.relationship("P", id, start - 4_000))
            for year in 0..<10 {
                let from = start - 3_650 + Int32(year) * 365 + Int32(customer)
                facts.append(Make.subscription("\(id)-\(year)", id, "A", .by("P"), from, 50 + Int64(year)))
            }
            facts += Make.fullCoverage(id, start)
        }
        for person in 0..<people {
            facts.append(
                Make.assignment("C", "u\(person)", person % 3 == 0 ? "B" : "A", start - 400 + Int32(person % 300)))
            facts.append(Make.activity("C", "u\(person)", .exo, (0..<40).map { start - 300 + Int32($0 * 7) }))
        }
        core.apply(FactBatch(id: ID.batch("first"), facts: facts), revision: Revision(number: 1))
        return core
    }

    private func expectBound(_ what: Comment, people: Int, _ batch: (Int) -> [Fact]) throws {
        var core = try core(people: people)
        core.prepare(today: day(start))
        var kept: [InsightsCore] = []
        kept.reserveCapacity(60)
        let before = engine_heap_bytes()
        let displaced = core.displacedBytes
        for number in 0..<60 {
            kept.append(core)
            let facts = batch(number)
            core.apply(
                FactBatch(id: ID.batch("batch-\(number)"), facts: facts), revision: Revision(number: Int64(number) + 2))
        }
        let grown = Int(engine_heap_bytes()) - Int(before)
        let said = core.displacedBytes - displaced
        #expect(grown <= said, "\(what): \(grown / 60) bytes a batch, said \(said / 60)")
        // Not without measure either: paging would lose its snapshots for nothing.
        #expect(said <= max(64, 200 * grown), "\(what): \(grown / 60) bytes a batch, said \(said / 60)")
        #expect(kept.count == 60)
    }

    /// Sanitizers bring an allocator of their own, which tells nothing.
    private static let isMeasurable: Bool = {
        let before = engine_heap_bytes()
        let block = [UInt8](repeating: 1, count: 1 << 20)
        return withExtendedLifetime(block) { engine_heap_bytes() >= before + (1 << 20) }
    }()

    @Test(.enabled(if: isMeasurable)) func olderCopiesCostNoMoreThanIsSaid() throws {
        try expectBound("one day of one of many people", people: 4_000) { number in
            [Make.activity("C", "u\(number * 61 % 4_000)", .exo, [start - 1 - Int32(number)])]
        }
        try expectBound("many people", people: 4_000) { number in
            (0..<1_000).map { Make.activity("C", "u\($0 * 4 + number % 4)", .spo, [start - Int32(number)]) }
        }
        try expectBound("new people", people: 1_000) { number in
            (0..<100).map { Make.assignment("C", "new-\(number)-\($0)", "A", start - 100 + Int32(number)) }
        }
        try expectBound("small customers", people: 10) { number in
            [Make.subscription("more-\(number)", "small-\(1 + number % 40)", "B", .by("P"), start - 900, 5)]
        }
        try expectBound("a snapshot of everybody", people: 2_000) { number in
            [Make.snapshot("C", "A", start - 60 + Int32(number), (0..<2_000).map { "u\($0)" })]
        }
    }
}

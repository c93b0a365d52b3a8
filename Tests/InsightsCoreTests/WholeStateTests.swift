import LicenseModel
import Tenancy
import Testing

@testable import InsightsCore

/// A core that is written whole into a new store, of one bucket or of many, and read back there.
@Suite struct WholeStateTests {
    private func restored(_ core: InsightsCore, inBuckets: Bool) throws -> InsightsCore {
        var core = core
        core.markEverything()
        var copy = InsightsCore(foldsInBuckets: inBuckets)
        for bucket in 0..<(inBuckets ? StateBuckets.count : 1) {
            copy.beginRestoring(bucketThrough: core.revision)
            var rows = inBuckets ? core.takeDirtyStates(bucket: bucket) : core.takeDirtyStates()
            rows.sort { $0.key < $1.key }
            for row in rows { try copy.restore(row) }
        }
        try copy.finishRestoring()
        #expect(core.takeDirtyStates().isEmpty)
        return copy
    }

    /// Copied back and forth at random, it answers what one answers that never was: also after what comes later.
    @Test(arguments: 0..<4) func copiesAnswerTheSame(part: UInt64) throws {
        for seed in (70_000 + part * 25)..<(70_000 + (part + 1) * 25) {
            var world = World(seed: seed)
            var random = SeededGenerator(seed: seed ^ 0xC0B1)
            var whole = InsightsCore()
            var copied = InsightsCore()
            for (number, facts) in world.batches(of: world.facts).enumerated() {
                let batch = FactBatch(id: ID.batch("b\(number)"), facts: facts)
                for user in random.chance(15) ? world.users.prefix(1) : [] {
                    let (id, customer) = (ID.user(user), ID.customer(random.pick(world.customers)))
                    let (gone, next) = (ID.user("gone-\(number)"), whole.revision.next)
                    let one = whole.erase(user: id, of: customer, replacement: gone, revision: next)
                    let other = copied.erase(user: id, of: customer, replacement: gone, revision: next)
                    #expect(one?.place == other?.place)
                }
                whole.apply(batch, revision: whole.revision.next)
                copied.apply(batch, revision: copied.revision.next)
                if random.chance(30) { copied = try restored(copied, inBuckets: random.chance(50)) }
            }
            copied = try restored(copied, inBuckets: random.chance(50))
            #expect(copied.revision == whole.revision)
            for partner in world.partners {
                expectSameAnswers(
                    copied.book(in: try scope(partner), today: day(world.today)),
                    whole.book(in: try scope(partner), today: day(world.today)), customers: world.customers,
                    "seed \(seed) partner \(partner)")
            }
        }
    }
}

import Dispatch
import LicenseModel
import Synchronization
import Tenancy
import Testing

@testable import InsightsCore

/// A store in buckets as simple as can be: rows, how far each bucket is folded, and the whole log.
private struct BucketStore {
    enum Entry {
        case batch([Fact])
        case erasure(ErasedPlace)
    }

    private(set) var log: [Entry] = []
    private(set) var folds = BucketFolds(count: StateBuckets.count)
    private var rows: [[String: [UInt8]]] = Array(repeating: [:], count: StateBuckets.count)

    var revision: Revision { Revision(number: Int64(log.count)) }

    mutating func append(_ entry: Entry) { log.append(entry) }

    /// As a store does: false when another core folded the bucket as far.
    mutating func fold(_ bucket: Int, by core: inout InsightsCore) -> Bool {
        var fold = core.beginFold(bucket: bucket)
        guard core.revision > folds[bucket] else {
            core.abandonFold(fold)
            return false
        }
        for row in fold.next(maximumBytes: .max) { rows[bucket][row.key] = row.body }
        folds[bucket] = core.revision
        core.finishFold(fold)
        return true
    }

    /// An erasure with the fold of its bucket.
    mutating func erase(_ place: ErasedPlace, rows changed: [CoreState]) {
        append(.erasure(place))
        let bucket = StateBuckets.bucket(of: place.customer)
        for row in changed { rows[bucket][row.key] = row.body }
        folds[bucket] = revision
    }

    /// - Parameter isParallel: whether by parts that several threads make, or one row after the other.
    func read(isParallel: Bool) throws -> InsightsCore {
        var core = try isParallel ? restoredInParallel() : restored()
        for number in Int(folds.least.number)..<log.count { core.follow(log[number], at: number, skipping: folds) }
        core.advance(to: revision)
        return core
    }

    private func restored() throws -> InsightsCore {
        var core = InsightsCore(foldsInBuckets: true)
        for bucket in 0..<folds.count {
            core.beginRestoring(bucketThrough: folds[bucket])
            try restore(bucket, into: &core)
        }
        try core.finishRestoring()
        return core
    }

    private func restoredInParallel() throws -> InsightsCore {
        let parts = PartialCores(foldsInBuckets: true)
        let failure = Mutex<(any Error)?>(nil)
        @Sendable func read(_ bucket: Int) {
            do {
                var part = parts.begin(through: folds[bucket])
                try restore(bucket, into: &part)
                try parts.keep(part)
            } catch {
                failure.withLock { $0 = error }
            }
        }
        read(0)
        DispatchQueue.concurrentPerform(iterations: folds.count - 1) { read($0 + 1) }
        if let failure = failure.withLock({ $0 }) { throw failure }
        return parts.merge()
    }

    private func restore(_ bucket: Int, into core: inout InsightsCore) throws {
        for (key, body) in rows[bucket].sorted(by: { $0.key < $1.key }) {
            try core.restore(CoreState(key: key, body: body))
        }
    }

    /// Whether a row about the customer has the text.
    func contains(_ text: String, of customer: CustomerID) -> Bool {
        rows[StateBuckets.bucket(of: customer)].contains { key, body in
            key.contains("/\(customer)/") && String(decoding: body, as: UTF8.self).contains(text)
        }
    }
}

extension InsightsCore {
    fileprivate mutating func follow(_ entry: BucketStore.Entry, at number: Int, skipping folds: BucketFolds? = nil) {
        let revision = Revision(number: Int64(number) + 1)
        switch entry {
        case .batch(let facts):
            apply(FactBatch(id: ID.batch("b\(number)"), facts: facts), revision: revision, skipping: folds)
        case .erasure(let place):
            if let folds, folds.folded(place.customer) >= revision { return advance(to: revision) }
            let done = erase(place, revision: revision)
            #expect(done != nil, "nobody is at \(place)")
        }
    }

    /// Ids of everybody by place, and what waits, of every customer.
    fileprivate var places: [String: [String]] {
        var places: [String: [String]] = [:]
        for number in 0..<customers.count {
            let customer = customers[number].value
            var texts: [String] = []
            customer.people.persons.forEach { _, person in
                texts.append(
                    "\(person.id) \(person.isErased) \(person.aliases.map(\.id)) \(person.merge.debugDescription)")
            }
            for (slot, content) in customer.parts.slots.sorted(by: { $0.key < $1.key }) {
                if case .waiting(let part) = content {
                    texts.append("\(slot) \(part.users)")
                } else {
                    texts.append("\(slot)")
                }
            }
            places[customer.id.text] = texts
        }
        return places
    }
}

/// Folds bucket by bucket, by whichever core comes to it first, and cores that follow a log.
@Suite struct BucketTests {
    /// Several cores follow one log and fold buckets at random; some are thrown away and read back. All have everybody
    /// at the same places and answer as one that never was folded.
    @Test(arguments: 0..<4) func coresThatShareAStoreAreAlike(part: UInt64) throws {
        for seed in (30_000 + part * 30)..<(30_000 + (part + 1) * 30) {
            var world = World(seed: seed)
            var random = SeededGenerator(seed: seed ^ 0xB0C)
            var store = BucketStore()
            var whole = InsightsCore(foldsInBuckets: true)
            var cores = Array(repeating: InsightsCore(foldsInBuckets: true), count: 3)
            for batch in world.batches(of: world.facts) {
                store.append(.batch(batch))
                whole.follow(.batch(batch), at: store.log.count - 1)
                let writer = Int.random(in: 0...2, using: &random)
                catchUp(&cores[writer], store)
                if random.chance(25), let user = (world.users + world.aliases).randomElement(using: &random) {
                    let replacement = ID.user("gone-\(store.log.count)")
                    erase(user, of: random.pick(world.customers), replacement, &cores[writer], &store)
                    if whole.revision < store.revision {
                        whole.follow(store.log[store.log.count - 1], at: store.log.count - 1)
                    }
                }
                for _ in 0..<Int.random(in: 0...3, using: &random) {
                    let folding = Int.random(in: 0...2, using: &random)
                    if random.chance(50) { catchUp(&cores[folding], store) }
                    // The few buckets that have somebody, and some that have not.
                    let bucket =
                        random.chance(85)
                        ? StateBuckets.bucket(of: ID.customer(random.pick(world.customers))) : random.pick([0, 0, 9])
                    _ = store.fold(bucket, by: &cores[folding])
                }
                let other = Int.random(in: 0...2, using: &random)
                if random.chance(30) { cores[other].forgetDirtyStates(through: store.folds) }
                if random.chance(30) { cores[other] = try store.read(isParallel: random.chance(50)) }
            }
            if random.chance(50) { for bucket in 0..<StateBuckets.count { _ = store.fold(bucket, by: &cores[0]) } }
            cores += try [store.read(isParallel: false), store.read(isParallel: true)]
            for number in cores.indices {
                catchUp(&cores[number], store)
                try expectSame(cores[number], whole, world, "seed \(seed) core \(number)")
            }
        }
    }

    private func catchUp(_ core: inout InsightsCore, _ store: BucketStore) {
        for number in Int(core.revision.number)..<store.log.count { core.follow(store.log[number], at: number) }
    }

    private func erase(
        _ user: String, of customer: String, _ replacement: UserID, _ core: inout InsightsCore,
        _ store: inout BucketStore
    ) {
        let (customer, next) = (ID.customer(customer), core.revision.next)
        guard let gone = core.erase(user: ID.user(user), of: customer, replacement: replacement, revision: next) else {
            return
        }
        store.erase(gone.place, rows: core.takeDirtyStates(bucket: StateBuckets.bucket(of: customer)))
        // No row has any of the ids, an id of two letters with its length before it; but only a concealed person's.
        let people = core.customers[Int(core.customerIndex[customer] ?? 0)].value.people
        for id in gone.users where people.findConcealed(id) == nil {
            #expect(!store.contains("\u{2}\(id)", of: customer), "\(id) of \(customer)")
        }
    }

    private func expectSame(_ core: InsightsCore, _ whole: InsightsCore, _ world: World, _ place: String) throws {
        #expect(core.revision == whole.revision, "\(place)")
        let (left, right) = (core.places, whole.places)
        for customer in world.customers where left[customer] != right[customer] {
            Issue.record("\(place) \(customer): \(left[customer] ?? []), not \(right[customer] ?? [])")
        }
        for partner in world.partners {
            expectSameAnswers(
                core.book(in: try scope(partner), today: day(world.today)),
                whole.book(in: try scope(partner), today: day(world.today)), customers: world.customers,
                "\(place) partner \(partner)")
        }
    }

    /// What another core folded is not written again, and what it did not is.
    @Test func foldedBucketsAreForgotten() throws {
        let names = ["a", "b", "c", "d", "e", "f"]
        let facts = names.flatMap {
            [Make.customer($0), Make.user($0, "u", "Jane"), Make.activity($0, "u", .exo, [World.base])]
        }
        var store = BucketStore()
        var (one, other) = (InsightsCore(foldsInBuckets: true), InsightsCore(foldsInBuckets: true))
        store.append(.batch(facts))
        catchUp(&one, store)
        catchUp(&other, store)
        let buckets = names.map { StateBuckets.bucket(of: ID.customer($0)) }
        for bucket in buckets[..<4] { #expect(store.fold(bucket, by: &one)) }
        // Later than the fold of its bucket.
        store.append(.batch([Make.user("b", "u", "Eve")]))
        catchUp(&other, store)
        other.forgetDirtyStates(through: store.folds)
        #expect(other.takeDirtyStates(bucket: buckets[0]).isEmpty)
        #expect(other.takeDirtyStates(bucket: buckets[1]).contains { $0.key == "users/b/00000000" })
        #expect(
            other.takeDirtyStates(bucket: buckets[4]).map(\.key).sorted() == [
                "customer/e", "users/e/00000000", "uses/e/009a/00000000",
            ])
        #expect(other.takeDirtyStates(bucket: 0).map(\.key).contains("core"))
    }

    /// A core that is not what it should be is told from one that is.
    @Test func anotherPersonAtThePlaceIsNotErased() throws {
        var core = InsightsCore([Make.user("C", "u", "Jane"), Make.user("C", "v", "Eve")])
        let gone = ID.user("x")
        func place(_ number: Int32, _ id: String, _ customer: String = "C") -> ErasedPlace {
            ErasedPlace(.person(number), of: ID.customer(customer), id: ID.user(id), replacement: gone)
        }
        let wrong = [
            place(0, "v"), place(2, "u"), place(.max, "u"), place(0, "u", "D"),
            ErasedPlace(.part(slot: 0, index: 0), of: ID.customer("C"), id: ID.user("u"), replacement: gone),
        ]
        for place in wrong {
            let done = core.erase(place, revision: core.revision.next)
            #expect(done == nil && core.revision.number == 1)
        }
        let done = core.erase(place(1, "v"), revision: core.revision.next)
        #expect(done?.users == [ID.user("v")])
        let again = core.erase(place(1, "v"), revision: core.revision.next)
        #expect(again == nil)
    }
}

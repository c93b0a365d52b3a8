import InsightsCore
import LicenseModel
import Tenancy
import Testing

/// Effects of batches, erasure, ingest status, revisions and stored rows.
@Suite struct WritingTests {
    private let start: Int32 = 20_000

    @Test func aBatchTellsWhomItMovedAndWhatItEnded() {
        var core = InsightsCore()
        var effects = core.add([
            Make.subscription("s", "C", "A", .by("P"), start, 1), Make.subscription("t", "C", "A", .unknown, start, 1),
            Make.subscription("gone", "C", "A", .by("P"), start, 1, .deprovisioned),
            // The first that is told of it in this batch: nothing known is moved.
            Make.subscription("new", "C", "A", .by("P"), start, 1),
            Make.subscription("new", "C", "A", .by("Q"), start + 1, 1),
        ])
        #expect(effects.sellersChanged == 0 && effects.subscriptionsEnded == 0)
        effects = core.add([
            Make.subscription("s", "C", "A", .unknown, start, 1), Make.subscription("t", "C", "A", .by("Q"), start, 1),
        ])
        #expect(effects.sellersChanged == 0)
        effects = core.add([
            Make.subscription("s", "C", "A", .by("Q"), start, 1), Make.subscription("s", "C", "A", .direct, start, 1),
            // There and back again.
            Make.subscription("t", "C", "A", .by("P"), start, 1), Make.subscription("t", "C", "A", .by("Q"), start, 1),
        ])
        #expect(effects.sellersChanged == 1)
        let snapshot = Make.subscriptions("C", start + 9, ["new", "later"])
        effects = core.add([snapshot])
        #expect(effects.subscriptionsEnded == 2)
        // The same again ends nothing, nor does a later one that finds the same.
        #expect(core.add([snapshot]).subscriptionsEnded == 0)
        #expect(core.add([Make.subscriptions("C", start + 10, ["new"])]).subscriptionsEnded == 0)
        // An earlier one does, and a seller's only its own.
        #expect(core.add([Make.subscriptions("C", start + 5, ["s"], of: "Q")]).subscriptionsEnded == 2)
        // One that comes with what it ends, on a day before its entry and after.
        effects = core.add([
            Make.subscriptions("D", start + 5, []), Make.subscription("s", "D", "A", .direct, start, 1),
            Make.subscription("t", "D", "A", .direct, start + 7, 1),
        ])
        #expect(effects.subscriptionsEnded == 1)
    }

    @Test func aBatchTellsWhichSkusTheCatalogLacks() {
        var core = InsightsCore([Make.sku("A", nil, [])])
        var effects = core.add([
            Make.subscription("s", "C", "Z", .direct, start, 1), Make.subscription("s", "C", "A", .direct, start, 1),
            Make.assignment("C", "u", "Y", start), Make.snapshot("D", "Z", start, []),
            Make.assignment("D", "u", "X", start), Make.sku("X", .office365, []),
        ])
        #expect(effects.uncataloguedSkus.map(\.text) == ["Y", "Z"] && effects.uncataloguedSkuCount == 2)
        #expect(core.add([Make.activity("C", "u", .exo, [start])]).uncataloguedSkuCount == 0)
        effects = core.add((0..<130).map { Make.assignment("C", "u", "N\(1_000 + $0)", start) })
        #expect(effects.uncataloguedSkus.count == 100 && effects.uncataloguedSkuCount == 130)
        #expect(effects.uncataloguedSkus.last?.text == "N1099")
    }

    @Test func revisionsAndEmptyBatches() {
        var core = InsightsCore()
        #expect(core.revision == .none)
        core.add([])
        #expect(core.revision.number == 1)
        core.advance(to: Revision(number: 7))
        #expect(core.revision.number == 7)
        let states = core.takeDirtyStates()
        #expect(states.map(\.key) == ["core"])
        #expect(core.takeDirtyStates().isEmpty)
    }

    private func erasureFacts() -> [Fact] {
        [
            Make.sku("A", .office365, [.exo]), Make.relationship("P", "C", 0),
            Make.subscription("s", "C", "A", .by("P"), start, 5), Make.user("C", "u", "Jane"),
            Make.snapshot("C", "A", start, ["u", "v"]), Make.activity("C", "u", .exo, [start]),
        ] + Make.fullCoverage("C", start + 20)
    }

    @Test func erasureKeepsFiguresAndForgetsThePerson() throws {
        var core = InsightsCore(erasureFacts())
        func book() throws -> PartnerBook { core.book(in: try scope("P"), today: day(start + 20)) }
        func users() throws -> [String] {
            let rows = try book().licensedUsers(of: ID.customer("C"), on: nil, activity: .any, workload: nil)?.rows
            return (rows ?? []).map { "\($0.user) \($0.displayName)" }
        }
        let before = try book().insights(of: ID.customer("C"), on: nil, products: [.office365])
        #expect(try users() == ["u Jane", "v "])
        let missing = core.erase(
            user: ID.user("nobody"), of: ID.customer("C"), replacement: ID.user("x"), revision: Revision(number: 2))
        #expect(missing == nil && core.revision.number == 1)
        let wrongCustomer = core.erase(
            user: ID.user("u"), of: ID.customer("D"), replacement: ID.user("x"), revision: Revision(number: 2))
        #expect(wrongCustomer == nil)
        let done = core.erase(
            user: ID.user("u"), of: ID.customer("C"), replacement: ID.user("x"), revision: Revision(number: 2))
        #expect(done?.users == [ID.user("u")] && core.revision.number == 2)
        #expect(try users() == ["v "])
        #expect(try book().insights(of: ID.customer("C"), on: nil, products: [.office365]) == before)
        for state in core.takeDirtyStates() {
            #expect(!String(decoding: state.body, as: UTF8.self).contains("Jane"))
        }
        // Somebody new under the old id.
        core.add([Make.activity("C", "u", .exo, [start]), Make.assignment("C", "u", "A", start + 1)])
        #expect(try users() == ["u ", "v "])
        let row = try #require(try book().insights(of: ID.customer("C"), on: nil, products: [.office365]))
        #expect(row.products[0].usage.active == 2 && row.products[0].all.assigned == 3)
        // A snapshot that does not name the anonymous person ends what it held.
        core.add([Make.snapshot("C", "A", start + 5, ["u", "v"])])
        let after = try #require(try book().insights(of: ID.customer("C"), on: nil, products: [.office365]))
        #expect(after.products[0].all.assigned == 2)
    }

    @Test func aReplayedLogWithTheReplacementCanBeErasedAgain() throws {
        var core = InsightsCore([Make.relationship("P", "C", 0), Make.assignment("C", "x", "A", start)])
        func count() throws -> Int? {
            try core.book(in: scope("P"), today: day(start))
                .licensedUsers(of: ID.customer("C"), on: day(start), activity: .any, workload: nil)?.rows.count
        }
        #expect(try count() == 1)
        let done = core.erase(
            user: ID.user("x"), of: ID.customer("C"), replacement: ID.user("x"), revision: Revision(number: 2))
        #expect(done != nil)
        #expect(try count() == 0)
    }

    @Test func erasureMatchesTheModel() throws {
        for seed in UInt64(20_000)..<20_040 {
            let world = World(seed: seed)
            var random = SeededGenerator(seed: seed ^ 0xE)
            var core = InsightsCore(world.facts)
            let model = NaiveModel()
            model.apply(world.facts)
            let ids = (world.users.prefix(3) + world.aliases.prefix(3)).shuffled(using: &random)
            for (place, user) in ids.enumerated() {
                let customer = world.customers[place % world.customers.count]
                let ids = core.erase(
                    user: ID.user(user), of: ID.customer(customer), replacement: ID.user("anon\(place)"),
                    revision: core.revision.next)?.users
                let wasThere = model.erase(user, of: customer, replacement: "anon\(place)")
                #expect((ids != nil) == wasThere, "seed \(seed) \(user)")
                // No row has any of the ids, unless it was a concealed one that a named person shares.
                if let ids { try expectForgotten(ids, in: core, customer, "seed \(seed) \(user)") }
            }
            let more = World(seed: seed + 500)
            core.add(more.facts)
            model.apply(more.facts)
            let comparison = Comparison(core: core, model: model, today: world.today, label: "seed \(seed)")
            try comparison.check(
                partner: world.partners[0], on: World.base + 30, customers: world.customers)
        }
    }

    private func expectForgotten(
        _ ids: [UserID], in core: InsightsCore, _ customer: String, _ place: Comment
    ) throws {
        var copy = core
        #expect(!ids.isEmpty, place)
        for id in ids {
            let again = copy.erase(
                user: id, of: ID.customer(customer), replacement: ID.user("other"), revision: copy.revision.next)
            // Only a concealed person may still have it.
            #expect(again == nil || again?.users == [id], place)
        }
        for state in copy.takeDirtyStates() where state.key.hasPrefix("users/\(customer)/") {
            let text = String(decoding: state.body, as: UTF8.self)
            // An id of two letters with its length before it.
            for id in ids { #expect(!text.contains("\u{2}\(id)"), place) }
        }
    }

    @Test func coverageIsListedByPage() throws {
        let core = InsightsCore(
            ["c", "a", "b"].map { Make.coverage($0, .activity, start) } + [Make.relationship("P", "d", 0)])
        let grant = try operatorGrant()
        let first = core.coverage(for: grant, customer: nil, after: nil, limit: 2)
        #expect(first.rows.map(\.id.text) == ["a", "b"] && first.total == 4 && first.hasMore)
        let second = core.coverage(for: grant, customer: nil, after: ID.customer("b"), limit: 5)
        #expect(second.rows.map(\.id.text) == ["c", "d"] && second.rows[1].coverage == CoverageRow())
        #expect(!second.hasMore)
        // A page that the last customers fill exactly is the last page.
        #expect(!core.coverage(for: grant, customer: nil, after: ID.customer("b"), limit: 2).hasMore)
        let one = core.coverage(for: grant, customer: ID.customer("b"), after: nil, limit: 5)
        #expect(one.rows.map(\.id.text) == ["b"] && one.rows[0].coverage.activity == day(start) && one.total == 1)
        #expect(core.coverage(for: grant, customer: ID.customer("z"), after: nil, limit: 5).total == 0)
    }

    /// A download that found nothing new says so on its own day; the value holds since the first.
    @Test func repeatedSubscriptionsKeepTheirDay() throws {
        func entry(_ on: Int32, _ quantity: Int64, _ state: SubscriptionState = .active, end: Int32? = nil) -> Fact {
            Make.subscription("s", "C", "A", .by("P"), on, quantity, state, termEnd: end)
        }
        let core = InsightsCore([
            Make.relationship("P", "C", 0), entry(start + 9, 5), entry(start, 5), entry(start + 2, 5),
            entry(start + 4, 5, .grace), entry(start + 6, 5), entry(start + 8, 5),
            entry(start + 12, 5, end: start + 90),
            entry(start + 14, 6, end: start + 90),
        ])
        let book = core.book(in: try scope("P"), today: day(start + 20))
        func since(_ on: Int32) -> Int32? {
            let rows = book.subscriptions(of: ID.customer("C"), on: day(on))?.rows
            return rows?.first.map { $0.fact.effective.number - start }
        }
        #expect([-1, 0, 3, 5, 6, 8, 11, 13, 20].map { since(start + $0) } == [nil, 0, 0, 4, 6, 6, 6, 12, 14])
    }

    @Test func damagedStatesAreRefused() throws {
        var core = InsightsCore(erasureFacts())
        let states = core.takeDirtyStates()
        #expect(states.count == 5)
        for state in states {
            for length in 0..<state.body.count {
                var empty = InsightsCore()
                let cut = CoreState(key: state.key, body: Array(state.body[..<length]))
                #expect(throws: CoreStateError.self) { try empty.restore(cut) }
            }
            var empty = InsightsCore()
            let longer = CoreState(key: state.key, body: state.body + [0])
            #expect(throws: CoreStateError.self) { try empty.restore(longer) }
        }
        var empty = InsightsCore()
        #expect(throws: CoreStateError.self) { try empty.restore(CoreState(key: "odd", body: [1])) }
    }

    @Test func aThousandPeopleComeBackInTheirGroups() throws {
        var facts = erasureFacts()
        for number in 0..<1_000 {
            facts += [
                Make.assignment("C", "p\(number)", "A", start), Make.activity("C", "p\(number)", .exo, [start + 1]),
            ]
        }
        var core = InsightsCore(facts)
        var stored: [String: [UInt8]] = [:]
        for state in core.takeDirtyStates() { stored[state.key] = state.body }
        #expect(stored.count == 11)
        core.add([Make.activity("C", "p900", .exo, [start + 9])])
        let changed = core.takeDirtyStates()
        #expect(changed.count == 2)
        for state in changed { stored[state.key] = state.body }
        for reversed in [false, true] {
            var restored = InsightsCore()
            let keys = stored.keys.sorted()
            for key in reversed ? keys.reversed() : keys {
                try restored.restore(CoreState(key: key, body: stored[key] ?? []))
            }
            for number in [start, start + 20, start + 36] {
                let left = core.book(in: try scope("P"), today: day(start + 40))
                let right = restored.book(in: try scope("P"), today: day(start + 40))
                #expect(
                    left.insights(of: ID.customer("C"), on: day(number), products: Product.allCases)
                        == right.insights(of: ID.customer("C"), on: day(number), products: Product.allCases))
                #expect(
                    left.licensedUsers(of: ID.customer("C"), on: day(number), activity: .active, workload: nil)?.rows
                        == right.licensedUsers(of: ID.customer("C"), on: day(number), activity: .active, workload: nil)?
                        .rows)
            }
        }
    }
}

import InsightsCore
import LicenseModel
import Tenancy
import Testing

/// Subscriptions that change their SKU, their seller or go, and SKUs that are free or nowhere in the catalog.
@Suite struct SubscriptionEdgeTests {
    private let start: Int32 = 20_000

    private var frame: [Fact] {
        [
            Make.sku("A", .office365, [.exo]), Make.sku("B", .office365, [.exo, .spo]),
            Make.sku("FREE", .office365, [.exo], free: true), Make.relationship("P", "C", 0),
            Make.relationship("Q", "C", 0),
        ] + Make.fullCoverage("C", start + 100)
    }

    private func book(_ facts: [Fact], partner: String = "P", own: Bool = false) throws -> PartnerBook {
        InsightsCore(frame + facts).book(in: try scope(partner, own: own), today: day(start + 200))
    }

    private func insights(_ facts: [Fact], on number: Int32, partner: String = "P") throws -> CustomerInsightsRow {
        try #require(
            book(facts, partner: partner).insights(of: ID.customer("C"), on: day(number), products: Product.allCases))
    }

    private func sku(_ id: String, _ facts: [Fact], on number: Int32, partner: String = "P") throws -> SkuRow? {
        try insights(facts, on: number, partner: partner).products[0].skus.first { $0.sku.text == id }
    }

    private func subscriptions(_ facts: [Fact], on number: Int32, partner: String = "P") throws -> [String] {
        let rows = try book(facts, partner: partner).subscriptions(of: ID.customer("C"), on: day(number))?.rows
        return (rows ?? []).map {
            "\($0.fact.subscription) \($0.fact.sku) \($0.fact.quantity) \($0.fact.state) "
                + "\($0.fact.effective.number - start)"
        }
    }

    // MARK: Another SKU

    @Test func anUpgradeInPlaceMovesTheLicensesFromItsDayOn() throws {
        let facts = [
            Make.subscription("s", "C", "A", .by("P"), start, 12),
            Make.subscription("s", "C", "B", .by("P"), start + 19, 12),
        ]
        #expect(try sku("A", facts, on: start + 18)?.own.sold == 12)
        #expect(try sku("B", facts, on: start + 18) == nil)
        let upgraded = try insights(facts, on: start + 19).products[0]
        #expect(upgraded.skus.map(\.own.sold) == [0, 12] && upgraded.skus.map(\.all.uncounted) == [12, 0])
        #expect(upgraded.own.sold == 12 && upgraded.own.entitled == 12)
        #expect(try sku("A", facts, on: start + 45)?.all.uncounted == 12)
        #expect(try sku("A", facts, on: start + 46) == nil)
        #expect(try subscriptions(facts, on: start + 20) == ["s B 12 active 19"])
        // Back again: what lingered ends there, and what it was in between lingers.
        let back = facts + [Make.subscription("s", "C", "A", .by("P"), start + 30, 7)]
        let returned = try insights(back, on: start + 30).products[0]
        #expect(returned.skus.map(\.own.sold) == [7, 0] && returned.skus.map(\.all.uncounted) == [0, 12])
        #expect(try sku("A", back, on: start + 29)?.all.uncounted == 12)
        #expect(try sku("B", back, on: start + 57) == nil)
    }

    @Test func anUpgradedSubscriptionThatEndsLingersForBothSkus() throws {
        let facts = [
            Make.subscription("s", "C", "A", .by("P"), start, 5),
            Make.subscription("s", "C", "B", .by("P"), start + 10, 6),
            Make.subscription("s", "C", "B", .by("P"), start + 20, 6, .deprovisioned),
        ]
        let ended = try insights(facts, on: start + 20).products[0]
        #expect(ended.skus.map(\.all.uncounted) == [5, 6] && ended.all.sold == 0)
        #expect(try insights(facts, on: start + 37).products[0].skus.map(\.all.uncounted) == [6])
        #expect(try insights(facts, on: start + 47).products[0].skus.isEmpty)
    }

    // MARK: Another seller

    @Test func aCorrectedSellerHoldsForEveryDay() throws {
        let told = [
            Make.subscription("s", "C", "A", .unknown, start, 10),
            Make.subscription("s", "C", "A", .unknown, start + 5, 11),
        ]
        #expect(try sku("A", told, on: start)?.unknownSold == 10 && subscriptions(told, on: start) == [])
        let corrected = told + [Make.subscription("s", "C", "A", .by("P"), start + 5, 11)]
        #expect(try sku("A", corrected, on: start)?.own.sold == 10)
        #expect(try sku("A", corrected, on: start)?.unknownSold == 0)
        #expect(try subscriptions(corrected, on: start) == ["s A 10 active 0"])
        // Unknown never replaces a known one; another known one does.
        let vague = corrected + [Make.subscription("s", "C", "A", .unknown, start + 9, 12)]
        #expect(try sku("A", vague, on: start + 9)?.own.sold == 12)
        let moved = vague + [Make.subscription("s", "C", "A", .by("Q"), start - 20, 1)]
        for number in [start - 20, start, start + 9] {
            #expect(try sku("A", moved, on: number)?.own.sold == 0)
            #expect(try sku("A", moved, on: number, partner: "Q")?.own.sold == sku("A", moved, on: number)?.all.sold)
        }
        #expect(try book(moved).portfolio(on: day(start), products: [.office365]).products[0].own.sold == 0)
        #expect(
            try book(moved, partner: "Q").portfolio(on: day(start), products: [.office365]).products[0].own.sold == 10)
    }

    // MARK: Gone

    @Test func aSubscriptionThatIsNotNamedIsGoneUntilItsNextEntry() throws {
        let facts = [
            Make.subscription("s", "C", "A", .by("P"), start, 25, termEnd: start + 30, autoRenew: true),
            Make.subscription("t", "C", "A", .direct, start, 10), Make.subscriptions("C", start + 20, ["t"]),
            // Named again, without an entry: it stays gone.
            Make.subscriptions("C", start + 25, ["s", "t"]),
            Make.subscription("s", "C", "A", .by("P"), start + 40, 20),
        ]
        for order in [facts, facts.reversed(), Array(facts[2...] + facts[..<2])] {
            let rows = try [19, 20, 26, 39, 40].map { try sku("A", order, on: start + $0) }
            #expect(rows.map { $0?.all.sold } == [35, 10, 10, 10, 30])
            #expect(rows.map { $0?.all.uncounted } == [0, 25, 25, 25, 0])
            #expect(try subscriptions(order, on: start + 26) == ["s A 25 deprovisioned 20"])
            #expect(try subscriptions(order, on: start + 40) == ["s A 20 active 40"])
        }
        // An entry of the day says what it is, whatever is named; a later snapshot ends that too.
        let listed =
            facts + [
                Make.subscription("s", "C", "A", .by("P"), start + 20, 24), Make.subscriptions("C", start + 22, []),
            ]
        let rows = try [20, 21, 22].map { try sku("A", listed, on: start + $0)?.all }
        #expect(rows.map { $0?.sold } == [34, 34, 0] && rows[2]?.uncounted == 34)
        // A later snapshot of the same day replaces the earlier.
        let replaced = facts + [Make.subscriptions("C", start + 20, ["s", "t"])]
        #expect(try sku("A", replaced, on: start + 26)?.all.sold == 35)
    }

    @Test func aSellersSnapshotCoversWhatIsItsOwnNow() throws {
        let facts = [
            Make.subscription("p", "C", "A", .by("P"), start, 1), Make.subscription("q", "C", "A", .by("Q"), start, 2),
            Make.subscription("d", "C", "A", .direct, start, 4), Make.subscription("u", "C", "A", .unknown, start, 8),
            Make.subscriptions("C", start + 5, [], of: "P"),
        ]
        #expect(try sku("A", facts, on: start + 5)?.all.sold == 14)
        // Of one day there may be one of each seller and one of all; all hold.
        let more = facts + [Make.subscriptions("C", start + 5, ["p", "q", "d"])]
        #expect(try sku("A", more, on: start + 5)?.all.sold == 6)
        // Who turns out to be P's was covered; who turns out to be Q's was not.
        let corrected =
            facts + [
                Make.subscription("u", "C", "A", .by("P"), start, 8),
                Make.subscription("p", "C", "A", .by("Q"), start, 1),
            ]
        #expect(try sku("A", corrected, on: start + 5)?.all.sold == 7)
    }

    // MARK: Free

    @Test func freeLicensesCountNowhereAndTheirUsersAreFree() throws {
        let facts = [
            Make.subscription("f", "C", "FREE", .by("P"), start, 10_000),
            Make.subscription("g", "C", "FREE", .by("P"), start, 25, trial: true),
            Make.subscription("h", "C", "FREE", .by("P"), start, 25, .suspended),
            Make.assignment("C", "u", "FREE", start),
            Make.activity("C", "u", .exo, [start]),
        ]
        let row = try insights(facts, on: start).products[0]
        #expect(row.skus.isEmpty && row.all.sold == 0 && row.all.trial == 0 && row.all.uncounted == 0)
        #expect(row.all.assigned == 0 && row.all.assignedUnsold == 0)
        #expect(row.usage.active == 1 && row.usage.totalUsers == 0 && row.usage.entitlements == 0)
        let explained = try #require(book(facts).explain(.workload(.exo), of: ID.customer("C"), on: day(start)))
        #expect(explained.classes.free == 1 && explained.classes.sum == 1)
        let advice = try book(facts).recommendations(of: ID.customer("C"), on: day(start), products: [.office365])
        #expect(advice?.rows == [])
        // Charged to anything else that covers it first.
        let paid = facts + [Make.assignment("C", "u", "B", start)]
        let charged = try #require(book(paid).explain(.workload(.exo), of: ID.customer("C"), on: day(start)))
        #expect(charged.classes.free == 0 && charged.classes.overAssigned == 1)
    }

    @Test func whetherASkuIsFreeHoldsForEveryDay() throws {
        var core = InsightsCore(
            frame + [Make.subscription("s", "C", "A", .by("P"), start, 3), Make.assignment("C", "u", "A", start)])
        func figures() throws -> (sold: Int64, unsold: Int64, portfolio: Int64) {
            let book = core.book(in: try scope("P"), today: day(start + 200))
            let row = try #require(book.insights(of: ID.customer("C"), on: day(start), products: [.office365]))
            let portfolio = book.portfolio(on: day(start), products: [.office365])
            return (row.products[0].own.sold, row.products[0].all.assignedUnsold, portfolio.products[0].own.sold)
        }
        #expect(try figures() == (3, 0, 3))
        core.add([Make.sku("A", .office365, [.exo], free: true)])
        #expect(try figures() == (0, 0, 0))
        core.add([Make.sku("A", .office365, [.exo])])
        #expect(try figures() == (3, 0, 3))
    }

    // MARK: Uncatalogued

    @Test func licensesOfUnknownSkusAreTold() throws {
        let facts = [
            Make.subscription("a", "C", "A", .by("P"), start, 5), Make.subscription("x", "C", "X", .by("P"), start, 40),
            Make.subscription("y", "C", "Y", .direct, start, 3),
            Make.subscription("z", "C", "Z", .by("P"), start, 9, trial: true),
        ]
        func told(_ book: PartnerBook, _ products: [Product] = [.office365]) throws -> ([String], [String]) {
            func text(_ skus: UncataloguedSkus?) -> [String] { skus?.skus.map { "\($0.sku) \($0.sold)" } ?? [] }
            return (
                text(book.insights(of: ID.customer("C"), on: day(start), products: products)?.uncatalogued),
                text(book.portfolio(on: day(start), products: products).uncatalogued)
            )
        }
        #expect(try told(book(facts)) == (["X 40", "Y 3"], ["X 40", "Y 3"]))
        #expect(try told(book(facts, own: true), [.dynamics365]) == (["X 40"], ["X 40"]))
        #expect(try insights(facts, on: start).products[0].all.sold == 5)
        let known = facts + [Make.sku("X", nil, [])]
        #expect(try told(book(known)) == (["Y 3"], ["Y 3"]))
        // Whoever reports no subscriptions adds nothing, and the first hundred are told.
        let many = (0..<130).map { Make.subscription("m\($0)", "C", "M\(1_000 + $0)", .direct, start, 1) }
        let row = try insights(many, on: start).uncatalogued
        #expect(row.count == 130 && row.skus.count == 100 && row.skus.last?.sku.text == "M1099")
        let silent = InsightsCore([Make.relationship("P", "C", 0)] + facts).book(in: try scope("P"), today: day(start))
        #expect(try told(silent) == ([], []))
    }

    // MARK: Term

    @Test func aMonthThatRenewsByItselfIsAdvisedOnInItsLastWeek() throws {
        func advice(_ term: String, autoRenew: Bool, days: Int32) throws -> [String] {
            let facts = [
                Make.subscription(
                    "s", "C", "A", .by("P"), start, 3, termEnd: start + days, autoRenew: autoRenew, term: term)
            ]
            let advice = try book(facts).recommendations(of: ID.customer("C"), on: day(start), products: [.office365])
            let evidence = advice?.rows.first { $0.kind == .reclaimLicenses }?.evidence ?? []
            return evidence.suffix(from: min(5, evidence.count)).map { "\($0.name) \($0.value)" }
        }
        func has(_ term: String, _ autoRenew: Bool, _ days: Int32) throws -> Bool {
            try !advice(term, autoRenew: autoRenew, days: days).isEmpty
        }
        #expect(try has("P1M", true, 7) && !has("P1M", true, 8))
        #expect(try has("P1M", false, 30) && has("P1Y", true, 30) && has("", true, 30))
        #expect(try !has("P1Y", true, 31) && !has("P1M", false, 31))
        let evidence = try advice("P1Y", autoRenew: false, days: 9)
        #expect(evidence.map { $0.prefix(10) } == ["term_end d", "term term(", "auto_renew"])
        #expect(try advice("", autoRenew: true, days: 9).count == 2)
    }

    // MARK: Size

    /// Everything about so many at once: seconds if each looked at all others.
    @Test func aCustomerOfManySubscriptionsIsNoProblem() throws {
        let count: Int32 = 8_000
        var core = InsightsCore(frame)
        core.add(
            (0..<count).map {
                Make.subscription("s\($0)", "C", "K\($0 % 2_000)", .by("x\($0 % 3_000)"), start - $0 % 900, 1)
            })
        core.add([Make.subscriptions("C", start, (0..<count / 2).map { "s\($0)" })])
        let row = core.book(in: try scope("P"), today: day(start)).portfolio(on: day(start), products: [])
        #expect(row.uncatalogued.count == 2_000)
        let before = core.book(in: try scope("P"), today: day(start)).portfolio(on: day(start - 1), products: [])
        #expect(before.uncatalogued.skus.first?.sold == 3 && row.uncatalogued.skus.first?.sold == 2)
    }
}

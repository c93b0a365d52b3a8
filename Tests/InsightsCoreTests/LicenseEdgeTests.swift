import InsightsCore
import LicenseModel
import Tenancy
import Testing

/// Licenses where rules meet.
@Suite struct LicenseEdgeTests {
    private let start: Int32 = 20_000

    private func row(_ facts: [Fact], on number: Int32, partner: String = "P") throws -> ProductRow {
        let frame =
            [
                Make.sku("A", .office365, [.exo]), Make.sku("B", .office365, [.exo, .spo]),
                Make.sku("OTHER", nil, [.exo]), Make.relationship("P", "C", 0),
            ] + Make.fullCoverage("C", number)
        let book = InsightsCore(frame + facts).book(in: try scope(partner), today: day(number))
        return try #require(
            book.insights(of: ID.customer("C"), on: day(number), products: [.office365])?.products.first)
    }

    @Test func anActiveSiblingWithoutLicensesSuppressesGrace() throws {
        let grace = Make.subscription("g", "C", "A", .by("P"), start, 7, .grace)
        #expect(try row([grace], on: start).all.entitled == 7)
        let empty = Make.subscription("a", "C", "A", .direct, start, 0)
        let both = try row([grace, empty], on: start)
        #expect(both.all.entitled == 0 && both.all.sold == 7 && both.all.uncounted == 7)
        // A trial or another SKU's subscription suppresses nothing.
        let trial = Make.subscription("t", "C", "A", .direct, start, 1, trial: true)
        let other = Make.subscription("b", "C", "B", .direct, start, 1)
        #expect(try row([grace, trial, other], on: start).own.entitled == 7)
    }

    @Test func anEndedSubscriptionIsUncountedWhileTheWindowSeesIt() throws {
        let facts = [
            Make.subscription("s", "C", "A", .by("P"), start, 3),
            Make.subscription("s", "C", "A", .by("P"), start + 10, 5),
            Make.subscription("s", "C", "A", .by("P"), start + 20, 9, .deprovisioned),
        ]
        #expect(try row(facts, on: start + 19).all.uncounted == 0)
        #expect(try row(facts, on: start + 20).all.uncounted == 5)
        #expect(try row(facts, on: start + 46).all.uncounted == 5)
        #expect(try row(facts, on: start + 47).all.uncounted == 0)
        #expect(try row(facts, on: start + 20).all.sold == 0)
    }

    @Test func aSuspendedSubscriptionIsSoldAndUncounted() throws {
        let facts = [Make.subscription("s", "C", "A", .by("P"), start, 3, .suspended)]
        let figures = try row(facts, on: start + 100)
        #expect(figures.own.sold == 3 && figures.own.entitled == 0 && figures.own.uncounted == 3)
    }

    @Test func aTrialThatWasPaidForLingers() throws {
        let facts = [
            Make.subscription("s", "C", "A", .by("P"), start, 3),
            Make.subscription("s", "C", "A", .by("P"), start + 5, 4, trial: true),
        ]
        let figures = try row(facts, on: start + 5)
        #expect(figures.all.sold == 0 && figures.all.trial == 4 && figures.all.uncounted == 3)
    }

    @Test func peopleWithNothingSoldAreUnsold() throws {
        let trial = try row(
            [
                Make.subscription("t", "C", "A", .by("P"), start, 9, trial: true),
                Make.assignment("C", "u", "A", start),
            ], on: start)
        #expect(trial.all.assigned == 0 && trial.all.assignedUnsold == 1 && trial.own.assignedUnsold == 1)
        #expect(trial.own.assignedUpper == 0)
    }

    @Test func uncoveredFamiliesAppearNowhere() throws {
        let figures = try row(
            [
                Make.subscription("o", "C", "OTHER", .by("P"), start, 9), Make.assignment("C", "u", "OTHER", start),
                Make.activity("C", "u", .exo, [start]),
            ], on: start)
        #expect(figures.skus.isEmpty && figures.all.sold == 0)
        // The activity counts, but nobody holds anything that covers it.
        #expect(figures.usage.active == 1 && figures.usage.totalUsers == 0)
    }

    @Test func entriesOfOneDayReplaceEachOther() throws {
        let facts = [
            Make.subscription("s", "C", "A", .by("P"), start, 3),
            Make.subscription("s", "C", "A", .by("P"), start, 4, .grace),
        ]
        #expect(try row(facts, on: start).all.entitled == 4)
    }

    @Test func hugeQuantitiesDoNotOverflow() throws {
        var facts: [Fact] = []
        for number in 0..<300 {
            let seller: Seller = number < 200 ? .by("P") : .direct
            facts.append(
                Make.subscription("s\(number)", "C", "A", seller, start, FactLimits.maximumQuantity))
        }
        for number in 0..<600 { facts.append(Make.assignment("C", "u\(number)", "A", start)) }
        let figures = try row(facts, on: start)
        #expect(figures.all.sold == 30_000_000_000)
        #expect(figures.own.assigned == 400)
        #expect(figures.own.assignedLower == 0 && figures.own.assignedUpper == 600)
    }

    @Test func theFirstAndTheLastDayOfTheCalendar() throws {
        let last = Day.last.number
        let facts = [
            Make.subscription("s", "C", "A", .by("P"), 0, 3), Make.subscription("s", "C", "A", .by("P"), last, 5),
            Make.assignment("C", "u", "A", 0), Make.assignment("C", "v", "A", 0, last),
            Make.activity("C", "u", .exo, [0]), Make.snapshot("C", "A", last, ["v"]),
        ]
        let first = try row(facts, on: 0)
        #expect(first.all.sold == 3 && first.all.assigned == 2 && first.usage.active == 1)
        #expect(try row(facts, on: 27).usage.active == 1)
        #expect(try row(facts, on: 28).usage.active == 0)
        let end = try row(facts, on: last)
        #expect(end.all.sold == 5 && end.all.assigned == 1)
    }

    @Test func chargingPrefersEntitledThenUncountedThenTrial() throws {
        let facts = [
            Make.subscription("a", "C", "A", .by("P"), start, 5, .suspended),
            Make.subscription("b", "C", "B", .by("P"), start, 1),
            Make.assignment("C", "u", "A", start), Make.assignment("C", "u", "B", start),
            Make.assignment("C", "v", "A", start), Make.activity("C", "u", .exo, [start]),
            Make.activity("C", "v", .exo, [start]), Make.activity("C", "w", .exo, [start]),
        ]
        let core = InsightsCore(
            [
                Make.sku("A", .office365, [.exo]), Make.sku("B", .office365, [.exo, .spo]),
                Make.relationship("P", "C", 0),
            ] + Make.fullCoverage("C", start) + facts)
        let book = core.book(in: try scope("P"), today: day(start))
        let row = try #require(book.explain(.workload(.exo), of: ID.customer("C"), on: day(start)))
        #expect(row.usage.totalUsers == 1 && row.usage.entitlements == 1 && row.usage.active == 3)
        #expect(row.classes.entitled == 1 && row.classes.uncountedSubscription == 1 && row.classes.unlicensed == 1)
    }

    @Test func snapshotsDoNotDependOnArrival() throws {
        let facts = [
            Make.subscription("a", "C", "A", .by("P"), start, 5), Make.assignment("C", "u", "A", start + 2),
            Make.snapshot("C", "A", start + 5, ["v"]), Make.snapshot("C", "A", start + 9, ["v", "u"]),
            Make.snapshot("C", "A", start + 12, []), Make.assignment("C", "w", "A", start, start + 30),
        ]
        for order in [facts, facts.reversed(), Array(facts[3...] + facts[..<3])] {
            let counts = try [1, 2, 4, 5, 8, 9, 11, 12, 29, 30].map { try row(order, on: start + $0).all.assigned }
            #expect(counts == [1, 2, 2, 2, 2, 3, 3, 1, 1, 0])
        }
        // A later snapshot of the same day replaces the earlier.
        let replaced = facts + [Make.snapshot("C", "A", start + 12, ["u"])]
        #expect(try row(replaced, on: start + 12).all.assigned == 2)
    }

    @Test func takenBackAssignmentsAreGone() throws {
        let facts = [
            Make.subscription("a", "C", "A", .by("P"), start, 5), Make.assignment("C", "u", "A", start),
            Make.assignment("C", "u", "A", start, start),
        ]
        #expect(try row(facts, on: start).all.assigned == 0)
        #expect(try row(Array(facts[..<2]), on: start).all.assigned == 1)
        // Two overlapping assignments count the person once.
        #expect(try row(facts[..<2] + [Make.assignment("C", "u", "A", start - 3)], on: start).all.assigned == 1)
    }

    @Test func laterSkuFactsHoldForEveryDay() throws {
        let frame =
            [
                Make.relationship("P", "C", 0), Make.subscription("s", "C", "N", .by("P"), start, 2),
                Make.assignment("C", "u", "N", start), Make.activity("C", "u", .yam, [start]),
                Make.activity("C", "u", .spo, [start + 1]),
            ] + Make.fullCoverage("C", start + 5)
        var core = InsightsCore(frame)
        func figures() throws -> ProductRow {
            let book = core.book(in: try scope("P"), today: day(start + 5))
            return try #require(
                book.insights(of: ID.customer("C"), on: day(start), products: [.office365])?.products.first)
        }
        #expect(try figures().all.sold == 0)
        core.add([Make.sku("N", .office365, [.spo])])
        #expect(try figures().all.sold == 2)
        #expect(try figures().usage.active == 0)
        core.add([Make.sku("N", .office365, [.spo, .yam])])
        #expect(try figures().usage.active == 1)
        #expect(try figures().usage.totalUsers == 1)
        core.add([Make.sku("N", .dynamics365, [.spo])])
        #expect(try figures().all.sold == 0)
        #expect(try figures().usage.active == 0)
    }
}

import LicenseModel
import Tenancy
import Testing

@testable import InsightsCore

/// Activity that is reported in some workloads and not in others: what is not reported is absent, never 0.
@Suite struct WorkloadCoverageTests {
    private let today: Int32 = 20_000
    private let customer = ID.customer("C")
    /// What the vendor's report of active users has columns for.
    private let reported: [Workload] = [.exo, .sfb, .spo, .teams, .yam]

    /// Six people with Office 365 and Dynamics 365 whose activity in Dynamics 365 and the Apps no source reports.
    private func facts(_ customer: String = "C") -> [Fact] {
        var facts = [
            Make.sku("E3", .office365, [.apps, .exo, .spo]), Make.sku("D", .dynamics365, [.crm]),
            Make.relationship("P", customer, 19_000),
            Make.subscription("e-\(customer)", customer, "E3", .by("P"), 19_000, 6),
            Make.subscription("d-\(customer)", customer, "D", .by("P"), 19_000, 6),
            Make.coverage(customer, .subscriptions, today), Make.coverage(customer, .assignments, today),
            Make.coverage(customer, .activity, today, reported),
        ]
        for user in 0..<6 {
            facts.append(Make.assignment(customer, "u\(user)", "E3", 19_500))
            facts.append(Make.assignment(customer, "u\(user)", "D", 19_500))
            facts.append(Make.activity(customer, "u\(user)", .exo, [today]))
        }
        return facts
    }

    private func book(_ core: InsightsCore) throws -> PartnerBook {
        core.book(in: try scope("P"), today: day(today))
    }

    private func usage(_ core: InsightsCore) throws -> [Usage] {
        let row = try #require(try book(core).insights(of: customer, on: nil, products: Product.allCases))
        return row.products.map { Usage($0.usage) }
    }

    private func full(_ users: Int64) -> Usage {
        var usage = Usage.zero
        (usage.active, usage.ratioActive, usage.totalUsers, usage.entitlements) = (users, users, users, users)
        return usage
    }

    @Test func whatNoSourceReportsIsAbsent() throws {
        let core = InsightsCore(facts())
        let book = try book(core)
        #expect(try usage(core) == [full(6), Usage()])
        let row = try #require(book.insights(of: customer, on: nil, products: Product.allCases))
        #expect(row.asOf == day(today))
        let workloads = row.products.flatMap(\.workloads).map {
            "\($0.workload) \($0.usage.ifActive($0.usage.active) ?? -1)"
        }
        #expect(workloads == ["apps -1", "exo 6", "spo 0", "crm -1"])
        for subject in [UsageSubject.product(.dynamics365), .workload(.crm), .workload(.apps)] {
            let explained = try #require(book.explain(subject, of: customer, on: nil))
            #expect(Usage(explained.usage) == Usage() && explained.classes == UsageClasses())
        }
        // No advice from what is absent; Office 365 is used by all.
        #expect(try #require(book.recommendations(of: customer, on: nil, products: Product.allCases)).rows.isEmpty)
        let trend = try #require(
            book.trend(
                of: customer, from: day(today), through: day(today), interval: .day, products: Product.allCases,
                workload: nil))
        #expect(trend.map { Usage($0.usage) } == [full(6), Usage()])
    }

    /// The portfolio leaves the customer out of the figures that it does not report, and of those alone.
    @Test func sumsGoBySubject() throws {
        var core = InsightsCore(facts())
        core.prepare(today: day(today))
        core.add(facts("Q") + [Make.coverage("Q", .activity, today - 5), Make.activity("Q", "u1", .crm, [today - 9])])
        let row = try book(core).portfolio(on: day(today), products: Product.allCases)
        #expect(row.products.map { $0.usage.totalUsers } == [12, 6])
        #expect(row.products.map { $0.usage.active } == [12, 1])
        #expect((row.reportedCustomers, row.laggingCustomers, row.unreportedCustomers) == (1, 1, 0))
        let explained = try #require(try book(core).explain(.workload(.crm), of: nil, on: day(today)))
        #expect(explained.classes.entitled == 1 && explained.classes.sum == 1 && explained.unclassified == 0)
        let apps = try book(core).explain(.workload(.apps), of: nil, on: day(today))
        #expect(apps?.usage.totalUsers == 6 && apps?.usage.active == 0)
    }

    @Test func laterFactsReplaceWorkloadByWorkload() throws {
        var core = InsightsCore(facts())
        core.add([Make.coverage("C", .activity, today - 3, [.crm, .exo])])
        var coverage = try #require(try book(core).customer(customer)).coverage
        let days = Workload.allCases.map { coverage[$0]?.number }
        #expect(days == [nil, today - 3, today - 3, today, today, today, today])
        #expect(coverage.activity == day(today))
        #expect(try usage(core)[1] != Usage())
        core.add([Make.coverage("C", .activity, today - 7)])
        coverage = try #require(try book(core).customer(customer)).coverage
        #expect(Workload.allCases.allSatisfy { coverage[$0] == day(today - 7) } && coverage.activity == day(today - 7))
        #expect(try book(core).portfolio(on: day(today), products: []).laggingCustomers == 1)
        #expect(try #require(try book(core).insights(of: customer, on: nil, products: [])).asOf == day(today - 7))
    }

    /// What a product's workloads are follows from the catalog, also for customers that no fact of the batch names.
    @Test func theCatalogDecidesWhichWorkloadsAreThoseOfAProduct() throws {
        var core = InsightsCore(facts())
        core.prepare(today: day(today))
        func portfolio() throws -> [Int64] {
            try book(core).portfolio(on: day(today), products: Product.allCases).products.map(\.usage.totalUsers)
        }
        let column = try book(core).dayFigures(on: day(today))
        #expect(try portfolio() == [6, 0])
        // Another SKU of the product, of which the customer has none, includes a workload that is reported.
        core.add([Make.sku("D2", .dynamics365, [.exo])])
        #expect(try usage(core)[1] == full(6))
        #expect(try portfolio() == [6, 6])
        let page = try book(core).page(
            of: column, products: [.dynamics365], reach: .allPartners, by: CustomerOrder(by: .usage), after: nil,
            limit: 1)
        #expect(page.rows[0].sums.usage == Fraction(6, of: 6))
        core.add([Make.sku("D2", .dynamics365, [])])
        #expect(try usage(core)[1] == Usage())
        #expect(try portfolio() == [6, 0])
        // Without any workload nothing can be reported.
        core.add([Make.sku("D", .dynamics365, []), Make.coverage("C", .activity, today)])
        #expect(try usage(core)[1] == Usage())
        #expect(try portfolio() == [6, 0])
    }

    /// Activity of a workload that is not reported makes no figure of it, but counts in its product.
    @Test func activityWithoutCoverageCountsInItsProduct() throws {
        let core = InsightsCore(facts() + [Make.activity("C", "guest", .apps, [today])])
        let office = try #require(try book(core).insights(of: customer, on: nil, products: [.office365])).products[0]
        #expect(office.usage.active == 7)
        #expect(office.workloads.first?.workload == .apps && office.workloads.first.map { Usage($0.usage) } == Usage())
        #expect(try book(core).explain(.workload(.apps), of: nil, on: day(today))?.usage.active == 0)
        // And no advice comes from it.
        #expect(try book(core).recommendations(of: customer, on: nil, products: [.office365])?.rows.isEmpty == true)
    }

    @Test func trainingGoesByTheProductsThatHaveFigures() throws {
        func training(_ more: [Fact]) throws -> [String] {
            let core = InsightsCore(facts() + [Make.support("C", today, .howTo, 5)] + more)
            let rows = try #require(try book(core).recommendations(of: customer, on: nil, products: [])).rows
            return rows.map(AdviceFigures.init).flatMap(\.evidence)
        }
        #expect(try training([]) == ["how_to_requests=5", "total_users=6"])
        #expect(try training([Make.coverage("C", .activity, today)]) == ["how_to_requests=5", "total_users=12"])
        #expect(try training([Make.sku("E3", .office365, [])]).isEmpty)
    }

    /// Filters and orders go on over the products that have the figure.
    @Test func listsSumTheProductsThatHaveTheFigure() throws {
        let core = InsightsCore(facts())
        func sums(_ products: [Product]) throws -> CustomerSums {
            let book = try book(core)
            return book.page(
                of: book.dayFigures(on: day(today)), products: products, reach: .allPartners,
                by: CustomerOrder(by: .usage), after: nil, limit: 1
            ).rows[0].sums
        }
        #expect(try sums(Product.allCases).activeUsers == 6 && sums(Product.allCases).usage == Fraction(6, of: 6))
        #expect(try sums([.office365]).usage == Fraction(6, of: 6))
        #expect(try sums([.dynamics365]).activeUsers == nil && sums([.dynamics365]).usage == nil)
        #expect(try sums(Product.allCases).sold == 12)
    }

    @Test func aRestartKeepsTheWorkloads() throws {
        var core = InsightsCore(facts() + [Make.coverage("C", .activity, today - 9, [.teams])])
        var restored = InsightsCore()
        for state in core.takeDirtyStates() { try restored.restore(state) }
        try restored.finishRestoring()
        #expect(try book(restored).customer(customer) == book(core).customer(customer))
        #expect(try usage(restored) == usage(core))
        let (one, other) = (
            try book(restored).portfolio(on: day(today), products: Product.allCases),
            try book(core).portfolio(on: day(today), products: Product.allCases)
        )
        #expect(one == other)
    }
}

import InsightsCore
import LicenseModel
import Tenancy
import Testing

/// Who sees what, which days are meant, and what is absent.
@Suite struct VisibilityTests {
    private let today: Int32 = 20_100
    private let products = Product.allCases

    private func book(_ facts: [Fact], _ partner: String = "P", today: Int32? = nil) throws -> PartnerBook {
        InsightsCore(facts).book(in: try scope(partner), today: day(today ?? self.today))
    }

    private func isVisible(_ customer: CustomerID, on day: Int32, in book: PartnerBook) -> Bool {
        book.insights(of: customer, on: Day(number: day), products: products) != nil
    }

    @Test func anotherPartnersCustomerIsAsGoodAsNone() throws {
        let book = try book([Make.customer("C"), Make.relationship("Q", "C", 0)] + Make.fullCoverage("C", today))
        for id in ["C", "nobody"] {
            let id = ID.customer(id)
            #expect(book.customer(id) == nil && !isVisible(id, on: today, in: book))
            #expect(book.insights(of: id, on: nil, products: products) == nil)
            #expect(book.explain(.workload(.exo), of: id, on: nil) == nil)
            #expect(book.subscriptions(of: id, on: nil) == nil)
            #expect(book.licensedUsers(of: id, on: nil, activity: .any, workload: nil) == nil)
            #expect(book.recommendations(of: id, on: nil, products: products) == nil)
            #expect(
                book.trend(
                    of: id, from: day(0), through: day(today), interval: .month, products: products, workload: nil)
                    == nil)
        }
    }

    @Test func aPartnerThatNoFactNamesHasAnEmptyBook() throws {
        let book = try book([Make.relationship("Q", "C", 0)], "stranger")
        #expect(book.customers().isEmpty)
        let row = book.portfolio(on: nil, products: products)
        #expect(row.customerCount == 0 && row.asOf == day(today - 1) && row.products.count == 2)
        #expect(row.products.allSatisfy { $0.all.subscriptionsReported && $0.usage.activityReported })
        #expect(book.core(named: "nobody") == nil)
    }

    @Test func aRelationshipMustCoverTheDayAndToday() throws {
        let facts = [
            Make.relationship("P", "C", 100, 200), Make.relationship("P", "C", 300),
            Make.relationship("P", "gone", 100, 200),
        ]
        let now = try book(facts)
        #expect(isVisible(ID.customer("C"), on: 199, in: now))
        #expect(!isVisible(ID.customer("C"), on: 200, in: now))
        #expect(!isVisible(ID.customer("C"), on: 299, in: now))
        #expect(isVisible(ID.customer("C"), on: 300, in: now))
        #expect(now.customers().map(\.customer.text) == ["C"])
        #expect(now.customer(ID.customer("C"))?.since == day(300))
        let then = try book(facts, today: 150)
        #expect(then.customers().map(\.customer.text) == ["C", "gone"])
    }

    @Test func portfolioSumsForgetCustomersServedNoMore() throws {
        let facts =
            [
                Make.sku("A", .office365, [.exo]), Make.relationship("P", "C", 100),
                Make.relationship("P", "gone", 100, 200), Make.subscription("s", "C", "A", .direct, 100, 1),
                Make.subscription("s", "gone", "A", .direct, 100, 10), Make.assignment("gone", "u", "A", 100),
                Make.activity("gone", "u", .exo, [150]),
            ] + Make.fullCoverage("C", 150) + Make.fullCoverage("gone", 150)
        let then = try book(facts, today: 199).portfolio(on: day(150), products: [.office365])
        #expect(then.customerCount == 2 && then.products[0].all.sold == 11 && then.products[0].usage.active == 1)
        let now = try book(facts).portfolio(on: day(150), products: [.office365])
        #expect(now.customerCount == 1 && now.products[0].all.sold == 1 && now.products[0].usage.active == 0)
        let trend = try book(facts).trend(
            of: nil, from: day(150), through: day(150), interval: .day, products: [.office365], workload: nil)
        #expect(trend?.first?.all.sold == 1 && trend?.first?.usage.totalUsers == 0)
    }

    @Test func takenBackRelationshipsAreGone() throws {
        let facts = [Make.relationship("P", "C", 100), Make.relationship("P", "C", 100, 100)]
        #expect(try book(facts).customers().isEmpty)
        #expect(try book(facts.reversed()).customers().count == 1)
    }

    @Test func defaultDays() throws {
        func day(of facts: [Fact]) throws -> Int32? {
            try book(facts).insights(of: ID.customer("C"), on: nil, products: [])?.asOf.number
        }
        let since = Make.relationship("P", "C", 20_000)
        #expect(try day(of: [since]) == today - 1)
        #expect(try day(of: [since, Make.coverage("C", .activity, 20_050)]) == 20_050)
        #expect(try day(of: [since, Make.coverage("C", .activity, 19_000)]) == 20_000)
        #expect(try day(of: [since, Make.coverage("C", .subscriptions, 20_050)]) == today - 1)
        #expect(try day(of: [Make.relationship("P", "C", today)]) == today)
        // Of two relationships that cover today, the earlier start.
        #expect(
            try day(of: [Make.relationship("P", "C", today), since, Make.coverage("C", .activity, 5)]) == 20_000)
        let portfolio = try book([
            since, Make.coverage("C", .activity, 20_040), Make.relationship("P", "D", 0),
            Make.coverage("D", .activity, 20_060), Make.relationship("Q", "E", 0),
            Make.coverage("E", .activity, 20_090),
        ])
        #expect(portfolio.portfolio(on: nil, products: []).asOf.number == 20_060)
        #expect(portfolio.defaultPortfolioDay().number == 20_060)
    }

    @Test func whatIsNotReportedIsAbsent() throws {
        let facts = [
            Make.sku("A", .office365, [.exo]), Make.relationship("P", "C", 0),
            Make.subscription("s", "C", "A", .by("P"), 100, 4), Make.assignment("C", "u", "A", 100),
            Make.activity("C", "u", .exo, [today]),
        ]
        func row(_ sources: [Source]) throws -> ProductRow {
            let coverage = sources.map { Make.coverage("C", $0, today) }
            return try #require(
                try book(facts + coverage).insights(of: ID.customer("C"), on: day(today), products: products)?
                    .products.first)
        }
        let none = try row([])
        #expect(!none.all.subscriptionsReported && !none.all.assignmentsReported && !none.usage.activityReported)
        #expect(none.skus.count == 1 && none.skus[0].all.sold == 0 && !none.skus[0].all.subscriptionsReported)
        let assignmentsAlone = try row([.assignments])
        #expect(!assignmentsAlone.all.assignmentsReported && assignmentsAlone.all.assigned == 0)
        let subscriptionsAlone = try row([.subscriptions])
        #expect(subscriptionsAlone.all.sold == 4 && !subscriptionsAlone.own.assignmentsReported)
        let activityAlone = try row([.activity])
        #expect(activityAlone.usage.active == 1 && !activityAlone.usage.licensesReported)
        #expect(activityAlone.usage.entitlements == 0)
        let all = try row(Source.allCases)
        #expect(all.usage.totalUsers == 1 && all.usage.licensesReported && all.workloads.count == 1)
    }

    @Test func sumsLeaveOutWhatIsNotReported() throws {
        var facts = [Make.sku("A", .office365, [.exo])]
        for customer in ["C", "D"] {
            facts += [
                Make.relationship("P", customer, 0), Make.subscription("s", customer, "A", .by("P"), 100, 4),
                Make.assignment(customer, "u", "A", 100), Make.activity(customer, "u", .exo, [today]),
            ]
        }
        facts += Make.fullCoverage("C", today)
        facts += [Make.coverage("D", .subscriptions, today), Make.coverage("D", .activity, today - 1)]
        let row = try book(facts).portfolio(on: day(today), products: [.office365])
        #expect(row.reportedCustomers == 1 && row.laggingCustomers == 1)
        let product = try #require(row.products.first)
        #expect(product.all.sold == 8 && product.all.assigned == 1 && product.all.deploymentSold == 4)
        #expect(product.usage.active == 2 && product.usage.ratioActive == 1 && product.usage.totalUsers == 1)
    }

    @Test func factsMayComeBeforeWhatTheyName() throws {
        let facts = [Make.relationship("P", "C", 0)]
        let row = try #require(try book(facts).customer(ID.customer("C")))
        #expect(row.name.isEmpty && row.coverage == CoverageRow())
    }

    @Test func trendsLeaveOutDaysWithoutRelationship() throws {
        let facts = [Make.relationship("P", "C", 20_010, 20_020), Make.relationship("P", "C", 20_050)]
        let book = try book(facts)
        func days(_ from: Int32, _ through: Int32, _ interval: TrendInterval) -> [Int32]? {
            book.trend(
                of: ID.customer("C"), from: day(from), through: day(through), interval: interval,
                products: [.office365], workload: nil)?.map(\.day.number)
        }
        #expect(days(20_018, 20_022, .day) == [20_018, 20_019])
        #expect(days(20_021, 20_049, .day) == nil)
        // Visible days, but none that is shown.
        #expect(days(20_012, 20_030, .month) == [])
        #expect(days(20_050, 20_052, .week) == [20_051, 20_052])
        let sunday = day("2026-03-29").number
        #expect(TrendRowDays.days(from: "2026-03-24", through: "2026-04-02", .week) == [sunday, sunday + 4])
        #expect(
            TrendRowDays.days(from: "2026-01-31", through: "2026-03-30", .month)
                == ["2026-01-31", "2026-02-28", "2026-03-30"].map { day($0).number })
    }

    /// The shown days of a customer that was always visible.
    private enum TrendRowDays {
        static func days(from: String, through: String, _ interval: TrendInterval) -> [Int32]? {
            let core = InsightsCore([Make.relationship("P", "C", 0)])
            let book = try? core.book(in: scope("P"), today: day("2026-05-01"))
            return book?.trend(
                of: ID.customer("C"), from: day(from), through: day(through), interval: interval,
                products: [.office365], workload: nil)?.map(\.day.number)
        }
    }
}

extension PartnerBook {
    fileprivate func core(named id: String) -> CustomerRow? { customer(ID.customer(id)) }
}

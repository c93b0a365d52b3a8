import InsightsCore
import LicenseModel
import Tenancy
import Testing

/// Compares every answer of a core with the naive model, for one partner and day.
struct Comparison {
    let core: InsightsCore
    let model: NaiveModel
    let today: Int32
    /// Where a difference was found: `seed 7`.
    let label: String

    static let products = Product.allCases

    func check(partner: String, on number: Int32, customers: [String]) throws {
        let book = core.book(in: try scope(partner), today: day(today))
        let visible = model.visible(to: partner, on: number, today: today)
        let place: Comment = "\(label) partner \(partner) day \(number)"
        for customer in customers + ["nobody"] {
            try checkCustomer(customer, partner: partner, on: number, book: book, visible.contains(customer), place)
        }
        #expect(walk(book, on: number).map(\.customer.customer.text) == visible, place)
        for row in walk(book, on: number) {
            let figures = row.products.map(ProductFigures.init)
            let naive = Self.products.map {
                model.product(row.customer.customer.text, $0, partner: partner, on: number, details: false)
            }
            #expect(figures == naive, place)
        }
        checkPortfolio(book.portfolio(on: day(number), products: Self.products), partner, number, visible, place)
        for subject in subjects { checkPortfolioClasses(subject, book: book, visible, number, place) }
        try checkPortfolioAdvice(partner, number, visible, place)
    }

    private func checkCustomer(
        _ customer: String, partner: String, on number: Int32, book: PartnerBook, _ isVisible: Bool, _ place: Comment
    ) throws {
        let id = ID.customer(customer)
        let row = book.insights(of: id, on: day(number), products: Self.products)
        #expect((row != nil) == isVisible, place)
        let subscriptions = book.subscriptions(of: id, on: day(number))
        let explained = book.explain(.product(.office365), of: id, on: day(number))
        let users = book.licensedUsers(of: id, on: day(number), activity: .any, workload: nil)
        let advice = book.recommendations(of: id, on: day(number), products: Self.products)
        guard isVisible else {
            #expect(row == nil && subscriptions == nil && explained == nil && users == nil && advice == nil, place)
            return
        }
        let naive = Self.products.map { model.product(customer, $0, partner: partner, on: number) }
        #expect(row?.products.map(ProductFigures.init) == naive, place)
        #expect(row?.asOf == day(number), place)
        for own in [false, true] {
            let book = core.book(in: try scope(partner, own: own), today: day(today))
            let skus = book.insights(of: id, on: day(number), products: [])?.uncatalogued
            let naive = model.uncatalogued([customer], partner: partner, reach: own ? .own : .allPartners, on: number)
            #expect(skus.map(text) == naive && skus?.count == naive.count, place)
        }
        #expect(
            subscriptions?.rows.map(\.fact) == model.subscriptions(customer, partner: partner, on: number), place)
        for subject in subjects { checkClasses(subject, of: customer, book: book, number, place) }
        for activity in [ActivityFilter.any, .active, .inactive] {
            for workload in [nil, Workload.spo, .crm] {
                let rows = book.licensedUsers(of: id, on: day(number), activity: activity, workload: workload)?.rows
                #expect(
                    rows?.map(text)
                        == model.licensedUsers(customer, on: number, activity: activity, workload: workload),
                    place)
            }
        }
        #expect(
            advice?.rows.map(AdviceFigures.init)
                == model.advice(
                    customer, partner: partner, reach: .allPartners, on: number, products: Self.products), place)
    }

    private func text(_ skus: UncataloguedSkus) -> [String] { skus.skus.map { "\($0.sku)=\($0.sold)" } }

    private func text(_ row: LicensedUserRow) -> String {
        ([row.user.text, row.principalName?.text ?? "-", row.displayName] + row.skus.map(\.text)
            + row.lastActive.map { "\($0.workload.code):\($0.day.number)" }).joined(separator: " ")
    }

    private var subjects: [(UsageSubject, NaiveSubject)] {
        Product.allCases.map { (.product($0), .product($0)) }
            + [Workload.apps, .exo, .spo, .teams, .yam, .crm].map { (.workload($0), .workload($0)) }
    }

    private func array(_ classes: UsageClasses) -> [Int64] {
        [
            classes.entitled, classes.uncountedSubscription, classes.trial, classes.overAssigned, classes.turnover,
            classes.unlicensed, classes.free, classes.unidentified,
        ]
    }

    private func checkClasses(
        _ subject: (UsageSubject, NaiveSubject), of customer: String, book: PartnerBook, _ number: Int32,
        _ place: Comment
    ) {
        let row = book.explain(subject.0, of: ID.customer(customer), on: day(number))
        let usage = model.usage(customer, subject.1, on: number)
        #expect(row.map { Usage($0.usage) } == usage, place)
        guard let active = usage.active, let row else {
            #expect(row?.classes == UsageClasses(), place)
            return
        }
        guard usage.totalUsers != nil else {
            #expect(row.classes.sum == 0 && row.unclassified == active, place)
            return
        }
        #expect(array(row.classes) == model.classes(customer, subject.1, on: number), place)
        #expect(row.classes.sum == active && row.unclassified == 0, place)
    }

    private func checkPortfolioClasses(
        _ subject: (UsageSubject, NaiveSubject), book: PartnerBook, _ visible: [String], _ number: Int32,
        _ place: Comment
    ) {
        var usage = Usage.zero
        var classes = [Int64](repeating: 0, count: 8)
        for customer in visible {
            let row = model.usage(customer, subject.1, on: number)
            usage.add(row)
            guard row.totalUsers != nil else { continue }
            for (place, users) in model.classes(customer, subject.1, on: number).enumerated() {
                classes[place] += users
            }
        }
        let row = book.explain(subject.0, of: nil, on: day(number))
        #expect(row.map { Usage($0.usage) } == usage, place)
        #expect(row.map { array($0.classes) } == classes, place)
        #expect(row.map { $0.classes.sum + $0.unclassified } == usage.active, place)
    }

    private func checkPortfolio(
        _ row: PortfolioInsightsRow, _ partner: String, _ number: Int32, _ visible: [String], _ place: Comment
    ) {
        let naive = Self.products.map { model.sum(visible, $0, partner: partner, on: number) }
        #expect(row.products.map(ProductFigures.init) == naive, place)
        #expect(row.customerCount == Int64(visible.count), place)
        #expect(
            text(row.uncatalogued)
                == model.uncatalogued(visible, partner: partner, reach: .allPartners, on: number), place)
        let through = visible.map(model.activityThrough)
        #expect(row.unreportedCustomers == Int64(through.filter { $0 == nil }.count), place)
        #expect(row.laggingCustomers == Int64(through.filter { ($0 ?? number) < number }.count), place)
        #expect(
            row.reportedCustomers + row.laggingCustomers + row.unreportedCustomers == row.customerCount, place)
    }

    private func checkPortfolioAdvice(
        _ partner: String, _ number: Int32, _ visible: [String], _ place: Comment
    ) throws {
        let book = core.book(in: try scope(partner, own: true), today: day(today))
        let rows = book.recommendations(of: nil, on: day(number), products: Self.products)?.rows
        let naive = visible.flatMap {
            model.advice($0, partner: partner, reach: .own, on: number, products: Self.products)
        }
        #expect(rows?.map(AdviceFigures.init) == naive, place)
    }

    /// Default days and what is visible today.
    func checkToday(partner: String, customers: [String]) throws {
        let book = core.book(in: try scope(partner), today: day(today))
        let place: Comment = "\(label) partner \(partner) today"
        let visible = model.visible(to: partner, on: today, today: today)
        #expect(book.customers().map(\.customer.text) == visible, place)
        #expect(book.customerCount == visible.count, place)
        for customer in customers {
            let row = book.customer(ID.customer(customer))
            #expect((row != nil) == visible.contains(customer), place)
            let expected = model.defaultDay(customer, partner: partner, today: today)
            #expect(
                book.insights(of: ID.customer(customer), on: nil, products: [])?.asOf.number == expected, place)
            guard let row else { continue }
            let facts = model.customer(customer)
            #expect(row.name == facts.name && row.market == facts.market, place)
            #expect(row.since.number == model.since(customer, partner: partner, today: today), place)
            #expect(row.coverage.subscriptions?.number == facts.coverage[.subscriptions], place)
            #expect(row.coverage.assignments?.number == facts.coverage[.assignments], place)
            #expect(row.coverage.activity?.number == model.activityThrough(customer), place)
            for workload in Workload.allCases {
                #expect(row.coverage[workload]?.number == facts.activityCoverage[workload], place)
            }
        }
        #expect(
            book.portfolio(on: nil, products: []).asOf.number
                == model.defaultPortfolioDay(partner: partner, today: today), place)
    }

    /// A trend of a customer (nil: the portfolio) over days that the caller names.
    func checkTrend(
        of customer: String?, partner: String, from: Int32, through: Int32, interval: TrendInterval,
        workload: Workload?, shown days: [Int32]
    ) throws {
        let place: Comment =
            "\(label) partner \(partner) trend \(customer ?? "-") \(from)-\(through) \(interval)"
        let book = core.book(in: try scope(partner), today: day(today))
        let rows = book.trend(
            of: customer.map { ID.customer($0) }, from: day(from), through: day(through), interval: interval,
            products: Self.products, workload: workload)
        if let customer {
            let isVisible = (from...through).contains {
                model.isVisible(customer, to: partner, on: $0, today: today)
            }
            #expect((rows != nil) == isVisible, place)
        }
        guard let rows else { return }
        let products = Self.products.filter { product in
            workload.map { model.workloads(of: product).contains($0) } ?? true
        }
        var naive: [(Int32, ProductFigures)] = []
        for number in days {
            let visible = model.visible(to: partner, on: number, today: today)
            if let customer, !visible.contains(customer) { continue }
            for product in products {
                let customers = customer.map { [$0] } ?? visible
                var figures =
                    customer.map { model.product($0, product, partner: partner, on: number, details: false) }
                    ?? model.sum(customers, product, partner: partner, on: number, details: false)
                if let workload {
                    figures.usage = customer == nil ? .zero : Usage()
                    for each in customers {
                        let usage = model.usage(each, .workload(workload), on: number)
                        if customer == nil { figures.usage.add(usage) } else { figures.usage = usage }
                    }
                }
                naive.append((number, figures))
            }
        }
        #expect(rows.map(\.day.number) == naive.map(\.0), place)
        let figures = rows.map {
            ProductFigures(
                product: $0.product, own: Licenses($0.own), all: Licenses($0.all), usage: Usage($0.usage), skus: [],
                workloads: [])
        }
        #expect(figures == naive.map(\.1), place)
    }
}

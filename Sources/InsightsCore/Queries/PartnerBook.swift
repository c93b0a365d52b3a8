import LicenseModel
import Tenancy

/// What one partner sees of one moment. A cheap view: snapshot, scope and today.
///
/// A customer is visible on a day when a relationship covers the day **and** one covers today. Everything else answers
/// nil, exactly as for a customer that does not exist.
public struct PartnerBook: Sendable {
    private let frozen: Frozen<InsightsCore>
    let scope: PartnerScope
    let today: Day
    /// Nil when no fact names the partner.
    let partner: PartnerIndex?

    init(core: Frozen<InsightsCore>, scope: PartnerScope, today: Day) {
        frozen = core
        self.scope = scope
        self.today = today
        partner = core.value.partnerIndex[scope.partner]
    }

    var core: InsightsCore {
        @inline(__always) _read { yield frozen.value }
    }

    public var revision: Revision { core.revision }
    public var history: Int { core.history }

    var reader: FigureReader { FigureReader(catalog: core.catalog, partner: partner) }

    // MARK: Visibility

    /// A customer that a relationship covers today.
    struct Served {
        let customer: Int32
        /// First day of the relationship that covers today; of two, the earlier start.
        let since: Int32
        let links: ArraySlice<Link>
    }

    /// Nil alike for a customer of another partner and for none at all, and as soon: only the partner's own list is
    /// searched, because the index of all customers would take longer for an id that somebody has.
    func served(_ id: CustomerID) -> Served? {
        guard let partner else { return nil }
        let links = core.partners[Int(partner)].value.links(of: id) { core.customers[Int($0)].value.id }
        guard let customer = links.first?.customer, let since = links.start(covering: today.number) else { return nil }
        return Served(customer: customer, since: since, links: links)
    }

    /// Every customer visible today, in the order of the ids.
    func forEachServed(_ body: (Served) -> Void) {
        guard let partner else { return }
        core.partners[Int(partner)].value.forEachCustomer { links in
            guard let first = links.first, let since = links.start(covering: today.number) else { return }
            body(Served(customer: first.customer, since: since, links: links))
        }
    }

    /// Every customer that a relationship covers on a day of `from...through` and none today: still in the partner's
    /// sums, but not visible.
    func forEachFormer(from: Int32, through: Int32, _ body: (_ customer: Int32, _ links: ArraySlice<Link>) -> Void) {
        guard let partner else { return }
        core.partners[Int(partner)].value.forEachCustomer { links in
            guard let first = links.first, !links.cover(today.number), links.overlap(from, through) else { return }
            body(first.customer, links)
        }
    }

    /// Every customer visible on the day and today.
    func forEachVisible(on day: Int32, _ body: (Served) -> Void) {
        forEachServed { if $0.links.cover(day) { body($0) } }
    }

    /// The customer itself, not a copy: copying one touches each of its tables.
    func state(of served: Served) -> Frozen<Customer> { core.customers[Int(served.customer)] }

    // MARK: Default days

    /// The day that an empty `as_of` means for one customer.
    func defaultDay(_ served: Served) -> Day {
        let since = Day(number: served.since)
        let reported = state(of: served).value.coverage.activity ?? today.advanced(by: -1)
        return min(max(reported, since), today)
    }

    /// The day that an empty `as_of` means for the portfolio.
    public func defaultPortfolioDay() -> Day { defaultDay }

    var defaultDay: Day {
        var reported: Int32 = -1
        var since = Int32.max
        if let partner {
            for link in core.partners[Int(partner)].value.links where link.days.contains(today.number) {
                reported = max(reported, link.activityThrough)
                since = min(since, link.days.start)
            }
        }
        if reported >= 0 { return min(Day(number: reported), today) }
        let yesterday = today.advanced(by: -1)
        return since == Int32.max ? yesterday : max(yesterday, Day(number: since))
    }

    // MARK: Customers

    func row(_ served: Served) -> CustomerRow {
        let customer = state(of: served)
        return CustomerRow(
            customer: customer.value.id, name: customer.value.name, market: customer.value.market,
            since: Day(number: served.since), coverage: customer.value.coverage)
    }

    /// The customers visible today, by id.
    public func customers() -> [CustomerRow] {
        var rows: [CustomerRow] = []
        forEachServed { rows.append(row($0)) }
        return rows
    }

    /// Nil when the customer is not visible today.
    public func customer(_ id: CustomerID) -> CustomerRow? { served(id).map(row) }

    // MARK: Figures

    /// One customer on a day (nil: its default day); nil when it is not visible on the day and today.
    public func insights(of id: CustomerID, on day: Day?, products: [Product]) -> CustomerInsightsRow? {
        guard let served = served(id) else { return nil }
        let day = day ?? defaultDay(served)
        guard served.links.cover(day.number) else { return nil }
        return insights(served, on: day, products: products, details: true, reader: reader)
    }

    func insights(
        _ served: Served, on day: Day, products: [Product], details: Bool, reader: FigureReader
    ) -> CustomerInsightsRow {
        let customer = state(of: served)
        var rows: [ProductRow] = []
        rows.reserveCapacity(products.count)
        for product in products {
            rows.append(reader.productRow(of: customer.value, product: product, on: day.number, details: details))
        }
        return CustomerInsightsRow(
            customer: row(served), asOf: day, products: rows,
            uncatalogued: reader.uncatalogued(of: customer.value, scope.reach, on: day.number))
    }

    /// Sums over the customers visible on a day (nil: the default day). A customer that does not report a source is
    /// left out of the figures that need it.
    public func portfolio(on day: Day?, products: [Product]) -> PortfolioInsightsRow {
        let day = day ?? defaultDay
        var row = PortfolioInsightsRow(
            asOf: day, customerCount: 0, reportedCustomers: 0, laggingCustomers: 0, unreportedCustomers: 0,
            products: [], uncatalogued: UncataloguedSkus())
        forEachVisible(on: day.number) { served in
            row.customerCount += 1
            switch served.links.first?.activityThrough ?? -1 {
            case ..<0: row.unreportedCustomers += 1
            case ..<day.number: row.laggingCustomers += 1
            default: row.reportedCustomers += 1
            }
        }
        let (licenses, usage) = sums(on: day.number)
        row.products = products.map { portfolioRow($0, licenses: licenses, usage: usage) }
        for (sku, vector) in licenses.filter({ !core.catalog.isKnown($0.key) })
            .map({ (core.catalog[$0.key].id, $0.value) }).sorted(by: { $0.0 < $1.0 })
        {
            row.uncatalogued.add(vector.row(scope.reach).sold) { sku }
        }
        return row
    }

    /// What the catalog says that a SKU includes; nothing of one that it does not know.
    public func workloads(of sku: SkuID) -> [Workload] {
        core.catalog.find(sku).map { core.catalog[$0].workloads.workloads } ?? []
    }

    /// Whether the licenses of a SKU are shown: in a product, or as those of an uncatalogued one.
    private func isShown(_ sku: SkuIndex) -> Bool {
        core.catalog.product(of: sku) != nil || !core.catalog.isKnown(sku)
    }

    /// Licenses per covered or uncatalogued SKU and usage per subject, summed over the customers visible on the day.
    func sums(on day: Int32) -> (licenses: [SkuIndex: LicenseVector], usage: [UsageRow]) {
        var licenses: [SkuIndex: LicenseVector] = [:]
        var usage = [UsageRow](repeating: UsageRow(), count: Subject.count)
        guard let partner else { return (licenses, usage) }
        let reader = reader
        for (sku, steps) in core.partners[Int(partner)].value.sums.licenses where isShown(sku) {
            licenses[sku] = steps.value(on: day)
        }
        for subject in 0..<Subject.count {
            usage[subject] = core.partners[Int(partner)].value.sums.usage(subject, on: day, catalog: core.catalog)
        }
        if let former = core.partners[Int(partner)].value.former.asOf(today.number) {
            for (sku, steps) in former.licenses where isShown(sku) {
                licenses[sku, default: .zero] &-= steps.value(on: day)
            }
            for subject in 0..<Subject.count {
                usage[subject] &-= former.usage(subject, on: day, catalog: core.catalog)
            }
            return (licenses, usage)
        }
        forEachFormer(from: day, through: day) { place, _ in
            let customer = core.customers[Int(place)].value
            for figures in customer.figures.skus where isShown(figures.sku) {
                licenses[figures.sku, default: .zero] &-= reader.licenses(figures, of: customer, on: day)
            }
            for subject in 0..<Subject.count {
                usage[subject] &-= reader.usage(of: customer, subject: subject, on: day)
            }
        }
        return (licenses, usage)
    }

    private func portfolioRow(
        _ product: Product, licenses: [SkuIndex: LicenseVector], usage: [UsageRow]
    ) -> ProductRow {
        let catalog = core.catalog
        let skus = licenses.keys.filter { catalog.product(of: $0) == product }
            .sorted { catalog[$0].id < catalog[$1].id }
        var sum = LicenseVector.zero
        var rows: [SkuRow] = []
        for sku in skus {
            guard let vector = licenses[sku], vector != .zero else { continue }
            sum &+= vector
            rows.append(reader.skuRow(sku, product: product, vector, reported: .all))
        }
        let workloads = catalog.union(of: product).workloads.compactMap { workload in
            let row = usage[Subject.of(workload)]
            return row.isZero ? nil : WorkloadRow(workload: workload, usage: row)
        }
        return ProductRow(
            product: product, own: sum.row(.own), all: sum.row(.allPartners), usage: usage[Subject.of(product)],
            skus: rows, workloads: workloads)
    }
}

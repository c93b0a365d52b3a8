import LicenseModel
import Tenancy

/// Reads the figures of one customer for one partner.
struct FigureReader {
    let catalog: SkuCatalog
    /// Nil when no fact names the partner: then nothing is its own.
    let partner: PartnerIndex?

    /// The licenses of one SKU; what is not reported is 0.
    func licenses(_ figures: SkuFigures, of customer: Customer, on day: Int32) -> LicenseVector {
        guard customer.hasSubscriptions else { return .zero }
        guard let all = figures.steps.step(on: day) else { return .zero }
        let shares = figures.shares(own: partner, on: day)
        return LicenseVector(
            all: all, own: shares.own, directSold: shares.direct, unknownSold: shares.unknown, hasSubscriptions: true,
            hasAssignments: customer.hasAssignments)
    }

    /// The licenses of all SKUs of a product.
    func licenses(of customer: Customer, product: Product, on day: Int32) -> LicenseVector {
        var sum = LicenseVector.zero
        for place in customer.figures.skus.indices
        where catalog.product(of: customer.figures.skus[place].sku) == product {
            sum &+= licenses(customer.figures.skus[place], of: customer, on: day)
        }
        return sum
    }

    func usage(of customer: Customer, subject: Int, on day: Int32) -> UsageRow {
        var row = UsageRow()
        row.activityReported = customer.hasActivity
        row.licensesReported = customer.hasAssignments
        guard customer.hasActivity else { return row }
        row.active = customer.activeCount(of: subject, on: day, catalog: catalog)
        guard customer.hasAssignments else { return row }
        let total = customer.figures.total(of: subject, on: day)
        row.ratioActive = row.active
        row.totalUsers = total.totalUsers
        row.entitlements = total.entitlements
        return row
    }

    func row(of customer: Customer, _ make: (LicenseVector) -> LicenseRow, _ vector: LicenseVector) -> LicenseRow {
        var row = make(vector)
        row.subscriptionsReported = customer.hasSubscriptions
        row.assignmentsReported = customer.hasAssignments
        return row
    }

    func skuRow(
        _ sku: SkuIndex, product: Product, vector: LicenseVector, own: LicenseRow, all: LicenseRow
    ) -> SkuRow {
        SkuRow(
            sku: catalog[sku].id, name: catalog[sku].name, product: product, own: own, all: all,
            directSold: vector.directSold, otherPartnersSold: vector.otherPartnersSold,
            unknownSold: vector.unknownSold)
    }

    /// One product of one customer; without details only the sums.
    func productRow(of customer: Customer, product: Product, on day: Int32, details: Bool) -> ProductRow {
        guard details else {
            let sum = licenses(of: customer, product: product, on: day)
            return ProductRow(
                product: product, own: row(of: customer, \.own, sum), all: row(of: customer, \.all, sum),
                usage: usage(of: customer, subject: Subject.of(product), on: day), skus: [], workloads: [])
        }
        var sum = LicenseVector.zero
        var skus: [SkuRow] = []
        for figures in customer.figures.skus where catalog.product(of: figures.sku) == product {
            // Nothing but zeros whatever is reported.
            guard let step = figures.steps.step(on: day), !step.isZero else { continue }
            let vector = licenses(figures, of: customer, on: day)
            sum &+= vector
            skus.append(
                skuRow(
                    figures.sku, product: product, vector: vector, own: row(of: customer, \.own, vector),
                    all: row(of: customer, \.all, vector)))
        }
        return ProductRow(
            product: product, own: row(of: customer, \.own, sum), all: row(of: customer, \.all, sum),
            usage: usage(of: customer, subject: Subject.of(product), on: day), skus: skus,
            workloads: workloadRows(of: customer, product: product, on: day))
    }

    private func workloadRows(of customer: Customer, product: Product, on day: Int32) -> [WorkloadRow] {
        catalog.union(of: product).workloads.compactMap { workload in
            let subject = Subject.of(workload)
            let isZero =
                customer.figures.total(of: subject, on: day).isZero
                && customer.activeCount(of: subject, on: day, catalog: catalog) == 0
            if isZero { return nil }
            return WorkloadRow(workload: workload, usage: usage(of: customer, subject: subject, on: day))
        }
    }
}

extension UsageRow {
    /// Adds another customer's counts; what it does not report is 0 there.
    static func &+= (left: inout UsageRow, right: UsageRow) {
        left.active &+= right.active
        left.ratioActive &+= right.ratioActive
        left.totalUsers &+= right.totalUsers
        left.entitlements &+= right.entitlements
    }

    static func &-= (left: inout UsageRow, right: UsageRow) {
        left.active &-= right.active
        left.ratioActive &-= right.ratioActive
        left.totalUsers &-= right.totalUsers
        left.entitlements &-= right.entitlements
    }

    var isZero: Bool { active == 0 && totalUsers == 0 && entitlements == 0 }
}

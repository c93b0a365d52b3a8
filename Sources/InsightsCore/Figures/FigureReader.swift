import LicenseModel
import Tenancy

/// Reads the figures of one customer for one partner.
struct FigureReader {
    let catalog: SkuCatalog
    /// Nil when no fact names the partner: then nothing is its own.
    let partner: PartnerIndex?

    /// The licenses of one SKU; what is not reported is 0.
    func licenses(_ figures: SkuFigures, of customer: Customer, on day: Int32) -> LicenseVector {
        licenses(figures, reported: customer.reported, on: day)
    }

    @inline(__always)
    private func licenses(_ figures: SkuFigures, reported: ReportedSources, on day: Int32) -> LicenseVector {
        guard reported.tellSold, let all = figures.steps.step(on: day) else { return .zero }
        let shares = figures.shares(own: partner, on: day)
        return LicenseVector(
            all: all, own: shares.own, directSold: shares.direct, unknownSold: shares.unknown, reported: reported)
    }

    /// The licenses of all SKUs of a product.
    func licenses(of customer: Customer, product: Product, on day: Int32) -> LicenseVector {
        let reported = customer.reported
        var sum = LicenseVector.zero
        for place in customer.figures.skus.indices
        where catalog.product(of: customer.figures.skus[place].sku) == product {
            sum &+= licenses(customer.figures.skus[place], reported: reported, on: day)
        }
        return sum
    }

    /// Licenses of SKUs that no SKU fact names.
    func uncatalogued(of customer: Customer, _ reach: LicenseReach, on day: Int32) -> UncataloguedSkus {
        var skus = UncataloguedSkus()
        guard customer.reported.tellSold else { return skus }
        // In the order of the ids.
        for figures in customer.figures.skus where !catalog.isKnown(figures.sku) {
            let sold = licenses(figures, of: customer, on: day).row(reach).sold
            skus.add(sold) { catalog[figures.sku].id }
        }
        return skus
    }

    func usage(of customer: Customer, subject: Int, on day: Int32) -> UsageRow {
        var row = UsageRow()
        row.reported = customer.reported(for: subject)
        guard row.reported.tellActive else { return row }
        row.active = customer.activeCount(of: subject, on: day, catalog: catalog)
        guard row.reported.tellUsage else { return row }
        let total = customer.figures.total(of: subject, on: day)
        row.ratioActive = row.active
        row.totalUsers = total.totalUsers
        row.entitlements = total.entitlements
        return row
    }

    func skuRow(_ sku: SkuIndex, product: Product, _ vector: LicenseVector, reported: ReportedSources) -> SkuRow {
        SkuRow(
            sku: catalog[sku].id, name: catalog[sku].name, product: product,
            own: vector.row(.own, reported: reported), all: vector.row(.allPartners, reported: reported),
            directSold: vector.directSold, otherPartnersSold: vector.otherPartnersSold,
            unknownSold: vector.unknownSold)
    }

    /// One product of one customer; without details only the sums.
    func productRow(of customer: Customer, product: Product, on day: Int32, details: Bool) -> ProductRow {
        let reported = customer.reported
        var sum = LicenseVector.zero
        var skus: [SkuRow] = []
        if details {
            for figures in customer.figures.skus where catalog.product(of: figures.sku) == product {
                // Nothing but zeros whatever is reported.
                guard let step = figures.steps.step(on: day), !step.isZero else { continue }
                let vector = licenses(figures, reported: reported, on: day)
                sum &+= vector
                skus.append(skuRow(figures.sku, product: product, vector, reported: reported))
            }
        } else {
            sum = licenses(of: customer, product: product, on: day)
        }
        return ProductRow(
            product: product, own: sum.row(.own, reported: reported), all: sum.row(.allPartners, reported: reported),
            usage: usage(of: customer, subject: Subject.of(product), on: day), skus: skus,
            workloads: details ? workloadRows(of: customer, product: product, on: day) : [])
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

import LicenseModel
import Tenancy

/// The step of a trend.
public enum TrendInterval: UInt8, CaseIterable, Sendable, Hashable {
    case day = 1
    /// ISO weeks, shown by their Sundays.
    case week = 2
    /// Calendar months, shown by their last days.
    case month = 3
}

extension TrendInterval {
    /// The days that stand for the steps of `from...through`: the last of each step, and `through` for an incomplete
    /// last one.
    func days(from: Day, through: Day) -> [Day] {
        var days: [Day] = []
        var day = from
        while day <= through {
            let last =
                switch self {
                case .day: day
                case .week: day.lastOfWeek
                case .month: day.lastOfMonth
                }
            days.append(min(last, through))
            if last >= Day.last { break }
            day = last.advanced(by: 1)
        }
        return days
    }
}

extension PartnerBook {
    /// Figures by day, week or month, ordered by day and product. Days on which the customer was not visible are left
    /// out; nil when it was visible on no day of the range, or is not today. The portfolio (`id` nil) sums the
    /// customers visible on each day.
    ///
    /// With a workload: one point per asked product whose SKUs include it, with the product's licenses and the
    /// workload's usage.
    public func trend(
        of id: CustomerID?, from: Day, through: Day, interval: TrendInterval, products: [Product],
        workload: Workload?
    ) -> [TrendRow]? {
        let days = interval.days(from: from, through: through)
        let shown = products.filter { product in
            workload.map { core.catalog.union(of: product).contains($0) } ?? true
        }
        guard let id else { return portfolioTrend(days, products: shown, workload: workload) }
        guard let served = served(id), served.links.overlap(from.number, through.number) else { return nil }
        let customer = state(of: served).value
        let reader = reader
        var rows: [TrendRow] = []
        for day in days where served.links.cover(day.number) {
            for product in shown {
                let licenses = reader.licenses(of: customer, product: product, on: day.number)
                rows.append(
                    TrendRow(
                        day: day, product: product, own: licenses.row(.own, reported: customer.reported),
                        all: licenses.row(.allPartners, reported: customer.reported),
                        usage: reader.usage(
                            of: customer, subject: workload.map(Subject.of) ?? Subject.of(product), on: day.number)))
            }
        }
        return rows
    }

    /// From the partner's sums, less the customers that are served no more.
    private func portfolioTrend(_ days: [Day], products: [Product], workload: Workload?) -> [TrendRow] {
        let numbers = days.map(\.number)
        let series = products.map { product in
            let subject = workload.map(Subject.of) ?? Subject.of(product)
            return portfolioSeries(product, subject: subject, on: numbers)
        }
        var rows: [TrendRow] = []
        rows.reserveCapacity(days.count * products.count)
        for (place, day) in days.enumerated() {
            for (product, values) in zip(products, series) {
                rows.append(
                    TrendRow(
                        day: day, product: product, own: values.licenses[place].row(.own),
                        all: values.licenses[place].row(.allPartners), usage: values.usage[place]))
            }
        }
        return rows
    }

    private func portfolioSeries(
        _ product: Product, subject: Int, on days: [Int32]
    ) -> (licenses: [LicenseVector], usage: [UsageRow]) {
        var licenses = [LicenseVector](repeating: .zero, count: days.count)
        var usage = [UsageRow](repeating: UsageRow(), count: days.count)
        guard let partner, let first = days.first, let last = days.last else { return (licenses, usage) }
        let sums = core.partners[Int(partner)].value.sums
        for (sku, steps) in sums.licenses where core.catalog.product(of: sku) == product {
            steps.addValues(on: days, to: &licenses)
        }
        sums.addUsage(subject, on: days, catalog: core.catalog, to: &usage)
        if let former = core.partners[Int(partner)].value.former.asOf(today.number) {
            take(off: former, of: product, subject: subject, on: days, from: &licenses, &usage)
            return (licenses, usage)
        }
        let reader = reader
        forEachFormer(from: first, through: last) { former, links in
            let customer = core.customers[Int(former)].value
            for (place, day) in days.enumerated() where links.cover(day) {
                licenses[place] &-= reader.licenses(of: customer, product: product, on: day)
                usage[place] &-= reader.usage(of: customer, subject: subject, on: day)
            }
        }
        return (licenses, usage)
    }
}

extension PartnerBook {
    private func take(
        off former: PartnerSums, of product: Product, subject: Int, on days: [Int32],
        from licenses: inout [LicenseVector], _ usage: inout [UsageRow]
    ) {
        var formerLicenses = [LicenseVector](repeating: .zero, count: days.count)
        var formerUsage = [UsageRow](repeating: UsageRow(), count: days.count)
        for (sku, steps) in former.licenses where core.catalog.product(of: sku) == product {
            steps.addValues(on: days, to: &formerLicenses)
        }
        former.addUsage(subject, on: days, catalog: core.catalog, to: &formerUsage)
        for place in days.indices {
            licenses[place] &-= formerLicenses[place]
            usage[place] &-= formerUsage[place]
        }
    }
}

extension ArraySlice<Link> {
    /// Whether any day of `from...through` is covered.
    func overlap(_ from: Int32, _ through: Int32) -> Bool {
        for link in self where link.days.start <= through && from < link.days.end { return true }
        return false
    }
}

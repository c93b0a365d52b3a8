import LicenseModel
import Tenancy

extension PartnerBook {
    /// Advice for a customer or (nil), customer by customer, for the portfolio, ordered by customer, product and kind
    /// (advice without a product first); in the scope's reach. Nil when the customer is not visible. Absent figures
    /// give no advice.
    public func recommendations(
        of id: CustomerID?, on day: Day?, products: [Product], thresholds: AdviceThresholds = AdviceThresholds()
    ) -> (asOf: Day, rows: [RecommendationRow])? {
        guard let id else {
            let advice = dayAdvice(on: day ?? defaultDay, thresholds: thresholds)
            return (advice.day, page(of: advice, products: products, after: nil, limit: .max).rows)
        }
        guard let served = served(id) else { return nil }
        let day = day ?? defaultDay(served)
        guard served.links.cover(day.number) else { return nil }
        let customer = state(of: served).value
        let classes = UserClasses.count(customer, on: day.number, catalog: core.catalog)
        return (day, advisor(customer, classes, on: day, thresholds).advice(products))
    }

    func advisor(
        _ customer: Customer, _ classes: SubjectClasses, on day: Day, _ thresholds: AdviceThresholds
    ) -> Advisor {
        Advisor(
            customer: customer, classes: classes, reader: reader, reach: scope.reach, day: day, thresholds: thresholds)
    }
}

/// Derives the advice for one customer on one day.
struct Advisor {
    let customer: Customer
    let classes: SubjectClasses
    let reader: FigureReader
    let reach: LicenseReach
    let day: Day
    let thresholds: AdviceThresholds

    private var catalog: SkuCatalog { reader.catalog }
    private var reported: ReportedSources { customer.reported }

    func advice(_ products: [Product]) -> [RecommendationRow] {
        var rows: [RecommendationRow] = []
        func add(_ kind: RecommendationKind, _ product: Product?, _ evidence: [EvidenceRow]) {
            if evidence.isEmpty { return }
            rows.append(
                RecommendationRow(kind: kind, customer: customer.id, product: product, evidence: evidence))
        }
        let ending = ending()
        add(.offerTraining, nil, training())
        for product in products.sorted() {
            let classes = workloadClasses(product)
            add(.showTheValue, product, lowUse(product))
            add(.convertTrial, product, named(classes, "trial_users", \.trial))
            add(.reclaimLicenses, product, reclaimable(product, ending))
            add(.licenseTheUsers, product, named(classes, "unlicensed_users", \.unlicensed))
            add(
                .resolveSubscription, product,
                named(classes, "uncounted_subscription_users", \.uncountedSubscription))
        }
        return rows
    }

    private func training() -> [EvidenceRow] {
        let requests = customer.supportRequests(.howTo, inWindowEnding: day.number)
        // Of products without the figure it is 0.
        let users = Product.allCases.reduce(Int64(0)) {
            $0 &+ reader.usage(of: customer, subject: Subject.of($1), on: day.number).totalUsers
        }
        guard users > 0, requests >= thresholds.minimumHowToRequests,
            isAtLeast(requests, thresholds.howToRequestsPer100Users, of: users)
        else { return [] }
        return [
            EvidenceRow(name: "how_to_requests", value: .count(requests)),
            EvidenceRow(name: "total_users", value: .count(users)),
        ]
    }

    private func lowUse(_ product: Product) -> [EvidenceRow] {
        var evidence: [EvidenceRow] = []
        let usage = reader.usage(of: customer, subject: Subject.of(product), on: day.number)
        if usage.reported.tellUsage, usage.totalUsers >= thresholds.minimumTotalUsers,
            let percent = RatioFigure.percent(usage.active, of: usage.totalUsers),
            !isAtLeast(usage.active, thresholds.lowUsagePercent, of: usage.totalUsers)
        {
            evidence += [
                EvidenceRow(name: "usage_percent", value: .percent(percent)),
                EvidenceRow(name: "active_users", value: .count(usage.active)),
                EvidenceRow(name: "total_users", value: .count(usage.totalUsers)),
            ]
        }
        let vector = reader.licenses(of: customer, product: product, on: day.number)
        let licenses = vector.row(reach)
        if reported.tellAssigned, licenses.sold >= thresholds.minimumSold,
            let percent = RatioFigure.percent(licenses.assigned, of: licenses.sold),
            !isAtLeast(licenses.assigned, thresholds.lowDeploymentPercent, of: licenses.sold)
        {
            evidence += [
                EvidenceRow(name: "deployment_percent", value: .percent(percent)),
                EvidenceRow(name: "assigned", value: .count(licenses.assigned)),
                EvidenceRow(name: "sold", value: .count(licenses.sold)),
            ]
        }
        return evidence
    }

    /// An own subscription whose term ends or renews soon.
    private struct Ending {
        let id: SubscriptionID
        let entry: Subscription.Entry
        let end: Day
    }

    /// By SKU, those of the day that are sold.
    private func ending() -> [SkuIndex: [Ending]] {
        guard reported.tellAssigned, let partner = reader.partner else { return [:] }
        var ending: [SkuIndex: [Ending]] = [:]
        for subscription in customer.subscriptions where subscription.seller == partner {
            guard let entry = subscription.entry(on: day.number), entry.isSold, let end = entry.termEnd, day <= end
            else { continue }
            // A month that renews by itself is always near its end.
            let isMonthly = entry.autoRenew && entry.term?.isMonth ?? false
            let days = isMonthly ? thresholds.monthlyRenewalDays : thresholds.termEndDays
            guard end <= day.advanced(by: days) else { continue }
            ending[entry.sku, default: []].append(Ending(id: subscription.id, entry: entry, end: end))
        }
        return ending
    }

    /// Own licenses that nobody uses, of SKUs with an own subscription that ends or renews soon.
    private func reclaimable(_ product: Product, _ endingOfSku: [SkuIndex: [Ending]]) -> [EvidenceRow] {
        if endingOfSku.isEmpty { return [] }
        var evidence: [EvidenceRow] = []
        for figures in customer.figures.skus where catalog.product(of: figures.sku) == product {
            guard let ending = endingOfSku[figures.sku] else { continue }
            let own = reader.licenses(figures, of: customer, on: day.number).row(.own)
            guard own.sold - own.assigned > 0 else { continue }
            evidence += [
                EvidenceRow(name: "sku_id", value: .sku(catalog[figures.sku].id)),
                EvidenceRow(name: "unassigned", value: .count(own.sold - own.assigned)),
                EvidenceRow(name: "sold", value: .count(own.sold)),
                EvidenceRow(name: "assigned", value: .count(own.assigned)),
            ]
            for subscription in ending.sorted(by: { $0.id < $1.id }) {
                evidence += [
                    EvidenceRow(name: "subscription_id", value: .subscription(subscription.id)),
                    EvidenceRow(name: "term_end", value: .day(subscription.end)),
                ]
                if let term = subscription.entry.term { evidence.append(EvidenceRow(name: "term", value: .term(term))) }
                evidence.append(EvidenceRow(name: "auto_renew", value: .flag(subscription.entry.autoRenew)))
            }
        }
        return evidence
    }

    private func workloadClasses(_ product: Product) -> [(workload: Workload, classes: UsageClasses)] {
        catalog.union(of: product).workloads.compactMap { workload in
            // Nobody where the figures of the workload are absent.
            let classes = classes[Subject.of(workload)]
            return classes.sum > 0 ? (workload, classes) : nil
        }
    }

    private func named(
        _ classes: [(workload: Workload, classes: UsageClasses)], _ name: String, _ count: (UsageClasses) -> Int64
    ) -> [EvidenceRow] {
        classes.filter { count($0.classes) > 0 }.flatMap {
            [
                EvidenceRow(name: "workload_code", value: .workload($0.workload)),
                EvidenceRow(name: name, value: .count(count($0.classes))),
            ]
        }
    }

    /// Whether `part` is at least `percent` % of `whole`, without rounding and without overflow.
    private func isAtLeast(_ part: Int64, _ percent: Int64, of whole: Int64) -> Bool {
        let left = part.multipliedFullWidth(by: 100)
        let right = whole.multipliedFullWidth(by: percent)
        return (left.high, left.low) >= (right.high, right.low)
    }
}

import InsightsCore
import LicenseModel
import Tenancy

/// The answers of every query. Only the shapes of the answers (`Figures.swift`) are shared with the comparison.
extension NaiveModel {
    private func has(_ customer: String, _ source: Source) -> Bool { self.customer(customer).coverage[source] != nil }
    private func hasLicenses(_ customer: String) -> Bool {
        has(customer, .subscriptions) && has(customer, .assignments)
    }

    private func row(
        _ customer: String, sold: Int64, entitled: Int64, trial: Int64, uncounted: Int64,
        assigned: (estimate: Int64, lower: Int64, upper: Int64), unsold: Int64
    ) -> Licenses {
        var row = Licenses()
        if has(customer, .subscriptions) {
            row.sold = sold
            row.entitled = entitled
            row.trial = trial
            row.uncounted = uncounted
        }
        if hasLicenses(customer) {
            row.assigned = assigned.estimate
            row.lower = assigned.lower
            row.upper = assigned.upper
            row.unsold = unsold
            row.deploymentSold = sold
        }
        return row
    }

    func skuFigures(_ customer: String, _ sku: String, partner: String, on day: Int32) -> SkuFigures {
        let figures = licenses(customer, sku, on: day)
        func own(_ values: [Seller: Int64]) -> Int64 {
            values.filter { $0.key == .partner(ID.partner(partner)) }.values.reduce(0, +)
        }
        let all = figures.allSold
        let mine = own(figures.sold)
        let assigned = all > 0 ? figures.holders : 0
        let unsold = all > 0 ? 0 : figures.holders
        var lower: Int64 = 0
        var upper: Int64 = 0
        var estimate: Int64 = 0
        if all > 0 {
            lower = min(mine, max(0, assigned - (all - mine)))
            upper = min(mine, assigned)
            estimate = max(lower, min(upper, assigned * mine / all))
        }
        let known = has(customer, .subscriptions)
        let others = figures.sold.filter {
            if case .partner(let id) = $0.key { return id.text != partner }
            return false
        }
        return SkuFigures(
            sku: sku, name: skus[sku]?.name ?? "",
            own: row(
                customer, sold: mine, entitled: own(figures.entitled), trial: own(figures.trial),
                uncounted: figures.uncounted, assigned: (estimate, lower, upper), unsold: unsold),
            all: row(
                customer, sold: all, entitled: figures.allEntitled, trial: figures.allTrial,
                uncounted: figures.uncounted, assigned: (assigned, assigned, assigned), unsold: unsold),
            direct: known ? figures.sold[.direct] ?? 0 : 0, other: known ? others.values.reduce(0, +) : 0,
            unknown: known ? figures.sold[.unknown] ?? 0 : 0)
    }

    func usage(_ customer: String, _ subject: NaiveSubject, on day: Int32) -> Usage {
        var usage = Usage()
        guard reportsActivity(customer, subject) else { return usage }
        usage.active = activeCount(customer, subject, on: day)
        guard hasLicenses(customer) else { return usage }
        usage.ratioActive = usage.active
        usage.totalUsers = totalUsers(customer, subject, on: day)
        usage.entitlements = entitlements(customer, subject, on: day)
        return usage
    }

    private func productSkus(_ customer: String, _ product: Product) -> [String] {
        subscribedSkus(customer).union(heldSkus(customer)).filter { skus[$0]?.product == product }.sorted()
    }

    func product(_ customer: String, _ product: Product, partner: String, on day: Int32, details: Bool = true)
        -> ProductFigures
    {
        let rows = productSkus(customer, product).map { skuFigures(customer, $0, partner: partner, on: day) }
        var own = row(
            customer, sold: 0, entitled: 0, trial: 0, uncounted: 0, assigned: (0, 0, 0), unsold: 0)
        var all = own
        for row in rows {
            own.add(row.own)
            all.add(row.all)
        }
        return ProductFigures(
            product: product, own: own, all: all, usage: usage(customer, .product(product), on: day),
            skus: details ? rows.filter { !$0.all.isZero } : [],
            workloads: details
                ? workloads(of: product).map {
                    WorkloadFigures(code: $0.code, usage: usage(customer, .workload($0), on: day))
                }.filter { !$0.usage.isZero } : [])
    }

    /// Sums over customers; a customer without a source adds nothing to the figures that need it.
    func sum(_ customers: [String], _ product: Product, partner: String, on day: Int32, details: Bool = true)
        -> ProductFigures
    {
        var total = ProductFigures(
            product: product, own: .zero, all: .zero, usage: .zero, skus: [], workloads: [])
        var skus: [String: SkuFigures] = [:]
        var workloads: [String: Usage] = [:]
        for customer in customers {
            let figures = self.product(customer, product, partner: partner, on: day, details: details)
            total.own.add(figures.own)
            total.all.add(figures.all)
            total.usage.add(figures.usage)
            for row in figures.skus {
                var sum =
                    skus[row.sku]
                    ?? SkuFigures(
                        sku: row.sku, name: row.name, own: .zero, all: .zero, direct: 0, other: 0, unknown: 0)
                sum.own.add(row.own)
                sum.all.add(row.all)
                sum.direct += row.direct
                sum.other += row.other
                sum.unknown += row.unknown
                skus[row.sku] = sum
            }
            for row in figures.workloads { workloads[row.code, default: .zero].add(row.usage) }
        }
        total.skus = skus.values.sorted { $0.sku < $1.sku }
        total.workloads = workloads.map { WorkloadFigures(code: $0.key, usage: $0.value) }.sorted { $0.code < $1.code }
        return total
    }

    // MARK: Lists

    func subscriptions(_ customer: String, partner: String, on day: Int32) -> [SubscriptionFact] {
        self.customer(customer).subscriptions.keys.sorted().compactMap { id in
            guard let shown = subscriptionValue(customer, id, on: day), shown.seller == .partner(ID.partner(partner))
            else { return nil }
            // The first of the days without a break on which all is the same; it changes on no other days than these.
            let facts = self.customer(customer)
            let days = Set(facts.subscriptions[id]?.keys.map { $0 } ?? [])
                .union(facts.subscriptionSnapshots.values.flatMap(\.keys)).filter { $0 <= day }
            var since = shown
            for change in days.sorted(by: >) {
                guard var value = subscriptionValue(customer, id, on: change) else { break }
                value.effective = shown.effective
                var same = shown
                same.effective = value.effective
                guard value == same else { break }
                since.effective = Day(number: change)
            }
            return since
        }
    }

    // MARK: Uncatalogued SKUs

    /// `sku=sold` by id, of SKUs that no fact names.
    func uncatalogued(_ customers: [String], partner: String, reach: LicenseReach, on day: Int32) -> [String] {
        var sold: [String: Int64] = [:]
        for customer in customers where has(customer, .subscriptions) {
            for sku in subscribedSkus(customer) where skus[sku] == nil {
                let figures = licenses(customer, sku, on: day)
                sold[sku, default: 0] +=
                    reach == .allPartners ? figures.allSold : figures.sold[.partner(ID.partner(partner))] ?? 0
            }
        }
        return sold.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    }

    /// `user principal-name name skus CODE:day…`, by user.
    func licensedUsers(_ customer: String, on day: Int32, activity: ActivityFilter, workload: Workload?) -> [String] {
        let facts = self.customer(customer)
        var rows: [String] = []
        for user in people(customer).sorted() where !facts.erased.contains(user) {
            let held = heldSkus(customer).filter { holds(customer, user, $0, day) }.sorted()
            let counts = workload.map { workload in held.contains { covers($0, workload) } } ?? !held.isEmpty
            guard counts else { continue }
            let watched =
                workload.map { [$0] }
                ?? Workload.allCases.filter { workload in skus.keys.contains { covers($0, workload) } }
            let isActive = watched.contains { workload in
                facts.activity[user]?[workload]?.contains { $0 >= day - 27 && $0 <= day } ?? false
            }
            switch activity {
            case .any: break
            case .active: if !isActive { continue }
            case .inactive: if isActive { continue }
            }
            let last = Workload.allCases.compactMap { workload in
                facts.activity[user]?[workload]?.filter { $0 <= day }.max().map { "\(workload.code):\($0)" }
            }
            let names = [user, facts.principalNames[user] ?? "-", facts.names[user] ?? ""]
            rows.append((names + held + last).joined(separator: " "))
        }
        return rows
    }

    // MARK: Advice

    func advice(
        _ customer: String, partner: String, reach: LicenseReach, on day: Int32, products: [Product]
    ) -> [AdviceFigures] {
        var rows: [AdviceFigures] = []
        func add(_ kind: RecommendationKind, _ product: Product?, _ evidence: [String]) {
            if evidence.isEmpty { return }
            rows.append(AdviceFigures(kind: kind, customer: customer, product: product, evidence: evidence))
        }
        let totals = Product.allCases.compactMap { usage(customer, .product($0), on: day).totalUsers }
        if !totals.isEmpty {
            let requests = (self.customer(customer).support[.howTo] ?? [:])
                .filter { $0.key >= day - 27 && $0.key <= day }.values.reduce(0, +)
            let users = totals.reduce(0, +)
            if users > 0, requests >= 5, requests * 100 >= users * 10 {
                add(.offerTraining, nil, ["how_to_requests=\(requests)", "total_users=\(users)"])
            }
        }
        for product in products {
            let classes: [(workload: Workload, counts: [Int64])] = workloads(of: product)
                .filter { hasLicenses(customer) && reportsActivity(customer, .workload($0)) }
                .map { ($0, self.classes(customer, .workload($0), on: day)) }
            func named(_ name: String, _ place: Int) -> [String] {
                classes.filter { $0.counts[place] > 0 }
                    .flatMap { ["workload_code=\($0.workload.code)", "\(name)=\($0.counts[place])"] }
            }
            add(.showTheValue, product, lowUse(customer, product, partner: partner, reach: reach, on: day))
            add(.convertTrial, product, named("trial_users", 2))
            add(.reclaimLicenses, product, reclaimable(customer, product, partner: partner, on: day))
            add(.licenseTheUsers, product, named("unlicensed_users", 5))
            add(.resolveSubscription, product, named("uncounted_subscription_users", 1))
        }
        return rows
    }

    private func lowUse(
        _ customer: String, _ product: Product, partner: String, reach: LicenseReach, on day: Int32
    ) -> [String] {
        let figures = self.product(customer, product, partner: partner, on: day)
        var evidence: [String] = []
        if let active = figures.usage.active, let total = figures.usage.totalUsers, total >= 5,
            active * 100 < total * 40
        {
            evidence += [
                "usage_percent=\(100 * Double(active) / Double(total))", "active_users=\(active)",
                "total_users=\(total)",
            ]
        }
        let licenses = reach == .own ? figures.own : figures.all
        if let sold = licenses.sold, let assigned = licenses.assigned, sold >= 5, assigned * 100 < sold * 60 {
            evidence += [
                "deployment_percent=\(100 * Double(assigned) / Double(sold))", "assigned=\(assigned)", "sold=\(sold)",
            ]
        }
        return evidence
    }

    private func reclaimable(_ customer: String, _ product: Product, partner: String, on day: Int32) -> [String] {
        guard hasLicenses(customer) else { return [] }
        var evidence: [String] = []
        for sku in productSkus(customer, product) {
            let own = skuFigures(customer, sku, partner: partner, on: day).own
            guard let sold = own.sold, let assigned = own.assigned, sold - assigned > 0 else { continue }
            let ending = subscriptions(customer, partner: partner, on: day).filter {
                guard $0.sku.text == sku, !$0.trial, $0.state != .deprovisioned, let end = $0.termEnd else {
                    return false
                }
                let isMonthly = $0.term?.text == "P1M" && $0.autoRenew
                return end.number >= day && end.number <= day + (isMonthly ? 7 : 30)
            }
            if ending.isEmpty { continue }
            evidence += ["sku_id=\(sku)", "unassigned=\(sold - assigned)", "sold=\(sold)", "assigned=\(assigned)"]
            for fact in ending {
                evidence += [
                    "subscription_id=\(fact.subscription.text)", "term_end=\(fact.termEnd.map(\.description) ?? "")",
                ]
                if let term = fact.term { evidence.append("term=\(term.text)") }
                evidence.append("auto_renew=\(fact.autoRenew)")
            }
        }
        return evidence
    }
}

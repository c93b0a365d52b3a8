import LicenseModel
import Tenancy

/// The definitions read literally: sets and loops over raw facts, nothing incremental. Shares only fact types with the
/// core.
final class NaiveModel {
    struct CustomerFacts {
        var name = ""
        var market = ""
        /// Partner, start → end.
        var relationships: [String: [Int32: Int32]] = [:]
        /// Subscription id → effective day → entry.
        var subscriptions: [String: [Int32: SubscriptionFact]] = [:]
        /// Subscription id → the seller told last that is not unknown.
        var sellers: [String: Seller] = [:]
        /// Partner, or "" for every seller → day → subscription ids.
        var subscriptionSnapshots: [String: [Int32: Set<String>]] = [:]
        var people = NaivePeople()
        // Of people, by main id: derived from what facts told about any of their ids.
        var names: [String: String] = [:]
        var principalNames: [String: String] = [:]
        /// SKU → user → start → end (nil = open).
        var assignments: [String: [String: [Int32: Int32?]]] = [:]
        /// SKU → day → users.
        var snapshots: [String: [Int32: Set<String>]] = [:]
        /// User → workload → days.
        var activity: [String: [Workload: Set<Int32>]] = [:]
        /// The same of concealed people.
        var concealed: [String: [Workload: Set<Int32>]] = [:]
        var support: [SupportCategory: [Int32: Int64]] = [:]
        /// Of subscriptions and assignments.
        var coverage: [Source: Int32] = [:]
        /// Of activity.
        var activityCoverage: [Workload: Int32] = [:]
        var erased: Set<String> = []
    }

    static let forever = Int32.max
    private(set) var customers: [String: CustomerFacts] = [:]
    private(set) var skus: [String: SkuFact] = [:]
    private(set) var partners: [String: String] = [:]
    private var heldCache: [String: [String: [String: [ClosedRange<Int32>]]]] = [:]
    var licenseCache: [String: [NaiveLicenses.Key: NaiveLicenses]] = [:]
    var valueCache: [String: [NaiveValue.Key: SubscriptionFact?]] = [:]

    func apply(_ facts: [Fact]) {
        heldCache = [:]
        licenseCache = [:]
        valueCache = [:]
        for fact in facts { apply(fact) }
        for id in customers.keys { derivePeople(of: id) }
    }

    private func derivePeople(of id: String) {
        guard var facts = customers[id] else { return }
        facts.people.derive(into: &facts)
        customers[id] = facts
    }

    private func apply(_ fact: Fact) {
        switch fact {
        case .partner(let fact): partners[fact.partner.text] = fact.name
        case .sku(let fact): skus[fact.sku.text] = fact
        case .customer(let fact):
            customers[fact.customer.text, default: CustomerFacts()].name = fact.name
            customers[fact.customer.text, default: CustomerFacts()].market = fact.market
        case .relationship(let fact):
            customers[fact.customer.text, default: CustomerFacts()]
                .relationships[fact.partner.text, default: [:]][fact.days.start.number] =
                fact.days.end?.number ?? Self.forever
        case .subscription(let fact):
            customers[fact.customer.text, default: CustomerFacts()]
                .subscriptions[fact.subscription.text, default: [:]][fact.effective.number] = fact
            guard fact.seller != .unknown else { break }
            customers[fact.customer.text]?.sellers[fact.subscription.text] = fact.seller
        case .subscriptionSnapshot(let fact):
            customers[fact.customer.text, default: CustomerFacts()]
                .subscriptionSnapshots[fact.seller?.text ?? "", default: [:]][fact.day.number] =
                Set(fact.subscriptions.map(\.text))
        case .user(let fact): customers[fact.customer.text, default: CustomerFacts()].people.apply(fact)
        case .assignment(let fact): customers[fact.customer.text, default: CustomerFacts()].people.apply(fact)
        case .assignmentSnapshot(let fact): customers[fact.customer.text, default: CustomerFacts()].people.apply(fact)
        case .activity(let fact): customers[fact.customer.text, default: CustomerFacts()].people.apply(fact)
        case .supportRequest(let fact):
            customers[fact.customer.text, default: CustomerFacts()]
                .support[fact.category, default: [:]][fact.day.number] = fact.count
        case .coverage(let fact):
            if fact.source == .activity {
                for workload in Workload.allCases where fact.workloads.isEmpty || fact.workloads.contains(workload) {
                    customers[fact.customer.text, default: CustomerFacts()].activityCoverage[workload] =
                        fact.through.number
                }
            } else {
                customers[fact.customer.text, default: CustomerFacts()].coverage[fact.source] = fact.through.number
            }
        }
    }

    /// Definition “Erased people”. Returns whether there was such a person.
    func erase(_ user: String, of customer: String, replacement: String) -> Bool {
        heldCache = [:]
        licenseCache = [:]
        guard customers[customer]?.people.erase(user, replacement: replacement) ?? false else { return false }
        derivePeople(of: customer)
        return true
    }

    func customer(_ id: String) -> CustomerFacts { customers[id] ?? CustomerFacts() }

    // MARK: Visibility

    func serves(_ partner: String, _ customer: String, _ day: Int32) -> Bool {
        self.customer(customer).relationships[partner]?.contains { $0.key <= day && day < $0.value } ?? false
    }

    func isVisible(_ customer: String, to partner: String, on day: Int32, today: Int32) -> Bool {
        serves(partner, customer, day) && serves(partner, customer, today)
    }

    func visible(to partner: String, on day: Int32, today: Int32) -> [String] {
        customers.keys.filter { isVisible($0, to: partner, on: day, today: today) }.sorted()
    }

    func since(_ customer: String, partner: String, today: Int32) -> Int32? {
        self.customer(customer).relationships[partner]?.filter { $0.key <= today && today < $0.value }.keys.min()
    }

    func defaultDay(_ customer: String, partner: String, today: Int32) -> Int32? {
        guard let since = since(customer, partner: partner, today: today) else { return nil }
        if let through = activityThrough(customer) { return max(through, since) }
        return max(today - 1, since)
    }

    func defaultPortfolioDay(partner: String, today: Int32) -> Int32 {
        let visible = visible(to: partner, on: today, today: today)
        if let latest = visible.compactMap(activityThrough).max() { return latest }
        let starts = visible.compactMap { since($0, partner: partner, today: today) }
        return max(today - 1, starts.min() ?? 0)
    }

    // MARK: Coverage of activity

    /// That of the best workload.
    func activityThrough(_ customer: String) -> Int32? { self.customer(customer).activityCoverage.values.max() }

    /// Whether the customer's activity is reported: in the workload, or in any workload of the product's SKUs.
    func reportsActivity(_ customer: String, _ subject: NaiveSubject) -> Bool {
        let covered = self.customer(customer).activityCoverage
        switch subject {
        case .workload(let workload): return covered[workload] != nil
        case .product(let product): return workloads(of: product).contains { covered[$0] != nil }
        }
    }

    // MARK: Holdings (definition “Snapshots”)

    /// User → the closed ranges of days on which the SKU is held.
    func held(_ customer: String, _ sku: String) -> [String: [ClosedRange<Int32>]] {
        if let known = heldCache[customer]?[sku] { return known }
        let facts = self.customer(customer)
        let snapshots = facts.snapshots[sku] ?? [:]
        let days = snapshots.keys.sorted()
        func lasting(_ user: String, from start: Int32) -> Int32 {
            days.first { $0 >= start && !(snapshots[$0]?.contains(user) ?? false) } ?? Self.forever
        }
        var held: [String: [ClosedRange<Int32>]] = [:]
        func add(_ user: String, _ start: Int32, _ end: Int32) {
            if start < end { held[user, default: []].append(start...(end - 1)) }
        }
        for (user, assignments) in facts.assignments[sku] ?? [:] {
            for (start, end) in assignments { add(user, start, end ?? lasting(user, from: start)) }
        }
        for day in days {
            for user in snapshots[day] ?? [] where !(held[user] ?? []).contains(where: { $0.contains(day) }) {
                add(user, day, lasting(user, from: day))
            }
        }
        heldCache[customer, default: [:]][sku] = held
        return held
    }

    func holds(_ customer: String, _ user: String, _ sku: String, _ day: Int32) -> Bool {
        held(customer, sku)[user]?.contains { $0.contains(day) } ?? false
    }

    /// Every SKU that an assignment or a snapshot of the customer names.
    func heldSkus(_ customer: String) -> Set<String> {
        Set(self.customer(customer).assignments.keys).union(self.customer(customer).snapshots.keys)
    }

    func people(_ customer: String) -> Set<String> {
        let facts = self.customer(customer)
        var people = Set(facts.activity.keys)
        for users in facts.assignments.values { people.formUnion(users.keys) }
        for days in facts.snapshots.values { for users in days.values { people.formUnion(users) } }
        return people
    }

    // MARK: Catalog

    func covers(_ sku: String, _ workload: Workload) -> Bool {
        guard let fact = skus[sku] else { return false }
        return fact.product != nil && fact.workloads.contains(workload)
    }

    func workloads(of product: Product) -> [Workload] {
        Workload.allCases.filter { workload in
            skus.values.contains { $0.product == product && $0.workloads.contains(workload) }
        }
    }
}

import LicenseModel
import Tenancy

/// Licenses of one SKU of one customer on one day.
struct NaiveLicenses {
    struct Key: Hashable {
        var sku: String
        var day: Int32
    }

    var sold: [Seller: Int64] = [:]
    var entitled: [Seller: Int64] = [:]
    var trial: [Seller: Int64] = [:]
    var uncounted: Int64 = 0
    var holders: Int64 = 0

    var allSold: Int64 { sold.values.reduce(0, +) }
    var allEntitled: Int64 { entitled.values.reduce(0, +) }
    var allTrial: Int64 { trial.values.reduce(0, +) }
}

/// The value of one subscription on one day.
enum NaiveValue {
    struct Key: Hashable {
        var subscription: String
        var day: Int32
    }
}

/// Who is counted for: a workload or a product.
enum NaiveSubject: Hashable {
    case workload(Workload)
    case product(Product)
}

extension NaiveModel {
    /// With the seller that holds for every day, and the state that snapshots leave.
    func subscriptionValue(_ customer: String, _ id: String, on day: Int32) -> SubscriptionFact? {
        let key = NaiveValue.Key(subscription: id, day: day)
        if let known = valueCache[customer]?[key] { return known }
        let made = makeValue(customer, id, on: day)
        valueCache[customer, default: [:]].updateValue(made, forKey: key)
        return made
    }

    private func makeValue(_ customer: String, _ id: String, on day: Int32) -> SubscriptionFact? {
        let facts = self.customer(customer)
        let entries = facts.subscriptions[id] ?? [:]
        guard let last = entries.keys.filter({ $0 <= day }).max(), var value = entries[last] else { return nil }
        value.seller = facts.sellers[id] ?? .unknown
        for (seller, snapshots) in facts.subscriptionSnapshots {
            guard seller.isEmpty || value.seller == .partner(ID.partner(seller)) else { continue }
            for (snapshot, named) in snapshots where snapshot <= day && !named.contains(id) {
                // On a day with an entry, and before, it ends nothing: the entry says what the subscription is.
                if snapshot > last { value.state = .deprovisioned }
            }
        }
        return value
    }

    private func isFree(_ sku: String) -> Bool { skus[sku]?.isFree ?? false }

    private func isSold(_ fact: SubscriptionFact) -> Bool {
        !fact.trial && (fact.state == .active || fact.state == .grace || fact.state == .suspended)
    }

    func licenses(_ customer: String, _ sku: String, on day: Int32) -> NaiveLicenses {
        let key = NaiveLicenses.Key(sku: sku, day: day)
        if let known = licenseCache[customer]?[key] { return known }
        let made = makeLicenses(customer, sku, on: day)
        licenseCache[customer, default: [:]][key] = made
        return made
    }

    private func makeLicenses(_ customer: String, _ sku: String, on day: Int32) -> NaiveLicenses {
        var result = NaiveLicenses()
        if isFree(sku) { return result }
        /// Nil while the subscription has another SKU.
        func value(_ id: String, on day: Int32) -> SubscriptionFact? {
            guard let fact = subscriptionValue(customer, id, on: day), fact.sku.text == sku else { return nil }
            return fact
        }
        let ids = self.customer(customer).subscriptions.keys
        let hasActive = ids.contains { id in
            guard let fact = value(id, on: day) else { return false }
            return !fact.trial && fact.state == .active
        }
        for id in ids {
            var isEntitled = false
            if let fact = value(id, on: day) {
                if isSold(fact) { result.sold[fact.seller, default: 0] += fact.quantity }
                isEntitled = !fact.trial && (fact.state == .active || (fact.state == .grace && !hasActive))
                if isEntitled { result.entitled[fact.seller, default: 0] += fact.quantity }
                if fact.trial, fact.state == .active || fact.state == .grace {
                    result.trial[fact.seller, default: 0] += fact.quantity
                }
            }
            if isEntitled { continue }
            for earlier in stride(from: day, through: day - 27, by: -1) {
                guard let fact = value(id, on: earlier), isSold(fact) else { continue }
                result.uncounted += fact.quantity
                break
            }
        }
        result.holders = Int64(held(customer, sku).values.filter { $0.contains { $0.contains(day) } }.count)
        return result
    }

    // MARK: Usage

    func covers(_ sku: String, _ subject: NaiveSubject) -> Bool {
        switch subject {
        case .workload(let workload): covers(sku, workload)
        case .product(let product): skus[sku]?.product == product
        }
    }

    /// The named ones.
    func activeUsers(_ customer: String, _ subject: NaiveSubject, on day: Int32) -> Set<String> {
        active(self.customer(customer).activity, subject, on: day)
    }

    /// The greater of two counts: named people and concealed ones.
    func activeCount(_ customer: String, _ subject: NaiveSubject, on day: Int32) -> Int64 {
        let concealed = active(self.customer(customer).concealed, subject, on: day)
        return Int64(max(activeUsers(customer, subject, on: day).count, concealed.count))
    }

    private func active(
        _ people: [String: [Workload: Set<Int32>]], _ subject: NaiveSubject, on day: Int32
    ) -> Set<String> {
        let watched: [Workload]
        switch subject {
        case .workload(let workload): watched = [workload]
        case .product(let product): watched = workloads(of: product)
        }
        var users: Set<String> = []
        for (user, activity) in people {
            for workload in watched where activity[workload]?.contains(where: { $0 >= day - 27 && $0 <= day }) ?? false
            {
                users.insert(user)
            }
        }
        return users
    }

    /// The SKU that each holder is charged to.
    func charged(_ customer: String, _ subject: NaiveSubject, on day: Int32) -> [String: String] {
        let covering = heldSkus(customer).filter { covers($0, subject) }.sorted {
            Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8))
        }
        var result: [String: String] = [:]
        for user in people(customer) {
            let held = covering.filter { holds(customer, user, $0, day) }
            let choice =
                held.first { licenses(customer, $0, on: day).allEntitled > 0 }
                ?? held.first { licenses(customer, $0, on: day).uncounted > 0 }
                ?? held.first { licenses(customer, $0, on: day).allTrial > 0 }
                ?? held.first { !isFree($0) } ?? held.first
            if let choice { result[user] = choice }
        }
        return result
    }

    func subscribedSkus(_ customer: String) -> Set<String> {
        Set(self.customer(customer).subscriptions.values.flatMap { $0.values.map(\.sku.text) })
    }

    func entitlements(_ customer: String, _ subject: NaiveSubject, on day: Int32) -> Int64 {
        subscribedSkus(customer).filter { covers($0, subject) }.reduce(0) {
            $0 + licenses(customer, $1, on: day).allEntitled
        }
    }

    func totalUsers(_ customer: String, _ subject: NaiveSubject, on day: Int32) -> Int64 {
        var charges: [String: Int64] = [:]
        for sku in charged(customer, subject, on: day).values { charges[sku, default: 0] += 1 }
        return charges.reduce(0) { $0 + min($1.value, licenses(customer, $1.key, on: day).allEntitled) }
    }

    /// In the order of the enum.
    func classes(_ customer: String, _ subject: NaiveSubject, on day: Int32) -> [Int64] {
        let charged = charged(customer, subject, on: day)
        var counts = [Int64](repeating: 0, count: 8)
        var activeOf: [String: Int64] = [:]
        let named = activeUsers(customer, subject, on: day)
        counts[7] = activeCount(customer, subject, on: day) - Int64(named.count)
        for user in named {
            if let sku = charged[user] {
                activeOf[sku, default: 0] += 1
                continue
            }
            let held = heldSkus(customer).contains { sku in
                covers(sku, subject) && ((day - 27)...day).contains { holds(customer, user, sku, $0) }
            }
            counts[held ? 4 : 5] += 1
        }
        for (sku, active) in activeOf {
            if isFree(sku) {
                counts[6] += active
                continue
            }
            let figures = licenses(customer, sku, on: day)
            let limits = [figures.allEntitled, figures.uncounted, figures.allTrial]
            var rest = active
            for (place, limit) in limits.enumerated() {
                counts[place] += min(rest, limit)
                rest -= min(rest, limit)
            }
            counts[3] += rest
        }
        return counts
    }
}

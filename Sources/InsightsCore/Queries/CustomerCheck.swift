import LicenseModel
import Tenancy

/// What is known of one customer on a day, as far as it takes to see what does not fit. Facts of every seller: for the
/// operator alone.
public struct CustomerCheck: Sendable {
    public struct Sku: Sendable {
        public var id: SkuID
        public var name: String
        public var isCatalogued: Bool
        public var isFree: Bool
        /// Of subscriptions that are no trial and not deprovisioned, also of a free SKU.
        public var licenses: Int64
        public var holders: Int64
    }

    public struct CheckedSubscription: Sendable {
        /// `effective` is the first day since which all of it holds.
        public var fact: SubscriptionFact
        /// A snapshot that does not name it ended it on that day.
        public var isEndedBySnapshot: Bool

        /// Counts, or would if its SKU were in the catalog.
        public var isInService: Bool { fact.state != .deprovisioned }
    }

    public var coverage = CoverageRow()
    /// With licenses or holders on the day, by id.
    public var skus: [Sku] = []
    /// With an entry on or before the day, by id.
    public var subscriptions: [CheckedSubscription] = []
    /// Named people who are not erased.
    public var people = 0
    public var concealedPeople = 0
    /// Hold a license of a covered product on the day, and were never active; by id.
    public var neverSeen: [UserID] = []
    /// Active in the window without a license on the day; by id.
    public var unlicensed: [UserID] = []
    /// Snapshots of which parts are missing.
    public var incompleteSnapshots = 0
}

extension InsightsCore {
    /// Nil when no fact names the customer. Scans its people.
    public func check(_ id: CustomerID, on day: Day, for grant: OperatorGrant) -> CustomerCheck? {
        guard let place = customerIndex[id] else { return nil }
        let customer = customers[Int(place)].value
        var check = CustomerCheck()
        check.coverage = customer.coverage
        check.incompleteSnapshots = customer.parts.snapshotCount
        check.subscriptions = checkedSubscriptions(of: customer, on: day.number)
        check.skus = checkedSkus(of: customer, check.subscriptions, on: day.number)
        countPeople(of: customer, on: day.number, into: &check)
        return check
    }

    private func checkedSubscriptions(
        of customer: Customer, on day: Int32
    ) -> [CustomerCheck.CheckedSubscription] {
        var rows: [CustomerCheck.CheckedSubscription] = []
        for subscription in customer.subscriptions {
            guard let entry = subscription.value(on: day) else { continue }
            rows.append(
                CustomerCheck.CheckedSubscription(
                    fact: fact(of: subscription, entry, customer: customer.id),
                    isEndedBySnapshot: subscription.isEnded(bySnapshotOn: entry.day)))
        }
        return rows.sorted { $0.fact.subscription < $1.fact.subscription }
    }

    /// What an entry of a subscription's history says, as a fact.
    func fact(of subscription: Subscription, _ entry: Subscription.Entry, customer: CustomerID) -> SubscriptionFact {
        SubscriptionFact(
            subscription: subscription.id, customer: customer, sku: catalog[entry.sku].id,
            seller: seller(subscription.seller), effective: Day(number: entry.day), quantity: entry.quantity,
            state: entry.state, trial: entry.trial, termEnd: entry.termEnd, autoRenew: entry.autoRenew, term: entry.term
        )
    }

    private func checkedSkus(
        of customer: Customer, _ subscriptions: [CustomerCheck.CheckedSubscription], on day: Int32
    ) -> [CustomerCheck.Sku] {
        var licenses: [SkuID: Int64] = [:]
        for row in subscriptions where row.isInService && !row.fact.trial {
            licenses[row.fact.sku, default: 0] &+= row.fact.quantity
        }
        // Holders from the sets, since figures leave out those of free SKUs.
        var holders: [SkuIndex: Int64] = [:]
        for set in customer.people.sets {
            let people = set.people.value(on: day)
            for sku in set.skus { holders[sku, default: 0] &+= people }
        }
        return customer.figures.skus.compactMap { figures in
            let sku = catalog[figures.sku]
            let row = CustomerCheck.Sku(
                id: sku.id, name: sku.name, isCatalogued: sku.isKnown, isFree: sku.isFree,
                licenses: licenses[sku.id] ?? 0, holders: holders[figures.sku] ?? 0)
            return row.licenses == 0 && row.holders == 0 ? nil : row
        }
    }

    private func countPeople(of customer: Customer, on day: Int32, into check: inout CustomerCheck) {
        let isCovered = customer.people.sets.map { set in
            set.skus.contains { catalog.subjects(of: $0) != 0 }
        }
        for place in 0..<customer.people.persons.count {
            let person = customer.people.persons[place]
            if person.merge != nil { continue }
            if person.isConcealed {
                check.concealedPeople += 1
                continue
            }
            if person.isErased { continue }
            check.people += 1
            let set = Int(person.set(on: day))
            if isCovered[set] {
                let wasSeen = (0..<ActivityTable.firstUnionRow).contains {
                    customer.activity.lastActive(person: place, row: $0, onOrBefore: day) != nil
                }
                if !wasSeen { check.neverSeen.append(person.id) }
            } else if set == 0 {
                let isActive = (0..<ActivityTable.firstUnionRow).contains {
                    customer.activity.isActive(person: place, row: $0, inWindowEnding: day)
                }
                if isActive { check.unlicensed.append(person.id) }
            }
        }
        check.neverSeen.sort()
        check.unlicensed.sort()
    }
}

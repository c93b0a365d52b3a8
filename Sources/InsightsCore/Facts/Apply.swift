import LicenseModel
import Tenancy

extension InsightsCore {
    /// Checks what depends on earlier facts, in the core or in the same batch: a subscription never changes its SKU or
    /// its seller. Changes nothing.
    public func check(_ batch: FactBatch) throws(FactConflict) {
        struct Key: Hashable {
            var customer: CustomerID
            var subscription: SubscriptionID
        }
        var seen: [Key: (sku: SkuID, seller: Seller)] = [:]
        for (index, fact) in batch.facts.enumerated() {
            guard case .subscription(let fact) = fact else { continue }
            let key = Key(customer: fact.customer, subscription: fact.subscription)
            let known = seen[key] ?? knownSubscription(fact.subscription, of: fact.customer)
            seen[key] = known ?? (fact.sku, fact.seller)
            guard let known else { continue }
            if known.sku != fact.sku {
                throw FactConflict(
                    index: index, field: "subscription.sku_id",
                    reason: "differs from the SKU of the same subscription; a subscription never changes its SKU")
            }
            if known.seller != fact.seller {
                let field =
                    if case .partner = fact.seller { "seller_partner_id" } else { "seller_kind" }
                throw FactConflict(
                    index: index, field: "subscription.\(field)",
                    reason: "differs from the seller of the same subscription; a subscription never changes its seller"
                )
            }
        }
    }

    private func knownSubscription(
        _ id: SubscriptionID, of customer: CustomerID
    ) -> (sku: SkuID, seller: Seller)? {
        guard let place = customerIndex[customer] else { return nil }
        let customer = customers[Int(place)].value
        guard let subscription = customer.subscriptionIndex[id].map({ customer.subscriptions[$0] }) else { return nil }
        return (catalog[subscription.sku].id, seller(subscription.seller))
    }

    func seller(_ index: SellerIndex) -> Seller {
        switch index {
        case SellerKind.direct: .direct
        case SellerKind.unknown: .unknown
        default: .partner(partners[Int(index)].value.id)
        }
    }

    /// Applies a checked batch and makes it `revision`. Never fails.
    public mutating func apply(_ batch: FactBatch, revision: Revision) {
        // First, because customers are stamped with it.
        advance(to: revision)
        applyCatalog(batch.facts)
        let unionRows = catalog.unionRows
        for group in groupByCustomer(batch.facts) {
            change(group.customer, facts: group.hasSnapshots ? nil : group.facts.count) { core, customer, change in
                for index in group.facts {
                    change.moment = Moment(revision, place: index)
                    core.apply(batch.facts[index], to: &customer, change: &change, unionRows: unionRows)
                }
            }
        }
    }

    // MARK: Catalog and partners

    mutating func applyCatalog(_ facts: [Fact]) {
        let oldRows = catalog.unionRows
        var changed: Set<SkuIndex> = []
        for fact in facts {
            switch fact {
            case .sku(let fact):
                if let sku = catalog.set(fact).coverage { changed.insert(sku) }
                dirty.catalog = true
            case .partner(let fact):
                let place = Int(internPartner(fact.partner))
                partners[place].value.name = fact.name
                dirty.partners = true
            default: break
            }
        }
        if changed.isEmpty { return }
        catalog.coverageChanged = revision
        coverageChanged(of: changed, oldRows: oldRows)
    }

    /// Later SKU facts hold for every day: what was derived with the earlier ones is made anew.
    func affects(_ changed: Set<SkuIndex>, _ customer: Customer) -> Bool {
        customer.figures.skus.contains { changed.contains($0.sku) }
    }

    mutating func coverageChanged(of changed: Set<SkuIndex>, oldRows: [[Int]]) {
        let rows = catalog.unionRows
        for place in 0..<customers.count {
            let rebuildsUnions = rows != oldRows
            let recounts = affects(changed, customers[place].value)
            guard rebuildsUnions || recounts else { continue }
            change(Int32(truncatingIfNeeded: place)) { _, customer, change in
                if rebuildsUnions {
                    customer.rebuildUnions(rows)
                    change.activity = .all
                }
                if recounts { change.licenses(from: 0) }
            }
        }
    }

    // MARK: Customers

    private struct Group {
        var customer: Int32
        var facts: [Int] = []
        /// Of who holds a SKU: each may concern everybody.
        var hasSnapshots = false

        mutating func add(_ index: Int, _ fact: Fact) {
            facts.append(index)
            if case .assignmentSnapshot = fact { hasSnapshots = true }
        }
    }

    /// The facts of each customer in their order; a customer's facts touch nobody else.
    private mutating func groupByCustomer(_ facts: [Fact]) -> [Group] {
        var groups: [Group] = []
        var places: [Int32: Int] = [:]
        var last: (id: CustomerID, place: Int)?
        for (index, fact) in facts.enumerated() {
            guard let id = fact.customer else { continue }
            if let last, last.id == id {
                groups[last.place].add(index, fact)
                continue
            }
            let customer = internCustomer(id)
            let place = places[customer] ?? groups.count
            if place == groups.count {
                places[customer] = place
                groups.append(Group(customer: customer))
            }
            groups[place].add(index, fact)
            last = (id, place)
        }
        return groups
    }

    /// Changes a customer and everything derived from it.
    ///
    /// - Parameter facts: how many facts do so; nil: everything about the customer may change.
    mutating func change(
        _ place: Int32, facts: Int? = nil,
        _ body: (inout InsightsCore, inout Customer, inout CustomerChange) -> Void
    ) {
        let old = customers[Int(place)].value
        displacedBytes &+= Displaced.bytes(people: old.people.persons.count, facts: facts)
        var customer = old
        var change = CustomerChange(customer: place)
        body(&self, &customer, &change)
        displacedBytes &+= Displaced.bytes(merged: change.mergedRows)
        for person in change.people {
            if let day = customer.people.updateTimeline(of: person) { change.licenses(from: day) }
        }
        if let first = change.firstLicenseDay {
            LicenseSweep.update(&customer, catalog: catalog, from: first)
        }
        updatePartners(of: place, from: old, to: customer, change)
        store(customer, at: place)
    }

    /// The one place where a changed customer becomes the customer.
    mutating func store(_ customer: Customer, at place: Int32) {
        customers[Int(place)] = Frozen(customer)
        customerRevisions[Int(place)] = revision
    }

    /// Brings the lists and sums of everybody who serves or served the customer up to date.
    private mutating func updatePartners(
        of place: Int32, from old: Customer, to new: Customer, _ change: CustomerChange
    ) {
        let relationshipsChange = old.relationships != new.relationships
        let listsChange = relationshipsChange || old.coverage.activity != new.coverage.activity
        var affected = new.relationships.map(\.partner)
        if listsChange { affected += old.relationships.map(\.partner) }
        for partner in Set(affected) {
            partners[Int(partner)].value.sums.exchange(old, for: new, partner: partner, change: change)
            partners[Int(partner)].value.former.exchange(old, for: new, partner: partner, change: change)
            guard listsChange else { continue }
            let links = new.relationships.filter { $0.partner == partner }.map {
                Link(customer: place, days: $0.days, activityThrough: new.coverage.activity?.number ?? -1)
            }
            let customers = customers
            partners[Int(partner)].value.setLinks(links, of: place) { customers[Int($0)].value.id < new.id }
            if relationshipsChange { partners[Int(partner)].value.relationshipsChanged = revision }
        }
    }

    private mutating func apply(
        _ fact: Fact, to customer: inout Customer, change: inout CustomerChange, unionRows: [[Int]]
    ) {
        switch fact {
        case .activity(let fact): apply(fact, to: &customer, change: &change, unionRows: unionRows)
        case .user(let fact): apply(fact, to: &customer, change: &change, unionRows: unionRows)
        case .assignment(let fact): apply(fact, to: &customer, change: &change)
        case .assignmentSnapshot(let fact): apply(fact, to: &customer, change: &change)
        case .subscription(let fact):
            apply(fact, to: &customer, change: &change)
            dirty.mark(customer: change.customer)
        default:
            applySmall(fact, to: &customer)
            dirty.mark(customer: change.customer)
        }
    }

    private mutating func applySmall(_ fact: Fact, to customer: inout Customer) {
        switch fact {
        case .customer(let fact):
            customer.name = fact.name
            customer.market = fact.market
        case .relationship(let fact):
            customer.set(Relationship(partner: internPartner(fact.partner), days: DaySpan(fact.days)))
        case .supportRequest(let fact):
            customer.set(SupportEntry(day: fact.day.number, category: fact.category, count: fact.count))
        case .coverage(let fact):
            switch fact.source {
            case .subscriptions: customer.coverage.subscriptions = fact.through
            case .assignments: customer.coverage.assignments = fact.through
            case .activity: customer.coverage.activity = fact.through
            }
        default: break
        }
    }

    private mutating func apply(
        _ fact: SubscriptionFact, to customer: inout Customer, change: inout CustomerChange
    ) {
        let place: Int
        if let known = customer.subscriptionIndex[fact.subscription] {
            place = known
        } else {
            place = customer.subscriptions.count
            customer.subscriptionIndex[fact.subscription] = place
            customer.subscriptions.append(
                Subscription(
                    id: fact.subscription, sku: catalog.intern(fact.sku), seller: internSeller(fact.seller)))
        }
        customer.subscriptions[place].set(
            Subscription.Entry(
                day: fact.effective.number, quantity: fact.quantity, state: fact.state, trial: fact.trial,
                termEnd: fact.termEnd, autoRenew: fact.autoRenew))
        change.licenses(from: fact.effective.number)
    }
}

/// What a batch changes of one customer, so that no more than that is derived anew.
struct CustomerChange {
    /// Rows and days of changed activity.
    enum Activity {
        case none
        /// Rows as bits, first and last day.
        case some(rows: UInt16, first: Int32, last: Int32)
        case all

        mutating func add(row: Int, first: Int32, last: Int32) {
            switch self {
            case .none: self = .some(rows: 1 << UInt16(row), first: first, last: last)
            case .some(let rows, let oldFirst, let oldLast):
                self = .some(rows: rows | 1 << UInt16(row), first: min(first, oldFirst), last: max(last, oldLast))
            case .all: break
            }
        }
    }

    let customer: Int32
    /// The first day whose license figures may change.
    private(set) var firstLicenseDay: Int32?
    /// People whose timelines are to be made anew.
    var people: Set<Int> = []
    var activity = Activity.none
    /// Of the fact that is applied.
    var moment = Moment.unknown
    /// Of the fact that was applied last: the epochs of its new days.
    var epochs: [Int32] = []
    /// How many people turned out to be others.
    var peopleMerged = 0
    /// Rows of days that they had.
    var mergedRows = 0

    init(customer: Int32) {
        self.customer = customer
    }

    mutating func licenses(from day: Int32) {
        firstLicenseDay = min(firstLicenseDay ?? day, day)
    }
}

extension DaySpan {
    init(_ days: DayInterval) {
        self.init(start: days.start.number, end: days.end?.number ?? DaySpan.open)
    }
}

extension Fact {
    /// Whom the fact is about; nil for partners and SKUs.
    var customer: CustomerID? {
        switch self {
        case .partner, .sku: nil
        case .customer(let fact): fact.customer
        case .relationship(let fact): fact.customer
        case .subscription(let fact): fact.customer
        case .subscriptionSnapshot(let fact): fact.customer
        case .user(let fact): fact.customer
        case .assignment(let fact): fact.customer
        case .assignmentSnapshot(let fact): fact.customer
        case .activity(let fact): fact.customer
        case .supportRequest(let fact): fact.customer
        case .coverage(let fact): fact.customer
        }
    }
}

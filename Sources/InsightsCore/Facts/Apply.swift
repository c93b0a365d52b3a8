import LicenseModel
import Tenancy

extension InsightsCore {
    func seller(_ index: SellerIndex) -> Seller {
        switch index {
        case SellerKind.direct: .direct
        case SellerKind.unknown: .unknown
        default: .partner(partners[Int(index)].value.id)
        }
    }

    /// Applies a batch and makes it `revision`. Never fails.
    ///
    /// - Parameter folds: passes over what buckets have that are folded through the revision already.
    @discardableResult
    public mutating func apply(
        _ batch: FactBatch, revision: Revision, skipping folds: BucketFolds? = nil
    ) -> BatchEffects {
        // First, because customers are stamped with it.
        advance(to: revision)
        if folds.map({ $0.folded(nil) < revision }) ?? true { applyCatalog(batch.facts) }
        let unionRows = catalog.unionRows
        var effects = BatchEffects()
        var uncatalogued: Set<SkuIndex> = []
        for group in groupByCustomer(batch.facts, skipping: folds) {
            let facts = group.hasSnapshots ? nil : group.facts.count
            let change = change(group.customer, facts: facts) { core, customer, change in
                for index in group.facts {
                    change.moment = Moment(revision, place: index)
                    core.apply(batch.facts[index], to: &customer, change: &change, unionRows: unionRows)
                }
            }
            effects.add(change.effects)
            uncatalogued.formUnion(change.uncatalogued)
        }
        effects.setUncatalogued(uncatalogued.map { catalog[$0].id })
        return effects
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
                catalogTold = revision
            case .partner(let fact):
                let place = Int(internPartner(fact.partner))
                partners[place].value.name = fact.name
                dirty.partners = true
                partnersTold = revision
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
            // Of which products it reports activity follows in `change`.
            let reported = catalog.subjects(reportedBy: customers[place].value.coverage.reportedWorkloads)
            let reportsOthers = reported != customers[place].value.reportedSubjects
            guard rebuildsUnions || recounts || reportsOthers else { continue }
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
    private mutating func groupByCustomer(_ facts: [Fact], skipping folds: BucketFolds?) -> [Group] {
        var groups: [Group] = []
        var places: [Int32: Int] = [:]
        var last: (id: CustomerID, place: Int)?
        for (index, fact) in facts.enumerated() {
            guard let id = fact.customer else { continue }
            if let last, last.id == id {
                groups[last.place].add(index, fact)
                continue
            }
            if let folds, folds.folded(id) >= revision { continue }
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
    @discardableResult
    mutating func change(
        _ place: Int32, facts: Int? = nil,
        _ body: (inout InsightsCore, inout Customer, inout CustomerChange) -> Void
    ) -> CustomerChange {
        if names != nil { return changePart(place, body) }
        let old = customers[Int(place)].value
        displacedBytes &+= Displaced.bytes(people: old.people.persons.count, facts: facts)
        var customer = old
        var change = CustomerChange(customer: place)
        body(&self, &customer, &change)
        if change.changesSubscriptions {
            displacedBytes &+= Displaced.bytes(subscriptions: old.subscriptions.count)
            customer.deriveHistories(since: old, &change)
        }
        customer.updateReportedSubjects(catalog)
        displacedBytes &+= Displaced.bytes(merged: change.mergedRows)
        for person in change.people {
            if let day = customer.people.updateTimeline(of: person) { change.licenses(from: day) }
        }
        if let first = change.firstLicenseDay {
            LicenseSweep.update(&customer, catalog: catalog, from: first)
        }
        updatePartners(of: place, from: old, to: customer, change)
        store(customer, at: place)
        return change
    }

    /// The same in a part of a core. Nobody reads the customer yet, so that it is changed where it is.
    private mutating func changePart(
        _ place: Int32, _ body: (inout InsightsCore, inout Customer, inout CustomerChange) -> Void
    ) -> CustomerChange {
        var customer = customers[Int(place)].value
        customers[Int(place)] = Frozen(Customer(id: customer.id))
        var change = CustomerChange(customer: place)
        body(&self, &customer, &change)
        if change.changesSubscriptions { customer.deriveHistories(since: Customer(id: customer.id), &change) }
        customer.updateReportedSubjects(catalog)
        for person in change.people { _ = customer.people.updateTimeline(of: person) }
        store(customer, at: place)
        return change
    }

    /// The one place where a changed customer becomes the customer.
    mutating func store(_ customer: Customer, at place: Int32) {
        customers[Int(place)] = Frozen(customer)
        customerRevisions[Int(place)] = revision
    }

    /// Brings the lists and sums of everybody who serves or served the customer up to date.
    mutating func updatePartners(
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
        case .subscriptionSnapshot(let fact):
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
            case .activity: customer.coverage.report(fact.through, in: fact.workloads.isEmpty ? .all : fact.workloads)
            }
        default: break
        }
    }

    private mutating func apply(
        _ fact: SubscriptionFact, to customer: inout Customer, change: inout CustomerChange
    ) {
        let place = customer.subscription(fact.subscription)
        let seller = internSeller(fact.seller)
        if seller != SellerKind.unknown { customer.subscriptions[place].seller = seller }
        customer.subscriptions[place].set(
            Subscription.Entry(
                day: fact.effective.number, sku: intern(fact.sku, &change), quantity: fact.quantity, state: fact.state,
                trial: fact.trial, termEnd: fact.termEnd, autoRenew: fact.autoRenew, term: fact.term))
        change.subscriptions.insert(place)
    }

    /// Sets which subscriptions are named on the day.
    private mutating func apply(
        _ fact: SubscriptionSnapshotFact, to customer: inout Customer, change: inout CustomerChange
    ) {
        let place = SnapshotPlace(
            seller: fact.seller.map { internPartner($0) } ?? SellerKind.every, day: fact.day.number)
        if !customer.subscriptionSnapshots[place.seller, default: DaySet()].insert(place.day) {
            // Replaces the earlier one.
            for index in customer.subscriptions.indices { customer.subscriptions[index].setNamed(false, by: place) }
        }
        for id in fact.subscriptions {
            let index = customer.subscription(id)
            customer.subscriptions[index].setNamed(true, by: place)
        }
        change.subscriptionSnapshots.insert(place)
    }

    /// The place of a SKU that a fact names.
    mutating func intern(_ id: SkuID, _ change: inout CustomerChange) -> SkuIndex {
        let sku = catalog.intern(id)
        if !catalog.isKnown(sku) { change.uncatalogued.insert(sku) }
        return sku
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
    /// Places of subscriptions whose entries or seller facts of the batch told.
    var subscriptions: Set<Int> = []
    /// Snapshots of the batch: each may concern every subscription.
    var subscriptionSnapshots: Set<SnapshotPlace> = []
    /// SKUs without a fact of their own that facts name.
    var uncatalogued: Set<SkuIndex> = []
    var effects = BatchEffects()
    /// Rows of days that people had who turned out to be others.
    var mergedRows = 0

    init(customer: Int32) {
        self.customer = customer
    }

    var changesSubscriptions: Bool { !subscriptions.isEmpty || !subscriptionSnapshots.isEmpty }

    mutating func licenses(from day: Int32) {
        firstLicenseDay = min(firstLicenseDay ?? day, day)
    }
}

extension Customer {
    /// Makes the histories of changed subscriptions anew, and says from which day on that changes licenses.
    fileprivate mutating func deriveHistories(since old: Customer, _ change: inout CustomerChange) {
        if change.subscriptionSnapshots.isEmpty {
            for place in change.subscriptions { deriveHistory(of: place, since: old, &change) }
        } else {
            for place in subscriptions.indices { deriveHistory(of: place, since: old, &change) }
        }
    }

    private mutating func deriveHistory(of place: Int, since old: Customer, _ change: inout CustomerChange) {
        if let day = subscriptions[place].deriveHistory(subscriptionSnapshots) { change.licenses(from: day) }
        let known = place < old.subscriptions.count ? old.subscriptions[place] : nil
        if let known, known.seller != subscriptions[place].seller {
            if let first = subscriptions[place].history.first { change.licenses(from: first.day) }
            if known.seller != SellerKind.unknown { change.effects.sellersChanged += 1 }
        }
        if !change.subscriptionSnapshots.isEmpty,
            subscriptions[place].isEnded(by: change.subscriptionSnapshots, unlike: known)
        {
            change.effects.subscriptionsEnded += 1
        }
    }
}

extension DaySpan {
    init(_ days: DayInterval) {
        self.init(start: days.start.number, end: days.end?.number ?? DaySpan.open)
    }
}

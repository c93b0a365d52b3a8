import LicenseModel
import Tenancy

extension InsightsCore {
    /// Reads back one row of `takeDirtyStates`, in any order of the rows (fastest by key). Only into a core that
    /// contains nothing but such rows. Throws for a row that this version did not write; start anew then.
    public mutating func restore(_ state: CoreState) throws(CoreStateError) {
        var reader = StateReader(state)
        guard try reader.number() == StateKey.version else { throw reader.error("the version is unknown") }
        let before = dirty
        defer { dirty = before }
        if state.key == StateKey.core {
            revision = Revision(number: Int64(bitPattern: try reader.number()))
        } else if state.key == StateKey.catalog {
            try restoreCatalog(&reader)
        } else if state.key == StateKey.partners {
            for (id, name) in try reader.partners() { partners[Int(internPartner(id))].value.name = name }
        } else if state.key.hasPrefix(StateKey.customerPrefix) {
            try restoreCustomer(&reader)
        } else if state.key.hasPrefix(StateKey.usersPrefix) {
            try restoreUsers(&reader)
        } else {
            throw reader.error("the key is unknown")
        }
        guard reader.isAtEnd else { throw reader.error("more bytes than expected") }
    }

    private mutating func restoreCatalog(_ reader: inout StateReader) throws(CoreStateError) {
        var facts: [Fact] = []
        for _ in 0..<(try reader.count()) {
            let id = try reader.id(SkuID.self)
            let name = try reader.text()
            let product = try reader.number()
            let workloads = try reader.number()
            guard product <= 2, workloads < 128 else { throw reader.error("a value is unknown") }
            facts.append(
                .sku(
                    SkuFact(
                        sku: id, name: name, product: Product(rawValue: UInt8(product)),
                        workloads: WorkloadSet(rawValue: UInt8(workloads)))))
        }
        applyCatalog(facts)
    }

    private mutating func restoreCustomer(_ reader: inout StateReader) throws(CoreStateError) {
        let stored = try reader.customer()
        guard let id = try? CustomerID(String(reader.key.dropFirst(StateKey.customerPrefix.count))) else {
            throw reader.error("the key is unknown")
        }
        change(internCustomer(id)) { core, customer, change in
            customer.name = stored.name
            customer.market = stored.market
            customer.coverage = stored.coverage
            for (partner, days) in stored.relationships {
                customer.set(Relationship(partner: core.internPartner(partner), days: days))
            }
            customer.support = stored.support
            for subscription in stored.subscriptions {
                var made = Subscription(
                    id: subscription.id, sku: core.catalog.intern(subscription.sku),
                    seller: core.internSeller(subscription.seller))
                for entry in subscription.entries { made.set(entry) }
                customer.subscriptionIndex[made.id] = customer.subscriptions.count
                customer.subscriptions.append(made)
            }
            for (sku, days) in stored.snapshots {
                customer.people.members[core.catalog.intern(sku), default: SkuMembers()].snapshots = days
            }
            change.people = Set(0..<customer.people.persons.count)
            change.licenses(from: 0)
        }
    }

    /// Groups that arrive before their predecessors wait: people keep their places.
    private mutating func restoreUsers(_ reader: inout StateReader) throws(CoreStateError) {
        let path = reader.key.dropFirst(StateKey.usersPrefix.count)
        guard let slash = path.lastIndex(of: "/"), let group = Int(path[path.index(after: slash)...], radix: 16),
            group >= 0, let id = try? CustomerID(String(path[..<slash]))
        else { throw reader.error("the key is unknown") }
        let stored = try reader.people()
        let place = internCustomer(id)
        waitingUsers[place, default: [:]][group] = stored
        while true {
            let count = customers[Int(place)].value.people.persons.count
            guard count % DirtyStates.peoplePerRow == 0,
                let next = waitingUsers[place]?.removeValue(forKey: count / DirtyStates.peoplePerRow)
            else { break }
            add(next, to: place)
            if next.isEmpty { break }
        }
        if waitingUsers[place]?.isEmpty ?? false { waitingUsers[place] = nil }
    }

    private mutating func add(_ people: [StoredPerson], to place: Int32) {
        let unionRows = catalog.unionRows
        change(place) { core, customer, change in
            for stored in people {
                let person = customer.person(stored.id)
                customer.people.persons[person].name = stored.name
                customer.people.persons[person].isErased = stored.isErased
                for holding in stored.holdings {
                    let spot = customer.people.holding(of: core.catalog.intern(holding.sku), person: person)
                    for span in holding.assignments { customer.people.persons[person].holdings[spot].set(span) }
                    customer.people.persons[person].holdings[spot].named = holding.named
                }
                change.people.insert(person)
                for (row, days) in stored.activity.enumerated() {
                    customer.addActivity(
                        person: person, row: row, unionRows: unionRows[row], days: days.map(Day.init(number:)),
                        change: &change.activity)
                }
            }
        }
    }
}

/// What a row says about one person, with ids.
struct StoredPerson: Sendable {
    struct StoredHolding: Sendable {
        var sku: SkuID
        var assignments: [DaySpan]
        var named: DaySet
    }

    var id: UserID
    var name: String
    var isErased: Bool
    var holdings: [StoredHolding]
    var activity: [[Int32]]
}

/// What a row says about one customer, with ids.
struct StoredCustomer {
    var name: String
    var market: String
    var coverage: CoverageRow
    var relationships: [(PartnerID, DaySpan)] = []
    var support: [SupportEntry] = []
    var subscriptions: [(id: SubscriptionID, sku: SkuID, seller: Seller, entries: [Subscription.Entry])] = []
    var snapshots: [(SkuID, DaySet)] = []
}

extension StateReader {
    fileprivate mutating func partners() throws(CoreStateError) -> [(PartnerID, String)] {
        var partners: [(PartnerID, String)] = []
        for _ in 0..<(try count()) { partners.append((try id(PartnerID.self), try text())) }
        return partners
    }

    fileprivate mutating func customer() throws(CoreStateError) -> StoredCustomer {
        var stored = StoredCustomer(
            name: try text(), market: try text(),
            coverage: CoverageRow(subscriptions: try day(), assignments: try day(), activity: try day()))
        for _ in 0..<(try count()) {
            stored.relationships.append(
                (try id(PartnerID.self), DaySpan(start: try dayNumber(), end: try dayNumber())))
        }
        for _ in 0..<(try count()) {
            stored.support.append(
                SupportEntry(day: try dayNumber(), category: try value(SupportCategory.self), count: try signed()))
        }
        for _ in 0..<(try count()) {
            let subscription = try id(SubscriptionID.self)
            let sku = try id(SkuID.self)
            let seller = try seller()
            var entries: [Subscription.Entry] = []
            for _ in 0..<(try count()) {
                entries.append(
                    Subscription.Entry(
                        day: try dayNumber(), quantity: try signed(), state: try value(SubscriptionState.self),
                        trial: try flag(), termEnd: try day(), autoRenew: try flag()))
            }
            stored.subscriptions.append((subscription, sku, seller, entries))
        }
        for _ in 0..<(try count()) { stored.snapshots.append((try id(SkuID.self), try daySet())) }
        return stored
    }

    private mutating func seller() throws(CoreStateError) -> Seller {
        switch try number() {
        case 0: .direct
        case 1: .unknown
        case 2: .partner(try id(PartnerID.self))
        default: throw error("a value is unknown")
        }
    }

    fileprivate mutating func people() throws(CoreStateError) -> [StoredPerson] {
        let count = try count()
        guard count <= DirtyStates.peoplePerRow else { throw error("too many people") }
        var people: [StoredPerson] = []
        for _ in 0..<count {
            var person = StoredPerson(
                id: try id(UserID.self), name: try text(), isErased: try flag(), holdings: [], activity: [])
            for _ in 0..<(try self.count()) {
                let sku = try id(SkuID.self)
                var spans: [DaySpan] = []
                for _ in 0..<(try self.count()) {
                    spans.append(DaySpan(start: try dayNumber(), end: try dayNumber()))
                }
                person.holdings.append(
                    StoredPerson.StoredHolding(sku: sku, assignments: spans, named: try daySet()))
            }
            for _ in 0..<ActivityTable.firstUnionRow { person.activity.append(try days()) }
            people.append(person)
        }
        return people
    }
}

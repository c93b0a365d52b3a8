import LicenseModel
import Tenancy

/// One row of the folded state: opaque to the store, replaced by the next row of the same key.
public struct CoreState: Sendable, Hashable {
    /// Visible ASCII, at most 150 characters.
    public var key: String
    public var body: [UInt8]

    public init(key: String, body: [UInt8]) {
        self.key = key
        self.body = body
    }
}

/// A stored row that this version cannot read.
public struct CoreStateError: Error, Sendable, Hashable {
    public let key: String
    public let reason: String
}

/// Keys and the version of the rows. Rows hold facts alone; everything derived is made anew.
enum StateKey {
    static let version: UInt64 = 1
    static let core = "core"
    static let catalog = "catalog"
    static let partners = "partners"
    static let customerPrefix = "customer/"
    static let usersPrefix = "users/"

    static func customer(_ id: CustomerID) -> String { customerPrefix + id.text }

    /// Rows of one customer in the order of their numbers when ordered by key.
    static func users(_ id: CustomerID, _ group: Int32) -> String {
        let digits = String(group, radix: 16)
        return usersPrefix + id.text + "/" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }
}

extension InsightsCore {
    /// The rows that changed since the last take, each whole. Together with the rows taken before they are everything
    /// that this value contains.
    public mutating func takeDirtyStates() -> [CoreState] {
        var states: [CoreState] = []
        if dirty.catalog { states.append(catalogState()) }
        if dirty.partners { states.append(partnersState()) }
        for (place, groups) in dirty.customers.sorted(by: { $0.key < $1.key }) {
            let customer = customers[Int(place)].value
            for group in groups.sorted() {
                states.append(
                    group == DirtyStates.customerRow ? customerState(customer) : usersState(customer, group))
            }
        }
        if dirty.revision || !states.isEmpty {
            var writer = StateWriter()
            writer.put(StateKey.version)
            writer.put(UInt64(bitPattern: revision.number))
            states.append(CoreState(key: StateKey.core, body: writer.bytes))
        }
        dirty = DirtyStates()
        return states
    }

    private func catalogState() -> CoreState {
        var writer = StateWriter()
        writer.put(StateKey.version)
        let known = catalog.skus.filter(\.isKnown)
        writer.put(known.count)
        for sku in known {
            writer.put(sku.id)
            writer.put(sku.name)
            writer.put(UInt64(sku.product?.rawValue ?? 0))
            writer.put(UInt64(sku.workloads.rawValue))
        }
        return CoreState(key: StateKey.catalog, body: writer.bytes)
    }

    private func partnersState() -> CoreState {
        var writer = StateWriter()
        writer.put(StateKey.version)
        var named: [(id: PartnerID, name: String)] = []
        for place in 0..<partners.count {
            let partner = partners[place].value
            if let name = partner.name { named.append((partner.id, name)) }
        }
        writer.put(named.count)
        for partner in named {
            writer.put(partner.id)
            writer.put(partner.name)
        }
        return CoreState(key: StateKey.partners, body: writer.bytes)
    }

    private func customerState(_ customer: Customer) -> CoreState {
        var writer = StateWriter()
        writer.put(StateKey.version)
        writer.put(customer.name)
        writer.put(customer.market)
        writer.put(customer.coverage.subscriptions)
        writer.put(customer.coverage.assignments)
        writer.put(customer.coverage.activity)
        writer.put(customer.relationships.count)
        for relationship in customer.relationships {
            writer.put(partners[Int(relationship.partner)].value.id)
            writer.put(day: relationship.days.start)
            writer.put(day: relationship.days.end)
        }
        writer.put(customer.support.count)
        for entry in customer.support {
            writer.put(day: entry.day)
            writer.put(UInt64(entry.category.rawValue))
            writer.put(UInt64(entry.count))
        }
        writer.put(customer.subscriptions.count)
        for subscription in customer.subscriptions { put(subscription, to: &writer) }
        let snapshots = customer.people.members.filter { !$0.value.snapshots.words.isEmpty }
            .map { (catalog[$0.key].id, $0.value.snapshots) }.sorted { $0.0 < $1.0 }
        writer.put(snapshots.count)
        for (sku, days) in snapshots {
            writer.put(sku)
            writer.put(days)
        }
        return CoreState(key: StateKey.customer(customer.id), body: writer.bytes)
    }

    private func put(_ subscription: Subscription, to writer: inout StateWriter) {
        writer.put(subscription.id)
        writer.put(catalog[subscription.sku].id)
        switch seller(subscription.seller) {
        case .direct: writer.put(0)
        case .unknown: writer.put(1)
        case .partner(let id):
            writer.put(2)
            writer.put(id)
        }
        writer.put(subscription.entries.count)
        for entry in subscription.entries {
            writer.put(day: entry.day)
            writer.put(UInt64(entry.quantity))
            writer.put(UInt64(entry.state.rawValue))
            writer.put(entry.trial)
            writer.put(entry.termEnd)
            writer.put(entry.autoRenew)
        }
    }

    private func usersState(_ customer: Customer, _ group: Int32) -> CoreState {
        var writer = StateWriter()
        writer.put(StateKey.version)
        let first = Int(group) * DirtyStates.peoplePerRow
        let end = min(first + DirtyStates.peoplePerRow, customer.people.persons.count)
        writer.put(max(0, end - first))
        for place in first..<max(first, end) {
            let person = customer.people.persons[place]
            writer.put(person.id)
            writer.put(person.name)
            writer.put(person.isErased)
            writer.put(person.holdings.count)
            for holding in person.holdings {
                writer.put(catalog[holding.sku].id)
                writer.put(holding.assignments.count)
                for span in holding.assignments {
                    writer.put(day: span.start)
                    writer.put(day: span.end)
                }
                writer.put(holding.named)
            }
            for row in 0..<ActivityTable.firstUnionRow {
                writer.put(customer.activity.days(person: place, row: row))
            }
        }
        return CoreState(key: StateKey.users(customer.id, group), body: writer.bytes)
    }
}

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

/// Keys and versions of the rows. Rows hold facts alone; everything derived is made anew.
///
/// People come in groups of 256, in the order in which facts first named them. A group has one row of names and
/// holdings, and one of activity days for each epoch of 128 days: whatever is active today, the days of old epochs are
/// not written again.
enum StateKey {
    static let coreVersion: UInt64 = 1
    /// Rows of version 1, which know no free SKUs, are still read.
    static let catalogVersion: UInt64 = 2
    static let partnersVersion: UInt64 = 1
    /// Rows of version 1, in which a subscription has one SKU and no snapshots and the day of activity is that of every
    /// workload, are still read.
    static let customerVersion: UInt64 = 2
    /// Of rows of people. Older ones are still read: those of version 1 hold days of activity too, and neither they nor
    /// those of version 2 tell when assignments came, or other ids than the main one.
    static let peopleVersion: UInt64 = 3
    static let usesVersion: UInt64 = 2
    static let partsVersion: UInt64 = 1
    /// Of the order in which facts make people.
    static let foldingVersion: UInt64 = 1
    static let core = "core"
    static let catalog = "catalog"
    static let partners = "partners"
    /// There while a fold is under way that needs several transactions.
    static let folding = "folding"
    static let customerPrefix = "customer/"
    static let partsPrefix = "parts/"
    static let usersPrefix = "users/"
    /// After `usersPrefix` in the order of keys, so that people are there before their days.
    static let usesPrefix = "uses/"

    static func customer(_ id: CustomerID) -> String { customerPrefix + id.text }

    /// Rows of one customer in the order of their numbers when ordered by key.
    static func users(_ id: CustomerID, _ group: Int32) -> String { usersPrefix + id.text + "/" + hex(group, 8) }

    /// A part of a snapshot that is not complete.
    static func part(_ id: CustomerID, _ slot: Int32) -> String { partsPrefix + id.text + "/" + hex(slot, 8) }

    static func uses(_ id: CustomerID, _ place: UsesPlace) -> String {
        usesPrefix + id.text + "/" + hex(place.epoch, 4) + "/" + hex(place.group, 8)
    }

    private static func hex(_ number: Int32, _ digits: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}

extension InsightsCore {
    /// The rows that changed since the last take, each whole. Together with the rows taken before they are everything
    /// that this value contains.
    public mutating func takeDirtyStates() -> [CoreState] {
        guard var fold = beginFold() else { return [] }
        let states = fold.next(maximumBytes: .max)
        finishFold(fold)
        return states
    }

    /// Those of one bucket. With rows of the other buckets, of whatever revision, they are read back with a log of
    /// which what they have already is passed over.
    public mutating func takeDirtyStates(bucket: Int) -> [CoreState] {
        var fold = beginFold(bucket: bucket)
        let states = fold.next(maximumBytes: .max)
        finishFold(fold)
        return states
    }

    func catalogState() -> CoreState {
        var writer = StateWriter()
        writer.put(StateKey.catalogVersion)
        let known = catalog.skus.filter(\.isKnown)
        writer.put(known.count)
        for sku in known {
            writer.put(sku.id)
            writer.put(sku.name)
            writer.put(UInt64(sku.product?.rawValue ?? 0))
            writer.put(UInt64(sku.workloads.rawValue))
            writer.put(sku.isFree)
        }
        return CoreState(key: StateKey.catalog, body: writer.bytes)
    }

    func partnersState() -> CoreState {
        var writer = StateWriter()
        writer.put(StateKey.partnersVersion)
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

    func customerState(_ customer: Customer) -> CoreState {
        var writer = StateWriter()
        writer.put(StateKey.customerVersion)
        writer.put(customer.name)
        writer.put(customer.market)
        writer.put(customer.coverage.subscriptions)
        writer.put(customer.coverage.assignments)
        for workload in Workload.allCases { writer.put(customer.coverage[workload]) }
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
        put(customer.subscriptionSnapshots, to: &writer)
        return CoreState(key: StateKey.customer(customer.id), body: writer.bytes)
    }

    /// Days of snapshots by the seller that they are of: no id stands for every seller.
    private func put(_ days: [SellerIndex: DaySet], to writer: inout StateWriter) {
        let known = days.filter { !$0.value.words.isEmpty }
            .map { ($0.key == SellerKind.every ? "" : partners[Int($0.key)].value.id.text, $0.value) }
            .sorted { $0.0 < $1.0 }
        writer.put(known.count)
        for (seller, days) in known {
            writer.put(seller)
            writer.put(days)
        }
    }

    private func put(_ subscription: Subscription, to writer: inout StateWriter) {
        writer.put(subscription.id)
        switch seller(subscription.seller) {
        case .direct: writer.put(0)
        case .unknown: writer.put(1)
        case .partner(let id):
            writer.put(2)
            writer.put(id)
        }
        writer.put(subscription.entries.count)
        var last: SkuIndex?
        for entry in subscription.entries {
            writer.put(day: entry.day)
            // No id stands for that of the entry before.
            writer.put(entry.sku == last ? "" : catalog[entry.sku].id.text)
            last = entry.sku
            writer.put(UInt64(entry.quantity))
            writer.put(UInt64(entry.state.rawValue))
            writer.put(entry.trial)
            writer.put(entry.termEnd)
            writer.put(entry.autoRenew)
            writer.put(entry.term?.text ?? "")
        }
        put(subscription.named, to: &writer)
    }

    /// Names, other ids and holdings of a group of people.
    func peopleState(_ customer: Customer, _ group: Int32) -> CoreState {
        var writer = StateWriter()
        writer.put(StateKey.peopleVersion)
        let places = customer.people.places(of: group)
        writer.put(places.count)
        for place in places { put(customer.people.persons[place], to: &writer) }
        return CoreState(key: StateKey.users(customer.id, group), body: writer.bytes)
    }

    private func put(_ person: Person, to writer: inout StateWriter) {
        writer.put(person.id)
        writer.put(person.since)
        writer.put(PersonFlags(person).rawValue)
        writer.put(person.name)
        writer.put(person.principalName?.text ?? "")
        writer.put(person.principalTold)
        writer.put(person.aliases.count)
        for alias in person.aliases {
            writer.put(alias.id)
            writer.put(alias.since)
        }
        if let merge = person.merge {
            writer.put(UInt64(merge.into))
            writer.put(merge.at)
        }
        writer.put(person.holdings.count)
        for holding in person.holdings {
            writer.put(catalog[holding.sku].id)
            writer.put(holding.assignments.count)
            for assignment in holding.assignments {
                writer.put(day: assignment.days.start)
                writer.put(day: assignment.days.end)
                writer.put(assignment.told)
            }
            writer.put(holding.named)
        }
    }

    /// A part of a snapshot that is not complete, or what is left of one.
    func partState(_ customer: Customer, _ slot: Int32) -> CoreState {
        var writer = StateWriter()
        writer.put(StateKey.partsVersion)
        func put(_ snapshot: HolderSnapshot) {
            writer.put(catalog[snapshot.sku].id)
            writer.put(day: snapshot.day)
        }
        switch customer.parts.slots[slot] {
        case .waiting(let part):
            writer.put(true)
            put(part.snapshot)
            writer.put(part.told)
            writer.put(UInt64(part.part.number))
            writer.put(UInt64(part.part.count))
            writer.put(part.users.count)
            for user in part.users { writer.put(user) }
        case .settled(let snapshot, let before):
            writer.put(false)
            put(snapshot)
            writer.put(before)
        case nil: break
        }
        return CoreState(key: StateKey.part(customer.id, slot), body: writer.bytes)
    }

    /// The activity days of a group of people in one epoch.
    func usesState(_ customer: Customer, _ place: UsesPlace) -> CoreState {
        var uses = StoredUses(epoch: place.epoch)
        let places = customer.people.places(of: place.group)
        for person in places {
            var rows: [StoredUses.Row] = []
            for row in 0..<ActivityTable.firstUnionRow {
                let days = customer.activity.days(person: person, row: row, epoch: place.epoch)
                if !days.isEmpty { rows.append(StoredUses.Row(row: row, days: days)) }
            }
            if !rows.isEmpty { uses.people.append(StoredUses.Person(place: person - places.lowerBound, rows: rows)) }
        }
        return CoreState(key: StateKey.uses(customer.id, place), body: uses.bytes)
    }

    /// The epochs in which anybody of a group was active.
    func epochs(_ customer: Customer, _ group: Int32) -> [Int32] {
        var epochs: Set<Int32> = []
        for person in customer.people.places(of: group) {
            for row in 0..<ActivityTable.firstUnionRow {
                for day in customer.activity.days(person: person, row: row) { epochs.insert(day >> EpochDays.shift) }
            }
        }
        return epochs.sorted()
    }
}

/// What a stored row says about a person beside names and numbers.
struct PersonFlags: OptionSet {
    let rawValue: UInt64

    static let erased = PersonFlags(rawValue: 1 << 0)
    static let concealed = PersonFlags(rawValue: 1 << 1)
    static let merged = PersonFlags(rawValue: 1 << 2)
    static let all: PersonFlags = [.erased, .concealed, .merged]

    init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    init(_ person: Person) {
        self = []
        if person.isErased { insert(.erased) }
        if person.isConcealed { insert(.concealed) }
        if person.merge != nil { insert(.merged) }
    }
}

extension People {
    /// The places of a group's people.
    func places(of group: Int32) -> Range<Int> {
        let first = min(Int(group) * DirtyStates.peoplePerRow, persons.count)
        return first..<min(first + DirtyStates.peoplePerRow, persons.count)
    }
}

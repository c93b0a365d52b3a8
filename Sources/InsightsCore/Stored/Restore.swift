import LicenseModel
import Tenancy

extension InsightsCore {
    /// The rows that follow are those of a bucket that is folded through the revision.
    public mutating func beginRestoring(bucketThrough revision: Revision) {
        self.revision = revision
    }

    /// Reads back one row of a fold, in any order of the rows (fastest by key). Only into a core that contains nothing
    /// but such rows. Throws for a row that no version wrote; start anew then.
    public mutating func restore(_ state: CoreState) throws(CoreStateError) {
        var reader = StateReader(state)
        let version = try reader.number()
        let before = dirty
        defer { dirty = before }
        func require(_ versions: ClosedRange<UInt64>) throws(CoreStateError) {
            if !versions.contains(version) { throw reader.error("the version is unknown") }
        }
        if state.key == StateKey.core {
            try require(StateKey.coreVersion...StateKey.coreVersion)
            revision = Revision(number: Int64(bitPattern: try reader.number()))
        } else if state.key == StateKey.catalog {
            try require(1...StateKey.catalogVersion)
            try restoreCatalog(&reader, version: version)
        } else if state.key == StateKey.partners {
            try require(StateKey.partnersVersion...StateKey.partnersVersion)
            for (id, name) in try reader.partners() { partners[Int(internPartner(id))].value.name = name }
        } else if state.key.hasPrefix(StateKey.customerPrefix) {
            try require(1...StateKey.customerVersion)
            try restoreCustomer(&reader, version: version)
        } else if state.key == StateKey.folding {
            try require(StateKey.foldingVersion...StateKey.foldingVersion)
            isFoldUnfinished = true
        } else if state.key.hasPrefix(StateKey.usersPrefix) {
            try require(1...StateKey.peopleVersion)
            try restoreUsers(&reader, version: version)
        } else if state.key.hasPrefix(StateKey.usesPrefix) {
            try require(StateKey.usesVersion...StateKey.usesVersion)
            try restoreUses(&reader)
        } else if state.key.hasPrefix(StateKey.partsPrefix) {
            try require(StateKey.partsVersion...StateKey.partsVersion)
            try restorePart(&reader)
        } else {
            throw reader.error("the key is unknown")
        }
        guard reader.isAtEnd else { throw reader.error("more bytes than expected") }
    }

    /// All rows are read. Throws when people are missing; but those whom an unfinished fold has days of are in the log.
    public mutating func finishRestoring() throws(CoreStateError) {
        var before = dirty
        defer { dirty = before }
        foldedThrough = revision
        if let (place, groups) = waitingUsers.first {
            let id = customers[Int(place)].value.id
            throw CoreStateError(
                key: StateKey.users(id, Int32(truncatingIfNeeded: groups.keys.min() ?? 0)),
                reason: "people before it are missing")
        }
        for (place, groups) in waitingUses {
            for (group, waiting) in groups {
                guard isFoldUnfinished else {
                    let uses = UsesPlace(group: Int32(truncatingIfNeeded: group), epoch: waiting.first?.epoch ?? 0)
                    throw CoreStateError(
                        key: StateKey.uses(customers[Int(place)].value.id, uses), reason: "its people are missing")
                }
                for uses in waiting { add(uses, group: group, to: place) }
            }
        }
        waitingUses = [:]
        try uniteWaiting()
        for place in 0..<Int32(truncatingIfNeeded: customers.count) {
            let customer = customers[Int(place)].value
            guard isFoldUnfinished || !customer.parts.slots.isEmpty else { continue }
            change(place) { core, customer, _ in
                var changed: Set<Int32> = []
                customer.parts.finishRestoring(
                    unfinishedSince: core.isFoldUnfinished ? core.foldedThrough : nil, changed: &changed)
                for slot in changed { before.mark(part: slot, of: place) }
                if core.isFoldUnfinished { customer.people.keepHistories() }
            }
        }
        if names != nil { deriveFigures() }
    }

    /// Of a part: once for each customer, now that all its rows are there.
    private mutating func deriveFigures() {
        for place in 0..<customers.count {
            var customer = customers[place].value
            LicenseSweep.update(&customer, catalog: catalog, from: 0)
            customers[place] = Frozen(customer)
        }
    }

    /// Unites people with those who they turned out to be, in the order in which they did.
    private mutating func uniteWaiting() throws(CoreStateError) {
        let unionRows = catalog.unionRows
        for (place, merges) in waitingMerges {
            let customer = customers[Int(place)].value
            var known: [Int: PersonMerge] = [:]
            for (person, merge) in merges where merge.into < customer.people.persons.count {
                known[person] = merge
            }
            // Who is not there yet is in the log of the unfinished fold, which unites them again.
            let isComplete = known.count == merges.count || isFoldUnfinished
            let isOrdered = known.allSatisfy { person, merge in
                let into = Int(merge.into)
                let isNamed = ![person, into].contains { customer.people.persons[$0].isConcealed }
                return into != person && isNamed && known[into].map { $0.at > merge.at } ?? true
            }
            guard isComplete, isOrdered else {
                throw CoreStateError(key: StateKey.customer(customer.id), reason: "merged people are out of order")
            }
            change(place) { core, customer, change in
                for (person, merge) in known.sorted(by: { ($0.value.at, $0.key) < ($1.value.at, $1.key) }) {
                    core.merge(person, as: merge, of: &customer, change: &change, unionRows: unionRows)
                }
            }
        }
        waitingMerges = [:]
    }

    private mutating func restoreCatalog(_ reader: inout StateReader, version: UInt64) throws(CoreStateError) {
        var facts: [Fact] = []
        for _ in 0..<(try reader.count()) {
            let id = try reader.id(SkuID.self)
            let name = try reader.text()
            let product = try reader.number()
            let workloads = try reader.number()
            let isFree = version == 1 ? false : try reader.flag()
            guard product <= Product.count, workloads <= WorkloadSet.all.rawValue else {
                throw reader.error("a value is unknown")
            }
            facts.append(
                .sku(
                    SkuFact(
                        sku: id, name: name, product: Product(rawValue: UInt8(product)),
                        workloads: WorkloadSet(rawValue: UInt8(workloads)), isFree: isFree)))
        }
        for case .sku(let fact) in facts { _ = internStored(fact.sku) }
        applyCatalog(facts)
    }

    private mutating func restoreCustomer(_ reader: inout StateReader, version: UInt64) throws(CoreStateError) {
        let stored = try reader.customer(version: version)
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
                let place = customer.subscription(subscription.id)
                customer.subscriptions[place].seller = core.internSeller(subscription.seller)
                for entry in subscription.entries {
                    customer.subscriptions[place].set(entry.entry(of: core.internStored(entry.sku)))
                }
                for (seller, days) in subscription.named {
                    customer.subscriptions[place].setNamed(days, of: core.internReach(seller))
                }
                change.subscriptions.insert(place)
            }
            for (seller, days) in stored.subscriptionSnapshots {
                customer.subscriptionSnapshots[core.internReach(seller)] = days
            }
            for (sku, days) in stored.snapshots {
                customer.people.members[core.internStored(sku), default: SkuMembers()].snapshots = days
            }
            change.people = Set(0..<customer.people.persons.count)
            change.licenses(from: 0)
        }
    }

    /// Whose subscriptions a snapshot covers; nil: every seller's.
    private mutating func internReach(_ seller: PartnerID?) -> SellerIndex {
        seller.map { internPartner($0) } ?? SellerKind.every
    }

    /// Groups that arrive before their predecessors wait: people keep their places.
    private mutating func restoreUsers(_ reader: inout StateReader, version: UInt64) throws(CoreStateError) {
        let path = reader.key.dropFirst(StateKey.usersPrefix.count)
        guard let (rest, number) = Self.lastNumber(of: path), let id = try? CustomerID(String(rest)) else {
            throw reader.error("the key is unknown")
        }
        let group = Int(number)
        let stored = try reader.people(version: version)
        let place = internCustomer(id)
        if version == 1 { unconverted[place, default: []].insert(number) }
        waitingUsers[place, default: [:]][group] = stored
        while true {
            let count = customers[Int(place)].value.people.persons.count
            guard count % DirtyStates.peoplePerRow == 0,
                let next = waitingUsers[place]?.removeValue(forKey: count / DirtyStates.peoplePerRow)
            else { break }
            add(next, to: place)
            let uses = waitingUses[place]?.removeValue(forKey: count / DirtyStates.peoplePerRow) ?? []
            for uses in uses { addOrKeep(uses, group: count / DirtyStates.peoplePerRow, of: place) }
            if next.isEmpty { break }
        }
        if waitingUsers[place]?.isEmpty ?? false { waitingUsers[place] = nil }
        if waitingUses[place]?.isEmpty ?? false { waitingUses[place] = nil }
    }

    private mutating func restoreUses(_ reader: inout StateReader) throws(CoreStateError) {
        let path = reader.key.dropFirst(StateKey.usesPrefix.count)
        guard let (front, group) = Self.lastNumber(of: path), let (rest, epoch) = Self.lastNumber(of: front),
            epoch <= Day.last.number >> EpochDays.shift, let id = try? CustomerID(String(rest))
        else { throw reader.error("the key is unknown") }
        let uses = try StoredUses(&reader, epoch: epoch)
        addOrKeep(uses, group: Int(group), of: internCustomer(id))
    }

    private mutating func restorePart(_ reader: inout StateReader) throws(CoreStateError) {
        let path = reader.key.dropFirst(StateKey.partsPrefix.count)
        guard let (rest, slot) = Self.lastNumber(of: path), slot < WaitingParts.slotLimit,
            let id = try? CustomerID(String(rest))
        else { throw reader.error("the key is unknown") }
        let isWaiting = try reader.flag()
        let snapshot = HolderSnapshot(
            sku: internStored(try reader.id(SkuID.self)), day: try reader.dayNumber())
        let moment = try reader.moment()
        var content = WaitingParts.Slot.settled(snapshot, before: moment)
        if isWaiting {
            let part = SnapshotPart(
                number: Int32(clamping: try reader.number()), of: Int32(clamping: try reader.number()))
            guard part.isWithinBounds else { throw reader.error("a number is out of range") }
            var users: [UserID] = []
            for _ in 0..<(try reader.count()) { users.append(try reader.id(UserID.self)) }
            content = .waiting(WaitingPart(snapshot: snapshot, part: part, told: moment, users: users))
        }
        change(internCustomer(id), facts: 0) { _, customer, _ in customer.parts.restore(content, in: slot) }
    }

    /// The hexadecimal number behind the last slash, and what is before that.
    private static func lastNumber(of path: Substring) -> (Substring, Int32)? {
        guard let slash = path.lastIndex(of: "/"), let number = Int32(path[path.index(after: slash)...], radix: 16),
            number >= 0
        else { return nil }
        return (path[..<slash], number)
    }

    /// Days that arrive before their people wait.
    private mutating func addOrKeep(_ uses: StoredUses, group: Int, of place: Int32) {
        let people = customers[Int(place)].value.people.places(of: Int32(truncatingIfNeeded: group))
        if let last = uses.people.last, last.place >= people.count {
            waitingUses[place, default: [:]][group, default: []].append(uses)
        } else {
            add(uses, group: group, to: place)
        }
    }

    /// Adds days of people who are there.
    private mutating func add(_ uses: StoredUses, group: Int, to place: Int32) {
        let unionRows = catalog.unionRows
        let first = uses.epoch << EpochDays.shift
        change(place) { _, customer, change in
            let people = customer.people.places(of: Int32(truncatingIfNeeded: group))
            for stored in uses.people where stored.place < people.count {
                let person = people.lowerBound + stored.place
                let isConcealed = customer.people.persons[person].isConcealed
                for row in stored.rows {
                    customer.addActivity(
                        person: person, isConcealed: isConcealed, row: row.row, unionRows: unionRows[row.row],
                        days: row.days.offsets.map { Day(number: first + Int32(truncatingIfNeeded: $0)) },
                        change: &change.activity, epochs: &change.epochs)
                }
            }
        }
    }

    private mutating func add(_ people: [StoredPerson], to place: Int32) {
        let unionRows = catalog.unionRows
        change(place) { core, customer, change in
            for stored in people {
                let person = customer.append(stored.person)
                if let merge = stored.merge { core.waitingMerges[place, default: []].append((person, merge)) }
                for holding in stored.holdings {
                    let spot = customer.people.holding(of: core.internStored(holding.sku), person: person)
                    for assignment in holding.assignments {
                        customer.people.persons[person].holdings[spot].set(assignment.days, told: assignment.told)
                    }
                    customer.people.persons[person].holdings[spot].named = holding.named
                }
                change.people.insert(person)
                for (row, days) in stored.activity.enumerated() {
                    customer.addActivity(
                        person: person, isConcealed: false, row: row, unionRows: unionRows[row],
                        days: days.map(Day.init(number:)), change: &change.activity, epochs: &change.epochs)
                }
            }
        }
    }
}

/// What a row says about one person, with ids.
struct StoredPerson: Sendable {
    struct StoredHolding: Sendable {
        var sku: SkuID
        var assignments: [Assignment]
        var named: DaySet
    }

    /// Without the rest.
    var person: Person
    var merge: PersonMerge?
    var holdings: [StoredHolding] = []
    /// Days by row of the activity table, of a row of version 1.
    var activity: [[Int32]] = []
}

/// What a row says about one entry of a subscription.
struct StoredEntry {
    var sku: SkuID
    var day: Int32
    var quantity: Int64
    var state: SubscriptionState
    var trial: Bool
    var termEnd: Day?
    var autoRenew: Bool
    var term: Term?

    func entry(of sku: SkuIndex) -> Subscription.Entry {
        Subscription.Entry(
            day: day, sku: sku, quantity: quantity, state: state, trial: trial, termEnd: termEnd, autoRenew: autoRenew,
            term: term)
    }
}

/// What a row says about one subscription, with ids.
struct StoredSubscription {
    var id: SubscriptionID
    var seller: Seller
    var entries: [StoredEntry] = []
    var named: [(PartnerID?, DaySet)] = []
}

/// What a row says about one customer, with ids.
struct StoredCustomer {
    var name: String
    var market: String
    var coverage: CoverageRow
    var relationships: [(PartnerID, DaySpan)] = []
    var support: [SupportEntry] = []
    var subscriptions: [StoredSubscription] = []
    var snapshots: [(SkuID, DaySet)] = []
    /// Nil: of every seller.
    var subscriptionSnapshots: [(PartnerID?, DaySet)] = []
}

extension StateReader {
    fileprivate mutating func partners() throws(CoreStateError) -> [(PartnerID, String)] {
        var partners: [(PartnerID, String)] = []
        for _ in 0..<(try count()) { partners.append((try id(PartnerID.self), try text())) }
        return partners
    }

    fileprivate mutating func customer(version: UInt64) throws(CoreStateError) -> StoredCustomer {
        var stored = StoredCustomer(
            name: try text(), market: try text(),
            coverage: CoverageRow(subscriptions: try day(), assignments: try day()))
        // Once one day was that of every workload.
        let reported = version == 1 ? [WorkloadSet.all] : Workload.allCases.map { WorkloadSet([$0]) }
        for workloads in reported {
            if let through = try day() { stored.coverage.report(through, in: workloads) }
        }
        for _ in 0..<(try count()) {
            stored.relationships.append(
                (try id(PartnerID.self), DaySpan(start: try dayNumber(), end: try dayNumber())))
        }
        for _ in 0..<(try count()) {
            stored.support.append(
                SupportEntry(day: try dayNumber(), category: try value(SupportCategory.self), count: try signed()))
        }
        for _ in 0..<(try count()) { stored.subscriptions.append(try subscription(version: version)) }
        for _ in 0..<(try count()) { stored.snapshots.append((try id(SkuID.self), try daySet())) }
        if version > 1 { stored.subscriptionSnapshots = try snapshotDays() }
        return stored
    }

    private mutating func subscription(version: UInt64) throws(CoreStateError) -> StoredSubscription {
        let id = try id(SubscriptionID.self)
        var sku = version == 1 ? try self.id(SkuID.self) : nil
        var stored = StoredSubscription(id: id, seller: try seller())
        for _ in 0..<(try count()) {
            let day = try dayNumber()
            if version > 1, let named = try optionalID(SkuID.self) { sku = named }
            guard let sku else { throw error("an entry has no SKU") }
            var entry = StoredEntry(
                sku: sku, day: day, quantity: try signed(), state: try value(SubscriptionState.self),
                trial: try flag(), termEnd: try self.day(), autoRenew: try flag())
            if version > 1 { entry.term = try term() }
            stored.entries.append(entry)
        }
        if version > 1 { stored.named = try snapshotDays() }
        return stored
    }

    private mutating func term() throws(CoreStateError) -> Term? {
        let text = try text()
        if text.isEmpty { return nil }
        guard let term = Term(text) else { throw error("a value is unknown") }
        return term
    }

    private mutating func snapshotDays() throws(CoreStateError) -> [(PartnerID?, DaySet)] {
        var days: [(PartnerID?, DaySet)] = []
        for _ in 0..<(try count()) { days.append((try optionalID(PartnerID.self), try daySet())) }
        return days
    }

    private mutating func seller() throws(CoreStateError) -> Seller {
        switch try number() {
        case 0: .direct
        case 1: .unknown
        case 2: .partner(try id(PartnerID.self))
        default: throw error("a value is unknown")
        }
    }

    fileprivate mutating func people(version: UInt64) throws(CoreStateError) -> [StoredPerson] {
        let count = try count()
        guard count <= DirtyStates.peoplePerRow else { throw error("too many people") }
        var people: [StoredPerson] = []
        for _ in 0..<count {
            var stored = version < StateKey.peopleVersion ? try oldPerson() : try person()
            for _ in 0..<(try self.count()) {
                let sku = try id(SkuID.self)
                var assignments: [Assignment] = []
                for _ in 0..<(try self.count()) {
                    let days = DaySpan(start: try dayNumber(), end: try dayNumber())
                    let told = version < StateKey.peopleVersion ? Moment.unknown : try moment()
                    assignments.append(Assignment(days: days, told: told))
                }
                stored.holdings.append(
                    StoredPerson.StoredHolding(sku: sku, assignments: assignments, named: try daySet()))
            }
            if version == 1 {
                for _ in 0..<ActivityTable.firstUnionRow { stored.activity.append(try days()) }
            }
            people.append(stored)
        }
        return people
    }

    /// What versions 1 and 2 say about a person, without holdings and days.
    private mutating func oldPerson() throws(CoreStateError) -> StoredPerson {
        var person = Person(id: try id(UserID.self), since: .unknown)
        person.name = try text()
        person.isErased = try flag()
        return StoredPerson(person: person)
    }

    private mutating func person() throws(CoreStateError) -> StoredPerson {
        let (id, since) = (try id(UserID.self), try moment())
        let flags = PersonFlags(rawValue: try number())
        guard flags.isSubset(of: .all) else { throw error("a value is unknown") }
        var person = Person(id: id, since: since, isConcealed: flags.contains(.concealed))
        person.isErased = flags.contains(.erased)
        person.name = try text()
        let principalName = try text()
        if !principalName.isEmpty {
            do throws(IdentifierError) {
                person.principalName = try UserID(stored: principalName)
            } catch {
                throw self.error("an id \(error.reason)")
            }
        }
        person.principalTold = try moment()
        for _ in 0..<(try count()) {
            person.aliases.append(OwnedID(id: try self.id(UserID.self), since: try moment()))
        }
        var stored = StoredPerson(person: person)
        if flags.contains(.merged) {
            guard let into = Int32(exactly: try number()) else { throw error("a number is too large") }
            stored.merge = PersonMerge(into: into, at: try moment())
        }
        return stored
    }
}

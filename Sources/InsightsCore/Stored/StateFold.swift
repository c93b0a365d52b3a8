import LicenseModel
import Tenancy

/// A fold under way: the rows of all that changed, as it was when the fold began, a piece at a time, so that neither
/// all rows are in memory at once nor all are written in one transaction.
///
/// Until the last piece is stored, with the revision that it folds through, the log from the fold before goes on being
/// replayed, over rows of which some are newer than it. That gives the same facts: what a fact says replaces what an
/// earlier one said about the same thing, days are only added, ids mean whom they meant at the moment of the fact, and
/// the facts that a newer row knows already are all in the log. People of whom there are days but no row are made by
/// the log too, at the same places.
public struct StateFold: Sendable {
    fileprivate enum Step: Sendable {
        case catalog
        case partners
        case customer(Int32)
        /// The days of one epoch, or of all.
        case uses(Int32, UsesPlace)
        case allUses(Int32, group: Int32)
        case people(Int32, group: Int32)
        case part(Int32, slot: Int32)
    }

    /// What the fold is through.
    public var revision: Revision { core.revision }
    /// Whether `next` has given everything.
    public private(set) var isAtEnd = false

    fileprivate let core: InsightsCore
    fileprivate let dirty: DirtyStates
    /// Nil: everything.
    fileprivate let bucket: Int?
    private let steps: [Step]
    private var place = 0

    /// Stored with the first of several pieces and deleted with the last: tells a start that rows may be newer than the
    /// revision that was folded through. Its version stands for the order in which facts make people: whoever changes
    /// that must not read what an older version left unfinished.
    public static let marker = CoreState(key: StateKey.folding, body: [UInt8(StateKey.foldingVersion)])

    fileprivate init(_ core: InsightsCore, _ dirty: DirtyStates, bucket: Int? = nil) {
        self.core = core
        self.dirty = dirty
        self.bucket = bucket
        var steps: [Step] = []
        if dirty.catalog { steps.append(.catalog) }
        if dirty.partners { steps.append(.partners) }
        for place in Set(dirty.customers.keys).union(dirty.uses.keys).union(dirty.parts.keys).sorted() {
            let groups = dirty.customers[place] ?? []
            if groups.contains(DirtyStates.customerRow) { steps.append(.customer(place)) }
            let unconverted = core.unconverted[place] ?? []
            // Days go before people: a row of people of version 1 is the only one that has their days until then.
            for group in groups.intersection(unconverted).sorted() {
                steps.append(.allUses(place, group: group))
            }
            for uses in (dirty.uses[place] ?? []).sorted()
            where !(groups.contains(uses.group) && unconverted.contains(uses.group)) {
                steps.append(.uses(place, uses))
            }
            // In the order of their groups, so that whatever is stored has nobody without a predecessor.
            for group in groups.sorted() where group != DirtyStates.customerRow {
                steps.append(.people(place, group: group))
            }
            // Behind everything else of the customer: that a part is no longer needed stands for what it made known.
            for slot in (dirty.parts[place] ?? []).sorted() { steps.append(.part(place, slot: slot)) }
        }
        self.steps = steps
    }

    /// The next rows: at least `maximumBytes` of them, by as little as one row can be more, or what is left. The last
    /// piece of everything, and of bucket 0, has the revision.
    public mutating func next(maximumBytes: Int) -> [CoreState] {
        var states: [CoreState] = []
        var bytes = 0
        while place < steps.count, bytes < maximumBytes {
            for state in rows(of: steps[place]) {
                states.append(state)
                bytes += state.body.count
            }
            place += 1
        }
        guard place == steps.count, !isAtEnd else { return states }
        isAtEnd = true
        guard bucket ?? 0 == 0 else { return states }
        var writer = StateWriter()
        writer.put(StateKey.coreVersion)
        writer.put(UInt64(bitPattern: revision.number))
        states.append(CoreState(key: StateKey.core, body: writer.bytes))
        return states
    }

    private func rows(of step: Step) -> [CoreState] {
        switch step {
        case .catalog: [core.catalogState()]
        case .partners: [core.partnersState()]
        case .customer(let place): [core.customerState(core.customers[Int(place)].value)]
        case .uses(let place, let uses): [core.usesState(core.customers[Int(place)].value, uses)]
        case .allUses(let place, let group):
            core.epochs(core.customers[Int(place)].value, group).map {
                core.usesState(core.customers[Int(place)].value, UsesPlace(group: group, epoch: $0))
            }
        case .part(let place, let slot): [core.partState(core.customers[Int(place)].value, slot)]
        case .people(let place, let group): [core.peopleState(core.customers[Int(place)].value, group)]
        }
    }
}

extension InsightsCore {
    /// Begins to fold what changed since the last fold; nil when nothing did. What changes from now on belongs to the
    /// next.
    public mutating func beginFold() -> StateFold? {
        guard !dirty.isEmpty else { return nil }
        defer { dirty = DirtyStates() }
        return StateFold(self, dirty)
    }

    /// Begins to fold what changed of a bucket since it was folded last, or was known to be.
    public mutating func beginFold(bucket: Int) -> StateFold {
        sortDirtyStates()
        return StateFold(self, dirtyBuckets.removeValue(forKey: bucket) ?? DirtyStates(), bucket: bucket)
    }

    /// Another server folded: what its rows have is no longer to be written by this one.
    public mutating func forgetDirtyStates(through folds: BucketFolds) {
        sortDirtyStates()
        for (bucket, var marks) in dirtyBuckets {
            let through = folds[bucket]
            let revisions = customerRevisions
            let gone = marks.removeCustomers { revisions[Int($0)] <= through }
            noteStored(gone)
            if revision <= through { marks.revision = false }
            if catalogTold <= through { marks.catalog = false }
            if partnersTold <= through { marks.partners = false }
            dirtyBuckets[bucket] = marks.isEmpty ? nil : marks
        }
    }

    private mutating func sortDirtyStates() {
        guard !dirty.isEmpty else { return }
        let customers = customers
        for (bucket, marks) in dirty.sorted(by: { StateBuckets.bucket(of: customers[Int($0)].value.id) }) {
            dirtyBuckets[bucket, default: DirtyStates()].add(marks)
        }
        dirty = DirtyStates()
    }

    /// Groups of people have rows of today's version.
    private mutating func noteStored(_ customers: [Int32: Set<Int32>]) {
        for (place, groups) in customers {
            guard var left = unconverted[place] else { continue }
            left.subtract(groups)
            unconverted[place] = left.isEmpty ? nil : left
        }
    }

    /// All pieces are stored.
    public mutating func finishFold(_ fold: StateFold) {
        foldedThrough = max(foldedThrough, fold.revision)
        noteStored(fold.dirty.customers)
    }

    /// Not all pieces could be stored: the next fold begins with them.
    public mutating func abandonFold(_ fold: StateFold) {
        if let bucket = fold.bucket {
            dirtyBuckets[bucket, default: DirtyStates()].add(fold.dirty)
        } else {
            dirty.add(fold.dirty)
        }
    }
}

/// What changed since the states were last taken.
struct DirtyStates: Sendable {
    var revision = false
    var catalog = false
    var partners = false
    /// Per customer the groups of people; `customerRow` stands for the customer itself.
    var customers: [Int32: Set<Int32>] = [:]
    /// Per customer the groups and epochs of activity days.
    private(set) var uses: [Int32: Set<UsesPlace>] = [:]
    /// Per customer the slots of parts of snapshots.
    private(set) var parts: [Int32: Set<Int32>] = [:]
    /// Marked last: facts come in the order of people and days.
    private var last: (customer: Int32, uses: UsesPlace)?

    static let customerRow: Int32 = -1
    /// People in one stored row.
    static let peoplePerRow = 256

    var isEmpty: Bool {
        !revision && !catalog && !partners && customers.isEmpty && uses.isEmpty && parts.isEmpty
    }

    mutating func mark(customer: Int32) {
        customers[customer, default: []].insert(Self.customerRow)
    }

    mutating func mark(person: Int, of customer: Int32) {
        customers[customer, default: []].insert(Int32(truncatingIfNeeded: person / Self.peoplePerRow))
    }

    mutating func mark(person: Int, epoch: Int32, of customer: Int32) {
        let place = UsesPlace(group: Int32(truncatingIfNeeded: person / Self.peoplePerRow), epoch: epoch)
        if let last, last.customer == customer, last.uses == place { return }
        uses[customer, default: []].insert(place)
        last = (customer, place)
    }

    mutating func mark(part slot: Int32, of customer: Int32) {
        parts[customer, default: []].insert(slot)
    }

    /// By the bucket of the customer; what is of none is in bucket 0.
    func sorted(by bucket: (Int32) -> Int) -> [Int: DirtyStates] {
        var sorted: [Int: DirtyStates] = [:]
        var rest = DirtyStates()
        (rest.revision, rest.catalog, rest.partners) = (revision, catalog, partners)
        if !rest.isEmpty { sorted[0] = rest }
        for place in Set(customers.keys).union(uses.keys).union(parts.keys) {
            let bucket = bucket(place)
            sorted[bucket, default: DirtyStates()].customers[place] = customers[place]
            sorted[bucket, default: DirtyStates()].uses[place] = uses[place]
            sorted[bucket, default: DirtyStates()].parts[place] = parts[place]
        }
        return sorted
    }

    /// Takes the marks of customers away. Returns those of their groups of people.
    mutating func removeCustomers(where isGone: (Int32) -> Bool) -> [Int32: Set<Int32>] {
        var gone: [Int32: Set<Int32>] = [:]
        for place in Set(customers.keys).union(uses.keys).union(parts.keys) where isGone(place) {
            gone[place] = customers.removeValue(forKey: place)
            uses[place] = nil
            parts[place] = nil
        }
        last = nil
        return gone
    }

    /// Takes over the marks of one customer.
    mutating func adopt(_ old: Int32, of other: DirtyStates, as place: Int32) {
        customers[place] = other.customers[old]
        uses[place] = other.uses[old]
        parts[place] = other.parts[old]
    }

    mutating func add(_ other: DirtyStates) {
        revision = revision || other.revision
        catalog = catalog || other.catalog
        partners = partners || other.partners
        customers.merge(other.customers) { $0.union($1) }
        uses.merge(other.uses) { $0.union($1) }
        parts.merge(other.parts) { $0.union($1) }
    }
}

/// Activity days of one group of people in one epoch.
struct UsesPlace: Sendable, Hashable, Comparable {
    var group: Int32
    /// Day divided by 128.
    var epoch: Int32

    static func < (left: UsesPlace, right: UsesPlace) -> Bool {
        (left.group, left.epoch) < (right.group, right.epoch)
    }
}

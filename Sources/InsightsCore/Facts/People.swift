import HashTreeCollections
import LicenseModel
import Tenancy

/// An id that belongs to a person, or did, since a fact gave it to the person.
struct OwnedID: Sendable, Equatable {
    let id: UserID
    let since: Moment
}

/// The person turned out to be another one.
struct PersonMerge: Sendable, Equatable {
    /// The place of that one, who may be merged as well, later.
    let into: Int32
    let at: Moment
}

struct Person: Sendable {
    /// The main id.
    var id: UserID
    /// When a fact first named the person.
    let since: Moment
    var name = ""
    /// Sign-in name of today, one of the person's ids; nil: not told, or somebody else's by now.
    var principalName: UserID?
    /// When it was told.
    var principalTold = Moment.unknown
    /// The other ids by arrival, also those that were moved away since.
    var aliases: [OwnedID] = []
    /// What else is here then says what was known before: it is kept for its stored rows, and counts with the other
    /// person.
    var merge: PersonMerge?
    /// Replaced by an anonymous one: counts, but is never listed or named.
    var isErased = false
    /// Named by digests only: counts apart from the named people, has no other ids and holds nothing.
    let isConcealed: Bool
    var holdings: [Holding] = []
    /// What the person holds over time; nothing before the first step.
    var timeline: [HoldingStep] = []

    init(id: UserID, since: Moment, isConcealed: Bool = false) {
        self.id = id
        self.since = since
        self.isConcealed = isConcealed
    }

    func set(on day: Int32) -> Int32 {
        let place = timeline.partitioningIndex { $0.day > day }
        return place == 0 ? 0 : timeline[place - 1].set
    }

    /// Merged, and the main id is erased: it means nobody.
    var isForgotten: Bool { isErased && merge != nil }

    /// Since when the id is the person's; that it first became so where it did several times.
    func since(_ id: UserID) -> Moment {
        id == self.id ? since : aliases.first { $0.id == id }?.since ?? since
    }
}

/// The people of one customer and what they hold.
struct People: Sendable {
    private var index = PersonIndex()
    /// Concealed people by their digests.
    private var concealed = TreeDictionary<UserID, Int32>()
    var persons = SharedVector<Person>()
    /// Set 0 is the empty set.
    private(set) var sets = [HoldingSet(skus: [])]
    private var setIndex: [[SkuIndex]: Int32] = [[]: 0]
    var members: [SkuIndex: SkuMembers] = [:]

    /// The person whom the id means in a fact of the moment, by all that is known since; nil = nobody.
    @inline(__always)
    func find(_ id: UserID, at moment: Moment = .last) -> Int? {
        guard let found = index.find(id, at: moment) else { return nil }
        return found.isSure ? found.person : root(of: found.person)
    }

    /// The person who has the id at the moment, as was known then.
    func find(_ id: UserID, asOf moment: Moment) -> Int? {
        index.find(id, at: moment).map { root(of: $0.person, at: moment) }
    }

    func findConcealed(_ id: UserID) -> Int? { concealed[id].map(Int.init) }

    /// Who the person turned out to be until the moment.
    func root(of person: Int, at moment: Moment = .last) -> Int {
        var place = person
        while let merge = persons[place].merge, merge.at <= moment { place = Int(merge.into) }
        return place
    }

    /// The person of that id, made when there is none.
    @inline(__always)
    mutating func person(_ id: UserID, at moment: Moment) -> Int {
        find(id, at: moment) ?? append(Person(id: id, since: moment))
    }

    /// The concealed person of that id, made when there is none.
    mutating func concealedPerson(_ id: UserID, at moment: Moment) -> Int {
        findConcealed(id) ?? append(Person(id: id, since: moment, isConcealed: true))
    }

    /// Adds a person without looking for one of the same ids.
    mutating func append(_ person: Person) -> Int {
        let place = persons.count
        persons.append(person)
        if person.isConcealed {
            concealed[person.id] = Int32(truncatingIfNeeded: place)
        } else {
            if !person.isForgotten { own(person.id, by: place, since: person.since) }
            for alias in person.aliases { own(alias.id, by: place, since: alias.since) }
        }
        return place
    }

    private mutating func own(_ id: UserID, by person: Int, since: Moment) {
        if let sole = index.sole(of: id) { index.keepHistory(of: id, since: persons[sole].since(id)) }
        index.add(id, person: person, since: since)
    }

    /// Gives a person an id that is nobody's main id.
    mutating func give(_ id: UserID, to person: Int, at moment: Moment) {
        let alias = OwnedID(id: id, since: moment)
        if !persons[person].aliases.contains(alias) { persons[person].aliases.append(alias) }
        own(id, by: person, since: moment)
    }

    /// The person, not merged, from whom the fact of the moment took its sign-in name: it has none now.
    mutating func takePrincipalName(_ id: UserID, at moment: Moment, for person: Int) -> Int? {
        guard let owner = index.owner(of: id, before: moment).map({ root(of: $0) }), owner != root(of: person),
            persons[owner].principalName == id, persons[owner].principalTold < moment
        else { return nil }
        persons[owner].principalName = nil
        return owner
    }

    /// Ids that move are looked up by time from now on, as a log that is replayed needs it.
    mutating func keepHistories() {
        for place in 0..<persons.count {
            let person = persons[place]
            for alias in person.aliases { index.keepHistory(of: alias.id, since: person.since(alias.id)) }
        }
    }

    /// The person turned out to be `target`, who gets all that is told about it but its days of activity. Neither is
    /// merged.
    mutating func merge(_ person: Int, into target: Int, as merge: PersonMerge) {
        let old = persons[person]
        persons[person].merge = merge
        index.keepHistory(of: old.id, since: old.since)
        for alias in old.aliases { index.keepHistory(of: alias.id, since: old.since(alias.id)) }
        for holding in old.holdings {
            let place = self.holding(of: holding.sku, person: target)
            persons[target].holdings[place].unite(with: holding)
        }
        if old.principalTold > persons[target].principalTold {
            // A name that somebody else has by now is in no row of this person's alone.
            let isOwn = old.principalName.map { find($0) == target } ?? false
            persons[target].principalName = isOwn ? old.principalName : nil
            persons[target].principalTold = old.principalTold
        }
    }

    // MARK: Erasing

    /// Ids and people whom an erasure of a person concerns.
    struct Erased {
        /// The person and everybody who was merged into it.
        var people: Set<Int> = []
        /// All ids that mean the person today.
        var ids: Set<UserID> = []
        /// Ids that meant the person before and mean others today.
        var former: Set<UserID> = []
        /// Others who had one of the ids before.
        var others: Set<Int> = []
    }

    /// Replaces a person by an anonymous one of the id `replacement`.
    mutating func anonymize(_ person: Int, as replacement: UserID) -> Erased {
        var erased = Erased()
        if persons[person].isConcealed {
            concealed[persons[person].id] = nil
            concealed[replacement] = Int32(truncatingIfNeeded: person)
            erased.people = [person]
            erased.ids = [persons[person].id]
        } else {
            for place in 0..<persons.count
            where place == person || persons[place].merge != nil && root(of: place) == person {
                erased.people.insert(place)
            }
            forget(person, as: replacement, &erased)
            index.add(replacement, person: person, since: persons[person].since)
        }
        for place in erased.people {
            persons[place].id = replacement
            persons[place].name = ""
            persons[place].principalName = nil
            persons[place].aliases = []
            persons[place].isErased = true
        }
        return erased
    }

    /// Takes every id of the person out of the index, and what says that somebody else had one of them.
    private mutating func forget(_ person: Int, as replacement: UserID, _ erased: inout Erased) {
        for place in erased.people {
            for id in [persons[place].id] + persons[place].aliases.map(\.id) {
                if find(id) == person {
                    erased.ids.insert(id)
                } else {
                    erased.former.insert(id)
                    index.remove(id, of: erased.people)
                }
            }
        }
        for id in erased.ids {
            erased.others.formUnion(Set(index.owners(of: id)).subtracting(erased.people))
            index.remove(id)
        }
        for place in erased.others {
            persons[place].aliases.removeAll { erased.ids.contains($0.id) }
            if let name = persons[place].principalName, erased.ids.contains(name) {
                persons[place].principalName = nil
            }
            // A main id that moved away is that of somebody merged.
            guard erased.ids.contains(persons[place].id) else { continue }
            persons[place].id = replacement
            persons[place].isErased = true
        }
    }

    // MARK: Holding

    /// The place of the person's holding of a SKU, made when there is none.
    mutating func holding(of sku: SkuIndex, person: Int) -> Int {
        if let place = persons[person].holdings.firstIndex(where: { $0.sku == sku }) { return place }
        persons[person].holdings.append(Holding(sku: sku))
        members[sku, default: SkuMembers()].people.append(Int32(truncatingIfNeeded: person))
        return persons[person].holdings.count - 1
    }

    /// Recomputes what a person holds. Returns the first day that changed.
    mutating func updateTimeline(of person: Int) -> Int32? {
        let old = persons[person].timeline
        let new = makeTimeline(of: persons[person])
        var same = 0
        while same < old.count, same < new.count, old[same] == new[same] { same += 1 }
        if same == old.count, same == new.count { return nil }
        var set = same == 0 ? 0 : old[same - 1].set
        for step in old[same...] {
            move(from: step.set, to: set, on: step.day)
            set = step.set
        }
        set = same == 0 ? 0 : new[same - 1].set
        for step in new[same...] {
            move(from: set, to: step.set, on: step.day)
            set = step.set
        }
        persons[person].timeline = new
        return min(same < old.count ? old[same].day : DaySpan.open, same < new.count ? new[same].day : DaySpan.open)
    }

    private mutating func move(from: Int32, to: Int32, on day: Int32) {
        if from != 0 { sets[Int(from)].people.add(-1, on: day) }
        if to != 0 { sets[Int(to)].people.add(1, on: day) }
    }

    private mutating func makeTimeline(of person: Person) -> [HoldingStep] {
        struct Edge {
            var day: Int32
            var sku: SkuIndex
            var begins: Bool
        }
        if person.merge != nil { return [] }
        var edges: [Edge] = []
        for holding in person.holdings {
            for span in holding.spans(snapshots: members[holding.sku]?.snapshots ?? DaySet()) {
                edges.append(Edge(day: span.start, sku: holding.sku, begins: true))
                if span.end != DaySpan.open { edges.append(Edge(day: span.end, sku: holding.sku, begins: false)) }
            }
        }
        edges.sort { $0.day < $1.day }
        var steps: [HoldingStep] = []
        var held: [SkuIndex] = []
        var place = 0
        while place < edges.count {
            let day = edges[place].day
            while place < edges.count, edges[place].day == day {
                let edge = edges[place]
                let spot = held.partitioningIndex { $0 >= edge.sku }
                if edge.begins { held.insert(edge.sku, at: spot) } else { held.remove(at: spot) }
                place += 1
            }
            steps.append(HoldingStep(day: day, set: intern(held)))
        }
        return steps
    }

    private mutating func intern(_ skus: [SkuIndex]) -> Int32 {
        if let known = setIndex[skus] { return known }
        let new = Int32(truncatingIfNeeded: sets.count)
        setIndex[skus] = new
        sets.append(HoldingSet(skus: skus))
        return new
    }
}

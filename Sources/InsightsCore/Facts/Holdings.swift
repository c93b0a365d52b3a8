import HashTreeCollections
import LicenseModel
import Tenancy

/// Half-open days `[start, end)`; `Int32.max` = open.
struct DaySpan: Sendable, Equatable {
    var start: Int32
    var end: Int32

    static let open = Int32.max
    func contains(_ day: Int32) -> Bool { start <= day && day < end }
}

/// Everything that facts say about one person and one SKU.
struct Holding: Sendable {
    let sku: SkuIndex
    /// Assignments by start; an open one has no end of its own.
    var assignments: [DaySpan] = []
    /// Days of snapshots that name the person.
    var named = DaySet()

    /// Replaces the assignment of the same start; an empty one takes it back.
    mutating func set(_ span: DaySpan) {
        let place = assignments.partitioningIndex { $0.start >= span.start }
        let known = place < assignments.count && assignments[place].start == span.start
        if span.end <= span.start {
            if known { assignments.remove(at: place) }
        } else if known {
            assignments[place] = span
        } else {
            assignments.insert(span, at: place)
        }
    }

    /// The days on which the person holds the SKU: disjoint, ascending, never touching. A function of the facts alone,
    /// whatever the order of their arrival.
    func spans(snapshots: DaySet) -> [DaySpan] {
        // Explicit assignments first: they do not depend on those that snapshots make.
        var explicit: [DaySpan] = []
        for assignment in assignments {
            var span = assignment
            if span.end == DaySpan.open { span.end = lastingUntil(from: span.start, snapshots) }
            Self.append(span, to: &explicit)
        }
        if named.words.isEmpty { return explicit }
        var spans: [DaySpan] = []
        var rest = explicit[...]
        var cursor: Int32 = 0
        while let day = named.first(from: cursor) {
            while let next = rest.first, next.end <= day {
                Self.append(next, to: &spans)
                rest.removeFirst()
            }
            if let covering = rest.first, covering.contains(day) {
                cursor = covering.end
            } else {
                let made = DaySpan(start: day, end: lastingUntil(from: day, snapshots))
                cursor = made.end
                // Explicit spans that begin before this one ends are merged below, in the order of their starts.
                Self.append(made, to: &spans)
                while let next = rest.first, next.start <= made.end {
                    Self.append(next, to: &spans)
                    cursor = max(cursor, next.end)
                    rest.removeFirst()
                }
            }
            if cursor == DaySpan.open { break }
        }
        for span in rest { Self.append(span, to: &spans) }
        return spans
    }

    /// The first snapshot at or after `start` that does not name the person.
    private func lastingUntil(from start: Int32, _ snapshots: DaySet) -> Int32 {
        snapshots.first(from: start, notIn: named) ?? DaySpan.open
    }

    /// Appends a span that starts no earlier than the last one, merging what overlaps or touches.
    private static func append(_ span: DaySpan, to spans: inout [DaySpan]) {
        guard span.start < span.end else { return }
        if let last = spans.last, span.start <= last.end {
            spans[spans.count - 1].end = max(last.end, span.end)
        } else {
            spans.append(span)
        }
    }
}

/// From `day` on the person holds the set of SKUs.
struct HoldingStep: Sendable, Equatable {
    var day: Int32
    var set: Int32
}

struct Person: Sendable {
    var id: UserID
    var name = ""
    /// Replaced by an anonymous one: counts, but is never listed or named.
    var isErased = false
    var holdings: [Holding] = []
    /// What the person holds over time; nothing before the first step.
    var timeline: [HoldingStep] = []

    init(id: UserID) {
        self.id = id
    }

    func set(on day: Int32) -> Int32 {
        let place = timeline.partitioningIndex { $0.day > day }
        return place == 0 ? 0 : timeline[place - 1].set
    }
}

/// A set of SKUs that at least one person held on some day, and how many people hold exactly it.
struct HoldingSet: Sendable {
    /// Ascending by place in the catalog.
    let skus: [SkuIndex]
    var people = StepSum<Int64>()
}

/// The snapshots of one SKU and the people whom they can concern.
struct SkuMembers: Sendable {
    var snapshots = DaySet()
    /// People with a `Holding` of the SKU.
    var people: [Int32] = []
}

/// The people of one customer and what they hold.
struct People: Sendable {
    private(set) var index = TreeDictionary<UserID, Int32>()
    var persons = SharedVector<Person>()
    /// Set 0 is the empty set.
    private(set) var sets = [HoldingSet(skus: [])]
    private var setIndex: [[SkuIndex]: Int32] = [[]: 0]
    var members: [SkuIndex: SkuMembers] = [:]

    func find(_ id: UserID) -> Int? { index[id].map(Int.init) }

    /// The person of that id, made when there is none.
    mutating func person(_ id: UserID) -> Int {
        if let known = index[id] { return Int(known) }
        let new = persons.count
        index[id] = Int32(truncatingIfNeeded: new)
        persons.append(Person(id: id))
        return new
    }

    /// Gives a person another id and forgets the name.
    mutating func anonymize(_ person: Int, as replacement: UserID) {
        index[persons[person].id] = nil
        index[replacement] = Int32(truncatingIfNeeded: person)
        persons[person].id = replacement
        persons[person].name = ""
        persons[person].isErased = true
    }

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

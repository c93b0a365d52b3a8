import LicenseModel

/// Half-open days `[start, end)`; `Int32.max` = open.
struct DaySpan: Sendable, Equatable {
    var start: Int32
    var end: Int32

    static let open = Int32.max
    func contains(_ day: Int32) -> Bool { start <= day && day < end }
}

/// An assignment as it was told last; an empty one is taken back.
struct Assignment: Sendable, Equatable {
    var days: DaySpan
    var told: Moment
}

/// Everything that facts say about one person and one SKU.
struct Holding: Sendable {
    let sku: SkuIndex
    /// By start; an open one has no end of its own. Those that were taken back stay: they may be told later than those
    /// of another person who turns out to be the same.
    private(set) var assignments: [Assignment] = []
    /// Days of snapshots that name the person.
    var named = DaySet()

    init(sku: SkuIndex) {
        self.sku = sku
    }

    /// Replaces the assignment of the same start unless that one was told later.
    mutating func set(_ days: DaySpan, told: Moment) {
        let new = Assignment(days: days, told: told)
        let place = assignments.partitioningIndex { $0.days.start >= days.start }
        guard place < assignments.count, assignments[place].days.start == days.start else {
            assignments.insert(new, at: place)
            return
        }
        if assignments[place].told <= told { assignments[place] = new }
    }

    /// Adds what facts say about the same person under another id.
    mutating func unite(with other: Holding) {
        for assignment in other.assignments {
            let known = assignments.first { $0.days.start == assignment.days.start }
            if let known, known.told >= assignment.told { continue }
            set(assignment.days, told: assignment.told)
        }
        named.formUnion(other.named)
    }

    /// The days on which the person holds the SKU: disjoint, ascending, never touching. A function of the facts alone,
    /// whatever the order of their arrival.
    func spans(snapshots: DaySet) -> [DaySpan] {
        // Explicit assignments first: they do not depend on those that snapshots make.
        var explicit: [DaySpan] = []
        for assignment in assignments {
            var span = assignment.days
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

/// Active people per day, for each row of the activity table: the greater of how many named and how many concealed
/// people are active, since the ones may be the others.
struct ActiveUsers: Sendable {
    /// Of a customer with concealed people.
    private struct Parts: Sendable {
        var named: [DaySeries]
        var concealed = [DaySeries](repeating: DaySeries(), count: ActivityTable.rowCount)
    }

    private var figures = [DaySeries](repeating: DaySeries(), count: ActivityTable.rowCount)
    /// Nil while nobody is concealed: then the figures count the named people.
    private var parts: Parts?

    subscript(row: Int) -> DaySeries { figures[row] }

    /// Adds `people` (1 or −1) on every day of `first...last`.
    mutating func add(_ people: Int32, row: Int, from first: Int32, through last: Int32, isConcealed: Bool) {
        guard parts != nil || isConcealed else {
            figures[row].add(people, from: first, through: last)
            return
        }
        addToParts(people, row: row, from: first, through: last, isConcealed: isConcealed)
    }

    private mutating func addToParts(
        _ people: Int32, row: Int, from first: Int32, through last: Int32, isConcealed: Bool
    ) {
        guard first <= last else { return }
        var known = parts ?? Parts(named: figures)
        parts = nil
        for day in first...last {
            let (named, concealed) = (known.named[row][day], known.concealed[row][day])
            let (own, other) = isConcealed ? (concealed, named) : (named, concealed)
            let difference = max(own &+ Int64(people), other) &- max(own, other)
            if difference != 0 {
                figures[row].add(Int32(truncatingIfNeeded: difference), from: day, through: day)
            }
        }
        if isConcealed {
            known.concealed[row].add(people, from: first, through: last)
        } else {
            known.named[row].add(people, from: first, through: last)
        }
        parts = known
    }

    /// Forgets all counts of a row.
    mutating func clear(row: Int) {
        figures[row] = DaySeries()
        parts?.named[row] = DaySeries()
        parts?.concealed[row] = DaySeries()
    }
}

/// What a `StepSum` adds up. Sums wrap; the bounds on facts keep them far from the ends of `Int64`.
protocol StepValue: Sendable, Equatable {
    static var zero: Self { get }
    static func &+= (left: inout Self, right: Self)
    static func &-= (left: inout Self, right: Self)
}

extension Int64: StepValue {}

/// A sum of step functions of the day, as differences: the value on a day is the sum of all differences up to it.
///
/// Differences are kept in pages of 64 days with their totals, so that a change and a look-up stay short whatever the
/// number and the distance of the days.
struct StepSum<Value: StepValue>: Sendable {
    struct Entry: Sendable {
        var day: Int32
        var difference: Value
    }

    private struct Page: Sendable {
        /// Day divided by 64.
        var key: Int32
        /// Sum of the page's differences.
        var total: Value
        /// By day; no difference is zero.
        var entries: [Entry]
    }

    private var pages: [Page] = []

    mutating func add(_ difference: Value, on day: Int32) {
        if difference == .zero { return }
        let key = day >> 6
        var place = pages.count
        if let last = pages.last, last.key >= key {
            place = last.key == key ? pages.count - 1 : pages.partitioningIndex { $0.key >= key }
        }
        guard place < pages.count, pages[place].key == key else {
            pages.insert(
                Page(key: key, total: difference, entries: [Entry(day: day, difference: difference)]), at: place)
            return
        }
        pages[place].total &+= difference
        let spot = pages[place].entries.partitioningIndex { $0.day >= day }
        guard spot < pages[place].entries.count, pages[place].entries[spot].day == day else {
            pages[place].entries.insert(Entry(day: day, difference: difference), at: spot)
            return
        }
        pages[place].entries[spot].difference &+= difference
        guard pages[place].entries[spot].difference == .zero else { return }
        pages[place].entries.remove(at: spot)
        if pages[place].entries.isEmpty { pages.remove(at: place) }
    }

    /// The value on a day.
    func value(on day: Int32) -> Value {
        var sum = Value.zero
        let key = day >> 6
        for page in pages {
            if page.key > key { break }
            if page.key < key {
                sum &+= page.total
                continue
            }
            for entry in page.entries {
                if entry.day > day { break }
                sum &+= entry.difference
            }
        }
        return sum
    }

    /// The differences after a day, by day.
    func forEachDifference(after day: Int32, _ body: (Entry) -> Void) {
        let first = pages.partitioningIndex { $0.key >= day >> 6 }
        for place in first..<pages.count {
            for entry in pages[place].entries where entry.day > day { body(entry) }
        }
    }
}

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
    private struct Page: Sendable {
        /// Day divided by 64.
        var key: Int32
        /// Sum of the page's differences.
        var total: Value
        /// Ascending.
        var days: [Int32]
        /// For each day; none is zero.
        var differences: [Value]
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
            pages.insert(Page(key: key, total: difference, days: [day], differences: [difference]), at: place)
            return
        }
        pages[place].total &+= difference
        let spot = pages[place].days.partitioningIndex { $0 >= day }
        guard spot < pages[place].days.count, pages[place].days[spot] == day else {
            pages[place].days.insert(day, at: spot)
            pages[place].differences.insert(difference, at: spot)
            return
        }
        pages[place].differences[spot] &+= difference
        guard pages[place].differences[spot] == .zero else { return }
        pages[place].days.remove(at: spot)
        pages[place].differences.remove(at: spot)
        if pages[place].days.isEmpty { pages.remove(at: place) }
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
            for spot in page.days.indices {
                if page.days[spot] > day { break }
                sum &+= page.differences[spot]
            }
        }
        return sum
    }

    /// Adds the values on ascending days to `values`, one for each day, in one walk.
    func addValues(on days: [Int32], to values: inout [Value]) {
        guard let first = days.first else { return }
        var sum = value(on: first)
        var place = 0
        for page in pages where page.key >= first >> 6 {
            for spot in page.days.indices where page.days[spot] > first {
                while place < days.count, days[place] < page.days[spot] {
                    values[place] &+= sum
                    place += 1
                }
                if place == days.count { return }
                sum &+= page.differences[spot]
            }
        }
        while place < days.count {
            values[place] &+= sum
            place += 1
        }
    }

    /// The differences after a day, by day.
    func forEachDifference(after day: Int32, _ body: (_ day: Int32, _ difference: Value) -> Void) {
        let first = pages.partitioningIndex { $0.key >= day >> 6 }
        for place in first..<pages.count {
            for spot in pages[place].days.indices where pages[place].days[spot] > day {
                body(pages[place].days[spot], pages[place].differences[spot])
            }
        }
    }
}

import LicenseModel
import Tenancy

/// What a list of customers is ordered by: one key, ascending or descending. Ties go by customer id, always ascending
/// unless the id itself was asked for; absent figures come last in both directions. Names are ordered ignoring case.
public struct CustomerOrder: Sendable, Hashable {
    public enum Key: Sendable, Hashable, CaseIterable {
        case customerID
        case customerName
        case sold
        case assigned
        case activeUsers
        case deployment
        case usage
    }

    public let key: Key
    public let isDescending: Bool

    public init(by key: Key, descending: Bool = false) {
        self.key = key
        isDescending = descending
    }
}

/// Where a customer stands in a list: what it is ordered by and its id.
public struct CustomerPlace: Sendable, Hashable {
    public enum Value: Sendable, Hashable {
        /// Ordered by the id alone.
        case none
        /// A name in lower case.
        case text(String)
        /// A ratio, or a count over 1.
        case number(Fraction)
        case absent
    }

    public let value: Value
    public let customer: CustomerID

    public init(value: Value, customer: CustomerID) {
        self.value = value
        self.customer = customer
    }
}

/// The master data that a list can be filtered by.
public struct CustomerTexts: Sendable, Hashable {
    public let id: String
    public let name: String
    public let market: String

    public init(id: String, name: String, market: String) {
        self.id = id
        self.name = name
        self.market = market
    }
}

/// A part of a list of customers.
public struct CustomerPage: Sendable {
    public struct Row: Sendable, Hashable {
        public let place: CustomerPlace
        public let sums: CustomerSums
    }

    public let rows: [Row]
    /// Customers that the filter accepts, on whatever page.
    public let total: Int
    /// Whether customers follow.
    public let hasMore: Bool
}

extension PartnerBook {
    /// Whether a customer belongs in a list. Texts are looked up when they are asked for.
    public typealias CustomerCondition = (_ sums: CustomerSums, _ texts: () -> CustomerTexts) -> Bool

    /// The `limit` customers that stand first in an order, or first after a place in it (which need not be that of a
    /// customer). Looks at each customer once and sorts no more than the page.
    ///
    /// - Parameter figures: of this book, from `dayFigures`.
    public func page(
        of figures: DayFigures, products: [Product], reach: LicenseReach, by order: CustomerOrder,
        after place: CustomerPlace?, limit: Int, where condition: CustomerCondition? = nil
    ) -> CustomerPage {
        // Only a column of this book itself says whom it shows.
        let figures = dayFigures(on: figures.day, reusing: figures)
        let counts = CountSelection(products, reach)
        let walk = CustomerWalk(book: self, figures: figures, counts: counts, order: order, condition: condition)
        func page(_ count: @escaping (CustomerCounts) -> Int64?) -> CustomerPage {
            walk.page(after: place, limit: limit) { count($1).map(Fraction.init(count:)) }
        }
        switch order.key {
        case .customerID: return walk.page(after: place, limit: limit) { _, _ in NoRank() }
        case .customerName:
            return walk.page(after: place, limit: limit) { index, _ in
                customer(at: index, of: figures).value.name.lowercased()
            }
        case .sold: return page(counts.sold)
        case .assigned: return page(counts.assigned)
        case .activeUsers: return page(counts.active)
        case .deployment: return walk.page(after: place, limit: limit) { counts.deployment($1) }
        case .usage: return walk.page(after: place, limit: limit) { counts.usage($1) }
        }
    }
}

/// One walk over the customers of a column.
private struct CustomerWalk {
    let book: PartnerBook
    let figures: DayFigures
    let counts: CountSelection
    let order: CustomerOrder
    let condition: PartnerBook.CustomerCondition?

    /// A customer by its place in the column, which is the order of the ids.
    private struct Candidate<Key: Rank> {
        /// Nil = absent.
        let key: Key?
        let index: Int
    }

    func page<Key: Rank>(
        after place: CustomerPlace?, limit: Int, key: (_ index: Int, _ counts: CustomerCounts) -> Key?
    ) -> CustomerPage {
        let last = place.map { candidate(at: $0) as Candidate<Key> }
        var selection = Selection<Candidate<Key>>(limit: limit, isBefore: isBefore)
        var total = 0
        var rest = 0
        figures.entries.forEach { index, entry in
            if let condition, !condition(counts.sums(entry.value), { texts(at: index) }) { return }
            total += 1
            let candidate = Candidate(key: key(index, entry.value), index: index)
            if let last, !isBefore(last, candidate) { return }
            rest += 1
            selection.offer(candidate)
        }
        let rows = selection.sorted.map { candidate in
            CustomerPage.Row(
                place: CustomerPlace(
                    value: candidate.key?.placeValue ?? .absent,
                    customer: book.customer(at: candidate.index, of: figures).value.id),
                sums: counts.sums(figures.entries[candidate.index].value))
        }
        return CustomerPage(rows: rows, total: total, hasMore: rest > rows.count)
    }

    /// A strict order of distinct customers.
    private func isBefore<Key: Rank>(_ left: Candidate<Key>, _ right: Candidate<Key>) -> Bool {
        switch (left.key, right.key) {
        case (nil, nil): break
        case (nil, _): return false
        case (_, nil): return true
        case (let one?, let other?):
            let comparison = one.comparison(with: other)
            if comparison != 0 { return (comparison < 0) != order.isDescending }
        }
        return descendsByID ? right.index < left.index : left.index < right.index
    }

    private var descendsByID: Bool { order.key == .customerID && order.isDescending }

    /// Stands as close as can be behind the customer of the place, or behind where it would be.
    private func candidate<Key: Rank>(at place: CustomerPlace) -> Candidate<Key> {
        let rank = book.rank(of: place.customer, in: figures, orEqual: !descendsByID)
        return Candidate(key: Key(placeValue: place.value), index: descendsByID ? rank : rank - 1)
    }

    private func texts(at index: Int) -> CustomerTexts {
        let customer = book.customer(at: index, of: figures)
        return CustomerTexts(id: customer.value.id.text, name: customer.value.name, market: customer.value.market)
    }
}

/// What customers are compared by, and how it goes into a place.
private protocol Rank {
    func comparison(with other: Self) -> Int
    var placeValue: CustomerPlace.Value { get }
    init?(placeValue: CustomerPlace.Value)
}

extension Fraction: Rank {
    fileprivate var placeValue: CustomerPlace.Value { .number(self) }
    fileprivate init?(placeValue: CustomerPlace.Value) {
        guard case .number(let fraction) = placeValue else { return nil }
        self = fraction
    }
}

extension String: Rank {
    fileprivate func comparison(with other: String) -> Int { self < other ? -1 : (self == other ? 0 : 1) }
    fileprivate var placeValue: CustomerPlace.Value { .text(self) }
    fileprivate init?(placeValue: CustomerPlace.Value) {
        guard case .text(let text) = placeValue else { return nil }
        self = text
    }
}

/// The id alone decides.
private struct NoRank: Rank {
    init() {}
    func comparison(with other: NoRank) -> Int { 0 }
    var placeValue: CustomerPlace.Value { .none }
    init?(placeValue: CustomerPlace.Value) { self.init() }
}

import LicenseModel
import Tenancy

/// One relationship of a partner, as its list of customers keeps it.
struct Link: Sendable, Equatable {
    var customer: Int32
    var days: DaySpan
    /// Last day of activity coverage; −1 = not reported.
    var activityThrough: Int32
}

/// One partner: its name, whom it serves, and the sums over them.
struct Partner: Sendable {
    let id: PartnerID
    /// Nil until the partner's own fact arrives.
    var name: String?
    /// By customer id, then start; a customer's links are neighbors.
    private(set) var links: [Link] = []
    /// The revision that last changed whom the partner serves or when.
    var relationshipsChanged = Revision.none
    var sums = PartnerSums()
    /// The part of `sums` that comes from customers it serves no more.
    var former = FormerSums()

    init(id: PartnerID) {
        self.id = id
    }

    /// Replaces the links of a customer. `isBefore` tells whether another customer's id is smaller.
    mutating func setLinks(_ new: [Link], of customer: Int32, isBefore: (Int32) -> Bool) {
        let start = links.partitioningIndex { !isBefore($0.customer) }
        var end = start
        while end < links.count, links[end].customer == customer { end += 1 }
        links.replaceSubrange(start..<end, with: new.sorted { $0.days.start < $1.days.start })
    }

    /// The links of one customer; none when the partner never served it.
    func links(of id: CustomerID, idOf: (Int32) -> CustomerID) -> ArraySlice<Link> {
        let start = links.partitioningIndex { !(idOf($0.customer) < id) }
        guard start < links.count, idOf(links[start].customer) == id else { return [] }
        return links(from: start) ?? []
    }

    /// The links of the customer whose first link has that place; nil behind the last.
    func links(from start: Int) -> ArraySlice<Link>? {
        guard start < links.count else { return nil }
        var end = start + 1
        while end < links.count, links[end].customer == links[start].customer { end += 1 }
        return links[start..<end]
    }

    /// Every customer that was ever served, with its links, in the order of the ids.
    func forEachCustomer(_ body: (ArraySlice<Link>) -> Void) {
        var start = 0
        while let links = links(from: start) {
            body(links)
            start = links.endIndex
        }
    }
}

extension ArraySlice<Link> {
    @inline(__always)
    func cover(_ day: Int32) -> Bool {
        for link in self where link.days.contains(day) { return true }
        return false
    }

    /// First day of the relationship that covers the day; of two, the earlier start.
    func start(covering day: Int32) -> Int32? {
        for link in self where link.days.contains(day) { return link.days.start }
        return nil
    }
}

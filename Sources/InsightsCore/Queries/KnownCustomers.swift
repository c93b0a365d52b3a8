import LicenseModel
import Tenancy

/// What whoever feeds facts about a customer should know of it. Relationships of every partner: for the operator alone.
public struct KnownCustomer: Sendable {
    public var id: CustomerID
    /// As the market, of the last customer fact; both are empty when there is none.
    public var name: String
    public var market: String
    public var coverage: CoverageRow
    /// By partner, then start; those that were taken back are left out.
    public var relationships: [RelationshipFact]
}

extension InsightsCore {
    /// Relationships that are told of one customer, at most.
    public static let maximumKnownRelationships = 100
    /// Relationships on one page: what bounds its bytes, when customers have many.
    public static let maximumPageRelationships = 100_000

    /// Customers that any fact names.
    public func customerCount(for grant: OperatorGrant) -> Int { customers.count }

    /// Relationships of the customer, or of all customers. Stops counting above `bound`.
    public func relationshipCount(of customer: CustomerID?, upTo bound: Int, for grant: OperatorGrant) -> Int {
        if let customer {
            return customerIndex[customer].map { customers[Int($0)].value.relationships.count } ?? 0
        }
        var count = 0
        for place in 0..<customers.count {
            count += customers[place].value.relationships.count
            if count > bound { break }
        }
        return count
    }

    /// Customers and what each source has reported, by customer id: at most `limit` customers after `after`, or the one
    /// customer. `total` counts all customers that any fact names (or the one, when there is such a customer).
    ///
    /// - Parameter maximumRelationships: a page with more of them ends before, but not without a customer.
    public func coverage(
        for grant: OperatorGrant, customer: CustomerID?, after: CustomerID?, limit: Int,
        maximumRelationships: Int = Self.maximumPageRelationships
    ) -> (rows: [KnownCustomer], total: Int, hasMore: Bool) {
        if let customer {
            guard let place = customerIndex[customer] else { return ([], 0, false) }
            if let after, customer <= after { return ([], 1, false) }
            return ([known(customers[Int(place)])], 1, false)
        }
        var selection = Selection<CustomerID>(limit: limit, isBefore: <)
        var rest = 0
        for id in customerIndex.keys {
            if let after, id <= after { continue }
            rest += 1
            selection.offer(id)
        }
        var rows: [KnownCustomer] = []
        var relationships = 0
        for id in selection.sorted {
            guard let place = customerIndex[id] else { continue }
            let row = known(customers[Int(place)])
            relationships += row.relationships.count
            if relationships > maximumRelationships, !rows.isEmpty { break }
            rows.append(row)
        }
        return (rows, customerIndex.count, rest > rows.count)
    }

    private func known(_ customer: Frozen<Customer>) -> KnownCustomer {
        let id = customer.value.id
        var first = Selection<RelationshipFact>(limit: Self.maximumKnownRelationships) {
            ($0.partner, $0.days.start) < ($1.partner, $1.days.start)
        }
        for relationship in customer.value.relationships {
            let days = relationship.days
            first.offer(
                RelationshipFact(
                    partner: partners[Int(relationship.partner)].value.id, customer: id,
                    days: DayInterval(
                        start: Day(number: days.start), end: days.end == DaySpan.open ? nil : Day(number: days.end))))
        }
        return KnownCustomer(
            id: id, name: customer.value.name, market: customer.value.market, coverage: customer.value.coverage,
            relationships: first.sorted)
    }
}

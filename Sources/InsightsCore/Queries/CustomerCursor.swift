import LicenseModel
import Tenancy

/// A place in the list of the customers visible today, by id: what a long walk keeps between its steps.
public struct CustomerCursor: Sendable {
    /// The next of the partner's links.
    fileprivate var link = 0

    public init() {}
}

/// What one step of a walk came to.
public enum CustomerStep: Sendable {
    /// A customer visible today; its figures are nil when it was not visible on the day.
    case customer(CustomerID, CustomerInsightsRow?)
    /// Relationships that have ended: nothing is shown of them.
    case passed
    case end
}

extension PartnerBook {
    /// How many customers are visible today.
    public var customerCount: Int {
        guard let partner else { return 0 }
        return Int(core.partners[Int(partner)].value.sums.customers.value(on: today.number))
    }

    /// The place behind a customer, or behind where it would be.
    public func cursor(after id: CustomerID) -> CustomerCursor {
        var cursor = CustomerCursor()
        guard let partner else { return cursor }
        cursor.link = core.partners[Int(partner)].value.links.partitioningIndex {
            core.customers[Int($0.customer)].value.id > id
        }
        return cursor
    }

    /// The next customer with its figures on a day; product rows are without SKUs and workloads. Customers that are not
    /// visible today are passed one at a time, so that no step takes long.
    public func next(_ cursor: inout CustomerCursor, on day: Day, products: [Product]) -> CustomerStep {
        guard let partner else { return .end }
        guard let links = core.partners[Int(partner)].value.links(from: cursor.link), let first = links.first else {
            return .end
        }
        cursor.link = links.endIndex
        guard let since = links.start(covering: today.number) else { return .passed }
        let served = Served(customer: first.customer, since: since, links: links)
        let id = core.customers[Int(first.customer)].value.id
        guard links.cover(day.number) else { return .customer(id, nil) }
        return .customer(id, insights(served, on: day, products: products, details: false, reader: reader))
    }
}

import LicenseModel
import Tenancy

/// Which of a partner's customers changed since a revision.
public struct PartnerChanges: Sendable, Equatable {
    /// More than can be listed: the customers themselves are others, the product table counts anew, or there are too
    /// many.
    public var isWhole = false
    /// By id; empty when ``isWhole``.
    public var customers: [CustomerID] = []

    public init(isWhole: Bool = false, customers: [CustomerID] = []) {
        (self.isWhole, self.customers) = (isWhole, customers)
    }

    public var isEmpty: Bool { !isWhole && customers.isEmpty }
}

extension PartnerBook {
    /// - Parameters:
    ///   - revision: of the same history; one that was in force since these facts were read back from the store.
    ///   - limit: of the list.
    public func changes(since revision: Revision, limit: Int) -> PartnerChanges {
        guard let partner else { return PartnerChanges() }
        if core.catalog.coverageChanged > revision || core.partners[Int(partner)].value.relationshipsChanged > revision
        {
            return PartnerChanges(isWhole: true)
        }
        var changes = PartnerChanges()
        forEachServed { served in
            guard !changes.isWhole, core.customerRevisions[Int(served.customer)] > revision else { return }
            if changes.customers.count == limit { return changes = PartnerChanges(isWhole: true) }
            changes.customers.append(core.customers[Int(served.customer)].value.id)
        }
        return changes
    }
}

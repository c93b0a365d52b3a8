import LicenseModel
import Tenancy

/// How much there is to look at: whoever reads decides by it where, before the read. Each costs a look-up.
extension PartnerBook {
    /// Whether the core was prepared for this book's today. When not, for a moment after midnight or when a clock was
    /// set, a read costs the figures of every customer that is visible on only one of the two days.
    public var isPrepared: Bool { core.preparedDay == today }

    /// Relationships of the partner that there are or ever were.
    public var relationshipCount: Int { partner.map { core.partners[Int($0)].value.links.count } ?? 0 }

    /// SKUs of a customer or (nil) of all whose customers are in the partner's sums; 0 when the customer is not
    /// visible.
    public func skuCount(of id: CustomerID?) -> Int {
        guard let id else { return partner.map { core.partners[Int($0)].value.sums.licenses.count } ?? 0 }
        return served(id).map { state(of: $0).value.figures.skus.count } ?? 0
    }

    /// Subscriptions of a customer, whoever sold them; 0 when it is not visible.
    public func subscriptionCount(of id: CustomerID) -> Int {
        served(id).map { state(of: $0).value.subscriptions.count } ?? 0
    }
}

import LicenseModel
import Tenancy

/// What a batch changed beside adding facts: what somebody who feeds them should know.
public struct BatchEffects: Sendable, Hashable {
    /// Known subscriptions that were moved from one known seller to another, for every day.
    public internal(set) var sellersChanged = 0
    /// Subscriptions in service that a snapshot of the batch ended.
    public internal(set) var subscriptionsEnded = 0
    /// People that turned out to be another one.
    public internal(set) var peopleMerged = 0
    /// SKUs that subscriptions or assignments of the batch name and no SKU fact does: the first by id, at most
    /// `UncataloguedSkus.maximum`.
    public private(set) var uncataloguedSkus: [SkuID] = []
    /// All of them.
    public private(set) var uncataloguedSkuCount = 0

    public init() {}

    /// Adds up what happened to another customer.
    mutating func add(_ other: BatchEffects) {
        sellersChanged += other.sellersChanged
        subscriptionsEnded += other.subscriptionsEnded
        peopleMerged += other.peopleMerged
    }

    mutating func setUncatalogued(_ skus: [SkuID]) {
        uncataloguedSkus = Array(skus.sorted().prefix(UncataloguedSkus.maximum))
        uncataloguedSkuCount = skus.count
    }
}

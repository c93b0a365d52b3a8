import LicenseModel
import Synchronization
import Tenancy

/// Reads the rows of buckets back beside each other: each into a part of its own, which has the bucket's customers and
/// nothing that is about several of them. Put together they are the core.
public final class PartialCores: Sendable {
    private struct State {
        var catalog = SkuCatalog()
        var parts: [InsightsCore] = []
    }

    private let foldsInBuckets: Bool
    private let names = StoredNames()
    private let state = Mutex(State())

    public init(foldsInBuckets: Bool = false) {
        self.foldsInBuckets = foldsInBuckets
    }

    /// What the rows of a bucket are restored into. Those of bucket 0 come first, because they have the catalog.
    ///
    /// - Parameter revision: that the rows are of; nil where one of them says so.
    public func begin(through revision: Revision? = nil) -> InsightsCore {
        var part = InsightsCore(foldsInBuckets: foldsInBuckets)
        part.names = names
        part.catalog = state.withLock { $0.catalog }
        if let revision { part.beginRestoring(bucketThrough: revision) }
        return part
    }

    /// Keeps a part all of whose rows are restored.
    public func keep(_ part: InsightsCore) throws(CoreStateError) {
        var part = part
        try part.finishRestoring()
        state.withLock { state in
            if state.parts.isEmpty { state.catalog = part.catalog }
            state.parts.append(part)
        }
    }

    /// The core of all parts, of the least of their revisions. To be called once, when all are kept.
    public func merge() -> InsightsCore {
        let parts = state.withLock { state in
            defer { state = State() }
            return state.parts
        }
        var core = InsightsCore(foldsInBuckets: foldsInBuckets)
        core.revision = parts.map(\.revision).min() ?? .none
        core.foldedThrough = core.revision
        // All parts know SKUs at the same places, some know more of them.
        core.catalog = parts.map(\.catalog).max { $0.skus.count < $1.skus.count } ?? SkuCatalog()
        for id in names.partners(from: 0) { _ = core.internPartner(id) }
        for part in parts { core.adoptNames(of: part) }
        var order: [(part: Int, place: Int32, id: CustomerID)] = []
        for (number, part) in parts.enumerated() {
            for place in 0..<part.customers.count {
                order.append((number, Int32(truncatingIfNeeded: place), part.customers[place].value.id))
            }
        }
        // Their places do not depend on which part was done first.
        order.sort { $0.id < $1.id }
        for entry in order { core.adopt(entry.place, of: parts[entry.part]) }
        return core
    }
}

extension InsightsCore {
    fileprivate mutating func adoptNames(of part: InsightsCore) {
        isFoldUnfinished = isFoldUnfinished || part.isFoldUnfinished
        catalogTold = max(catalogTold, part.catalogTold)
        for place in 0..<part.partners.count {
            guard let name = part.partners[place].value.name else { continue }
            partners[place].value.name = name
        }
    }

    /// Takes a customer over, and sums it up for whoever serves or served it.
    fileprivate mutating func adopt(_ old: Int32, of part: InsightsCore) {
        let customer = part.customers[Int(old)]
        let place = Int32(truncatingIfNeeded: customers.count)
        customerIndex[customer.value.id] = place
        customers.append(customer)
        customerRevisions.append(part.customerRevisions[Int(old)])
        unconverted[place] = part.unconverted[old]
        dirty.adopt(old, of: part.dirty, as: place)
        updatePartners(
            of: place, from: Customer(id: customer.value.id), to: customer.value, CustomerChange(customer: place))
    }
}

/// The places of the SKUs and partners that any row names, so that they are the same in all parts: each part knows all
/// up to some place.
final class StoredNames: Sendable {
    private struct List<ID: Hashable & Sendable> {
        var ids: [ID] = []
        var places: [ID: Int] = [:]

        /// Those from a place on through that of the id, which gets one if it has none.
        mutating func ids(from known: Int, through id: ID) -> ArraySlice<ID> {
            let place = places[id] ?? ids.count
            if place == ids.count {
                places[id] = place
                ids.append(id)
            }
            return known <= place ? ids[known...place] : []
        }
    }

    private let skuList = Mutex(List<SkuID>())
    private let partnerList = Mutex(List<PartnerID>())

    func skus(from known: Int, through id: SkuID) -> ArraySlice<SkuID> {
        skuList.withLock { $0.ids(from: known, through: id) }
    }

    func partners(from known: Int, through id: PartnerID) -> ArraySlice<PartnerID> {
        partnerList.withLock { $0.ids(from: known, through: id) }
    }

    func partners(from known: Int) -> [PartnerID] { partnerList.withLock { Array($0.ids.dropFirst(known)) } }
}

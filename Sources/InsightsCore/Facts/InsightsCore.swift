import HashTreeCollections
import LicenseModel
import Tenancy

/// The metrics core: every fact and every figure of one moment.
///
/// A value. The single writer changes its own copy; a copy handed to readers stays what it was, whatever the writer
/// does next. What neither changed is shared, so that publishing after a batch costs the customers that the batch
/// touched, not all. Pure: no clock, no input or output, no waiting; today comes in as an argument.
public struct InsightsCore: Sendable {
    /// The number of accepted changes that this value contains.
    public internal(set) var revision = Revision.none
    /// The rows that were restored say that their last fold was not finished.
    public internal(set) var isFoldUnfinished = false
    /// Rows are stored bucket by bucket, each exactly as it was at the revision that it is folded through.
    public let foldsInBuckets: Bool
    /// The last revision whose facts are all in stored rows, when the last fold was finished. Means nothing of buckets.
    var foldedThrough = Revision.none
    /// Of a process: counts how often everything was read anew. Revisions of two histories cannot be compared.
    public var history = 0
    /// Bytes, at most, that changes so far have replaced and that copies from before keep: what an older copy costs
    /// beside a newer one is the difference of the two. Not part of what is known; wraps.
    public internal(set) var displacedBytes = 0
    var catalog = SkuCatalog()
    var partnerIndex = TreeDictionary<PartnerID, PartnerIndex>()
    var partners = SharedVector<Box<Partner>>()
    var customerIndex = TreeDictionary<CustomerID, Int32>()
    var customers = SharedVector<Frozen<Customer>>()
    /// The revision that last stored each customer: with one revision all its facts are the same. Apart from the
    /// customers, because whole portfolios are compared by it.
    var customerRevisions = SharedVector<Revision>()
    /// The day as of which partners know whom they serve no more; see `prepare(today:)`.
    var today: Int32?
    var dirty = DirtyStates()
    /// Of buckets: what was marked before the last fold of any of them began.
    var dirtyBuckets: [Int: DirtyStates] = [:]
    /// When a fact last told of a SKU and of the name of a partner: what bucket 0 has besides customers.
    var catalogTold = Revision.none
    var partnersTold = Revision.none
    /// While rows are restored: groups of people that came before their predecessors.
    var waitingUsers: [Int32: [Int: [StoredPerson]]] = [:]
    /// Likewise days that came before their people, by customer and group.
    var waitingUses: [Int32: [Int: [StoredUses]]] = [:]
    /// Likewise people who turned out to be others, by customer: united when all people are there.
    var waitingMerges: [Int32: [(person: Int, merge: PersonMerge)]] = [:]
    /// Per customer the groups of people whose stored row is of version 1: it has their days too.
    var unconverted: [Int32: Set<Int32>] = [:]
    /// Of a part of a core whose rows are being restored: what is about several customers is left to who puts the parts
    /// together, and figures until all rows are there.
    var names: StoredNames?

    public init(foldsInBuckets: Bool = false) {
        self.foldsInBuckets = foldsInBuckets
    }

    /// Counts a change that touches no facts, such as a created partner.
    public mutating func advance(to revision: Revision) {
        self.revision = revision
        dirty.revision = true
    }

    /// The only door to figures. A partner that no fact names has an empty book.
    public func book(in scope: PartnerScope, today: Day) -> PartnerBook {
        CoreSnapshot(self).book(in: scope, today: today)
    }

    // MARK: Places

    mutating func internPartner(_ id: PartnerID) -> PartnerIndex {
        if let known = partnerIndex[id] { return known }
        if let names {
            for id in names.partners(from: partners.count, through: id) { addPartner(id) }
            return partnerIndex[id] ?? addPartner(id)
        }
        return addPartner(id)
    }

    @discardableResult
    private mutating func addPartner(_ id: PartnerID) -> PartnerIndex {
        let new = PartnerIndex(truncatingIfNeeded: partners.count)
        partnerIndex[id] = new
        partners.append(Box(Partner(id: id)))
        prepareNewPartner(at: Int(new))
        return new
    }

    /// The place of a SKU that a row names.
    mutating func internStored(_ id: SkuID) -> SkuIndex {
        guard let names, catalog.find(id) == nil else { return catalog.intern(id) }
        for id in names.skus(from: catalog.skus.count, through: id) { _ = catalog.intern(id) }
        return catalog.intern(id)
    }

    mutating func internCustomer(_ id: CustomerID) -> Int32 {
        if let known = customerIndex[id] { return known }
        let new = Int32(truncatingIfNeeded: customers.count)
        customerIndex[id] = new
        customers.append(Frozen(Customer(id: id)))
        customerRevisions.append(revision)
        dirty.mark(customer: new)
        return new
    }

    mutating func internSeller(_ seller: Seller) -> SellerIndex {
        switch seller {
        case .partner(let id): internPartner(id)
        case .direct: SellerKind.direct
        case .unknown: SellerKind.unknown
        }
    }
}

/// A consistent core at one revision, that never changes, behind one reference: opening a book of it copies none of its
/// parts. Readers keep it as long as they need it.
public struct CoreSnapshot: Sendable {
    private let frozen: Frozen<InsightsCore>

    public init(_ core: InsightsCore) {
        frozen = Frozen(core)
    }

    public var core: InsightsCore {
        @inline(__always) _read { yield frozen.value }
    }

    public var revision: Revision { frozen.value.revision }

    /// Whether both are the one snapshot, not only of one revision.
    public func isIdentical(to other: CoreSnapshot) -> Bool { frozen === other.frozen }

    public func book(in scope: PartnerScope, today: Day) -> PartnerBook {
        PartnerBook(core: frozen, scope: scope, today: today)
    }
}

import LicenseModel
import Tenancy

/// A SKU's place in the catalog. Places never change; facts may name a SKU before its own fact arrives.
typealias SkuIndex = Int32

/// What usage is counted for: the workloads by raw value, then the products.
enum Subject {
    @inline(__always) static var count: Int { Workload.count + Product.count }

    static func of(_ workload: Workload) -> Int { Int(workload.rawValue) }
    static func of(_ product: Product) -> Int { Workload.count + product.place }
}

extension Product {
    /// In tables with a place for each product.
    @inline(__always) var place: Int { Int(rawValue) - 1 }
}

/// Every SKU that any fact named, and what follows from all of them together.
struct SkuCatalog: Sendable {
    struct Sku: Sendable {
        let id: SkuID
        var name = ""
        /// Nil for uncovered families and for SKUs without a fact of their own.
        var product: Product?
        var workloads = WorkloadSet()
        /// Nobody's purchase: its subscriptions are not counted.
        var isFree = false
        /// Whether the SKU's own fact has arrived.
        var isKnown = false

        /// The subjects whose figures count the SKU, as bits; none when its product is not covered.
        var subjects: UInt16 {
            guard let product else { return 0 }
            return UInt16(workloads.rawValue) | 1 << UInt16(Subject.of(product))
        }
    }

    private(set) var skus: [Sku] = []
    /// The revision that last changed what a SKU counts for.
    var coverageChanged = Revision.none
    /// The same per SKU without the texts, for the loops of the queries.
    private(set) var products: [Product?] = []
    private(set) var subjects: [UInt16] = []
    /// Per product, by place, the workloads that any of its SKUs includes.
    private(set) var unions = [WorkloadSet](repeating: [], count: Product.count)
    private var index: [SkuID: SkuIndex] = [:]
    /// Per product and workload the SKUs that include it.
    private var includers = [Int32](repeating: 0, count: Product.count * Workload.count)

    func find(_ id: SkuID) -> SkuIndex? { index[id] }

    mutating func intern(_ id: SkuID) -> SkuIndex {
        if let known = index[id] { return known }
        let new = SkuIndex(truncatingIfNeeded: skus.count)
        index[id] = new
        skus.append(Sku(id: id))
        products.append(nil)
        subjects.append(0)
        return new
    }

    /// What a SKU fact changed, beside the name.
    struct Change {
        /// The SKU if its product, its workloads or whether it is free are other than before.
        var coverage: SkuIndex?
    }

    mutating func set(_ fact: SkuFact) -> Change {
        let place = intern(fact.sku)
        let (old, wasFree) = (skus[Int(place)].subjects, skus[Int(place)].isFree)
        countIncluders(place, by: -1)
        skus[Int(place)].name = fact.name
        skus[Int(place)].product = fact.product
        skus[Int(place)].workloads = fact.workloads
        skus[Int(place)].isFree = fact.isFree
        skus[Int(place)].isKnown = true
        products[Int(place)] = fact.product
        subjects[Int(place)] = skus[Int(place)].subjects
        countIncluders(place, by: 1)
        let isSame = skus[Int(place)].subjects == old && fact.isFree == wasFree
        return Change(coverage: isSame ? nil : place)
    }

    private mutating func countIncluders(_ sku: SkuIndex, by change: Int32) {
        guard let product = skus[Int(sku)].product else { return }
        let row = product.place
        for workload in skus[Int(sku)].workloads.workloads {
            includers[row * Workload.count + Int(workload.rawValue)] &+= change
        }
        unions[row] = WorkloadSet(
            Workload.allCases.filter { includers[row * Workload.count + Int($0.rawValue)] > 0 })
    }

    subscript(place: SkuIndex) -> Sku { skus[Int(place)] }

    @inline(__always)
    func product(of sku: SkuIndex) -> Product? { products[Int(sku)] }

    @inline(__always)
    func isFree(_ sku: SkuIndex) -> Bool { skus[Int(sku)].isFree }

    /// False: the SKU is uncatalogued, and its licenses are in no figure.
    @inline(__always)
    func isKnown(_ sku: SkuIndex) -> Bool { skus[Int(sku)].isKnown }

    /// The subjects whose figures count the SKU, as bits.
    @inline(__always)
    func subjects(of sku: SkuIndex) -> UInt16 { subjects[Int(sku)] }

    func union(of product: Product) -> WorkloadSet { unions[product.place] }

    /// Workloads that any SKU of any covered product includes.
    var coveredWorkloads: WorkloadSet { unions.reduce(WorkloadSet()) { $0.union($1) } }

    /// The subjects, as bits, whose activity is reported by whoever reports these workloads.
    func subjects(reportedBy workloads: WorkloadSet) -> UInt16 {
        var subjects = UInt16(workloads.rawValue)
        for product in Product.allCases where !union(of: product).isDisjoint(with: workloads) {
            subjects |= 1 << UInt16(Subject.of(product))
        }
        return subjects
    }

    /// The row of the activity table that tells who is active in the subject: the workload's own, or the union's where
    /// a product has several workloads. Nil where a product has none.
    func activityRow(of subject: Int) -> Int? {
        if subject < Workload.count { return subject }
        let union = unions[subject - Workload.count]
        switch union.rawValue.nonzeroBitCount {
        case 0: return nil
        case 1: return union.rawValue.trailingZeroBitCount
        default: return subject
        }
    }

    /// Per workload the union rows that its activity feeds.
    var unionRows: [[Int]] {
        Workload.allCases.map { workload in
            Product.allCases.compactMap { product in
                let union = union(of: product)
                guard union.contains(workload), union.rawValue.nonzeroBitCount > 1 else { return nil }
                return Subject.of(product)
            }
        }
    }
}

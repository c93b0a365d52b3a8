import LicenseModel
import Tenancy

/// What lists are filtered and ordered by, of every customer that a partner sees on a day: about 120 bytes a customer.
public typealias DayFigures = DayColumn<CustomerCounts>

/// The counts of one customer on one day, per product and in either reach; what is not reported is 0, so that sums over
/// products are those over the products that have the figure.
public struct CustomerCounts: Sendable {
    struct ProductCounts: Sendable {
        var ownSold: Int64 = 0
        var ownAssigned: Int64 = 0
        var allSold: Int64 = 0
        var allAssigned: Int64 = 0
        var active: Int64 = 0
        var totalUsers: Int64 = 0
    }

    /// By the place of the product.
    typealias Products = InlineArray<2, ProductCounts>

    var products = Products(repeating: ProductCounts())
    let reported: ReportedSources
    /// Of which products activity is reported: a bit by the place of each.
    let activeProducts: UInt16
}

/// What a customer is filtered and ordered by: sums over products, in one reach; nil where a source that a figure needs
/// is not reported. Those of usage sum the products of which activity is reported, and are nil where it is of none.
public struct CustomerSums: Sendable, Hashable {
    public var sold: Int64?
    public var assigned: Int64?
    public var activeUsers: Int64?
    /// Assigned / sold; nil also when nothing is sold.
    public var deployment: Fraction?
    /// Active / total users; nil also without total users.
    public var usage: Fraction?

    public init(
        sold: Int64? = nil, assigned: Int64? = nil, activeUsers: Int64? = nil, deployment: Fraction? = nil,
        usage: Fraction? = nil
    ) {
        self.sold = sold
        self.assigned = assigned
        self.activeUsers = activeUsers
        self.deployment = deployment
        self.usage = usage
    }
}

/// Some products in one reach.
struct CountSelection {
    typealias Masks = InlineArray<2, Int64>

    /// By the place of the product: all bits of what is selected.
    private var masks = Masks(repeating: 0)
    /// A bit by the place of each product that is selected.
    private var selected: UInt16 = 0
    private let isOwn: Bool

    init(_ products: [Product], _ reach: LicenseReach) {
        isOwn = reach == .own
        for product in products {
            masks[product.place] = -1
            selected |= 1 << UInt16(product.place)
        }
    }

    /// Wraps at sums that `FactLimits.maximumQuantity` rules out.
    @inline(__always)
    private func sum(_ counts: CustomerCounts, _ count: (CustomerCounts.ProductCounts) -> Int64) -> Int64 {
        var sum: Int64 = 0
        for place in 0..<Product.count { sum &+= count(counts.products[place]) & masks[place] }
        return sum
    }

    @inline(__always)
    func sold(_ counts: CustomerCounts) -> Int64? {
        guard counts.reported.tellSold else { return nil }
        return isOwn ? sum(counts) { $0.ownSold } : sum(counts) { $0.allSold }
    }

    @inline(__always)
    func assigned(_ counts: CustomerCounts) -> Int64? {
        guard counts.reported.tellAssigned else { return nil }
        return isOwn ? sum(counts) { $0.ownAssigned } : sum(counts) { $0.allAssigned }
    }

    @inline(__always)
    func active(_ counts: CustomerCounts) -> Int64? {
        counts.activeProducts & selected != 0 ? sum(counts) { $0.active } : nil
    }

    @inline(__always)
    func deployment(_ counts: CustomerCounts) -> Fraction? {
        guard let assigned = assigned(counts), let sold = sold(counts) else { return nil }
        return Fraction(assigned, of: sold)
    }

    @inline(__always)
    func usage(_ counts: CustomerCounts) -> Fraction? {
        guard counts.reported.tellUsage, let active = active(counts) else { return nil }
        return Fraction(active, of: sum(counts) { $0.totalUsers })
    }

    func sums(_ counts: CustomerCounts) -> CustomerSums {
        CustomerSums(
            sold: sold(counts), assigned: assigned(counts), activeUsers: active(counts),
            deployment: deployment(counts), usage: usage(counts))
    }
}

extension PartnerBook {
    /// The counts of every customer visible on the day and today; `known` saves those of customers that are unchanged.
    public func dayFigures(on day: Day, reusing known: DayFigures? = nil) -> DayFigures {
        let reader = reader
        return column(on: day, reusing: known) { _, customer in reader.counts(of: customer.value, on: day.number) }
    }
}

extension FigureReader {
    fileprivate func counts(of customer: Customer, on day: Int32) -> CustomerCounts {
        var row = CustomerCounts(
            reported: customer.reported, activeProducts: customer.reportedSubjects >> UInt16(Workload.count))
        for product in Product.allCases { row.products[product.place] = counts(of: customer, product, on: day) }
        return row
    }

    private func counts(of customer: Customer, _ product: Product, on day: Int32) -> CustomerCounts.ProductCounts {
        let licenses = licenses(of: customer, product: product, on: day)
        let (own, all) = (licenses.row(.own), licenses.row(.allPartners))
        let usage = usage(of: customer, subject: Subject.of(product), on: day)
        return CustomerCounts.ProductCounts(
            ownSold: own.sold, ownAssigned: own.assigned, allSold: all.sold, allAssigned: all.assigned,
            active: usage.active, totalUsers: usage.totalUsers)
    }
}

import LicenseModel
import Tenancy

/// What lists are filtered and ordered by, of every customer that a partner sees on a day: about 120 bytes a customer.
public typealias DayFigures = DayColumn<CustomerCounts>

/// The counts of one customer on one day, per product and in either reach; what is not reported is 0.
public struct CustomerCounts: Sendable {
    struct ProductCounts: Sendable {
        var ownSold: Int64 = 0
        var ownAssigned: Int64 = 0
        var allSold: Int64 = 0
        var allAssigned: Int64 = 0
        var active: Int64 = 0
        var totalUsers: Int64 = 0
    }

    var office365 = ProductCounts()
    var dynamics365 = ProductCounts()
    let hasSubscriptions: Bool
    /// Subscriptions and assignments.
    let hasAssignments: Bool
    let hasActivity: Bool
}

/// What a customer is filtered and ordered by: sums over products, in one reach; nil where a source that a figure needs
/// is not reported.
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
    private let office365: Bool
    private let dynamics365: Bool
    private let isOwn: Bool

    init(_ products: [Product], _ reach: LicenseReach) {
        office365 = products.contains(.office365)
        dynamics365 = products.contains(.dynamics365)
        isOwn = reach == .own
    }

    @inline(__always)
    private func sum(_ office365: Int64, _ dynamics365: Int64) -> Int64 {
        // Wraps at sums that `FactLimits.maximumQuantity` rules out.
        (self.office365 ? office365 : 0) &+ (self.dynamics365 ? dynamics365 : 0)
    }

    @inline(__always)
    func sold(_ counts: CustomerCounts) -> Int64? {
        guard counts.hasSubscriptions else { return nil }
        return isOwn
            ? sum(counts.office365.ownSold, counts.dynamics365.ownSold)
            : sum(counts.office365.allSold, counts.dynamics365.allSold)
    }

    @inline(__always)
    func assigned(_ counts: CustomerCounts) -> Int64? {
        guard counts.hasAssignments else { return nil }
        return isOwn
            ? sum(counts.office365.ownAssigned, counts.dynamics365.ownAssigned)
            : sum(counts.office365.allAssigned, counts.dynamics365.allAssigned)
    }

    @inline(__always)
    func active(_ counts: CustomerCounts) -> Int64? {
        counts.hasActivity ? sum(counts.office365.active, counts.dynamics365.active) : nil
    }

    @inline(__always)
    func deployment(_ counts: CustomerCounts) -> Fraction? {
        guard let assigned = assigned(counts), let sold = sold(counts) else { return nil }
        return Fraction(assigned, of: sold)
    }

    @inline(__always)
    func usage(_ counts: CustomerCounts) -> Fraction? {
        guard counts.hasAssignments, let active = active(counts) else { return nil }
        return Fraction(active, of: sum(counts.office365.totalUsers, counts.dynamics365.totalUsers))
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
            hasSubscriptions: customer.hasSubscriptions, hasAssignments: customer.hasAssignments,
            hasActivity: customer.hasActivity)
        row.office365 = counts(of: customer, .office365, on: day)
        row.dynamics365 = counts(of: customer, .dynamics365, on: day)
        return row
    }

    private func counts(of customer: Customer, _ product: Product, on day: Int32) -> CustomerCounts.ProductCounts {
        let licenses = licenses(of: customer, product: product, on: day)
        let (own, all) = (licenses.own, licenses.all)
        let usage = usage(of: customer, subject: Subject.of(product), on: day)
        return CustomerCounts.ProductCounts(
            ownSold: own.sold, ownAssigned: own.assigned, allSold: all.sold, allAssigned: all.assigned,
            active: usage.active, totalUsers: usage.totalUsers)
    }
}

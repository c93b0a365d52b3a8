import InsightsCore
import LicenseModel
import Tenancy

/// What a customer is filtered and ordered by: sums over the asked products; nil where a source is not reported.
struct FigureRow: Sendable, Hashable {
    let customerID: String
    let customerName: String
    let market: String
    let sold: Int64?
    let assigned: Int64?
    let activeUsers: Int64?
    /// Assigned / sold; nil also when nothing is sold.
    let deployment: Fraction?
    /// Active / total users; nil also without total users.
    let usage: Fraction?

    init(
        customerID: String, customerName: String, market: String, sold: Int64? = nil, assigned: Int64? = nil,
        activeUsers: Int64? = nil, deployment: Fraction? = nil, usage: Fraction? = nil
    ) {
        self.customerID = customerID
        self.customerName = customerName
        self.market = market
        self.sold = sold
        self.assigned = assigned
        self.activeUsers = activeUsers
        self.deployment = deployment
        self.usage = usage
    }

    init(_ row: CustomerInsightsRow, reach: LicenseReach) {
        var (sold, assigned, active, total): (Int64, Int64, Int64, Int64) = (0, 0, 0, 0)
        var (showsSold, showsAssigned, showsActive, showsTotal) = (true, true, true, true)
        for product in row.products {
            let licenses = reach == .own ? product.own : product.all
            // Wraps at sums that `Limits.maximumQuantity` rules out.
            sold &+= licenses.sold
            assigned &+= licenses.assigned
            active &+= product.usage.active
            total &+= product.usage.totalUsers
            showsSold = showsSold && licenses.showsSubscriptions
            showsAssigned = showsAssigned && licenses.showsAssignments
            showsActive = showsActive && product.usage.activityReported
            showsTotal = showsTotal && product.usage.showsLicenses
        }
        self.init(
            customerID: row.customer.customer.text, customerName: row.customer.name, market: row.customer.market,
            sold: showsSold ? sold : nil, assigned: showsAssigned ? assigned : nil,
            activeUsers: showsActive ? active : nil,
            deployment: showsAssigned ? Fraction(assigned, of: sold) : nil,
            usage: showsTotal ? Fraction(active, of: total) : nil)
    }
}

/// A ratio of counts, compared exactly.
struct Fraction: Sendable, Hashable {
    let numerator: Int64
    /// Above 0.
    let denominator: Int64

    /// Nil without a denominator: such a ratio is absent.
    init?(_ numerator: Int64, of denominator: Int64) {
        guard denominator > 0 else { return nil }
        self.numerator = numerator
        self.denominator = denominator
    }

    func comparison(with other: Fraction) -> Int {
        (Int128(numerator) * Int128(other.denominator))
            .comparison(with: Int128(other.numerator) * Int128(denominator))
    }
}

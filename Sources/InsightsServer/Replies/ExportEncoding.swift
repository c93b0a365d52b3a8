import InsightsAPI
import InsightsCore
import LicenseModel

/// The columns of one exported row, shared by rows and CSV (definition “Export columns”): nil where a source is not
/// reported.
struct ExportFigures: Sendable, Hashable {
    let ownSold: Int64?
    let ownEntitled: Int64?
    let allSold: Int64?
    let allEntitled: Int64?
    let trial: Int64?
    let uncounted: Int64?
    let assigned: Int64?
    let assignedUnsold: Int64?
    let deploymentPercent: Double?
    let activeUsers: Int64?
    let totalUsers: Int64?
    let entitlements: Int64?
    let usagePercent: Double?
    let usagePerEntitlementPercent: Double?

    /// From `trial` on the license columns are those of all partners, whatever the request.
    init(_ row: ProductRow) {
        let (own, all, usage) = (row.own, row.all, row.usage)
        ownSold = own.showsSubscriptions ? own.sold : nil
        ownEntitled = own.showsSubscriptions ? own.entitled : nil
        allSold = all.showsSubscriptions ? all.sold : nil
        allEntitled = all.showsSubscriptions ? all.entitled : nil
        trial = all.showsSubscriptions ? all.trial : nil
        uncounted = all.showsSubscriptions ? all.uncounted : nil
        assigned = all.showsAssignments ? all.assigned : nil
        assignedUnsold = all.showsAssignments ? all.assignedUnsold : nil
        deploymentPercent = all.deployment?.percent
        activeUsers = usage.activityReported ? usage.active : nil
        totalUsers = usage.showsLicenses ? usage.totalUsers : nil
        entitlements = usage.showsLicenses ? usage.entitlements : nil
        usagePercent = usage.usage?.percent
        usagePerEntitlementPercent = usage.usagePerEntitlement?.percent
    }

    /// Rows of nothing but zeros are left out of an export. An absent figure is no zero: such a row says that a source
    /// is not reported, and stays.
    var isAllZero: Bool {
        let counts = [
            ownSold, ownEntitled, allSold, allEntitled, trial, uncounted, assigned, assignedUnsold, activeUsers,
            totalUsers, entitlements,
        ]
        return counts.allSatisfy { $0 == 0 }
    }
}

extension WireWriter {
    /// One `ExportRow` of an `ExportInsightsResponse` (field 1).
    mutating func exportRow(_ customer: CustomerRow, on day: Day, _ product: Product, _ figures: ExportFigures) {
        let mark = begin(1, expecting: 160)
        self.day(1, day)
        string(2, customer.customer.text)
        string(3, customer.name)
        string(4, customer.market)
        enumeration(5, Int(product.rawValue))
        optionalInt64(6, figures.ownSold)
        optionalInt64(7, figures.ownEntitled)
        optionalInt64(8, figures.allSold)
        optionalInt64(9, figures.allEntitled)
        optionalInt64(10, figures.trial)
        optionalInt64(11, figures.uncounted)
        optionalInt64(12, figures.assigned)
        optionalInt64(13, figures.assignedUnsold)
        optionalDouble(14, figures.deploymentPercent)
        optionalInt64(15, figures.activeUsers)
        optionalInt64(16, figures.totalUsers)
        optionalInt64(17, figures.entitlements)
        optionalDouble(18, figures.usagePercent)
        optionalDouble(19, figures.usagePerEntitlementPercent)
        if let through = customer.coverage.subscriptions { self.day(20, through) }
        if let through = customer.coverage.assignments { self.day(21, through) }
        if let through = customer.coverage.activity { self.day(22, through) }
        end(mark)
    }

    /// The fields of an `ExportInsightsResponse` behind its rows.
    mutating func exportTail(csvChunk: [UInt8], resumeToken: String, customersTotal: Int, customersDone: Int) {
        bytes(2, csvChunk)
        string(3, resumeToken)
        int64(4, Int64(clamping: customersTotal))
        int64(5, Int64(clamping: customersDone))
    }
}

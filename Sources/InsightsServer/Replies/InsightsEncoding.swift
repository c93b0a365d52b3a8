import InsightsAPI
import InsightsCore
import LicenseModel
import Tenancy

/// The hot replies, written from the core's rows straight to the wire. `reply` is appended to.
enum InsightsReply {
    /// `WatchInsightsResponse`.
    static func changes(_ changes: PartnerChanges, revision: Revision, into reply: inout [UInt8]) {
        var writer = WireWriter(taking: &reply)
        for customer in changes.customers { writer.string(1, customer.text) }
        writer.bool(2, changes.isWhole)
        writer.revision(revision)
        writer.finish(into: &reply)
    }

    /// `GetCustomerInsightsResponse`.
    static func customer(_ row: CustomerInsightsRow, reach: LicenseReach, revision: Revision, into reply: inout [UInt8])
    {
        var writer = WireWriter(taking: &reply)
        writer.customerInsights(1, row, reach: reach)
        writer.revision(revision)
        writer.finish(into: &reply)
    }

    /// `ListCustomerInsightsResponse`; `total` counts the customers on all pages.
    static func customers(
        _ rows: [CustomerInsightsRow], reach: LicenseReach, nextPageToken: String, total: Int,
        revision: Revision, into reply: inout [UInt8]
    ) {
        var writer = WireWriter(taking: &reply)
        for row in rows { writer.customerInsights(1, row, reach: reach) }
        writer.string(2, nextPageToken)
        writer.int32(3, Int32(clamping: total))
        writer.revision(revision)
        writer.finish(into: &reply)
    }

    /// `GetPortfolioInsightsResponse`.
    static func portfolio(
        _ row: PortfolioInsightsRow, reach: LicenseReach, revision: Revision, into reply: inout [UInt8]
    ) {
        var writer = WireWriter(taking: &reply)
        let mark = writer.begin(1, expecting: 1_024)
        writer.day(1, row.asOf)
        writer.enumeration(2, reach.scopeNumber)
        writer.int64(3, row.customerCount)
        writer.products(4, row.products, reach: reach, on: row.asOf)
        writer.int64(5, row.reportedCustomers)
        writer.int64(6, row.laggingCustomers)
        writer.int64(7, row.unreportedCustomers)
        writer.uncatalogued(8, row.uncatalogued)
        writer.int32(9, Int32(clamping: row.uncatalogued.count))
        writer.end(mark)
        writer.revision(revision)
        writer.finish(into: &reply)
    }

    /// `GetTrendResponse`.
    static func trend(_ rows: [TrendRow], reach: LicenseReach, revision: Revision, into reply: inout [UInt8]) {
        var writer = WireWriter(taking: &reply)
        for place in rows.indices {
            let mark = writer.begin(1, expecting: 128)
            writer.day(1, rows[place].day)
            writer.enumeration(2, Int(rows[place].product.rawValue))
            writer.licenseFigures(3, reach == .own ? rows[place].own : rows[place].all)
            writer.usageFigures(4, rows[place].usage, UsageWindow(endingOn: rows[place].day))
            writer.end(mark)
        }
        writer.revision(revision)
        writer.finish(into: &reply)
    }
}

extension Revision {
    /// As replies and requests have it.
    var onWire: UInt64 { UInt64(clamping: number) }
}

extension WireWriter {
    /// The last field of every reply: which facts it shows.
    mutating func revision(_ revision: Revision) { fixed64(15, revision.onWire) }

    /// `CustomerInsights`.
    mutating func customerInsights(_ field: Int, _ row: CustomerInsightsRow, reach: LicenseReach) {
        let mark = begin(field, expecting: 1_024)
        string(1, row.customer.customer.text)
        string(2, row.customer.name)
        day(3, row.asOf)
        enumeration(4, reach.scopeNumber)
        products(5, row.products, reach: reach, on: row.asOf)
        freshness(6, row.customer.coverage, on: row.asOf)
        uncatalogued(7, row.uncatalogued)
        int32(8, Int32(clamping: row.uncatalogued.count))
        end(mark)
    }

    /// `UncataloguedSku`, one for each.
    mutating func uncatalogued(_ field: Int, _ skus: UncataloguedSkus) {
        for sku in skus.skus {
            let mark = begin(field)
            string(1, sku.sku.text)
            int64(2, sku.sold)
            end(mark)
        }
    }

    /// `ProductInsights`, one for each row.
    mutating func products(_ field: Int, _ rows: [ProductRow], reach: LicenseReach, on day: Day) {
        let window = UsageWindow(endingOn: day)
        for index in rows.indices {
            let row = rows[index]
            let mark = begin(field, expecting: 512)
            enumeration(1, Int(row.product.rawValue))
            licenseFigures(2, reach == .own ? row.own : row.all)
            for sku in row.skus {
                // An id, a name and two bytes before each of the three fields; the figures are some 45 bytes.
                let mark = begin(3, expecting: sku.sku.text.utf8.count + sku.name.utf8.count + 51)
                string(1, sku.sku.text)
                string(2, sku.name)
                licenseFigures(3, reach == .own ? sku.own : sku.all)
                end(mark)
            }
            usageFigures(4, row.usage, window)
            for workload in row.workloads {
                let mark = begin(5)
                string(1, workload.workload.code)
                string(2, workload.workload.name)
                usageFigures(3, workload.usage, window)
                end(mark)
            }
            end(mark)
        }
    }
}

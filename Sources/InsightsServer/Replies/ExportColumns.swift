import InsightsAPI
import InsightsCore
import LicenseModel

/// Takes the columns of an export record, each with the number of its field in `ExportRow` and its name in a CSV.
protocol ExportSink: ~Copyable {
    /// From a customer's facts.
    mutating func column(_ field: Int, _ name: String, text: String)
    mutating func column(_ field: Int, _ name: String, product: Product)
    /// Days and figures are nil where a source that they need is not reported.
    mutating func column(_ field: Int, _ name: String, day: Day?)
    mutating func column(_ field: Int, _ name: String, count: Int64?)
    mutating func column(_ field: Int, _ name: String, percent: Double?)
}

/// One row of an export: one customer, product and day.
struct ExportRecord: Sendable {
    private var day = Day.first
    private var customer = (id: "", name: "", market: "")
    private var product = Product.office365
    private var own = LicenseRow()
    private var all = LicenseRow()
    private var usage = UsageRow()
    private var coverage = CoverageRow()

    init(_ customer: CustomerRow, on day: Day, _ product: ProductRow) {
        self.day = day
        self.customer = (customer.customer.text, customer.name, customer.market)
        self.product = product.product
        own = product.own
        all = product.all
        usage = product.usage
        coverage = customer.coverage
    }

    private init() {}

    /// The one list of columns: the fields of `ExportRow`, header and lines of the CSV and what counts as zero come
    /// from here. In the order of the fields; new ones at the end, because others read columns by their place. From
    /// `trial` on the license columns are those of all partners, whatever the request.
    @inline(__always)
    func columns<Sink: ExportSink & ~Copyable>(into sink: inout Sink) {
        sink.column(1, "date", day: day)
        sink.column(2, "customer_id", text: customer.id)
        sink.column(3, "customer_name", text: customer.name)
        sink.column(4, "market", text: customer.market)
        sink.column(5, "product", product: product)
        sink.column(6, "own_sold", count: own.ifSold(own.sold))
        sink.column(7, "own_entitled", count: own.ifSold(own.entitled))
        sink.column(8, "all_sold", count: all.ifSold(all.sold))
        sink.column(9, "all_entitled", count: all.ifSold(all.entitled))
        sink.column(10, "trial", count: all.ifSold(all.trial))
        sink.column(11, "uncounted", count: all.ifSold(all.uncounted))
        sink.column(12, "assigned", count: all.ifAssigned(all.assigned))
        sink.column(13, "assigned_unsold", count: all.ifAssigned(all.assignedUnsold))
        sink.column(14, "deployment_percent", percent: all.deployment?.percent)
        sink.column(15, "active_users", count: usage.ifActive(usage.active))
        sink.column(16, "total_users", count: usage.ifUsage(usage.totalUsers))
        sink.column(17, "entitlements", count: usage.ifUsage(usage.entitlements))
        sink.column(18, "usage_percent", percent: usage.usage?.percent)
        sink.column(19, "usage_per_entitlement_percent", percent: usage.usagePerEntitlement?.percent)
        sink.column(20, "subscriptions_through", day: coverage.subscriptions)
        sink.column(21, "assignments_through", day: coverage.assignments)
        sink.column(22, "activity_through", day: coverage.activity)
    }

    static let columnNames: [String] = {
        var names = ColumnNames()
        ExportRecord().columns(into: &names)
        return names.names
    }()

    /// Records of nothing but zeros are left out of an export. An absent figure is no zero: such a record says that a
    /// source is not reported, and stays. But where activity is reported in other workloads, a product without licenses
    /// or holders, of which no usage can be told, is left out as well: every customer would have a record of it.
    var isAllZero: Bool {
        var zeros = ZeroCounts()
        if coverage.activity != nil, !usage.reported.tellActive {
            var record = self
            record.usage = UsageRow()
            record.columns(into: &zeros)
        } else {
            columns(into: &zeros)
        }
        return zeros.isAllZero
    }
}

private struct ColumnNames: ExportSink {
    var names: [String] = []

    mutating func column(_ field: Int, _ name: String, text: String) { names.append(name) }
    mutating func column(_ field: Int, _ name: String, product: Product) { names.append(name) }
    mutating func column(_ field: Int, _ name: String, day: Day?) { names.append(name) }
    mutating func column(_ field: Int, _ name: String, count: Int64?) { names.append(name) }
    mutating func column(_ field: Int, _ name: String, percent: Double?) { names.append(name) }
}

private struct ZeroCounts: ExportSink {
    var isAllZero = true

    mutating func column(_ field: Int, _ name: String, text: String) {}
    mutating func column(_ field: Int, _ name: String, product: Product) {}
    mutating func column(_ field: Int, _ name: String, day: Day?) {}
    mutating func column(_ field: Int, _ name: String, count: Int64?) { isAllZero = isAllZero && count == 0 }
    mutating func column(_ field: Int, _ name: String, percent: Double?) {}
}

extension WireWriter: ExportSink {
    mutating func column(_ field: Int, _ name: String, text: String) { string(field, text) }
    mutating func column(_ field: Int, _ name: String, product: Product) { enumeration(field, Int(product.rawValue)) }
    mutating func column(_ field: Int, _ name: String, day: Day?) { if let day { self.day(field, day) } }
    mutating func column(_ field: Int, _ name: String, count: Int64?) { optionalInt64(field, count) }
    mutating func column(_ field: Int, _ name: String, percent: Double?) { optionalDouble(field, percent) }

    /// One `ExportRow` of an `ExportInsightsResponse` (field 1).
    mutating func exportRow(_ record: ExportRecord) {
        let mark = begin(1, expecting: 160)
        record.columns(into: &self)
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

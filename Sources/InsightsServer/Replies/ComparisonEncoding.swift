import InsightsAPI
import InsightsCore
import LicenseModel
import Tenancy

/// Own licenses beside those of all partners: the figures of one `LicenseComparison`.
struct ComparisonFigures: Sendable, Hashable {
    var own: LicenseRow
    var all: LicenseRow
    var directSold: Int64
    var otherPartnersSold: Int64
    var unknownSold: Int64

    init(_ row: SkuRow) {
        own = row.own
        all = row.all
        directSold = row.directSold
        otherPartnersSold = row.otherPartnersSold
        unknownSold = row.unknownSold
    }

    /// The sum of the SKUs of the products (definition “Total of a comparison”). Without any SKU: zeros, as far as the
    /// products are reported.
    init(totalOf products: [ProductRow]) {
        own = LicenseRow()
        all = LicenseRow()
        directSold = 0
        otherPartnersSold = 0
        unknownSold = 0
        for product in products {
            own.add(flagsOf: product.own)
            all.add(flagsOf: product.all)
            for sku in product.skus {
                own.add(sku.own)
                all.add(sku.all)
                directSold &+= sku.directSold
                otherPartnersSold &+= sku.otherPartnersSold
                unknownSold &+= sku.unknownSold
            }
        }
    }

    /// 100 · own sold / all sold; nil when nothing is sold or subscriptions are not reported.
    var ownSharePercent: Double? {
        all.showsSubscriptions ? RatioFigure.percent(own.sold, of: all.sold) : nil
    }
}

extension LicenseRow {
    /// A sum is reported only when all its parts are.
    fileprivate mutating func add(flagsOf row: LicenseRow) {
        subscriptionsReported = subscriptionsReported && row.subscriptionsReported
        assignmentsReported = assignmentsReported && row.assignmentsReported
    }

    /// `FactLimits.maximumQuantity` leaves room for 90 billion subscriptions before a sum could wrap around.
    fileprivate mutating func add(_ row: LicenseRow) {
        add(flagsOf: row)
        sold &+= row.sold
        entitled &+= row.entitled
        trial &+= row.trial
        uncounted &+= row.uncounted
        assigned &+= row.assigned
        assignedUnsold &+= row.assignedUnsold
        assignedLower &+= row.assignedLower
        assignedUpper &+= row.assignedUpper
        deploymentSold &+= row.deploymentSold
    }
}

extension InsightsReply {
    /// `CompareLicensesResponse`: the SKUs of the products in their order, their sum and the day.
    static func comparison(_ products: [ProductRow], asOf: Day, into reply: inout [UInt8]) {
        var writer = WireWriter(taking: &reply)
        for product in products {
            for sku in product.skus {
                let mark = writer.begin(1, expecting: 160)
                writer.enumeration(1, Int(sku.product.rawValue))
                writer.string(2, sku.sku.text)
                writer.string(3, sku.name)
                writer.comparisonFigures(ComparisonFigures(sku))
                writer.end(mark)
            }
        }
        let mark = writer.begin(2)
        writer.comparisonFigures(ComparisonFigures(totalOf: products))
        writer.end(mark)
        writer.day(3, asOf)
        writer.finish(into: &reply)
    }
}

extension WireWriter {
    /// The fields of `LicenseComparison` from `own` on.
    fileprivate mutating func comparisonFigures(_ figures: ComparisonFigures) {
        licenseFigures(4, figures.own)
        licenseFigures(5, figures.all)
        if figures.all.showsSubscriptions {
            optionalInt64(6, figures.directSold)
            optionalInt64(7, figures.otherPartnersSold)
            optionalInt64(8, figures.unknownSold)
        }
        optionalDouble(9, figures.ownSharePercent)
    }
}

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
            own.reported.formIntersection(product.own.reported)
            all.reported.formIntersection(product.all.reported)
            for place in product.skus.indices {
                own &+= product.skus[place].own
                all &+= product.skus[place].all
                directSold &+= product.skus[place].directSold
                otherPartnersSold &+= product.skus[place].otherPartnersSold
                unknownSold &+= product.skus[place].unknownSold
            }
        }
    }

    /// 100 · own sold / all sold; nil when nothing is sold or subscriptions are not reported.
    var ownSharePercent: Double? {
        all.ifSold(all.sold).flatMap { RatioFigure.percent(own.sold, of: $0) }
    }
}

extension InsightsReply {
    /// `CompareLicensesResponse`: the SKUs of the products in their order, their sum and the day.
    static func comparison(_ products: [ProductRow], asOf: Day, revision: Revision, into reply: inout [UInt8]) {
        var writer = WireWriter(taking: &reply)
        for product in products {
            for place in product.skus.indices {
                let mark = writer.begin(1, expecting: 160)
                writer.enumeration(1, Int(product.skus[place].product.rawValue))
                writer.string(2, product.skus[place].sku.text)
                writer.string(3, product.skus[place].name)
                writer.comparisonFigures(ComparisonFigures(product.skus[place]))
                writer.end(mark)
            }
        }
        let mark = writer.begin(2)
        writer.comparisonFigures(ComparisonFigures(totalOf: products))
        writer.end(mark)
        writer.day(3, asOf)
        writer.revision(revision)
        writer.finish(into: &reply)
    }
}

extension WireWriter {
    /// The fields of `LicenseComparison` from `own` on.
    fileprivate mutating func comparisonFigures(_ figures: ComparisonFigures) {
        licenseFigures(4, figures.own)
        licenseFigures(5, figures.all)
        optionalInt64(6, figures.all.ifSold(figures.directSold))
        optionalInt64(7, figures.all.ifSold(figures.otherPartnersSold))
        optionalInt64(8, figures.all.ifSold(figures.unknownSold))
        optionalDouble(9, figures.ownSharePercent)
    }
}

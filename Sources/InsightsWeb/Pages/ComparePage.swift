import InsightsAPI
import RPCEngine
import Tenancy

/// `/compare`: own licenses beside those of all sellers, per SKU.
struct ComparePage: Page {
    static let pattern = "/compare"
    static let permission = Permission.readInsights
    static let section = Section.compare

    let customer: PBCustomer?
    let reply: PBCompareLicensesResponse

    init(_ load: PageLoad) throws(RPCStatus) {
        customer = try load.customer()
        var request = PBCompareLicensesRequest()
        request.customerID = load.customerID
        request.asOf = load.query["as_of"] ?? ""
        request.products = try load.query.products()
        reply = try load.call(.compareLicenses, request)
    }

    func title(_ words: any Words) -> String { words.title(words.compareTitle, customer) }

    func body(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        view.subject(&html, customer, .compare, title: words.compareTitle, lead: view.figuresLine(reply.asOf))
        view.form(&html, Link("compare")) { html in
            view.customerField(&html, customer)
            view.productSelect(&html)
            view.dayInput(&html, "as_of", words.day, value: reply.asOf)
            view.submit(&html, words.show)
        }
        if reply.comparisons.isEmpty { return view.nothing(&html, words.noLicenses) }
        view.card(&html, "") { view.comparison(&$0, reply) }
    }
}

extension PageView {
    /// Sellers that nobody bought from anything: they have no column.
    private struct Sellers {
        let direct: Bool
        let others: Bool
        let unknown: Bool

        init(_ rows: [PBLicenseComparison]) {
            direct = rows.contains { !$0.hasDirectSold || $0.directSold != 0 }
            others = rows.contains { !$0.hasOtherPartnersSold || $0.otherPartnersSold != 0 }
            unknown = rows.contains { !$0.hasUnknownSold || $0.unknownSold != 0 }
        }
    }

    /// Who sold what, as the parts of a bar and as a table. Other partners are only ever a sum.
    func comparison(_ html: inout HTML, _ reply: PBCompareLicensesResponse) {
        let rows = reply.comparisons
        let sellers = Sellers(rows)
        html.put(.ul, .class("legend")) { html in
            for (name, title, isThere) in [
                ("own", words.own, true), ("direct", words.direct, sellers.direct),
                ("others", words.otherPartners, sellers.others), ("unknown", words.unknownSeller, sellers.unknown),
            ] where isThere {
                html.put(.li) { html in
                    html.put(.span, .class("dot \(name)"))
                    html.put(.span, text: title)
                }
            }
        }
        table(&html, caption: words.compareTitle, "rows compare") { html in
            head(
                &html,
                [words.license, words.soldBy, "#" + words.own]
                    + (sellers.direct ? ["#" + words.direct] : [])
                    + (sellers.others ? ["#" + words.otherPartners] : [])
                    + (sellers.unknown ? ["#" + words.unknownSeller] : [])
                    + ["#" + words.allSellers, "#" + words.ownShare, "#" + words.ownDeployment]
                    + ["#" + words.allDeployment])
            html.put(.tbody) { html in
                for row in rows {
                    let title = row.skuName.isEmpty ? row.skuID : row.skuName
                    html.put(.tr) { comparisonRow(&$0, row, title, sellers) }
                }
            }
            html.put(.tfoot) { html in
                html.put(.tr) { comparisonRow(&$0, reply.total, words.total, sellers) }
            }
        }
        deploymentNote(&html, reply.total.allPartners)
        if rows.contains(where: { $0.own.isEstimated }) { note(&html, words.estimateNote) }
    }

    private func comparisonRow(
        _ html: inout HTML, _ row: PBLicenseComparison, _ title: String, _ shown: Sellers
    ) {
        html.put(.th, .scope("row")) { html in
            html.put(.bdi, text: title)
            if row.product != .unspecified { html.put(.small, .class("of"), text: row.product.title) }
        }
        html.put(.td, .class("sellers"), column(words.soldBy)) { html in
            guard row.allPartners.hasSold else { return absent(&html) }
            html.add(sellers(row))
        }
        countCell(&html, row.own.soldIfTold, label: words.own)
        if shown.direct { countCell(&html, row.hasDirectSold ? row.directSold : nil, label: words.direct) }
        if shown.others {
            countCell(&html, row.hasOtherPartnersSold ? row.otherPartnersSold : nil, label: words.otherPartners)
        }
        if shown.unknown { countCell(&html, row.hasUnknownSold ? row.unknownSold : nil, label: words.unknownSeller) }
        countCell(&html, row.allPartners.soldIfTold, label: words.allSellers)
        if row.hasOwnSharePercent {
            html.put(.td, .class("n"), column(words.ownShare), text: numerals.percent(row.ownSharePercent))
        } else if row.allPartners.hasSold {
            html.put(.td, .class("n"), column(words.ownShare), text: "–")
        } else {
            absentCell(&html, label: words.ownShare)
        }
        deploymentCell(&html, row.own, label: words.ownDeployment)
        deploymentCell(&html, row.allPartners, label: words.allDeployment)
    }

    private func sellers(_ row: PBLicenseComparison) -> HTML {
        let parts: [(String, String, Int64)] = [
            ("own", words.own, row.own.sold), ("direct", words.direct, row.directSold),
            ("others", words.otherPartners, row.otherPartnersSold), ("unknown", words.unknownSeller, row.unknownSold),
        ]
        return StackedBarSVG(
            parts: parts.map { .init(name: $0.0, value: Double($0.2), label: "\($0.1): \(numerals.count($0.2))") },
            whole: Double(row.allPartners.sold)
        ).svg()
    }
}

extension PageLoad {
    /// Names by id of what the customer, or the portfolio, has.
    func skuNames() throws(RPCStatus) -> [String: String] {
        var request = PBCompareLicensesRequest()
        request.customerID = customerID
        let reply: PBCompareLicensesResponse = try call(.compareLicenses, request)
        return reply.skuNames
    }
}

extension PBCompareLicensesResponse {
    var skuNames: [String: String] {
        Dictionary(comparisons.filter { !$0.skuName.isEmpty }.map { ($0.skuID, $0.skuName) }) { $1 }
    }
}

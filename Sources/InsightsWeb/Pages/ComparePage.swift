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

    func title(_ words: any Words) -> String { words.compareTitle }

    func body(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        view.subject(&html, customer, .compare, title: words.compareTitle, lead: view.dayLine(reply.asOf))
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
    /// Who sold what, as bars of one scale and as a table. Other partners are only ever a sum.
    func comparison(_ html: inout HTML, _ reply: PBCompareLicensesResponse) {
        html.put(.ul, .class("legend")) { html in
            for (name, title) in [
                ("own", words.own), ("direct", words.direct), ("others", words.otherPartners),
                ("unknown", words.unknownSeller),
            ] {
                html.put(.li) { html in
                    html.put(.span, .class("dot \(name)"))
                    html.put(.span, text: title)
                }
            }
        }
        let rows = reply.comparisons
        let most = rows.map { $0.allPartners.hasSold ? $0.allPartners.sold : 0 }.max() ?? 0
        table(&html, caption: words.compareTitle, "compare") { html in
            head(
                &html,
                [
                    words.license, words.soldBy, "#" + words.own, "#" + words.direct, "#" + words.otherPartners,
                    "#" + words.unknownSeller, "#" + words.allSellers, "#" + words.ownShare, "#" + words.ownAssigned,
                    "#" + words.allAssigned, "#" + words.ownDeployment, "#" + words.allDeployment,
                ])
            html.put(.tbody) { html in
                for row in rows {
                    let title = row.skuName.isEmpty ? row.skuID : row.skuName
                    html.put(.tr) { comparisonRow(&$0, row, title, scale: Double(most)) }
                }
            }
            html.put(.tfoot) { html in
                html.put(.tr) {
                    comparisonRow(
                        &$0, reply.total, words.total,
                        scale: Double(reply.total.allPartners.hasSold ? reply.total.allPartners.sold : 0))
                }
            }
        }
        if rows.contains(where: { $0.own.isEstimated }) { note(&html, words.estimateNote) }
    }

    private func comparisonRow(_ html: inout HTML, _ row: PBLicenseComparison, _ title: String, scale: Double) {
        html.put(.th, .scope("row")) { html in
            html.put(.bdi, text: title)
            if row.product != .unspecified { html.put(.small, .class("of"), text: row.product.title) }
        }
        html.put(.td, .class("sellers")) { html in
            guard row.allPartners.hasSold else { return absent(&html) }
            html.add(sellers(row, scale))
        }
        countCell(&html, row.own.soldIfTold)
        countCell(&html, row.hasDirectSold ? row.directSold : nil)
        countCell(&html, row.hasOtherPartnersSold ? row.otherPartnersSold : nil)
        countCell(&html, row.hasUnknownSold ? row.unknownSold : nil)
        countCell(&html, row.allPartners.soldIfTold)
        if row.hasOwnSharePercent {
            html.put(.td, .class("n"), text: numerals.percent(row.ownSharePercent))
        } else if row.allPartners.hasSold {
            html.put(.td, .class("n"), text: "–")
        } else {
            absentCell(&html)
        }
        assignedCell(&html, row.own)
        assignedCell(&html, row.allPartners)
        deploymentCell(&html, row.own)
        deploymentCell(&html, row.allPartners)
    }

    private func sellers(_ row: PBLicenseComparison, _ scale: Double) -> HTML {
        let parts: [(String, String, Int64)] = [
            ("own", words.own, row.own.sold), ("direct", words.direct, row.directSold),
            ("others", words.otherPartners, row.otherPartnersSold), ("unknown", words.unknownSeller, row.unknownSold),
        ]
        return StackedBarSVG(
            parts: parts.map { .init(name: $0.0, value: Double($0.2), label: "\($0.1): \(numerals.count($0.2))") },
            whole: scale
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

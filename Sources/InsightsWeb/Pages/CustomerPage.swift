import InsightsAPI
import LicenseModel
import RPCEngine
import Tenancy

/// `/customers/{customer_id}`: everything about one customer on one page.
struct CustomerPage: Page {
    static let pattern = "/customers/{customer_id}"
    static let permission = Permission.readInsights
    static let section = Section.customers

    let customer: PBCustomer
    let all: PBCustomerInsights
    let own: PBCustomerInsights
    let comparison: PBCompareLicensesResponse
    let trend: [PBTrendPoint]
    /// Of the products that are not idle.
    let explanations: [(PBProduct, PBUsageExplanation)]
    let advice: [PBRecommendation]

    private static let trendDays = 90
    private static let adviceShown: Int32 = 50

    init(_ load: PageLoad) throws(RPCStatus) {
        let id = load.customerID
        var request = PBGetCustomerInsightsRequest()
        request.customerID = id
        request.asOf = load.query["as_of"] ?? ""
        request.scope = .allPartners
        let reply: PBGetCustomerInsightsResponse = try load.call(.getCustomerInsights, request)
        all = reply.insights
        request.asOf = all.asOf
        request.scope = .own
        let own: PBGetCustomerInsightsResponse = try load.call(.getCustomerInsights, request)
        self.own = own.insights
        customer = try load.customer(id)
        var compare = PBCompareLicensesRequest()
        compare.customerID = id
        compare.asOf = all.asOf
        comparison = try load.call(.compareLicenses, compare)
        trend = try load.trend(until: all.asOf, days: Self.trendDays, customer: id)
        var explanations: [(PBProduct, PBUsageExplanation)] = []
        for product in all.products where !product.isIdle {
            explanations.append((product.product, try load.explanation(of: product.product, on: all.asOf)))
        }
        self.explanations = explanations
        var advice = PBListRecommendationsRequest()
        advice.customerID = id
        advice.asOf = all.asOf
        advice.languageCode = load.language.rawValue
        advice.pageSize = Self.adviceShown
        let pieces: PBListRecommendationsResponse = try load.call(.listRecommendations, advice)
        self.advice = pieces.recommendations
    }

    func title(_ words: any Words) -> String { words.title(words.customerInsights, customer) }

    func body(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        html.put(.div, .class("bar-above")) { html in
            html.put(.div) {
                view.customerHeading(
                    &$0, customer, .overview, lead: "\(words.customerInsights) · \(view.dayLine(all.asOf))")
            }
            view.form(&html, Link("customers", customer.customerID)) { html in
                view.dayInput(&html, "as_of", words.day, value: all.asOf)
                view.submit(&html, words.show)
            }
        }
        about(view, &html)
        html.put(.div, .class("columns")) { html in
            for product in all.products where !product.isIdle {
                view.productCard(
                    &html, product, own: own.products.first { $0.product == product.product },
                    customer: customer.customerID)
            }
        }
        if all.products.allSatisfy(\.isIdle) { view.nothing(&html, words.noLicenses) }
        view.uncatalogued(&html, all.uncataloguedSkus, count: all.uncataloguedSkuCount)
        if !advice.isEmpty { adviceCard(view, &html) }
        view.trendCard(
            &html, trend, title: words.trendOf("\(Self.trendDays)"),
            more: Link("trend", query: [("customer", customer.customerID)]))
        if !comparison.comparisons.isEmpty {
            view.card(&html, words.compareTitle) { view.comparison(&$0, comparison) }
        }
        for (product, explanation) in explanations {
            view.card(&html, "\(words.explainTitle): \(product.title)") { view.explanation(&$0, explanation) }
        }
    }

    /// Where the figures come from, and the little that is known of the customer itself.
    private func about(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        view.card(&html, "", "slim") { html in
            html.put(.div, .class("facts")) { html in
                view.freshness(&html, all.freshness)
                html.put(.ul, .class("freshness")) { html in
                    func pair(_ title: String, _ text: String) {
                        html.put(.li) { html in
                            html.put(.span, .class("source"), text: title)
                            html.put(.bdi, text: text)
                        }
                    }
                    if customer.name != customer.customerID { pair(words.customerID, customer.customerID) }
                    pair(words.market, customer.market.isEmpty ? words.notReported : customer.market)
                    pair(words.customerSince, view.numerals.day(customer.customerSince))
                }
            }
        }
    }

    private func adviceCard(_ view: PageView, _ html: inout HTML) {
        view.card(&html, view.words.advice) { html in
            html.put(.ul, .class("advice")) { html in
                for piece in advice { html.put(.li) { view.advice(&$0, piece, name: nil, skus: comparison.skuNames) } }
            }
        }
    }
}

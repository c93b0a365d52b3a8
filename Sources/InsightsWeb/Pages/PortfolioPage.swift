import InsightsAPI
import LicenseModel
import RPCEngine
import Tenancy

/// `/`: how the portfolio stands, and where to begin.
struct PortfolioPage: Page {
    static let pattern = "/"
    static let permission = Permission.readInsights
    static let section = Section.portfolio

    let all: PBPortfolioInsights
    let own: PBPortfolioInsights
    let trend: [PBTrendPoint]
    let lowest: [PBCustomerInsights]
    let advice: [PBRecommendation]
    let adviceTotal: Int32
    let names: [String: String]

    private static let trendDays = 90
    private static let lowestCustomers: Int32 = 10
    /// Of the list of advice, from which one of each kind is shown.
    private static let adviceLookedAt: Int32 = 100

    init(_ load: PageLoad) throws(RPCStatus) {
        var request = PBGetPortfolioInsightsRequest()
        request.asOf = load.query["as_of"] ?? ""
        request.scope = .allPartners
        let all: PBGetPortfolioInsightsResponse = try load.call(.getPortfolioInsights, request)
        self.all = all.insights
        request.asOf = all.insights.asOf
        request.scope = .own
        let own: PBGetPortfolioInsightsResponse = try load.call(.getPortfolioInsights, request)
        self.own = own.insights
        trend = try load.trend(until: all.insights.asOf, days: Self.trendDays)
        lowest = try Self.lowest(load, all.insights.asOf)
        let advice = try Self.advice(load, all.insights.asOf)
        adviceTotal = advice.totalSize
        self.advice = Self.oneOfEachKind(advice.recommendations)
        names = try load.names(of: self.advice.map(\.customerID))
    }

    private static func lowest(_ load: PageLoad, _ asOf: String) throws(RPCStatus) -> [PBCustomerInsights] {
        var request = PBListCustomerInsightsRequest()
        request.asOf = asOf
        request.scope = .allPartners
        // Without customers of whom there is no percentage.
        request.filter = "usage >= 0"
        request.orderBy = "usage"
        request.pageSize = lowestCustomers
        let reply: PBListCustomerInsightsResponse = try load.call(.listCustomerInsights, request)
        return reply.insights
    }

    private static func advice(_ load: PageLoad, _ asOf: String) throws(RPCStatus) -> PBListRecommendationsResponse {
        var request = PBListRecommendationsRequest()
        request.asOf = asOf
        request.languageCode = load.language.rawValue
        request.pageSize = adviceLookedAt
        return try load.call(.listRecommendations, request)
    }

    /// What has a date comes first, then what costs the customer people's access.
    static func oneOfEachKind(_ advice: [PBRecommendation]) -> [PBRecommendation] {
        PBRecommendationKind.byUrgency.compactMap { kind in advice.first { $0.kind == kind } }
    }

    func title(_ words: any Words) -> String { words.portfolio }

    func body(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        html.put(.div, .class("bar-above")) { html in
            view.heading(
                &html, words.portfolio,
                lead: "\(words.customerCount(view.numerals.count(all.customerCount), isOne: all.customerCount == 1)) · "
                    + view.dayLine(all.asOf))
            view.form(&html, Link()) { html in
                view.dayInput(&html, "as_of", words.day, value: all.asOf)
                view.submit(&html, words.show)
            }
        }
        if all.customerCount == 0 { return view.nothing(&html, words.noCustomers) }
        coverage(view, &html)
        html.put(.div, .class("columns")) { html in
            for product in all.products where !product.isIdle {
                view.productCard(&html, product, own: own.products.first { $0.product == product.product })
            }
        }
        view.uncatalogued(&html, all.uncataloguedSkus, count: all.uncataloguedSkuCount)
        view.trendCard(&html, trend, title: words.trendOf("\(Self.trendDays)"), more: Link("trend"))
        html.put(.div, .class("columns wide-left")) { html in
            lowestCard(view, &html)
            adviceCard(view, &html)
        }
    }

    /// Of how many customers activity is reported.
    private func coverage(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        let counts = [
            ("fresh", words.reportedCustomers, all.reportedCustomers), ("late", words.lagging, all.laggingCustomers),
            ("absent", words.notReported, all.unreportedCustomers),
        ]
        view.card(&html, words.freshnessOfActivity, "slim") { html in
            html.add(
                StackedBarSVG(
                    parts: counts.map {
                        .init(name: $0.0, value: Double($0.2), label: "\($0.1): \(view.numerals.count($0.2))")
                    }, whole: Double(all.customerCount)
                ).svg())
            html.put(.ul, .class("legend")) { html in
                for (name, title, count) in counts {
                    html.put(.li) { html in
                        html.put(.span, .class("dot \(name)"))
                        html.put(.span, text: title)
                        html.put(.strong, text: view.numerals.count(count))
                    }
                }
            }
        }
    }

    private func lowestCard(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        view.card(&html, words.lowestUsage) { html in
            if lowest.isEmpty { return view.nothing(&html, words.noUsageAnywhere) }
            view.table(&html, caption: words.lowestUsage, "rows lowest") { html in
                view.head(&html, [words.customer, "#" + words.usage, "#" + words.deployment, words.activityThrough])
                html.put(.tbody) { html in
                    for row in lowest {
                        let sum = FigureSum(row.products)
                        html.put(.tr) { html in
                            html.put(.th, .scope("row")) {
                                view.customerLink(&$0, id: row.customerID, name: row.customerName)
                            }
                            view.ratioCell(&html, sum.usage, bar: "use", label: words.usage)
                            view.ratioCell(&html, sum.deployment, bar: "deploy", label: words.deployment)
                            view.coverageCell(&html, row.freshness, .activity, label: words.activityThrough)
                        }
                    }
                }
            }
            html.put(.p, .class("more")) {
                $0.put(.a, .href(Link("customers", query: [("order", "usage")])), text: words.allCustomersByUsage)
            }
        }
    }

    private func adviceCard(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        view.card(&html, words.topAdvice) { html in
            if advice.isEmpty { return view.nothing(&html, words.noAdvice) }
            html.put(.ul, .class("advice short")) { html in
                for piece in advice {
                    html.put(.li) { html in
                        view.adviceHead(&html, piece, name: names[piece.customerID])
                        html.put(.p, text: piece.tryThis)
                    }
                }
            }
            html.put(.p, .class("more")) {
                $0.put(.a, .href(Link("advice")), text: words.allAdvice(view.numerals.count(Int64(adviceTotal))))
            }
        }
    }
}

extension PageLoad {
    /// Product level, all sellers; of the portfolio unless a customer is named.
    func trend(
        until last: String, days: Int, customer: String = ""
    ) throws(RPCStatus) -> [PBTrendPoint] {
        guard let end = Day(last) else { return [] }
        var request = PBGetTrendRequest()
        request.customerID = customer
        request.startDate = end.advanced(by: 1 - days).description
        request.endDate = last
        request.interval = .day
        request.scope = .allPartners
        let reply: PBGetTrendResponse = try call(.getTrend, request)
        return reply.points
    }
}

extension PageView {
    /// Usage and deployment of each product over the last days.
    func trendCard(_ html: inout HTML, _ points: [PBTrendPoint], title: String, more: Link) {
        let series = TrendSeries(points)
        guard !series.products.isEmpty else { return }
        let lines = series.products.flatMap { product in
            [TrendMetric.usage, .deployment].map { metric in
                series.line(
                    product, metric, on: series.days, named: "\(product.title) · \(words.metric(metric))", self)
            }
        }
        card(&html, "") { html in
            html.add(
                LineChartSVG(
                    id: "trend", title: title, summary: words.chartSummary(lines.map(\.name)),
                    days: series.days.map(numerals.day), series: lines, isPercent: true, numerals: numerals
                ).figure(words))
            html.put(.p, .class("more")) { $0.put(.a, .href(more), text: words.moreTrend) }
        }
    }
}

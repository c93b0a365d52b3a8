import InsightsAPI
import LicenseModel
import RPCEngine
import Tenancy

/// `/trend`: one figure over a period, of a customer or the portfolio, a line per product or workload; also as CSV.
struct TrendPage: Page {
    static let pattern = "/trend"
    static let permission = Permission.readInsights
    static let section = Section.trend

    let customer: PBCustomer?
    let metric: TrendMetric
    private let isOwn: Bool
    let (start, end): (String, String)
    /// By workload; the empty one is the whole product.
    let trends: [(workload: String, points: [PBTrendPoint])]

    /// Of the period that nobody chose.
    private static let defaultDays = 90

    init(_ load: PageLoad) throws(RPCStatus) {
        let query = load.query
        customer = try load.customer()
        guard let metric = TrendMetric(rawValue: query["metric"] ?? TrendMetric.usage.rawValue) else {
            throw PageQuery.bad("metric", TrendMetric.allCases.map(\.rawValue).joined(separator: ", "))
        }
        self.metric = metric
        let end: String
        if let day = query["end"] { end = day } else { end = try load.lastDay() }
        self.end = end
        start = query["start"] ?? Day(end)?.advanced(by: 1 - Self.defaultDays).description ?? end
        var request = PBGetTrendRequest()
        request.customerID = load.customerID
        (request.startDate, request.endDate) = (start, end)
        request.interval = try query.interval()
        request.scope = try query.scope()
        isOwn = request.scope == .own
        request.products = try query.products()
        var trends: [(String, [PBTrendPoint])] = []
        let chosen = query.values("workload").filter { $0 != "all" }
        for workload in chosen.isEmpty || query.values("workload").contains("all") ? [""] + chosen : chosen {
            // More lines than can be told apart are not drawn.
            if trends.count == LineChartSVG.mostSeries { break }
            request.workloadCode = workload
            let reply: PBGetTrendResponse = try load.call(.getTrend, request)
            trends.append((workload, reply.points))
        }
        self.trends = trends
    }

    func title(_ words: any Words) -> String { words.title(words.trend, customer) }

    private func lines(_ view: PageView) -> (days: [String], series: [LineChartSVG.Series]) {
        let series = trends.map { TrendSeries($0.points) }
        let days = Set(series.flatMap(\.days)).sorted()
        var lines: [LineChartSVG.Series] = []
        for (trend, series) in zip(trends, series) {
            for product in series.products {
                let name =
                    trend.workload.isEmpty
                    ? product.title : "\(product.title) · \(view.words.workload(trend.workload))"
                lines.append(series.line(product, metric, on: days, named: name, view))
            }
        }
        return (days, Array(lines.prefix(LineChartSVG.mostSeries)))
    }

    func body(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        let period = "\(view.numerals.day(start)) – \(view.numerals.day(end))"
        view.subject(
            &html, customer, .trend, title: words.trend,
            lead: metric.isOfLicenses ? "\(period) · \(words.licensesOf(isOwn: isOwn))" : period)
        form(view, &html)
        let (days, series) = lines(view)
        if series.isEmpty { return view.nothing(&html, words.noTrend) }
        view.card(&html, "") { html in
            html.add(
                LineChartSVG(
                    id: "trend", title: "\(words.metric(metric).capitalizedFirst), \(period)",
                    summary: words.chartSummary(series.map(\.name)), days: days.map(view.numerals.day), series: series,
                    isPercent: metric.isPercent, numerals: view.numerals
                ).figure(words))
            view.note(&html, words.metricMeaning(metric))
            if series.contains(where: { $0.points.contains { $0.bounds != nil } }) {
                view.note(&html, words.estimateInChart)
            }
            html.put(.p, .class("more")) {
                $0.put(.a, .href(.here(view.query.with(("format", "csv")))), .flag("download"), text: words.downloadCSV)
            }
        }
    }

    private func form(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        view.form(&html, Link("trend")) { html in
            view.customerField(&html, customer)
            view.select(
                &html, "metric", words.figure,
                TrendMetric.allCases.map { ($0.rawValue, words.metric($0).capitalizedFirst) },
                chosen: TrendMetric.usage.rawValue)
            view.dayInput(&html, "start", words.from, value: start)
            view.dayInput(&html, "end", words.through, value: end)
            view.select(
                &html, "interval", words.interval,
                [("day", words.byDay), ("week", words.byWeek), ("month", words.byMonth)], chosen: "day")
            view.productSelect(&html)
            view.scopeSelect(&html)
            workloads(view, &html)
            view.submit(&html, words.show)
        }
    }

    private func workloads(_ view: PageView, _ html: inout HTML) {
        let chosen = Set(view.query.values("workload"))
        html.put(.fieldset, .class("checks")) { html in
            html.put(.legend, text: view.words.workloads)
            for workload in ["all"] + PageView.workloads {
                html.put(.label) { html in
                    html.put(
                        .input, .type("checkbox"), .name("workload"), .value(workload),
                        .flag("checked", if: chosen.contains(workload) || (chosen.isEmpty && workload == "all")))
                    html.write(workload == "all" ? view.words.wholeProduct : view.words.workload(workload))
                }
            }
        }
    }

    // MARK: What is seen as CSV

    func file(_ view: PageView) -> WebResponse? {
        guard view.query["format"] == "csv" else { return nil }
        let (_, series) = lines(view)
        let days = Set(trends.flatMap { $0.points.map(\.date) }).sorted()
        let isDutch = view.language == .dutch
        let separator = isDutch ? ";" : ","
        var text = ([view.words.day] + series.map(\.name)).map(CSV.field).joined(separator: separator) + "\r\n"
        for (row, day) in days.enumerated() {
            let values = series.map { line in
                let value = line.points[row].value.map { Decimal.text($0, decimals: 4) } ?? ""
                return isDutch ? value.replacing(".", with: ",") : value
            }
            text += ([day] + values).joined(separator: separator) + "\r\n"
        }
        return WebResponse(
            status: 200,
            headers: [
                ("content-type", "text/csv; charset=utf-8"),
                ("content-disposition", "attachment; filename=\"trend.csv\""),
            ], body: Array(text.utf8))
    }
}

/// Fields of a file that a spreadsheet opens.
enum CSV {
    /// In quotes; what a spreadsheet would take for a formula is text.
    static func field(_ text: String) -> String {
        let isFormula = ["=", "+", "-", "@", "\t", "\r"].contains { text.hasPrefix($0) }
        return "\"" + (isFormula ? "'" : "") + text.replacing("\"", with: "\"\"") + "\""
    }
}

extension PageLoad {
    /// The last day of activity, of the customer or the portfolio.
    func lastDay() throws(RPCStatus) -> String {
        if customerID.isEmpty {
            let reply: PBGetPortfolioInsightsResponse = try call(
                .getPortfolioInsights, PBGetPortfolioInsightsRequest())
            return reply.insights.asOf
        }
        var request = PBGetCustomerInsightsRequest()
        request.customerID = customerID
        let reply: PBGetCustomerInsightsResponse = try call(.getCustomerInsights, request)
        return reply.insights.asOf
    }
}

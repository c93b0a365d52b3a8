import InsightsAPI
import RPCEngine
import Tenancy

/// `/customers`: every customer with its figures, filtered, ordered and paged by the API.
struct CustomersPage: Page {
    static let pattern = "/customers"
    static let permission = Permission.readInsights
    static let section = Section.customers

    let reply: PBListCustomerInsightsResponse
    let filter: String
    let order: String
    private let isOwn: Bool

    private static let pageSize: Int32 = 50
    /// Fields of the form that are conditions: name, key and operator of the API's filter.
    static let conditions = [
        ("usage_below", "usage", "<"), ("deployment_below", "deployment", "<"), ("sold_from", "sold", ">="),
    ]

    init(_ load: PageLoad) throws(RPCStatus) {
        filter = Self.filter(load.query, load.language)
        order = load.query["order"] ?? "customer_name"
        var request = PBListCustomerInsightsRequest()
        request.asOf = load.query["as_of"] ?? ""
        request.scope = try load.query.scope()
        isOwn = request.scope == .own
        request.products = try load.query.products()
        request.filter = filter
        request.orderBy = order
        request.pageSize = Self.pageSize
        request.pageToken = load.query["page"] ?? ""
        reply = try load.call(.listCustomerInsights, request)
    }

    /// The form's fields in the filter language of the API, whose numbers have a point.
    static func filter(_ query: PageQuery, _ language: PageLanguage) -> String {
        var parts: [String] = []
        if let name = query["name"] { parts.append("customer_name:\(quoted(name))") }
        if let market = query["market"] { parts.append("market=\(quoted(market))") }
        for (field, key, comparison) in conditions {
            if let value = query[field] {
                let number = language == .dutch ? value.replacing(",", with: ".") : value
                parts.append("\(key) \(comparison) \(quoted(number))")
            }
        }
        if let words = query["filter"] { parts.append(words) }
        return parts.joined(separator: " AND ")
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    func title(_ words: any Words) -> String { words.customers }

    func body(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        let count = Int64(reply.totalSize)
        let asOf = reply.insights.first?.asOf ?? ""
        let counted = words.customerCount(view.numerals.count(count), isOne: count == 1)
        view.heading(
            &html, words.customers,
            lead: asOf.isEmpty ? counted : "\(counted) · \(view.dayLine(asOf)) · \(words.licensesOf(isOwn: isOwn))")
        form(view, &html)
        if reply.insights.isEmpty {
            return view.nothing(&html, filter.isEmpty ? words.noCustomers : words.noCustomersMatch)
        }
        let sums = reply.insights.map { FigureSum($0.products) }
        html.put(.div, .class("card flush")) { html in
            // Customers of one name are told apart by their ids.
            let twice = Dictionary(grouping: reply.insights, by: \.customerName).filter { $1.count > 1 }.keys
            view.table(&html, caption: words.customers, "rows") { html in
                head(view, &html)
                html.put(.tbody) { html in
                    for (row, sum) in zip(reply.insights, sums) {
                        self.row(view, &html, row, sum, isOneOfMany: twice.contains(row.customerName))
                    }
                }
            }
        }
        if sums.contains(where: \.isEstimated) {
            view.note(&html, words.estimateNote)
        }
        view.pager(&html, next: reply.nextPageToken)
    }

    private func form(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        view.form(&html, Link("customers")) { html in
            view.input(&html, "name", words.nameContains, type: "search")
            view.input(&html, "usage_below", words.usageBelow, extra: .with("inputmode", "decimal"), .with("size", "8"))
            var orders = [
                ("customer_name", words.orderName), ("usage", words.orderUsage),
                ("deployment", words.orderDeployment), ("sold desc", words.orderSold),
                ("active_users desc", words.orderActive),
            ]
            if !orders.contains(where: { $0.0 == order }) { orders.append((order, order)) }
            view.select(&html, "order", words.order, orders, chosen: order)
            view.submit(&html, words.filter)
            if !filter.isEmpty {
                html.put(.div, .class("field buttons")) {
                    $0.put(.a, .class("button quiet"), .href(Link("customers")), text: words.clearFilter)
                }
            }
            view.hidden(&html, "filter")
            moreFilters(view, &html)
        }
    }

    private func moreFilters(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        let isUsed = ["deployment_below", "sold_from", "market", "product", "scope", "as_of"]
            .contains { view.query[$0] != nil }
        html.put(.details, .class("more-filters"), .flag("open", if: isUsed)) { html in
            html.put(.summary, text: words.moreFilters)
            html.put(.div, .class("filters")) { html in
                let (decimal, size) = (Attribute.with("inputmode", "decimal"), Attribute.with("size", "8"))
                view.input(&html, "deployment_below", words.deploymentBelow, extra: decimal, size)
                view.input(&html, "sold_from", words.soldFrom, extra: .with("inputmode", "numeric"), size)
                view.input(&html, "market", words.market, extra: size)
                view.productSelect(&html)
                view.scopeSelect(&html)
                view.dayInput(&html, "as_of", words.day)
            }
        }
    }

    /// Headings order the list; the one that does says in which direction.
    private func head(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        let columns = [
            ("customer_name", words.customer, ""), ("sold", words.sold, "n"), ("assigned", words.assigned, "n"),
            ("deployment", words.deployment, "n"), ("active_users", words.activeUsers, "n"),
            ("usage", words.usage, "n"),
        ]
        html.put(.thead) { html in
            html.put(.tr) { html in
                for (key, title, name) in columns {
                    let isUp = order == key
                    let isDown = order == key + " desc"
                    html.put(
                        .th, .scope("col"), .class(name),
                        isUp || isDown ? .with("aria-sort", isUp ? "ascending" : "descending") : nil
                    ) { html in
                        let next = isUp ? key + " desc" : key
                        html.put(.a, .class("sort"), .href(.here(view.query.with(("order", next), ("page", nil))))) {
                            html in
                            html.write(title)
                            if isUp || isDown { html.put(.span, .hidden, text: isUp ? " ↑" : " ↓") }
                        }
                    }
                }
                html.put(.th, .scope("col"), text: words.activityThrough)
            }
        }
    }

    private func row(
        _ view: PageView, _ html: inout HTML, _ row: PBCustomerInsights, _ sum: FigureSum, isOneOfMany: Bool
    ) {
        html.put(.tr) { html in
            html.put(.th, .scope("row")) { html in
                view.customerLink(&html, id: row.customerID, name: row.customerName)
                if isOneOfMany { html.put(.small, .class("of")) { $0.put(.bdi, text: row.customerID) } }
            }
            let words = view.words
            view.countCell(&html, sum.sold, label: words.sold)
            view.assignedCell(&html, sum.licenses, label: words.assigned)
            view.deploymentCell(&html, sum.licenses, label: words.deployment)
            view.countCell(&html, sum.active, label: words.activeUsers)
            view.ratioCell(&html, sum.usage, bar: "use", label: words.usage)
            view.coverageCell(&html, row.freshness, .activity, label: words.activityThrough)
        }
    }
}

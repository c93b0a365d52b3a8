import InsightsAPI
import LicenseModel

/// Parts that several pages have.
extension PageView {
    /// The head of a page: its title, what it is about, and a line about its figures.
    func heading(_ html: inout HTML, _ title: String, lead: String = "", above: String = "", below: String = "") {
        html.put(.div, .class("heading")) { html in
            if !above.isEmpty { crumb(&html, above) }
            html.put(.h1) { $0.put(.bdi, text: title) }
            if !lead.isEmpty { html.put(.p, .class("lead"), text: lead) }
            if !below.isEmpty { crumb(&html, below) }
        }
    }

    /// A way to the list of customers.
    private func crumb(_ html: inout HTML, _ text: String) {
        html.put(.p, .class("crumb")) { $0.put(.a, .href(Link("customers")), text: text) }
    }

    /// `Figures of 27 Nov 2026 · activity of 31 Oct to 27 Nov`
    func dayLine(_ asOf: String) -> String {
        guard let day = Day(asOf) else { return "" }
        let window = "\(numerals.shortDay(day.windowStart)) – \(numerals.shortDay(day))"
        return "\(words.figuresOf) \(numerals.day(asOf)) · \(words.activityOf) \(window)"
    }

    /// `Figures of 27 Nov 2026`, where nothing is told of activity.
    func figuresLine(_ asOf: String) -> String {
        asOf.isEmpty ? "" : "\(words.figuresOf) \(numerals.day(asOf))"
    }

    enum CustomerTab: CaseIterable { case overview, trend, compare, explain, advice, subscriptions, users }

    /// The head of a page about one customer: its name and its other pages.
    func customerHeading(_ html: inout HTML, _ customer: PBCustomer, _ tab: CustomerTab, lead: String) {
        heading(
            &html, customer.shownName, lead: lead, above: words.customers)
        html.put(.nav, .class("tabs"), .label(words.pagesOfCustomer)) { html in
            html.put(.ul) { html in
                for other in CustomerTab.allCases where isShown(other) {
                    html.put(.li) {
                        $0.put(
                            .a, .href(link(other, customer.customerID)), other == tab ? .current : nil,
                            text: title(other))
                    }
                }
            }
        }
    }

    private func isShown(_ tab: CustomerTab) -> Bool {
        switch tab {
        case .subscriptions: may(.readSubscriptions)
        case .users: may(.readUsers)
        default: may(.readInsights)
        }
    }

    private func link(_ tab: CustomerTab, _ id: String) -> Link {
        switch tab {
        case .overview: Link("customers", id)
        case .subscriptions: Link("customers", id, "subscriptions")
        case .users: Link("customers", id, "users")
        case .trend: Link("trend", query: [("customer", id)])
        case .compare: Link("compare", query: [("customer", id)])
        case .explain: Link("explain", query: [("customer", id)])
        case .advice: Link("advice", query: [("customer", id)])
        }
    }

    private func title(_ tab: CustomerTab) -> String {
        switch tab {
        case .overview: words.overview
        case .trend: words.trend
        case .compare: words.compare
        case .explain: words.explain
        case .advice: words.advice
        case .subscriptions: words.subscriptions
        case .users: words.users
        }
    }

    /// The head of a page that is about one customer or about the portfolio.
    func subject(_ html: inout HTML, _ customer: PBCustomer?, _ tab: CustomerTab, title: String, lead: String) {
        if let customer {
            customerHeading(&html, customer, tab, lead: "\(title) · \(lead)")
        } else {
            heading(
                &html, title, lead: lead.isEmpty ? words.allCustomers : "\(words.allCustomers) · \(lead)",
                below: words.forOneCustomer)
        }
    }

    // MARK: Cards

    func card(_ html: inout HTML, _ title: String, _ classes: String = "", content: (inout HTML) -> Void) {
        html.put(.section, .class(classes.isEmpty ? "card" : "card " + classes)) { html in
            if !title.isEmpty { html.put(.h2, text: title) }
            content(&html)
        }
    }

    func note(_ html: inout HTML, _ text: String) { html.put(.p, .class("note"), text: text) }

    func nothing(_ html: inout HTML, _ text: String) { html.put(.p, .class("nothing"), text: text) }

    /// The next page of a list, and the first.
    /// - Parameter asOf: the day of the list, which the next page is asked for too; nil where it has none.
    func pager(_ html: inout HTML, next token: String, asOf: String? = nil) {
        let isFirst = query["page"] == nil
        guard !token.isEmpty || !isFirst else { return }
        html.put(.nav, .class("pager"), .label(words.pagesOfList)) { html in
            if !isFirst {
                html.put(.a, .class("button quiet"), .href(.here(query.with(("page", nil)))), text: words.firstPage)
            }
            if !token.isEmpty {
                let next = query.with(("page", token), ("as_of", asOf ?? query["as_of"]))
                html.put(
                    .a, .class("button quiet"), .rel("next"), .href(.here(next)), text: words.nextPage)
            }
        }
    }

    // MARK: Freshness

    func freshness(_ html: inout HTML, _ freshness: PBFreshness) {
        html.put(.div) { sources(&$0, freshness) }
    }

    private func sources(_ html: inout HTML, _ freshness: PBFreshness) {
        html.put(.ul, .class("freshness")) { html in
            for source in freshness.sources {
                html.put(.li) { html in
                    html.put(.span, .class("source"), text: words.source(source.source))
                    status(&html, source.status, source.through)
                }
            }
        }
        let others = freshness.workloads.filter { $0.status != .reported }
        guard !others.isEmpty, others.count < freshness.workloads.count else { return }
        html.put(.details) { html in
            html.put(.summary, text: words.workloadsBehind(numerals.count(Int64(others.count))))
            html.put(.ul, .class("freshness")) { html in
                for workload in others {
                    html.put(.li) { html in
                        html.put(.span, .class("source"), text: words.workload(workload.workloadCode))
                        status(&html, workload.status, workload.through)
                    }
                }
            }
        }
    }

    /// The last day of a source, and whether that is late; the words say what the color does.
    func status(_ html: inout HTML, _ status: PBCoverageStatus, _ through: String) {
        switch status {
        case .reported: html.put(.span, .class("fresh"), text: numerals.day(through))
        case .lagging:
            html.put(.span, .class("fresh")) { html in
                html.write(numerals.day(through))
                html.put(.span, .class("badge late"), text: words.lagging)
            }
        default: html.put(.span, .class("nr"), text: words.notReported)
        }
    }

    /// The day of one source in a table.
    func coverageCell(_ html: inout HTML, _ freshness: PBFreshness, _ source: PBSource, label: String? = nil) {
        let coverage = freshness.sources.first { $0.source == source }
        html.put(.td, column(label)) { status(&$0, coverage?.status ?? .notReported, coverage?.through ?? "") }
    }

    /// Licenses that are in no figure.
    func uncatalogued(_ html: inout HTML, _ skus: [PBUncataloguedSku], count: Int32) {
        guard count > 0 else { return }
        html.put(.details, .class("card notice")) { html in
            html.put(.summary, text: words.uncatalogued(numerals.count(Int64(count))))
            table(&html, caption: words.uncatalogued(numerals.count(Int64(count)))) { html in
                head(&html, [words.skuID, "#" + words.sold])
                html.put(.tbody) { html in
                    for sku in skus {
                        html.put(.tr) { html in
                            html.put(.th, .scope("row")) { $0.put(.code, text: sku.skuID) }
                            countCell(&html, sku.sold)
                        }
                    }
                }
            }
        }
    }
}

extension PBCustomer {
    var shownName: String { name.isEmpty ? customerID : name }
}

extension Words {
    /// Of a page that is about one customer or about the portfolio: tabs of a browser are told apart by it.
    func title(_ page: String, _ customer: PBCustomer?) -> String {
        customer.map { "\($0.shownName) · \(page)" } ?? page
    }

    func sourceNotReported(_ source: PBSource) -> String {
        "\(self.source(source).capitalizedFirst): \(notReported)."
    }
}

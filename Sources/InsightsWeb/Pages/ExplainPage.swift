import InsightsAPI
import RPCEngine
import Tenancy

/// `/explain`: why usage is what it is, also above 100 %.
struct ExplainPage: Page {
    static let pattern = "/explain"
    static let permission = Permission.readInsights
    static let section = Section.explain

    let customer: PBCustomer?
    let explanation: PBUsageExplanation

    init(_ load: PageLoad) throws(RPCStatus) {
        customer = try load.customer()
        let product = try load.query.products().first ?? .office365
        explanation = try load.explanation(
            of: product, workload: load.query["workload"] ?? "", on: load.query["as_of"] ?? "")
    }

    func title(_ words: any Words) -> String { words.title(words.explainTitle, customer) }

    func body(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        view.subject(&html, customer, .explain, title: words.explainTitle, lead: view.dayLine(explanation.asOf))
        view.form(&html, Link("explain")) { html in
            view.customerField(&html, customer)
            view.select(
                &html, "product", words.productLabel, [PBProduct.office365, .dynamics365].map { ($0.code, $0.title) },
                chosen: PBProduct.office365.code)
            view.select(
                &html, "workload", words.workload,
                [("", words.wholeProduct)] + PageView.workloads.map { ($0, words.workload($0)) })
            view.dayInput(&html, "as_of", words.day, value: explanation.asOf)
            view.submit(&html, words.show)
        }
        view.card(&html, "") { view.explanation(&$0, explanation) }
    }
}

extension PageLoad {
    /// Of the customer, else of the portfolio; of a workload where one is named.
    func explanation(
        of product: PBProduct, workload: String = "", on asOf: String
    ) throws(RPCStatus) -> PBUsageExplanation {
        var request = PBExplainUsageRequest()
        request.customerID = customerID
        request.asOf = asOf
        if workload.isEmpty { request.product = product } else { request.workloadCode = workload }
        request.languageCode = language.rawValue
        let reply: PBExplainUsageResponse = try call(.explainUsage, request)
        return reply.explanation
    }
}

extension PageView {
    /// Those that the system knows by name.
    static let workloads = ["EXO", "SPO", "TEAMS", "SFB", "YAM", "APPS", "CRM"]

    /// The text, every active user in one stacked bar, and the same as a table.
    func explanation(_ html: inout HTML, _ explanation: PBUsageExplanation) {
        html.put(.p, .class("text"), text: explanation.text)
        guard explanation.hasActiveUsers else { return }
        let rows = rows(explanation)
        guard !rows.isEmpty else { return }
        let active = explanation.activeUsers
        html.add(
            StackedBarSVG(
                parts: rows.enumerated().map { index, row in
                    .init(
                        name: row.name, value: Double(row.users),
                        label: "\(row.title): \(numerals.count(row.users))", mark: "\(index + 1)")
                }, whole: Double(active), title: words.classesOf(numerals.count(active)), height: 30
            ).svg())
        table(&html, caption: words.classesOf(numerals.count(active)), "classes") { html in
            head(&html, [words.activeBecause, "#" + words.users, "#" + words.share, words.meaning])
            html.put(.tbody) { html in
                for (index, row) in rows.enumerated() {
                    html.put(.tr, row.users == 0 ? .class("idle") : nil) { html in
                        html.put(.th, .scope("row")) { html in
                            html.put(.span, .class("swatch \(row.name)"), .hidden, text: "\(index + 1)")
                            html.write(row.title)
                        }
                        countCell(&html, row.users)
                        html.put(
                            .td, .class("n"),
                            text: active > 0 ? numerals.percent(100 * Double(row.users) / Double(active)) : "–")
                        html.put(.td, text: row.meaning)
                    }
                }
            }
            html.put(.tfoot) { html in
                html.put(.tr) { html in
                    html.put(.th, .scope("row"), text: words.activeUsers)
                    countCell(&html, active)
                    html.put(.td, .class("n"), text: active > 0 ? numerals.percent(100) : "–")
                    html.put(.td) { html in
                        html.put(
                            .strong, text: "\(words.usage): \(sentence(explanation.hasUsage ? explanation.usage : nil))"
                        )
                    }
                }
            }
        }
    }

    private struct ClassRow {
        let name: String
        let title: String
        let users: Int64
        let meaning: String
    }

    private func rows(_ explanation: PBUsageExplanation) -> [ClassRow] {
        var rows = explanation.classes.enumerated().map { index, count in
            let (title, meaning) = words.usageClass(count.usageClass)
            return ClassRow(name: "c\(index + 1)", title: title, users: count.users, meaning: meaning)
        }
        if explanation.hasUnclassifiedUsers, explanation.unclassifiedUsers > 0 {
            rows.append(
                ClassRow(
                    name: "absent", title: words.unclassified, users: explanation.unclassifiedUsers,
                    meaning: words.unclassifiedMeaning))
        }
        return rows
    }
}

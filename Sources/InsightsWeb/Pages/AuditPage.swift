import InsightsAPI
import RPCEngine
import Tenancy

/// `/audit`: the partner's trail, newest first.
struct AuditPage: Page {
    static let pattern = "/audit"
    static let permission = Permission.readAudit
    static let section = Section.audit

    let reply: PBListAuditEventsResponse

    init(_ load: PageLoad) throws(RPCStatus) {
        var request = PBListAuditEventsRequest()
        request.pageSize = 100
        request.pageToken = load.query["page"] ?? ""
        reply = try load.call(.listAuditEvents, request)
    }

    func title(_ words: any Words) -> String { words.audit }

    func body(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        let count = Int64(reply.totalSize)
        view.heading(&html, words.audit, lead: words.recordCount(view.numerals.count(count), isOne: count == 1))
        if reply.events.isEmpty { return view.nothing(&html, words.noRecords) }
        html.put(.div, .class("card flush")) { html in
            view.table(&html, caption: words.audit, "rows") { html in
                view.head(
                    &html,
                    [
                        words.time, words.who, words.method, words.decision, words.outcome, words.customerCode,
                        "#" + words.record,
                    ])
                html.put(.tbody) { html in
                    for event in reply.events { html.put(.tr) { row(view, &$0, event) } }
                }
            }
        }
        view.pager(&html, next: reply.nextPageToken)
    }

    /// Of a method its name, without the service; of anything else its path.
    private static func name(_ path: String) -> String {
        let parts = path.split(separator: "/")
        return parts.count == 2 && parts[0].contains(".") ? String(parts[1]) : path
    }

    private func row(_ view: PageView, _ html: inout HTML, _ event: PBAuditEvent) {
        let words = view.words
        html.put(.th, .scope("row"), text: view.numerals.moment(event.time))
        html.put(.td, view.column(words.who)) { html in
            html.put(.bdi, text: event.principalID.isEmpty ? words.unknown : event.principalID)
            if event.isOperator { html.put(.span, .class("badge"), text: words.operatorName) }
        }
        html.put(
            .td, view.column(words.method),
            text: Self.name(event.method))
        html.put(.td, view.column(words.decision)) {
            let isAllowed = event.decision == .allowed
            $0.put(
                .span, .class(isAllowed ? "badge good" : "badge late"), text: isAllowed ? words.allowed : words.denied)
        }
        html.put(.td, view.column(words.outcome)) { $0.put(.code, text: StatusCodeNames.name(of: event.code)) }
        html.put(.td, view.column(words.customerCode)) { html in
            if event.customerHash.isEmpty { return html.put(.span, .class("nr"), text: words.noCustomer) }
            html.put(.code, .title(event.customerHash), text: String(event.customerHash.prefix(12)))
        }
        view.countCell(&html, event.sequence, label: words.record)
    }
}

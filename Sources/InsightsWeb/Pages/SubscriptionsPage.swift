import InsightsAPI
import RPCEngine
import Tenancy

/// `/customers/{customer_id}/subscriptions`: what the caller's partner sold, line by line.
struct SubscriptionsPage: Page {
    static let pattern = "/customers/{customer_id}/subscriptions"
    static let permission = Permission.readSubscriptions
    static let section = Section.customers

    let customer: PBCustomer
    let day: ListDay
    let reply: PBListSubscriptionsResponse

    init(_ load: PageLoad) throws(RPCStatus) {
        day = try load.listDay()
        var request = PBListSubscriptionsRequest()
        request.customerID = load.customerID
        request.asOf = day.asOf
        request.pageToken = load.query["page"] ?? ""
        reply = try load.call(.listSubscriptions, request)
        customer = try load.customer(load.customerID)
    }

    func title(_ words: any Words) -> String { words.title(words.subscriptions, customer) }

    func body(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        let count = Int64(reply.totalSize)
        let isReported = count > 0 || day.isReported(.subscriptions)
        view.customerHeading(
            &html, customer, .subscriptions,
            lead: (isReported ? words.subscriptionCount(view.numerals.count(count), isOne: count == 1) + " · " : "")
                + view.figuresLine(day.asOf))
        view.form(&html, Link("customers", customer.customerID, "subscriptions")) { html in
            view.dayInput(&html, "as_of", words.day, value: day.asOf)
            view.submit(&html, words.show)
        }
        if reply.subscriptions.isEmpty {
            return view.nothing(
                &html, isReported ? words.noSubscriptions : words.sourceNotReported(.subscriptions))
        }
        html.put(.div, .class("card flush")) { html in
            view.table(&html, caption: words.subscriptions, "rows") { html in
                view.head(
                    &html,
                    [
                        words.license, words.state, "#" + words.quantity, words.term, words.termEnd, words.since,
                        words.subscriptionID,
                    ])
                html.put(.tbody) { html in
                    for row in reply.subscriptions { html.put(.tr) { self.row(view, &$0, row) } }
                }
            }
        }
        view.pager(&html, next: reply.nextPageToken, asOf: day.asOf)
    }

    private func row(_ view: PageView, _ html: inout HTML, _ row: PBSubscription) {
        let words = view.words
        html.put(.th, .scope("row")) { html in
            html.put(.bdi, text: row.skuName.isEmpty ? row.skuID : row.skuName)
            if row.trial { html.put(.span, .class("badge"), text: words.trial) }
        }
        html.put(.td, view.column(words.state)) {
            $0.put(.span, .class(row.state == .active ? "badge good" : "badge late"), text: words.state(row.state))
        }
        view.countCell(&html, row.quantity, label: words.quantity)
        html.put(.td, view.column(words.term)) {
            if row.term.isEmpty { view.absent(&$0) } else { $0.write(words.term(row.term)) }
        }
        html.put(.td, view.column(words.termEnd)) { html in
            html.write(row.termEnd.isEmpty ? words.noEnd : view.numerals.day(row.termEnd))
            if !row.termEnd.isEmpty {
                html.put(.small, .class("of"), text: row.autoRenew ? words.renews : words.ends)
            }
        }
        html.put(.td, view.column(words.since), text: view.numerals.day(row.effectiveDate))
        html.put(.td, view.column(words.subscriptionID)) { $0.put(.code, text: row.subscriptionID) }
    }
}

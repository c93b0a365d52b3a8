import InsightsAPI
import RPCEngine
import Tenancy

/// `/customers/{customer_id}/users`: who holds what, and when they last used it. The call is on record.
struct UsersPage: Page {
    static let pattern = "/customers/{customer_id}/users"
    static let permission = Permission.readUsers
    static let section = Section.customers

    let customer: PBCustomer
    let day: ListDay
    let reply: PBListLicensedUsersResponse
    let skus: [String: String]

    init(_ load: PageLoad) throws(RPCStatus) {
        day = try load.listDay()
        var request = PBListLicensedUsersRequest()
        request.customerID = load.customerID
        request.asOf = day.asOf
        request.activity = try Self.activity(load.query)
        request.workloadCode = load.query["workload"] ?? ""
        request.pageSize = 100
        request.pageToken = load.query["page"] ?? ""
        reply = try load.call(.listLicensedUsers, request)
        customer = try load.customer(load.customerID)
        skus = try load.skuNames()
    }

    private static func activity(_ query: PageQuery) throws(RPCStatus) -> PBActivityFilter {
        switch query["activity"] {
        case nil, "any": return .any
        case "active": return .active
        case "inactive": return .inactive
        default: throw PageQuery.bad("activity", "any, active or inactive")
        }
    }

    func title(_ words: any Words) -> String { words.title(words.users, customer) }

    func body(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        let count = Int64(reply.totalSize)
        let isReported = count > 0 || day.isReported(.assignments)
        let isNarrowed = (view.query["activity"] ?? "any") != "any" || view.query["workload"] != nil
        let number = view.numerals.count(count)
        let counted =
            isNarrowed ? words.foundCount(number, isOne: count == 1) : words.userCount(number, isOne: count == 1)
        view.customerHeading(
            &html, customer, .users, lead: (isReported ? counted + " · " : "") + view.dayLine(day.asOf))
        view.form(&html, Link("customers", customer.customerID, "users")) { html in
            view.select(
                &html, "activity", words.activity,
                [("any", words.anyActivity), ("active", words.active), ("inactive", words.inactive)], chosen: "any")
            view.select(
                &html, "workload", words.workload,
                [("", words.anyWorkload)] + PageView.workloads.map { ($0, words.workload($0)) })
            view.dayInput(&html, "as_of", words.day, value: day.asOf)
            view.submit(&html, words.show)
        }
        if reply.users.isEmpty {
            let none = isNarrowed ? words.noUsersMatch : words.noUsers
            return view.nothing(&html, isReported ? none : words.sourceNotReported(.assignments))
        }
        html.put(.div, .class("card flush")) { html in
            view.table(&html, caption: words.users, "rows people") { html in
                view.head(&html, [words.user, words.licenses, words.lastActive])
                html.put(.tbody) { html in
                    for user in reply.users { html.put(.tr) { row(view, &$0, user) } }
                }
            }
        }
        view.pager(&html, next: reply.nextPageToken, asOf: day.asOf)
    }

    private func row(_ view: PageView, _ html: inout HTML, _ user: PBLicensedUser) {
        html.put(.th, .scope("row")) { html in
            html.put(.bdi, text: user.displayName.isEmpty ? user.userID : user.displayName)
            if !user.principalName.isEmpty {
                html.put(.small, .class("of")) { $0.put(.bdi, text: user.principalName) }
            }
        }
        html.put(.td, view.column(view.words.licenses)) { html in
            html.put(.ul, .class("plain")) { html in
                for sku in user.skuIds { html.put(.li) { $0.put(.bdi, text: skus[sku] ?? sku) } }
            }
        }
        html.put(.td, view.column(view.words.lastActive)) { html in
            if user.lastActivity.isEmpty { return html.put(.span, .class("nr"), text: view.words.neverActive) }
            html.put(.ul, .class("plain last")) { html in
                for activity in user.lastActivity {
                    html.put(.li) { html in
                        html.put(.span, text: view.words.workload(activity.workloadCode))
                        html.put(.span, .class("when"), text: view.numerals.day(activity.lastActiveDate))
                    }
                }
            }
        }
    }
}

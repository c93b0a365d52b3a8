import InsightsAPI
import RPCEngine
import Tenancy

/// `/access`: who in the partner has which role. To read; changes are made by `insights principals`.
struct AccessPage: Page {
    static let pattern = "/access"
    static let permission = Permission.managePrincipals
    static let section = Section.access

    let reply: PBListPrincipalsResponse

    init(_ load: PageLoad) throws(RPCStatus) {
        var request = PBListPrincipalsRequest()
        request.pageSize = 100
        request.pageToken = load.query["page"] ?? ""
        reply = try load.call(.listPrincipals, request)
    }

    func title(_ words: any Words) -> String { words.access }

    func body(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        let count = Int64(reply.totalSize)
        view.heading(
            &html, words.access, lead: words.principalCount(view.numerals.count(count), isOne: count == 1))
        html.put(.div, .class("card flush")) { html in
            view.table(&html, caption: words.access, "rows") { html in
                view.head(&html, [words.principal, words.displayName, words.roles, words.state])
                html.put(.tbody) { html in
                    for principal in reply.principals { html.put(.tr) { row(view, &$0, principal) } }
                }
            }
        }
        view.pager(&html, next: reply.nextPageToken)
        view.card(&html, words.whoMayWhat) { html in
            view.table(&html, caption: words.whoMayWhat, "matrix") { html in
                view.head(&html, [words.permission] + Role.allCases.map { words.role($0) })
                html.put(.tbody) { html in
                    for permission in Permission.allCases where !AccessPolicy.roles(with: permission).isEmpty {
                        html.put(.tr) { html in
                            html.put(.th, .scope("row"), text: words.permission(permission))
                            for role in Role.allCases {
                                let has = AccessPolicy.permissions(of: role).contains(permission)
                                html.put(.td, .class(has ? "yes" : "no"), text: has ? words.yes : words.no)
                            }
                        }
                    }
                }
            }
        }
        view.note(&html, words.accessNote)
    }

    private func row(_ view: PageView, _ html: inout HTML, _ principal: PBPrincipal) {
        let words = view.words
        html.put(.th, .scope("row")) { $0.put(.bdi, text: principal.principalID) }
        html.put(.td, view.column(words.displayName)) { html in
            if principal.displayName.isEmpty { return html.put(.span, .class("nr"), text: words.noName) }
            html.put(.bdi, text: principal.displayName)
        }
        html.put(.td, view.column(words.roles)) { html in
            let roles = principal.roles.compactMap { UInt8(exactly: $0.rawValue).flatMap(Role.init(rawValue:)) }
            if roles.isEmpty { return html.put(.span, .class("nr"), text: words.noRole) }
            for role in roles { html.put(.span, .class("badge"), text: words.role(role)) }
        }
        html.put(.td, view.column(words.state)) {
            $0.put(
                .span, .class(principal.disabled ? "badge late" : "badge good"),
                text: principal.disabled ? words.disabled : words.enabled)
        }
    }
}

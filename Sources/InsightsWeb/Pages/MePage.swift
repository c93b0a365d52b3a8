import InsightsAPI
import RPCEngine
import Tenancy

/// `/me`: who is signed in, also somebody without any role, and the operator.
struct MePage: Page {
    static let pattern = "/me"
    static let permission = Permission.readSelf
    static let section = Section.none

    let reply: PBWhoAmIResponse

    init(_ load: PageLoad) throws(RPCStatus) {
        reply = try load.call(.whoAmI, PBWhoAmIRequest())
    }

    func title(_ words: any Words) -> String { words.me }

    func body(_ view: PageView, _ html: inout HTML) {
        let words = view.words
        let principal = reply.principal
        view.heading(
            &html, principal.displayName.isEmpty ? principal.principalID : principal.displayName, lead: words.meLead)
        view.card(&html, "", "narrow") { html in
            html.put(.dl, .class("pairs")) { html in
                pair(&html, words.principal, principal.principalID)
                pair(&html, words.partner, reply.isOperator ? words.operatorHasNone : principal.partnerID)
                let roles = principal.roles.compactMap { UInt8(exactly: $0.rawValue).flatMap(Role.init(rawValue:)) }
                pair(&html, words.roles, roles.isEmpty ? words.noRole : roles.map(words.role).joined(separator: ", "))
                if reply.hasCredentialExpiresAt {
                    pair(&html, words.credentialExpires, view.numerals.moment(reply.credentialExpiresAt))
                }
            }
        }
        view.card(&html, words.youMay, "narrow") { html in
            html.put(.ul, .class("plain ticks")) { html in
                for permission in reply.permissions.compactMap(\.permission) {
                    html.put(.li, text: words.permission(permission))
                }
            }
        }
    }

    private func pair(_ html: inout HTML, _ title: String, _ text: String) {
        html.put(.dt, text: title)
        html.put(.dd) { $0.put(.bdi, text: text) }
    }
}

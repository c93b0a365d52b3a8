import InsightsAPI
import RPCEngine
import SwiftProtobuf
import Tenancy

/// Pages without figures: what the words mean, and why there is no other page.
struct OtherPages: Sendable {
    let assets: Assets
    let offersSignIn: Bool

    /// Refusals that say what is wrong in a request, so that each is a page of its own; and what is none.
    static let ofRequests: Set<RPCStatus.Code> = [.ok, .invalidArgument, .failedPrecondition, .outOfRange]

    /// `/about`: for anybody, so nothing of a partner is in it.
    func about(_ language: PageLanguage) -> HTML {
        let view = PageView(language: language, query: PageQuery(""), permissions: [], caller: nil)
        let words = view.words
        return Layout(view: view, assets: assets).page(title: words.about, section: .none) { html in
            view.heading(&html, words.about, lead: words.aboutLead)
            view.card(&html, words.whatFiguresMean, "text") { html in
                html.put(.dl, .class("terms")) { html in
                    for (term, meaning) in words.definitions {
                        html.put(.dt, text: term)
                        html.put(.dd, text: meaning)
                    }
                }
            }
            view.card(&html, words.forPrograms, "text") { html in
                html.put(.p, text: words.forProgramsText)
            }
        }
    }

    /// A browser that shows a certificate is not led to where people sign in: beside it a session counts for nothing.
    func certificateRefused(_ language: PageLanguage) -> HTML {
        let view = PageView(language: language, query: PageQuery(""), permissions: [], caller: nil)
        let words = view.words
        let title = words.certificateRefused
        return Layout(view: view, assets: assets).page(title: title, section: .none, isRefusal: true) { html in
            html.put(.div, .class("refusal")) { html in
                view.heading(&html, title, lead: words.certificateRefusedWhy)
                html.put(.p) { html in
                    html.put(.a, .class("button"), .href(Link()), text: words.tryAgain)
                    if offersSignIn {
                        html.put(.a, .class("button quiet"), .href(Link("logout")), text: words.signOut)
                    }
                }
            }
        }
    }

    /// In the place of a page that loads itself again and that nobody has used for too long.
    func sessionEnded(_ language: PageLanguage) -> HTML {
        let view = PageView(language: language, query: PageQuery(""), permissions: [], caller: nil)
        let title = view.words.sessionEnded
        return Layout(view: view, assets: assets).page(title: title, section: .none, isRefusal: true) { html in
            html.put(.div, .class("refusal")) { html in
                view.heading(&html, title, lead: view.words.sessionEndedWhy)
                html.put(.p) { $0.put(.a, .class("button"), .href(Link("login")), text: view.words.signInAgain) }
            }
        }
    }

    /// Why there is no page. Nothing of the address is said, so that another partner's customer and none at all are
    /// the same bytes.
    func refusal(_ status: RPCStatus, roles: [Role], _ language: PageLanguage) -> HTML {
        let view = PageView(language: language, query: PageQuery(""), permissions: [], caller: nil)
        let words = view.words
        let (title, meaning) = words.refusal(status.code)
        return Layout(view: view, assets: assets).page(title: title, section: .none, isRefusal: true) { html in
            html.put(.div, .class("refusal")) { html in
                view.heading(&html, title, lead: meaning)
                if status.code == .permissionDenied {
                    let names = roles.map(words.role).joined(separator: words.or)
                    html.put(.p, text: roles.isEmpty ? words.operatorOnly : words.rolesThatDo(names))
                } else if !status.message.isEmpty {
                    // In the words of the API, which are English.
                    html.put(.p, .class("message"), .lang("en"), text: status.message)
                }
                html.put(.p) { html in
                    html.put(.a, .class("button"), .href(Link()), text: words.toPortfolio)
                    html.put(.a, .class("button quiet"), .href(Link("me")), text: words.me)
                }
            }
        }
    }
}

import Authentication
import RPCEngine
import Tenancy

/// The few pages of signing in and out.
struct SignInPages {
    private let assets: Assets
    private let head: WebHead
    private let language: PageLanguage

    init(_ head: WebHead, _ assets: Assets) {
        (self.head, self.assets) = (head, assets)
        language = head.language
    }

    func moved(to location: String, cookie: String) -> WebResponse {
        var response = WebResponse(status: 303, headers: [("location", location), ("set-cookie", cookie)])
        response.protect()
        return response
    }

    func choice(of issuers: [String], target: String) -> WebResponse {
        page(200, say("Sign in", "Aanmelden")) { html in
            html.put(.p, text: say("Where do you sign in?", "Waar meldt u zich aan?"))
            html.put(.ul, .class("plain")) { html in
                for (place, issuer) in issuers.enumerated() {
                    let link = Self.loginLink([("issuer", String(place)), ("to", target)])
                    html.put(.li) { $0.put(.a, .class("button"), .href(link), text: issuer) }
                }
            }
        }
    }

    /// - Parameter again: somebody asked in another way than by the button.
    func askToSignOut(again: Bool = false) -> WebResponse {
        let button = say("Sign out", "Afmelden")
        return page(again ? 403 : 200, button) { html in
            html.put(.p, text: say("Do you want to sign out?", "Wilt u zich afmelden?"))
            html.put(.form, .with("method", "post"), .action(Link("logout"))) { html in
                html.put(.button, .class("button"), text: button)
            }
        }
    }

    /// Goes on to the issuer by itself: not by a redirection of the form, which the page's policy keeps here.
    func signedOut(at place: String?) -> WebResponse {
        var response = page(200, say("Signed out", "Afgemeld")) { html in
            html.put(.p, text: say("You are signed out here.", "U bent hier afgemeld."))
            html.put(.p) { html in
                if let place, let outside = Attribute.issuer(place) {
                    let text = say("Sign out at the issuer too", "Ook bij de uitgever afmelden")
                    html.put(.a, .class("button"), outside, text: text)
                }
                let again = say("Sign in again", "Opnieuw aanmelden")
                html.put(.a, .class("button quiet"), .href(Self.loginLink()), text: again)
            }
        }
        if let place { response.headers.append(("refresh", "0;url=" + place)) }
        return response
    }

    func refused(status: Int) -> WebResponse {
        page(status, say("Not possible", "Niet mogelijk")) { html in
            html.put(.p, text: say("That cannot be done just now.", "Dat kan op dit moment niet."))
        }
    }

    func failed(_ failure: SignInFailure) -> WebResponse {
        page(Self.status(of: failure), say("Not signed in", "Niet aangemeld")) { html in
            html.put(.p, text: text(of: failure))
            html.put(.p) { html in
                let again = say("Try again", "Opnieuw proberen")
                html.put(.a, .class("button"), .href(Self.loginLink()), text: again)
            }
        }
    }

    private static func status(of failure: SignInFailure) -> Int {
        switch failure {
        case .state, .otherState, .replayed, .tooLate, .otherIssuer, .malformed: 400
        case .refusedByIssuer, .exchange, .token: 401
        case .notAdmitted, .noRole: 403
        case .issuerUnreachable, .busy: 503
        }
    }

    private func text(of failure: SignInFailure) -> String {
        switch failure {
        case .replayed: say("This sign-in was answered before.", "Deze aanmelding is al beantwoord.")
        case .state, .otherState, .otherIssuer, .malformed:
            say(
                "This answer does not belong to a sign-in that was begun in this browser. Cookies have to be allowed.",
                "Dit antwoord hoort niet bij een aanmelding die in deze browser is begonnen. "
                    + "Cookies moeten zijn toegestaan.")
        case .tooLate:
            say("Signing in took more than ten minutes.", "Het aanmelden duurde langer dan tien minuten.")
        case .refusedByIssuer:
            say("The issuer did not sign you in.", "De uitgever heeft u niet aangemeld.")
        case .exchange, .token:
            say(
                "What the issuer says of you could not be used. The server's log has the cause.",
                "Wat de uitgever over u meldt, is niet bruikbaar. De oorzaak staat in het logboek van de server.")
        case .notAdmitted:
            say(
                "You are known to the issuer, and have no access here. Ask an administrator of your organization.",
                "De uitgever kent u, maar u hebt hier geen toegang. Vraag een beheerder van uw organisatie.")
        case .noRole:
            say(
                "You have none of the roles that give access: \(Self.roles). Ask an administrator of your organization.",
                "U hebt geen van de rollen die toegang geven: \(Self.roles). Vraag een beheerder van uw organisatie.")
        case .issuerUnreachable:
            say("The issuer cannot be reached just now.", "De uitgever is op dit moment niet bereikbaar.")
        case .busy:
            say("Too many people are signing in just now.", "Op dit moment melden te veel mensen zich aan.")
        }
    }

    private static let roles = Role.allCases.map(\.tokenName).joined(separator: ", ")

    private func say(_ english: String, _ dutch: String) -> String { language == .dutch ? dutch : english }

    // MARK: HTML

    private func page(_ status: Int, _ title: String, _ body: (inout HTML) -> Void) -> WebResponse {
        let view = PageView(language: language, query: PageQuery(""), permissions: [], caller: nil)
        let html = Layout(view: view, assets: assets).page(title: title, section: .none, isRefusal: true) { html in
            html.put(.div, .class("refusal")) { html in
                view.heading(&html, title)
                body(&html)
            }
        }
        var response = WebResponse(
            status: status, headers: [("content-type", WebResponse.html)], body: html.bytes)
        response.finish(head)
        return response
    }

    private static func loginLink(_ query: [(String, String)] = []) -> Link { Link("login", query: query) }
}

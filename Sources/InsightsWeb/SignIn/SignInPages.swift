import Authentication
import RPCEngine
import Tenancy

/// The few pages of signing in and out, in the language that the browser prefers: Dutch or English.
struct SignInPages {
    private let isDutch: Bool

    init(_ head: WebHead) {
        let languages = head.headers.values(for: "accept-language").joined(separator: ",").lowercased()
        let first = languages.split(separator: ",").lazy.map { $0.drop { $0 == " " }.prefix(2) }
            .first { $0 == "nl" || $0 == "en" }
        isDutch = first == "nl"
    }

    func moved(to location: String, cookie: String) -> WebResponse {
        var response = WebResponse(status: 303, headers: [("location", location), ("set-cookie", cookie)])
        response.protect()
        return response
    }

    func choice(of issuers: [String], target: String) -> WebResponse {
        let links = issuers.enumerated().map { place, issuer in
            "<li>" + link(to: "/login?issuer=\(place)&to=" + Self.queryText(target), issuer) + "</li>"
        }
        return page(
            200, say("Sign in", "Aanmelden"),
            paragraph(say("Where do you sign in?", "Waar meldt u zich aan?")) + "<ul>" + links.joined() + "</ul>")
    }

    /// - Parameter again: somebody asked in another way than by the button.
    func askToSignOut(again: Bool = false) -> WebResponse {
        let button = say("Sign out", "Afmelden")
        return page(
            again ? 403 : 200, button,
            paragraph(say("Do you want to sign out?", "Wilt u zich afmelden?"))
                + "<form method=\"post\" action=\"/logout\"><button>\(button)</button></form>")
    }

    /// Goes on to the issuer by itself: not by a redirection of the form, which the page's policy keeps here.
    func signedOut(at place: String?) -> WebResponse {
        var body = paragraph(say("You are signed out here.", "U bent hier afgemeld."))
        if let place {
            body += "<p>" + link(to: place, say("Sign out at the issuer too", "Ook bij de uitgever afmelden")) + "</p>"
        }
        body += "<p>" + link(to: "/login", say("Sign in again", "Opnieuw aanmelden")) + "</p>"
        var response = page(200, say("Signed out", "Afgemeld"), body)
        if let place { response.headers.append(("refresh", "0;url=" + place)) }
        return response
    }

    func refused(status: Int) -> WebResponse {
        let text = say("That cannot be done just now.", "Dat kan op dit moment niet.")
        return page(status, say("Not possible", "Niet mogelijk"), paragraph(text))
    }

    func failed(_ failure: SignInFailure) -> WebResponse {
        page(
            Self.status(of: failure), say("Not signed in", "Niet aangemeld"),
            paragraph(text(of: failure)) + "<p>" + link(to: "/login", say("Try again", "Opnieuw proberen")) + "</p>")
    }

    private static func status(of failure: SignInFailure) -> Int {
        switch failure {
        case .state, .tooLate, .otherIssuer, .malformed: 400
        case .refusedByIssuer, .exchange, .token: 401
        case .notAdmitted, .noRole: 403
        case .issuerUnreachable, .busy: 503
        }
    }

    private func text(of failure: SignInFailure) -> String {
        switch failure {
        case .state, .otherIssuer, .malformed:
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

    private func say(_ english: String, _ dutch: String) -> String { isDutch ? dutch : english }

    // MARK: HTML

    private func page(_ status: Int, _ title: String, _ body: String) -> WebResponse {
        let text =
            "<!DOCTYPE html>\n<html lang=\"\(isDutch ? "nl" : "en")\"><head><meta charset=\"utf-8\">"
            + "<meta name=\"viewport\" content=\"width=device-width\"><title>\(Self.escaped(title))</title></head>"
            + "<body><main><h1>\(Self.escaped(title))</h1>\(body)</main></body></html>\n"
        var response = WebResponse(
            status: status,
            headers: [
                ("content-type", "text/html; charset=utf-8"), ("vary", "accept-language"),
                ("content-security-policy", Self.policy),
            ], body: Array(text.utf8))
        response.protect()
        return response
    }

    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        + "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

    private func paragraph(_ text: String) -> String { "<p>\(Self.escaped(text))</p>" }

    private func link(to address: String, _ text: String) -> String {
        "<a href=\"\(Self.escaped(address))\">\(Self.escaped(text))</a>"
    }

    /// For text and for attributes in quotes.
    static func escaped(_ text: String) -> String {
        var result = ""
        // Not by characters: a quote with an accent behind it is a quote to a browser.
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// For a value in a query.
    private static func queryText(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || [0x2D, 0x2E, 0x5F, 0x7E, 0x2F].contains(byte)
            let hex = String(byte, radix: 16, uppercase: true)
            return isPlain ? String(UnicodeScalar(byte)) : "%" + (hex.count < 2 ? "0" : "") + hex
        }.joined()
    }
}

import Authentication
import InsightsAPI
import RPCEngine
import Tenancy

/// The dashboard: pages for people, as routes of the web.
package struct PageRoutes: Sendable {
    private let assets = Assets()
    private let others: OtherPages
    private let fixed: FixedPages
    private let offersExport: Bool
    private let offersSignIn: Bool

    /// - Parameters:
    ///   - offersExport: `/v1/export.csv` is served, to which the form of `/export` leads.
    ///   - offersSignIn: others serve `/login`; else it says that people show a certificate.
    package init(offersExport: Bool, offersSignIn: Bool) {
        self.offersExport = offersExport
        self.offersSignIn = offersSignIn
        others = OtherPages(assets: assets, offersSignIn: offersSignIn)
        fixed = FixedPages(others)
    }

    package var routes: [WebRoute] {
        [
            route(PortfolioPage.self), route(CustomersPage.self), route(CustomerPage.self),
            route(SubscriptionsPage.self), route(UsersPage.self), route(ComparePage.self), route(TrendPage.self),
            route(ExplainPage.self), route(AdvicePage.self), route(AccessPage.self), route(AuditPage.self),
            route(MePage.self), about, assetRoute,
        ] + (offersExport ? [route(ExportPage.self)] : []) + (offersSignIn ? [] : [certificateAsked])
    }

    /// What is no page and yet theirs; nil for any other request.
    package func form(of head: WebHead) -> WebForm? { WatchEvents.form(of: head) }

    /// The answer to a browser that asks for what is not there; nil for whatever else is asked.
    package func missing(_ head: WebHead) -> WebResponse? {
        head.method == WebRoute.Verb.get.rawValue ? noSuchPage(head) : nil
    }

    private func noSuchPage(_ head: WebHead) -> WebResponse {
        refusal(RPCStatus(.notFound), head, permission: nil)
    }

    private func route<P: Page>(_ page: P.Type) -> WebRoute {
        WebRoute(
            .get, PathPattern(P.pattern), needs: P.permission,
            refusal: { refusal($0, $1, permission: P.permission) },
            page: { (request, calls) throws(RPCStatus) in try answer(P.self, request, calls) })
    }

    private func answer<P: Page>(
        _: P.Type, _ request: WebRequest, _ calls: any LocalCalls
    ) throws(RPCStatus) -> WebResponse {
        let query = PageQuery(request.head.query)
        let language = request.head.language
        let load = PageLoad(calls: calls, variables: request.variables, query: query, language: language)
        let page = try P(load)
        var view = PageView(
            language: language, query: query,
            permissions: AccessPolicy.permissions(of: calls.principal)
                .subtracting(offersExport ? [] : [.exportInsights]),
            caller: PageCaller(
                name: calls.principal.name, partner: calls.principal.partner?.text ?? "",
                isSignedIn: offersSignIn && SignIn.isSession(in: request.head.headers.values(for: "cookie"))))
        view.subject = PageSubject(revision: load.shown.revision, customer: load.customerID)
        if var file = page.file(view) {
            file.finish(request.head)
            file.packIfWorth(request.head)
            return file
        }
        let html = Layout(view: view, assets: assets).page(title: page.title(view.words), section: P.section) {
            page.body(view, &$0)
        }
        var answer = response(200, html, request.head)
        answer.packIfWorth(request.head)
        return answer
    }

    private var about: WebRoute {
        WebRoute(.get, open: "/about", refusal: { refusal($0, $1, permission: nil) }) { request, answer in
            answer(fixed.response(.about, status: 200, to: request.head))
        }
    }

    private var certificateAsked: WebRoute {
        WebRoute(.get, open: "/login", refusal: { refusal($0, $1, permission: nil) }) { request, answer in
            answer(fixed.response(.refusal(.unauthenticated, nil), status: 401, to: request.head))
        }
    }

    private var assetRoute: WebRoute {
        WebRoute(.get, open: "/assets/{name}", refusal: { refusal($0, $1, permission: nil) }) { request, answer in
            answer(assets.response(to: request) ?? noSuchPage(request.head))
        }
    }

    // MARK: Answers

    private func response(_ status: Int, _ html: HTML, _ head: WebHead) -> WebResponse {
        var response = WebResponse(
            status: status, headers: [("content-type", WebResponse.html)], body: html.bytes)
        response.finish(head)
        return response
    }

    /// A browser is led to where people sign in; everything else is told in a few words. Made on the event loop: only
    /// what is wrong in a request, which ran in its caller's turn, is worth a page of its own.
    private func refusal(_ status: RPCStatus, _ head: WebHead, permission: Permission?) -> WebResponse {
        if status.code == .unauthenticated {
            guard head.takesHTML else { return ConnectError.response(to: status) }
            return head.showsCertificate ? fixed.response(.certificate, status: 401, to: head) : signIn(head)
        }
        var answer: WebResponse
        switch status.code {
        case let code where OtherPages.ofRequests.contains(code):
            answer = response(status.code.httpStatus, others.refusal(status, roles: [], head.language), head)
        case .permissionDenied:
            answer = fixed.response(.refusal(.permissionDenied, permission), status: 403, to: head)
        default: answer = fixed.response(.refusal(status.code, nil), status: status.code.httpStatus, to: head)
        }
        if let seconds = StatusBody(status).retrySeconds {
            answer.headers.append(("retry-after", String(seconds)))
        } else if status.code == .unavailable || status.code == .resourceExhausted {
            answer.headers.append(("retry-after", "5"))
        }
        return answer
    }

    /// Not where nobody clicked: an issuer that knows the browser would sign in a person who has gone.
    private func signIn(_ head: WebHead) -> WebResponse {
        if Sessions.isReload(head.headers.values(for: "cookie")) {
            var answer = fixed.response(.ended, status: 401, to: head)
            answer.headers.append(("set-cookie", Sessions.clearingReload))
            return answer
        }
        let target = head.path + (head.query.isEmpty ? "" : "?" + head.query)
        var answer = WebResponse(status: 303, headers: [("location", Link("login", query: [("to", target)]).text)])
        answer.finish(head)
        return answer
    }
}

extension WebResponse {
    /// No script or style but our own files, no frame around a page, and nothing sent anywhere else.
    static let contentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        + "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

    /// Bytes from which packing is worth it.
    private static let packedBytes = 1_024

    /// The headers that every page has, and the choice of a language.
    mutating func finish(_ head: WebHead) {
        headers.append(("content-security-policy", Self.contentSecurityPolicy))
        protect()
        if let language = PageQuery(head.query)["lang"].flatMap(PageLanguage.init(rawValue:)) {
            headers.append(
                ("set-cookie", "lang=\(language.rawValue); Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax"))
        }
    }

    /// Not on an event loop.
    fileprivate mutating func packIfWorth(_ head: WebHead) {
        if head.takesGzip, body.count > Self.packedBytes { pack() }
    }
}

extension WebHead {
    var takesHTML: Bool { headers.values(for: "accept").contains { $0.contains("text/html") } }

    var language: PageLanguage {
        let cookies = headers.values(for: "cookie").joined(separator: ";").split(separator: ";", maxSplits: 64)
        let cookie = cookies.map { $0.drop { $0 == " " } }.first { $0.hasPrefix("lang=") }?.dropFirst(5)
        return PageLanguage(
            query: PageQuery(query)["lang"], cookie: cookie.map(String.init), accept: headers["accept-language"] ?? "")
    }
}

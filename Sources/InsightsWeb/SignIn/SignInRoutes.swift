import Authentication
import RPCEngine

/// Where people sign in and out: the server is the issuer's client, and browsers get a cookie and nothing else.
package struct SignInRoutes: Sendable {
    private let signIn: SignIn
    private let now: @Sendable () -> Int64
    private let ticks: @Sendable () -> UInt64
    private let assets = Assets()
    private let rates = AddressRates()

    /// - Parameters:
    ///   - now: Unix time in seconds.
    ///   - ticks: monotonic nanoseconds.
    package init(
        _ signIn: SignIn, now: @escaping @Sendable () -> Int64, ticks: @escaping @Sendable () -> UInt64
    ) {
        (self.signIn, self.now, self.ticks) = (signIn, now, ticks)
    }

    package var all: [WebRoute] {
        [
            step(.get, "/login") { answerLogin($0, $1) },
            step(.get, PathPattern(SignIn.callbackPath)) { answerCallback($0, $1) },
            step(.get, "/logout") { $1(pages($0.head).askToSignOut()) },
            step(.post, "/logout", maxBodyBytes: Self.maximumFormBytes) { $1(signedOut($0.head)) },
        ]
    }

    private typealias Step = @Sendable (WebRequest, @escaping @Sendable (WebResponse) -> Void) -> Void

    /// For anybody, and so not as often as anybody likes.
    private func step(
        _ verb: WebRoute.Verb, _ pattern: PathPattern, maxBodyBytes: Int = 0, _ answer: @escaping Step
    ) -> WebRoute {
        WebRoute(verb, open: pattern, maxBodyBytes: maxBodyBytes, refusal: refusal) { request, done in
            guard rates.take(request.head.network, now: ticks()) else { return done(Self.wordless(429)) }
            answer(request, done)
        }
    }

    /// For those who ask too often.
    private static func wordless(_ status: Int) -> WebResponse {
        var response = WebResponse(status: status, headers: [("retry-after", "1")])
        response.protect()
        return response
    }

    private func pages(_ head: WebHead) -> SignInPages { SignInPages(head, assets) }

    /// The form of the page has no field.
    private static let maximumFormBytes = 1_024

    private func refusal(_ status: RPCStatus, _ head: WebHead) -> WebResponse {
        let http = status.code.httpStatus
        return rates.take(head.network, now: ticks()) ? pages(head).refused(status: http) : Self.wordless(http)
    }

    // MARK: In

    private func answerLogin(_ request: WebRequest, _ answer: @escaping @Sendable (WebResponse) -> Void) {
        let (head, now) = (request.head, now())
        let (pages, cookies) = (self.pages(head), head.headers.values(for: "cookie"))
        guard let fields = Self.fields(head.query) else { return answer(pages.failed(.malformed)) }
        let target = fields["to"] ?? "/"
        let place = fields["issuer"].flatMap { Int($0) }
        if place == nil, signIn.mustChoose(cookies: cookies, now: now) {
            return answer(pages.choice(of: signIn.issuers, target: target))
        }
        signIn.begin(at: place, to: target, cookies: cookies, now: now) { answer(Self.response(to: $0, pages)) }
    }

    private func answerCallback(_ request: WebRequest, _ answer: @escaping @Sendable (WebResponse) -> Void) {
        let head = request.head
        let pages = self.pages(head)
        guard let fields = Self.fields(head.query) else { return answer(pages.failed(.malformed)) }
        signIn.end(fields, cookies: head.headers.values(for: "cookie"), now: now) { outcome in
            var response = Self.response(to: outcome, pages)
            // One cookie is for one answer. Somebody else's answer leaves it alone.
            switch outcome {
            case .failed(.state), .failed(.otherState), .toIssuer: break
            case .failed, .signedIn: response.headers.append(("set-cookie", SignIn.clearingLogin))
            }
            answer(response)
        }
    }

    private static func response(to outcome: SignIn.Outcome, _ pages: SignInPages) -> WebResponse {
        switch outcome {
        case .failed(let failure): pages.failed(failure)
        case .toIssuer(let location, let cookie): pages.moved(to: location, cookie: cookie)
        case .signedIn(_, let target, let cookie): pages.moved(to: target, cookie: cookie)
        }
    }

    /// Of a query: each name once. Nil for anything else.
    private static func fields(_ query: String) -> [String: String]? {
        var fields: [String: String] = [:]
        for part in query.split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentDecoding.text(pair[0]),
                let value = PercentDecoding.text(pair.count == 2 ? pair[1] : ""),
                fields.updateValue(value, forKey: name) == nil
            else { return nil }
        }
        return fields
    }

    // MARK: Out

    private func signedOut(_ head: WebHead) -> WebResponse {
        let pages = self.pages(head)
        guard signIn.sessions.isFromHere({ head.headers.values(for: $0) }) else {
            return pages.askToSignOut(again: true)
        }
        let cookies = head.headers.values(for: "cookie")
        let place = signIn.placeToSignOut(cookies: cookies, now: now())
        signIn.signOut(cookies: cookies, now: now())
        var response = pages.signedOut(at: place)
        for cookie in [SignIn.clearingSession, SignIn.clearingLogin] { response.headers.append(("set-cookie", cookie)) }
        return response
    }
}

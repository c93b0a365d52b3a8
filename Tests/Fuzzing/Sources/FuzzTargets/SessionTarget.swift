import Tenancy

@testable import Authentication

extension FuzzTarget {
    /// What browsers send of signing in: cookies, targets, and what would be in cookies if their key were known; what
    /// an issuer tells of itself.
    static let session = FuzzTarget(
        "session", trials: 4_000, maximumLength: 2_048,
        dictionary: [
            "__Host-insights=", "__Host-insights-login=", "; ", "/customers", "//", "/\\", "https://", "%2F",
            "\"issuer\"", "\"authorization_endpoint\"", "\"token_endpoint\"", "https://login.example",
        ],
        seeds: {
            let state = LoginState(mark: Cookies.mark, begun: Cookies.now, renews: 1, target: "/trend?a=b")
            return [
                [0] + Array("a=b; __Host-insights=AAAA; __Host-insights-login=BBBB".utf8),
                [1] + Array("/customers?filter=a".utf8),
                [2] + Cookies.session.bytes, [3] + state.bytes,
                [4]
                    + Array(
                        ("{\"issuer\":\"https://login.example\",\"authorization_endpoint\":\"https://login.example/a\","
                            + "\"token_endpoint\":\"https://login.example/t\"}").utf8),
            ]
        },
        run: { bytes in
            let rest = Array(bytes.dropFirst())
            let text = String(decoding: rest, as: UTF8.self)
            switch bytes.first {
            case 1:
                let target = LocalTarget.checked(text)
                require(target == "/" || target == text, "a target is the text or the start")
                require(target.hasPrefix("/") && !target.hasPrefix("//"), "a target is of this host")
                require(target.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x5C }, "a target is one line")
            case 2: if let session = Session(bytes: rest) { check(session, rest) }
            case 3:
                guard let state = LoginState(bytes: rest) else { return }
                require(state.bytes == rest, "a sign-in is written in one way")
                _ = state.isOver(now: Cookies.now)
            case 4:
                guard let metadata = try? ProviderMetadata(json: rest, issuer: "https://login.example") else { return }
                require(metadata.authorization.adding([("a", text)]).hasPrefix("https://"), "an address of https")
            default:
                for cookie in [HostCookie.session, .login] {
                    let value = cookie.value(in: [text]) ?? text
                    require((try? Cookies.sessions.open(value, now: Cookies.now)) == nil, "no cookie without the key")
                    require(Cookies.sessions.keys.open(value, for: .login) == nil, "no sign-in without the key")
                }
                _ = Cookies.sessions.isFromHere { _ in [text] }
                _ = PublicURL(text)
            }
        })

    private static func check(_ session: Session, _ bytes: [UInt8]) {
        require(Session(bytes: session.bytes) == session, "a session is read as it is written")
        guard let text = Cookies.sessions.keys.seal(bytes, for: .session),
            let opened = try? Cookies.sessions.open(text, now: Cookies.now)
        else { return }
        require(opened == session && opened.mark == Cookies.mark, "a session of a configured issuer")
        require(opened.expiresAt > Cookies.now && opened.seen <= Cookies.now + 60, "a session in force")
    }
}

/// A server whose key is known.
private enum Cookies {
    static let now: Int64 = 1_800_000_000

    static let issuer: TokenIssuer = {
        let json =
            "{\"issuer\":\"https://login.example\",\"audience\":\"api\",\"jwks\":\"jwks.json\","
            + "\"partners\":{\"t1\":\"p1\"},\"login\":{\"client_id\":\"web\"}}"
        do { return try TokenIssuer(json: Array(json.utf8), file: "/etc/issuer.json") } catch {
            broken("an issuer: \(error)")
        }
    }()

    static let sessions: Sessions = {
        guard let keys = try? SessionKeys(current: [UInt8](0..<32)), let url = PublicURL("https://insights.example")
        else { broken("keys") }
        return Sessions(keys: keys, issuers: [issuer], publicURL: url)
    }()

    static let mark: IssuerMark = {
        guard let login = issuer.login else { broken("a login") }
        return login.mark(of: issuer)
    }()

    static let session: Session = {
        guard let partner = try? PartnerID("p1"), let principal = try? PrincipalID("ann") else {
            broken("names")
        }
        return Session(
            mark: mark, partner: partner, principal: principal, roles: [], since: now, rolesAt: now, seen: now)
    }()
}

import Outgoing

/// How people sign in at an issuer, as its file says under `login`.
///
/// - `client_id`, required: what the issuer calls this server.
/// - `client_secret_file`: a file, private to its owner, relative to the issuer's file; without one the server is a
///   public client, which PKCE protects.
/// - `scopes`: what is asked for, default `openid` and `profile`; `openid` is always among them.
/// - `discovery`: the address of the issuer's metadata, where it is not `issuer` with
///   `/.well-known/openid-configuration` behind it; required where `issuer` has `{tenantid}`.
public struct LoginConfiguration: Sendable, Hashable {
    /// Bounds of the file's texts, in bytes.
    static let maximumClientBytes = 256
    static let maximumScopes = 20
    static let knownKeys: Set<String> = ["client_id", "client_secret_file", "scopes", "discovery"]

    let clientID: String
    /// Nil for a public client.
    let secretFile: String?
    let scopes: [String]
    let discovery: HTTPSAddress

    func mark(of issuer: TokenIssuer) -> IssuerMark { IssuerMark(issuer: issuer.issuer, client: clientID) }

    /// Whether a text may be a client's id: visible ASCII and blanks, as RFC 6749 has it.
    static func isClientID(_ text: String) -> Bool {
        text.utf8.count <= maximumClientBytes && text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    }

    /// Whether a text may be one scope.
    static func isScope(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= maximumClientBytes
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }
    }
}

extension IssuerSettings {
    /// Nil without the key.
    func login(issuer: String, folder file: String) throws(IssuerFault) -> LoginConfiguration? {
        guard let value = members["login"] else { return nil }
        guard let inner = value.object else { throw IssuerFault("\"login\" must be an object") }
        do throws(IssuerFault) {
            return try IssuerSettings(inner, known: LoginConfiguration.knownKeys).client(issuer, beside: file)
        } catch {
            throw IssuerFault("\"login\": \(error.reason)")
        }
    }

    private func client(_ issuer: String, beside file: String) throws(IssuerFault) -> LoginConfiguration {
        let client = try text("client_id")
        guard LoginConfiguration.isClientID(client) else {
            throw IssuerFault(
                "\"client_id\" must be visible ASCII of at most \(LoginConfiguration.maximumClientBytes) bytes")
        }
        try refusePlaceholder(in: client, of: "client_id")
        var secret: String?
        if members["client_secret_file"] != nil { secret = Self.path(try text("client_secret_file"), beside: file) }
        return LoginConfiguration(
            clientID: client, secretFile: secret, scopes: try scopes(), discovery: try discovery(issuer))
    }

    private func scopes() throws(IssuerFault) -> [String] {
        guard let value = members["scopes"] else { return ["openid", "profile"] }
        let scopes = (value.array ?? []).compactMap(\.string).filter(LoginConfiguration.isScope)
        guard scopes.count == value.array?.count, scopes.count <= LoginConfiguration.maximumScopes else {
            throw IssuerFault("\"scopes\" must be a list of at most \(LoginConfiguration.maximumScopes) scopes")
        }
        return scopes.contains("openid") ? scopes : ["openid"] + scopes
    }

    private func discovery(_ issuer: String) throws(IssuerFault) -> HTTPSAddress {
        if members["discovery"] != nil {
            guard let address = HTTPSAddress(try text("discovery")) else {
                throw IssuerFault("\"discovery\" must be an https URL")
            }
            return address
        }
        guard !issuer.contains("{") else {
            throw IssuerFault("\"discovery\" is required, for the issuer has {tenantid}")
        }
        let base = issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer
        guard let address = HTTPSAddress(base + "/.well-known/openid-configuration") else {
            throw IssuerFault("\"discovery\" is required, for the issuer is no https URL")
        }
        return address
    }
}

import Foundation
import Outgoing
import Tenancy

/// What is wrong with a token issuer's file, naming the file and the key.
public struct TokenIssuerError: Error, Sendable, Hashable, CustomStringConvertible {
    public let file: String
    public let reason: String

    public var description: String { "token issuer file \(file): \(reason)" }
}

/// Where an issuer's public keys are.
public enum KeyLocation: Sendable, Hashable {
    case file(String)
    case url(HTTPSAddress)
}

/// An issuer of bearer tokens, as a file describes it.
///
/// One JSON object:
/// - `issuer`, required: what `iss` says, letter by letter; `{tenantid}` in it stands for the token's `tid`.
/// - `audience`, required: a text or a list of texts, one of which `aud` names.
/// - `jwks`, required: a path, relative to the file's own folder, or an https URL.
/// - `partners`, required: object from the tenant that a token names to a partner id. Several tenants may be one
///   partner's.
/// - `tenant_claim`: where the tenant stands, default `tid`; `iss` makes each issuer a tenant.
/// - `roles_claim`: where the roles stand, default `roles`.
/// - `algorithms`: default `RS256`, `ES256`.
/// - `login`: how people sign in there; see `LoginConfiguration`.
///
/// A file that no token could ever match is refused.
public struct TokenIssuer: Sendable, Hashable {
    /// Bound of the file, in bytes.
    public static let maximumFileBytes = 1_048_576
    private static let knownKeys: Set<String> = [
        "issuer", "audience", "jwks", "algorithms", "partners", "tenant_claim", "roles_claim", "login",
    ]

    /// As the file has it.
    public let issuer: String
    public let audiences: Set<String>
    public let keys: KeyLocation
    public let algorithms: Set<TokenAlgorithm>
    /// Nil where only programs have tokens.
    public let login: LoginConfiguration?
    let name: IssuerName
    let tenantClaim: ClaimPath
    let rolesClaim: ClaimPath
    /// By the tenant as `tenantKey` writes it.
    private let partners: [String: PartnerID]

    /// Reads an issuer's file.
    public static func load(path: String) throws(TokenIssuerError) -> TokenIssuer {
        let bytes: [UInt8]
        do throws(KeySetError) {
            bytes = try BoundedFile.read(path, limit: maximumFileBytes)
        } catch {
            let isTooLarge = error == .tooLarge(limitBytes: maximumFileBytes)
            throw TokenIssuerError(
                file: path, reason: isTooLarge ? "is larger than \(maximumFileBytes) bytes" : "cannot be read")
        }
        return try TokenIssuer(json: bytes, file: path)
    }

    /// - Parameter file: the file's path, for errors and for a relative path of the keys.
    public init(json: [UInt8], file: String) throws(TokenIssuerError) {
        do throws(IssuerFault) {
            try self.init(IssuerSettings(json, known: Self.knownKeys), folder: file)
        } catch {
            throw TokenIssuerError(file: file, reason: error.reason)
        }
    }

    private init(_ settings: IssuerSettings, folder file: String) throws(IssuerFault) {
        issuer = try settings.text("issuer")
        do throws(UnknownPlaceholder) {
            name = try IssuerName(issuer)
        } catch {
            throw IssuerFault(
                "\"issuer\" has \(IssuerFault.quoted(error.text)), which stands for nothing; "
                    + "only {tenantid} may stand in it, once")
        }
        audiences = Set(try settings.texts("audience"))
        for audience in audiences { try settings.refusePlaceholder(in: audience, of: "audience") }
        let location = try settings.text("jwks")
        if location.contains("://") {
            guard let address = HTTPSAddress(location) else {
                throw IssuerFault("\"jwks\" must be a path or an https URL")
            }
            keys = .url(address)
        } else {
            keys = .file(IssuerSettings.path(location, beside: file))
        }
        login = try settings.login(issuer: issuer, folder: file)
        rolesClaim = try settings.path("roles_claim") ?? ClaimPath(text: "roles")
        tenantClaim = try settings.path("tenant_claim") ?? Self.tid
        algorithms = try settings.algorithms()
        partners = try settings.partners(by: tenantClaim)
        try requireSomeTenant()
    }

    /// The partner of a tenant that a token names.
    func partner(ofTenant tenant: String) -> PartnerID? {
        partners[Self.tenantKey(tenant, tenantClaim)]
    }

    private static let tid = ClaimPath(text: "tid")

    /// The case of a `tid` says nothing; what other claims hold may differ by it alone.
    static func tenantKey(_ tenant: String, _ claim: ClaimPath) -> String {
        claim == tid ? tenant.asciiLowercased : tenant
    }

    /// Throws when the name of the issuer shows that its tokens name no tenant of `partners`.
    private func requireSomeTenant() throws(IssuerFault) {
        guard let fixed = name.fixed else { return }
        if tenantClaim.text == "iss" {
            guard partners[fixed] != nil else {
                throw IssuerFault("\"partners\" must have \"issuer\" as a key, for \"tenant_claim\" is iss")
            }
        } else if tenantClaim == Self.tid, let tenant = Self.entraTenant(fixed) {
            guard partners[tenant.asciiLowercased] != nil else {
                throw IssuerFault(
                    "\"issuer\" is that of the tenant \(IssuerFault.quoted(tenant)), which \"partners\" does not have; "
                        + "for tokens of several tenants write {tenantid} in its place")
            }
        }
    }

    /// What stands in the place of the tenant's id in the issuers of Entra ID, where it always is the token's `tid`:
    /// also `common` and domain names, which are not.
    private static func entraTenant(_ issuer: String) -> String? {
        let parts = issuer.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count > 3, parts[0] == "https:",
            parts[2] == "sts.windows.net" || parts[2].hasPrefix("login.microsoftonline.")
        else { return nil }
        return String(parts[3])
    }
}

/// Why an issuer's file cannot be used, in words that follow the file's name.
struct IssuerFault: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }

    /// Something of the file for a message: short, and nothing that could break the line.
    static func quoted(_ name: String) -> String {
        let safe = name.unicodeScalars.prefix(64).map { (0x20..<0x7F).contains($0.value) ? Character($0) : "?" }
        return "\"\(String(safe))\""
    }
}

/// The members of an issuer's file, each read as what it must be.
struct IssuerSettings {
    let members: [String: StrictJSON]

    init(_ json: [UInt8], known: Set<String>) throws(IssuerFault) {
        guard let members = StrictJSON(json)?.object else {
            throw IssuerFault("is not one JSON object with distinct keys")
        }
        try self.init(members, known: known)
    }

    init(_ members: [String: StrictJSON], known: Set<String>) throws(IssuerFault) {
        if let unknown = members.keys.sorted().first(where: { !known.contains($0) }) {
            throw IssuerFault("unknown key \(IssuerFault.quoted(unknown))")
        }
        self.members = members
    }

    /// What an issuer's file calls a file: a relative path is one from its own folder.
    static func path(_ path: String, beside file: String) -> String {
        if path.hasPrefix("/") { return path }
        return (file.lastIndex(of: "/").map { String(file[...$0]) } ?? "") + path
    }

    func text(_ name: String) throws(IssuerFault) -> String {
        guard let text = members[name]?.string, Self.isName(text) else {
            throw IssuerFault("\"\(name)\" must be a string that is not empty, without spaces around it")
        }
        return text
    }

    /// A text, or a list of some.
    func texts(_ name: String) throws(IssuerFault) -> [String] {
        guard let elements = members[name]?.array else { return [try text(name)] }
        let texts = elements.compactMap(\.string).filter(Self.isName)
        guard !texts.isEmpty, texts.count == elements.count else {
            throw IssuerFault("\"\(name)\" must be a string, or a list of some, that is not empty")
        }
        return texts
    }

    func path(_ name: String) throws(IssuerFault) -> ClaimPath? {
        guard members[name] != nil else { return nil }
        let text = try text(name)
        guard text.utf8.count <= ClaimPath.maximumBytes else {
            throw IssuerFault("\"\(name)\" is longer than \(ClaimPath.maximumBytes) bytes")
        }
        return ClaimPath(text: text)
    }

    func algorithms() throws(IssuerFault) -> Set<TokenAlgorithm> {
        guard let value = members["algorithms"] else { return [.rs256, .es256] }
        var algorithms: Set<TokenAlgorithm> = []
        for name in value.array ?? [] {
            guard let algorithm = name.string.flatMap(TokenAlgorithm.init(rawValue:)) else {
                let known = TokenAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
                throw IssuerFault("\"algorithms\" may contain only \(known)")
            }
            algorithms.insert(algorithm)
        }
        guard !algorithms.isEmpty else { throw IssuerFault("\"algorithms\" must be a list that is not empty") }
        return algorithms
    }

    func partners(by claim: ClaimPath) throws(IssuerFault) -> [String: PartnerID] {
        let what = claim.text == "tid" ? "tid" : "tenant"
        guard let named = members["partners"]?.object, !named.isEmpty else {
            throw IssuerFault("\"partners\" must be an object from \(what) to partner id that is not empty")
        }
        var partners: [String: PartnerID] = [:]
        // In order, so that the same file gets the same message.
        for (tenant, name) in named.sorted(by: { $0.key < $1.key }) {
            guard Self.isName(tenant) else {
                throw IssuerFault("\"partners\" has the \(what) \(IssuerFault.quoted(tenant)), which no token can name")
            }
            try refusePlaceholder(in: tenant, of: "partners")
            guard let text = name.string, let partner = try? PartnerID(text) else {
                throw IssuerFault("\"partners\" must map the \(what) \(IssuerFault.quoted(tenant)) to a partner id")
            }
            guard partners.updateValue(partner, forKey: TokenIssuer.tenantKey(tenant, claim)) == nil else {
                throw IssuerFault("\"partners\" has the tid \(IssuerFault.quoted(tenant)) twice, in other letters")
            }
        }
        return partners
    }

    func refusePlaceholder(in text: String, of name: String) throws(IssuerFault) {
        do throws(UnknownPlaceholder) {
            try IssuerName.requireNone(in: text)
        } catch {
            throw IssuerFault("\"\(name)\" has \(IssuerFault.quoted(error.text)), which stands for nothing")
        }
    }

    /// Whether an issuer could write that.
    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text == text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

import Cryptography

/// What is wrong with an issuer's keys. Nothing of what was read is in it.
public enum KeySetError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file cannot be read, or the server not be reached; in words.
    case unreachable(String)
    case tooLarge(limitBytes: Int)
    case timedOut
    /// Another HTTP status than 200; redirects are not followed.
    case status(Int)
    /// Not a JSON Web Key Set.
    case malformed
    /// Not one key that the issuer's algorithms could use.
    case noUsableKey

    public var description: String {
        switch self {
        case .unreachable(let reason): reason
        case .tooLarge(let limit): "larger than \(limit) bytes"
        case .timedOut: "no answer in time"
        case .status(let code): "HTTP status \(code)"
        case .malformed: "not a JSON Web Key Set"
        case .noUsableKey: "no key that the issuer's algorithms could use"
        }
    }
}

/// The public keys of one issuer, by key id.
struct KeySet: Sendable {
    /// Bounds of a set.
    static let maximumKeys = 100
    static let maximumKeyIDBytes = 256

    /// A key and the algorithms that it checks: those of its kind that the issuer may use, and of these, where the
    /// key names one, only that.
    struct Entry: Sendable {
        let key: PublicKey
        let algorithms: Set<TokenAlgorithm>
        /// Whose tokens alone it proves, where the set says so: Entra ID publishes the keys of all tenants in one set,
        /// and those of personal accounts say nothing about anybody else.
        let issuer: IssuerName?

        /// A key of a fixed issuer proves tokens of that name, or of the tenant that the name has between slashes:
        /// the same keys serve several versions of an issuer's name.
        func mayProve(issuer name: String, tenant: String?) -> Bool {
            guard let fixed = issuer?.fixed else { return true }
            guard fixed != name else { return true }
            guard let tenant = tenant?.asciiLowercased, !tenant.isEmpty else { return false }
            return fixed.asciiLowercased.split(separator: "/").contains { $0 == tenant }
        }
    }

    static let empty = KeySet(entries: [:])

    private let entries: [String: [Entry]]

    private init(entries: [String: [Entry]]) {
        self.entries = entries
    }

    var count: Int { entries.values.reduce(0) { $0 + $1.count } }

    static func isKeyID(_ text: String) -> Bool { !text.isEmpty && text.utf8.count <= maximumKeyIDBytes }

    /// The key of that id for that algorithm; a token with an unknown id is never tried with any other key. A token
    /// that names none is proven by the set's only key.
    func key(_ id: String?, for algorithm: TokenAlgorithm) -> Entry? {
        if id == nil, count != 1 { return nil }
        let named = id.map { entries[$0] ?? [] } ?? entries.values.first ?? []
        return named.first { $0.algorithms.contains(algorithm) }
    }

    /// Reads a JSON Web Key Set (RFC 7517). Keys of other kinds and uses, or too weak, are left out, and so are those
    /// without an id, but for one alone. Two keys of one id for one algorithm make the set ambiguous, and it is
    /// refused.
    init(json: [UInt8], allowed: Set<TokenAlgorithm>) throws(KeySetError) {
        guard let keys = StrictJSON(json)?.object?["keys"]?.array, keys.count <= Self.maximumKeys else {
            throw .malformed
        }
        var entries: [String: [Entry]] = [:]
        var nameless: [Entry] = []
        for key in keys {
            guard let members = key.object else { throw .malformed }
            guard let entry = Self.entry(members, allowed: allowed) else { continue }
            guard let kid = members["kid"] else {
                nameless.append(entry)
                continue
            }
            guard let id = kid.string, Self.isKeyID(id) else { continue }
            let known = entries[id, default: []]
            guard known.allSatisfy({ $0.algorithms.isDisjoint(with: entry.algorithms) }) else { throw .malformed }
            entries[id] = known + [entry]
        }
        // No token can name it: no id is empty.
        if entries.isEmpty, nameless.count == 1 { entries[""] = nameless }
        guard !entries.isEmpty else { throw .noUsableKey }
        self.entries = entries
    }

    private static func entry(_ members: [String: StrictJSON], allowed: Set<TokenAlgorithm>) -> Entry? {
        if let use = members["use"], use.string != "sig" { return nil }
        if let operations = members["key_ops"] {
            guard let listed = operations.array, listed.contains(.string("verify")) else { return nil }
        }
        guard let key = key(members) else { return nil }
        var algorithms = allowed.filter { $0.keyKind == key.kind }
        if let named = members["alg"] {
            guard let text = named.string, let algorithm = TokenAlgorithm(rawValue: text) else { return nil }
            algorithms.formIntersection([algorithm])
        }
        var issuer: IssuerName?
        if let named = members["issuer"] {
            // For whom a key is must be clear.
            guard let name = named.string.flatMap({ try? IssuerName($0) }) else { return nil }
            issuer = name
        }
        return algorithms.isEmpty ? nil : Entry(key: key, algorithms: algorithms, issuer: issuer)
    }

    private static func key(_ members: [String: StrictJSON]) -> PublicKey? {
        func bytes(_ name: String) -> [UInt8]? {
            members[name]?.string.flatMap { Base64URL.bytes(of: Array($0.utf8)) }
        }
        switch members["kty"]?.string {
        case "RSA":
            guard let modulus = bytes("n"), let exponent = bytes("e") else { return nil }
            return try? PublicKey(modulus: modulus, exponent: exponent)
        case "EC":
            guard let x = bytes("x"), let y = bytes("y") else { return nil }
            switch members["crv"]?.string {
            case "P-256": return try? PublicKey(p256: x, y)
            case "P-384": return try? PublicKey(p384: x, y)
            default: return nil
            }
        default: return nil
        }
    }
}

import Crypto
import CryptoExtras
import Foundation
import Outgoing
import Synchronization
import Tenancy

@testable import Authentication

/// An issuer of tokens with keys of its own: RSA `rsa1` and `rsa2`, P-256 `ec1`, P-384 `ec384`.
struct TestIssuer {
    static let name = "https://login.example/tenant/v2.0"
    static let audience = "api://insights"
    static let now: Int64 = 1_800_000_000

    /// Made once: an RSA key takes a while.
    static let rsa1: _RSA.Signing.PrivateKey? = try? _RSA.Signing.PrivateKey(keySize: .bits2048)
    static let rsa2: _RSA.Signing.PrivateKey? = try? _RSA.Signing.PrivateKey(keySize: .bits2048)

    struct NoKey: Error {}

    let rsa: _RSA.Signing.PrivateKey
    let rsaNext: _RSA.Signing.PrivateKey
    let ec = P256.Signing.PrivateKey()
    let ec384 = P384.Signing.PrivateKey()
    let folder: TemporaryFolder

    init() throws {
        guard let first = Self.rsa1, let second = Self.rsa2 else { throw NoKey() }
        rsa = first
        rsaNext = second
        folder = try TemporaryFolder()
        try writeKeys()
    }

    var keysPath: String { folder.path + "/jwks.json" }

    // MARK: Keys

    static func jwk(_ id: String, rsa key: _RSA.Signing.PublicKey, alg: String? = nil) throws -> [String: String] {
        let numbers = try key.getKeyPrimitives()
        var jwk = [
            "kty": "RSA", "use": "sig", "kid": id, "n": encode(numbers.modulus), "e": encode(numbers.publicExponent),
        ]
        jwk["alg"] = alg
        return jwk
    }

    static func jwk(_ id: String, p256 key: P256.Signing.PublicKey, alg: String? = nil) -> [String: String] {
        let raw = key.rawRepresentation
        var jwk = ["kty": "EC", "crv": "P-256", "kid": id, "x": encode(raw.prefix(32)), "y": encode(raw.suffix(32))]
        jwk["alg"] = alg
        return jwk
    }

    static func jwk(_ id: String, p384 key: P384.Signing.PublicKey) -> [String: String] {
        let raw = key.rawRepresentation
        return ["kty": "EC", "crv": "P-384", "kid": id, "x": encode(raw.prefix(48)), "y": encode(raw.suffix(48))]
    }

    /// As Entra ID publishes them: no key names an algorithm.
    func keySet() throws -> [[String: String]] {
        [
            try Self.jwk("rsa1", rsa: rsa.publicKey), Self.jwk("ec1", p256: ec.publicKey),
            Self.jwk("ec384", p384: ec384.publicKey),
        ]
    }

    static func document(_ keys: [[String: String]]) throws -> Data {
        try JSONSerialization.data(withJSONObject: ["keys": keys])
    }

    func writeKeys(_ keys: [[String: String]]? = nil) throws {
        try Self.document(try keys ?? keySet()).write(to: URL(fileURLWithPath: keysPath))
    }

    // MARK: Settings

    func settings(_ changes: [String: Any] = [:]) throws -> TokenIssuer {
        var members: [String: Any] = [
            "issuer": Self.name, "audience": Self.audience, "jwks": keysPath,
            "partners": ["tenant-1": "p1", "tenant-2": "p2"],
        ]
        members.merge(changes) { $1 }
        return try TokenIssuer(
            json: Array(JSONSerialization.data(withJSONObject: members)), file: folder.path + "/issuer.json")
    }

    // MARK: Tokens

    static var claims: [String: Any] {
        [
            "iss": name, "aud": audience, "exp": now + 600, "nbf": now - 600, "iat": now - 600, "tid": "tenant-1",
            "oid": "ann", "sub": "pairwise", "roles": ["AdminAgent", "HelpdeskAgent"],
        ]
    }

    enum Signer: String, CaseIterable {
        case RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384
    }

    func sign(_ message: Data, _ signer: Signer, with key: _RSA.Signing.PrivateKey? = nil) throws -> Data {
        let rsa = key ?? rsa
        return switch signer {
        case .RS256: try rsa.signature(for: SHA256.hash(data: message), padding: .insecurePKCS1v1_5).rawRepresentation
        case .RS384: try rsa.signature(for: SHA384.hash(data: message), padding: .insecurePKCS1v1_5).rawRepresentation
        case .RS512: try rsa.signature(for: SHA512.hash(data: message), padding: .insecurePKCS1v1_5).rawRepresentation
        case .PS256: try rsa.signature(for: SHA256.hash(data: message), padding: .PSS).rawRepresentation
        case .PS384: try rsa.signature(for: SHA384.hash(data: message), padding: .PSS).rawRepresentation
        case .PS512: try rsa.signature(for: SHA512.hash(data: message), padding: .PSS).rawRepresentation
        case .ES256: try ec.signature(for: SHA256.hash(data: message)).rawRepresentation
        case .ES384: try ec384.signature(for: SHA384.hash(data: message)).rawRepresentation
        }
    }

    /// A good token but for the changes; nil as a change takes a member away.
    func token(
        _ signer: Signer = .RS256, kid: String? = nil, header: [String: Any?] = [:],
        claims changes: [String: Any?] = [:],
        key: _RSA.Signing.PrivateKey? = nil
    ) throws -> String {
        let ids: [Signer: String] = [.ES256: "ec1", .ES384: "ec384"]
        var head: [String: Any] = ["alg": signer.rawValue, "typ": "JWT", "kid": kid ?? ids[signer] ?? "rsa1"]
        var claims = Self.claims
        for (name, value) in header { head[name] = value }
        for (name, value) in changes { claims[name] = value }
        return try token(
            rawHeader: JSONSerialization.data(withJSONObject: head),
            rawClaims: JSONSerialization.data(withJSONObject: claims), signer, key: key)
    }

    func token(
        rawHeader: Data, rawClaims: Data, _ signer: Signer = .RS256, key: _RSA.Signing.PrivateKey? = nil
    ) throws -> String {
        let signed = Self.encode(rawHeader) + "." + Self.encode(rawClaims)
        return signed + "." + Self.encode(try sign(Data(signed.utf8), signer, with: key))
    }

    static func encode(_ data: some DataProtocol) -> String {
        Data(data).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }
}

/// A folder that goes away with the test.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/authentication-tests-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// An authenticator over partners p1 (root, ann, off) and p2 (root), with the given issuers.
struct TokenBench {
    let directory: PrincipalDirectory
    let verifier: TokenVerifier
    let authenticator: Authenticator

    init(
        _ issuers: [TokenIssuer], settings: KeySettings = KeySettings(), fetcher: any KeySetFetcher = NoFetcher(),
        report: @escaping @Sendable (KeySetEvent) -> Void = { _ in }
    ) throws {
        directory = PrincipalDirectory(
            DirectorySnapshot(
                stored: AccessRegistry([
                    try record("root", [.userManagementAdmin]), try record("ann", [.adminAgent], name: "Ann"),
                    try record("off", [.adminAgent], disabled: true), try record("sal", [.salesAgent]),
                    try record("root", of: "p2", [.userManagementAdmin]),
                ])))
        verifier = try TokenVerifier(issuers, settings: settings, fetcher: fetcher, report: report)
        authenticator = Authenticator(
            directory: directory, trustDomain: try TrustDomain("insights.local"), tokens: verifier)
    }

    func outcome(
        _ token: String, certificate: PeerIdentity? = nil, now: Int64 = TestIssuer.now
    ) -> Result<AuthenticatedCaller, AuthenticationFailure> {
        authenticator.authenticate(certificate: certificate, authorization: ["Bearer " + token], now: now)
    }

    func accepts(_ token: String, now: Int64 = TestIssuer.now) -> Bool {
        if case .success = outcome(token, now: now) { return true }
        return false
    }

    func failure(
        _ token: String, certificate: PeerIdentity? = nil, now: Int64 = TestIssuer.now
    ) -> AuthenticationFailure? {
        if case .failure(let failure) = outcome(token, certificate: certificate, now: now) { return failure }
        return nil
    }
}

/// Counts and answers nothing: tokens must never make the server fetch anything they name.
final class NoFetcher: KeySetFetcher {
    let calls = Atomic(0)

    func fetch(_ address: HTTPSAddress, settings: KeySettings) throws(KeySetError) -> [UInt8] {
        calls.add(1, ordering: .relaxed)
        throw .unreachable("nobody there")
    }
}

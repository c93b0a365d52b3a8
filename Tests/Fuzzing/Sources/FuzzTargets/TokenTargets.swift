import Cryptography
import Foundation

@testable import Authentication

extension FuzzTarget {
    /// Bearer tokens: as they come, and with a good signature over whatever header and claims the input has.
    static let token = FuzzTarget(
        "token", trials: 1_500, maximumLength: 2_048,
        dictionary: SignedTokens.words,
        seeds: {
            let claims = SignedTokens.claims
            var seeds = [[0] + Array(SignedTokens.token(SignedTokens.header, claims).utf8)]
            seeds.append([1] + Array(claims.utf8))
            seeds.append([2] + Array(SignedTokens.header.utf8))
            seeds.append([1] + Array(claims.dropLast().utf8) + Array(",\"roles\":[\"AdminAgent\"],\"iat\":1.5e9}".utf8))
            seeds.append([1] + Array("{\"iss\":\"https://login.example\",\"cnf\":{\"x5t#S256\":\"AA\"}}".utf8))
            return seeds
        },
        run: { bytes in
            let text = String(decoding: bytes.dropFirst(), as: UTF8.self)
            let token: String
            switch bytes.first {
            case 1: token = SignedTokens.token(SignedTokens.header, text)
            case 2: token = SignedTokens.token(text, SignedTokens.claims)
            default: token = text
            }
            let found = try? SignedTokens.verifier.verify(token.utf8[...], certificate: nil, now: SignedTokens.now)
            guard let found else { return }
            require(found.partner.text == "p1", "the issuer's map names the partner")
            require(found.expiresAt > SignedTokens.now - 61, "a token in force")
        })

    /// What an operator's files and an issuer's server say: issuer files, key sets, JSON.
    static let issuer = FuzzTarget(
        "issuer", trials: 4_000, maximumLength: 4_096,
        dictionary: SignedTokens.words + [
            "\"kty\":\"RSA\"", "\"crv\":\"P-384\"", "\"partners\"", "\\uD83D\\uDE00", "1e308",
        ],
        seeds: {
            [
                SignedTokens.issuerFile, SignedTokens.keySet,
                "[1,-0.5e-3,\"\\u00e4\\uD83D\\uDE00\",[[[[]]]],{\"a\":null}]",
                "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"r\",\"e\":\"AQAB\",\"n\":\""
                    + String(repeating: "q", count: 342) + "\"}]}",
            ].map { Array($0.utf8) }
        },
        run: { bytes in
            if let value = StrictJSON(bytes) {
                require(
                    (try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)) != nil
                        || value.hasOddNumber, "what is strict JSON is JSON")
                _ = value.numericDate
            }
            if let keys = try? KeySet(json: bytes, allowed: Set(TokenAlgorithm.allCases)) {
                require(keys.count <= KeySet.maximumKeys, "a key set is bounded")
            }
            _ = try? TokenIssuer(json: bytes, file: "/etc/insights/issuer.json")
        })
}

extension StrictJSON {
    /// Foundation refuses numbers that no double holds.
    fileprivate var hasOddNumber: Bool {
        switch self {
        case .number(let text): text.utf8.count > 15 || text.contains { $0 == "e" || $0 == "E" }
        case .array(let values): values.contains { $0.hasOddNumber }
        case .object(let members): members.values.contains { $0.hasOddNumber }
        case .null, .bool, .string: false
        }
    }
}

/// An issuer whose key is known.
private enum SignedTokens {
    static let now: Int64 = 1_800_000_000
    static let header = "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"ec1\"}"
    static let claims =
        "{\"iss\":\"https://login.example\",\"aud\":\"api\",\"tid\":\"t1\",\"oid\":\"ann\",\"exp\":1800000600,"
        + "\"nbf\":1799999400}"
    static let words = [
        "\"iss\"", "\"aud\"", "\"tid\"", "\"oid\"", "\"sub\"", "\"exp\"", "\"nbf\"", "\"iat\"", "\"roles\"", "\"cnf\"",
        "\"x5t#S256\"", "\"alg\"", "\"kid\"", "\"typ\"", "\"crit\"", "null", "true", "[", "]", "{", "}", "1e9",
        "AdminAgent",
    ]
    static let issuerFile =
        "{\"issuer\":\"https://login.example\",\"audience\":\"api\",\"jwks\":\"jwks.json\","
        + "\"algorithms\":[\"ES256\"],\"partners\":{\"t1\":\"p1\"}}"

    static let key = P256Signer(secret: [UInt8](1...32))

    static var keySet: String {
        let raw = key.publicPoint
        return "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"ec1\",\"use\":\"sig\","
            + "\"x\":\"\(Base64URL.text(of: raw.prefix(32)))\",\"y\":\"\(Base64URL.text(of: raw.suffix(32)))\"}]}"
    }

    static let folder: String = {
        let path = FileManager.default.temporaryDirectory.path + "/fuzz-keys-\(getpid())"
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }()

    static let verifier: TokenVerifier = {
        do {
            try Data(keySet.utf8).write(to: URL(filePath: folder + "/jwks.json"))
            return try TokenVerifier([TokenIssuer(json: Array(issuerFile.utf8), file: folder + "/issuer.json")])
        } catch { broken("a verifier: \(error)") }
    }()

    static func token(_ header: String, _ claims: String) -> String {
        let signed = Base64URL.text(of: header.utf8) + "." + Base64URL.text(of: claims.utf8)
        return signed + "." + Base64URL.text(of: key.signature(of: Array(signed.utf8)))
    }
}

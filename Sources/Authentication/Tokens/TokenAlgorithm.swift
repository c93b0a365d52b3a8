import Crypto
import CryptoExtras
import Foundation

/// The signature algorithms that an issuer may be allowed. Anything else, `none` and the symmetric ones above all,
/// cannot be written down here.
public enum TokenAlgorithm: String, Sendable, Hashable, CaseIterable {
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
}

/// A public key of an issuer.
///
/// Signatures are checked with swift-crypto itself, at once and on the caller's thread: a call is authenticated on an
/// event loop that cannot wait for jwt-kit's key collection, which is an actor. It also leaves no place where an
/// unproven token could choose or change the algorithm of a key, as jwt-kit's signer cache lets it, and no default
/// key for unknown key ids.
enum VerificationKey: Sendable {
    case rsa(_RSA.Signing.PublicKey)
    case p256(P256.Signing.PublicKey)
    case p384(P384.Signing.PublicKey)

    /// The algorithms that a key of this kind can check.
    var algorithms: Set<TokenAlgorithm> {
        switch self {
        case .rsa: [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]
        case .p256: [.es256]
        case .p384: [.es384]
        }
    }

    func isValid(_ signature: [UInt8], of message: [UInt8], _ algorithm: TokenAlgorithm) -> Bool {
        switch (self, algorithm) {
        case (.rsa(let key), .rs256): Self.check(key, signature, SHA256.hash(data: message), .insecurePKCS1v1_5)
        case (.rsa(let key), .rs384): Self.check(key, signature, SHA384.hash(data: message), .insecurePKCS1v1_5)
        case (.rsa(let key), .rs512): Self.check(key, signature, SHA512.hash(data: message), .insecurePKCS1v1_5)
        case (.rsa(let key), .ps256): Self.check(key, signature, SHA256.hash(data: message), .PSS)
        case (.rsa(let key), .ps384): Self.check(key, signature, SHA384.hash(data: message), .PSS)
        case (.rsa(let key), .ps512): Self.check(key, signature, SHA512.hash(data: message), .PSS)
        case (.p256(let key), .es256):
            (try? P256.Signing.ECDSASignature(rawRepresentation: signature))
                .map { key.isValidSignature($0, for: SHA256.hash(data: message)) } ?? false
        case (.p384(let key), .es384):
            (try? P384.Signing.ECDSASignature(rawRepresentation: signature))
                .map { key.isValidSignature($0, for: SHA384.hash(data: message)) } ?? false
        default: false
        }
    }

    private static func check(
        _ key: _RSA.Signing.PublicKey, _ signature: [UInt8], _ digest: some Digest, _ padding: _RSA.Signing.Padding
    ) -> Bool {
        key.isValidSignature(.init(rawRepresentation: signature), for: digest, padding: padding)
    }
}

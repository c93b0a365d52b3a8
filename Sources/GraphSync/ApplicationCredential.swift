import Cryptography
import Foundation

/// How the application proves to the identity provider who it is.
public enum ApplicationCredential: Sendable {
    case secret(String)
    case certificate(AssertionSigner)

    /// The fields of the token request's form that hold the proof.
    ///
    /// - Parameter audience: the address of the token endpoint.
    func formFields(clientID: String, audience: String, now: Date) throws -> [(String, String)] {
        switch self {
        case .secret(let secret): return [("client_secret", secret)]
        case .certificate(let signer):
            return [
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", try signer.assertion(clientID: clientID, audience: audience, now: now)),
            ]
        }
    }
}

/// Makes assertions with the private key of a certificate that is registered for the application (RFC 7523).
public struct AssertionSigner: Sendable {
    /// Seconds that an assertion is good for; the provider takes at most ten minutes.
    private static let lifetime = 300

    private let key: SigningKey
    /// SHA-256 of the certificate, by which the provider finds it.
    private let thumbprint: String

    init(certificate pem: [UInt8], key: [UInt8]) throws(SyncFailure) {
        guard let certificate = Certificate.der(ofFirstIn: pem) else {
            throw SyncFailure("application.certificate holds no certificate in PEM")
        }
        do {
            self.key = try SigningKey(pem: key)
        } catch {
            throw SyncFailure("application.key: \(error.description)")
        }
        guard self.key.matches(certificateDER: certificate) else {
            throw SyncFailure("application.key is not the key of application.certificate")
        }
        thumbprint = Base64URL.text(DigestAlgorithm.sha256.digest(of: certificate))
    }

    func assertion(clientID: String, audience: String, now: Date) throws -> String {
        let seconds = Int(now.timeIntervalSince1970)
        let header = ["alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint]
        let claims: [String: Any] = [
            "aud": audience, "iss": clientID, "sub": clientID, "jti": Hex.text(of: SecureRandom.bytes(16)),
            // A provider whose clock is a little late takes it too.
            "nbf": seconds - 60, "iat": seconds, "exp": seconds + Self.lifetime,
        ]
        let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
        let parts = try [header as [String: Any], claims].map {
            Base64URL.text([UInt8](try JSONSerialization.data(withJSONObject: $0, options: options)))
        }
        let signed = parts.joined(separator: ".")
        let signature = try key.signature(of: Array(signed.utf8), .rsaPSS(.sha256))
        return signed + "." + Base64URL.text(signature)
    }
}

/// Base64 for addresses, without padding (RFC 4648, 5).
enum Base64URL {
    static func text(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }
}

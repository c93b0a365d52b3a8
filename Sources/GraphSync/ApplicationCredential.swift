import Cryptography
import Foundation

/// How the application proves to the identity provider who it is.
public enum ApplicationCredential: Sendable {
    case secret(String)
    case certificate(AssertionSigner)

    /// The fields of the token request's form that hold the proof. Throws a failure of the credential for a key that
    /// makes no signature.
    ///
    /// - Parameter audience: the address of the token endpoint.
    func formFields(clientID: String, audience: String, now: Date) throws(SourceFailure) -> [(String, String)] {
        switch self {
        case .secret(let secret): return [("client_secret", secret)]
        case .certificate(let signer):
            let assertion: String
            do {
                assertion = try signer.assertion(clientID: clientID, audience: audience, now: now)
            } catch let error as CryptographyError {
                throw SourceFailure(.credential, "the application's key makes no signature: \(error.description)")
            } catch {
                throw SourceFailure(.credential, "the application's key makes no signature")
            }
            return [
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", assertion),
            ]
        }
    }
}

/// Makes assertions with the private key of a certificate that is registered for the application (RFC 7523).
public struct AssertionSigner: Sendable {
    /// Seconds that an assertion is good for; the provider takes at most ten minutes.
    private static let lifetime = 300

    /// RSASSA-PSS with SHA-256, by the private key.
    private let sign: @Sendable (_ message: [UInt8]) throws(CryptographyError) -> [UInt8]
    /// SHA-256 of the certificate, by which the provider finds it.
    private let thumbprint: String

    init(certificate pem: [UInt8], key: [UInt8]) throws(SyncFailure) {
        guard let certificate = Certificate.der(ofFirstIn: pem) else {
            throw SyncFailure("application.certificate holds no certificate in PEM")
        }
        let signingKey: SigningKey
        do {
            signingKey = try SigningKey(pem: key)
        } catch {
            throw SyncFailure("application.key: \(error.description)")
        }
        guard signingKey.matches(certificateDER: certificate) else {
            throw SyncFailure("application.key is not the key of application.certificate")
        }
        self.init(thumbprint: Base64URL.text(of: DigestAlgorithm.sha256.digest(of: certificate))) {
            (message) throws(CryptographyError) in
            try signingKey.signature(of: message, .rsaPSS(.sha256))
        }
    }

    init(
        thumbprint: String, sign: @escaping @Sendable (_ message: [UInt8]) throws(CryptographyError) -> [UInt8]
    ) {
        self.thumbprint = thumbprint
        self.sign = sign
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
            Base64URL.text(of: [UInt8](try JSONSerialization.data(withJSONObject: $0, options: options)))
        }
        let signed = parts.joined(separator: ".")
        return signed + "." + Base64URL.text(of: try sign(Array(signed.utf8)))
    }
}

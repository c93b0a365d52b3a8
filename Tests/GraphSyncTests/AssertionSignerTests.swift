import Cryptography
import Foundation
import OpenSSLTool
import Testing

@testable import GraphSync

struct AssertionSignerTests {
    private static let audience = "https://login.example/t/oauth2/v2.0/token"

    private struct Parts {
        let header: [String: Any]
        let claims: [String: Any]
        let signed: [UInt8]
        let signature: [UInt8]

        init(_ assertion: String) throws {
            let parts = assertion.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            try #require(parts.count == 3)
            func object(_ part: String) throws -> [String: Any] {
                let value = try JSONSerialization.jsonObject(with: Data(Self.bytes(part)))
                return try #require(value as? [String: Any])
            }
            header = try object(parts[0])
            claims = try object(parts[1])
            signed = Array("\(parts[0]).\(parts[1])".utf8)
            signature = try Self.bytes(parts[2])
        }

        static func bytes(_ text: String) throws -> [UInt8] {
            #expect(!text.contains { "+/=".contains($0) })
            var text = text.replacing("-", with: "+").replacing("_", with: "/")
            while !text.count.isMultiple(of: 4) { text += "=" }
            return Array(try #require(Data(base64Encoded: text)))
        }
    }

    private func publicKey(of key: [UInt8]) throws -> PublicKey {
        let text = String(decoding: try OpenSSLCommand.run(["rsa", "-modulus", "-noout"], input: key), as: UTF8.self)
        let digits = text.replacing("Modulus=", with: "").trimmingCharacters(in: .newlines).lowercased()
        return try PublicKey(modulus: try #require(Hex.bytes(of: Array(digits.utf8))), exponent: [1, 0, 1])
    }

    @Test func whatTheProviderReads() throws {
        let key = try OpenSSLCommand.rsaKey()
        let certificate = try OpenSSLCommand.certificate(of: key)
        let signer = try AssertionSigner(certificate: certificate, key: key)
        let now = Date(timeIntervalSince1970: 1_780_000_000.75)
        let made = try signer.assertion(clientID: "client/\"1\"", audience: Self.audience, now: now)
        let parts = try Parts(made)

        #expect(Set(parts.header.keys) == ["alg", "typ", "x5t#S256"])
        #expect(parts.header["alg"] as? String == "PS256")
        #expect(parts.header["typ"] as? String == "JWT")
        // As OpenSSL sees it: `sha256 Fingerprint=AB:CD:…`.
        let print = String(
            decoding: try OpenSSLCommand.run(["x509", "-noout", "-fingerprint", "-sha256"], input: certificate),
            as: UTF8.self)
        let digits = print.drop { $0 != "=" }.filter(\.isHexDigit).lowercased()
        let thumbprint = try #require(parts.header["x5t#S256"] as? String)
        #expect(try Parts.bytes(thumbprint) == Hex.bytes(of: Array(digits.utf8)))

        #expect(Set(parts.claims.keys) == ["aud", "iss", "sub", "jti", "nbf", "iat", "exp"])
        #expect(parts.claims["aud"] as? String == Self.audience)
        #expect(parts.claims["iss"] as? String == "client/\"1\"")
        #expect(parts.claims["sub"] as? String == "client/\"1\"")
        #expect(parts.claims["iat"] as? Int == 1_780_000_000)
        #expect(parts.claims["nbf"] as? Int == 1_779_999_940)
        // Ten minutes are the most.
        #expect(parts.claims["exp"] as? Int == 1_780_000_300)

        let checker = try publicKey(of: key)
        #expect(checker.isValid(parts.signature, of: parts.signed, .rsaPSS(.sha256)))
        #expect(!checker.isValid(parts.signature, of: parts.signed + [0], .rsaPSS(.sha256)))
        #expect(!checker.isValid(parts.signature, of: parts.signed, .rsaPKCS1(.sha256)))
    }

    @Test func everyAssertionIsAnotherOne() throws {
        let key = try OpenSSLCommand.rsaKey()
        let signer = try AssertionSigner(certificate: try OpenSSLCommand.certificate(of: key), key: key)
        let now = Date(timeIntervalSince1970: 1_780_000_000)
        let ids = try (0..<50).map { _ in
            let made = try signer.assertion(clientID: "c", audience: Self.audience, now: now)
            return try #require(try Parts(made).claims["jti"] as? String)
        }
        #expect(Set(ids).count == 50)
        #expect(ids.allSatisfy { $0.utf8.count == 32 })
    }

    @Test func formFieldsOfBothProofs() throws {
        let now = Date(timeIntervalSince1970: 1_780_000_000)
        let secret = try ApplicationCredential.secret("s").formFields(clientID: "c", audience: Self.audience, now: now)
        #expect(secret.map(\.0) == ["client_secret"] && secret.map(\.1) == ["s"])
        let key = try OpenSSLCommand.rsaKey()
        let signer = try AssertionSigner(certificate: try OpenSSLCommand.certificate(of: key), key: key)
        let fields = try ApplicationCredential.certificate(signer).formFields(
            clientID: "c", audience: Self.audience, now: now)
        #expect(fields.map(\.0) == ["client_assertion_type", "client_assertion"])
        #expect(fields[0].1 == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        #expect(try Parts(fields[1].1).claims["sub"] as? String == "c")
    }

    /// Whatever the library says: customers fail by the credential, and nobody is asked.
    @Test func aKeyThatMakesNoSignature() {
        let signer = AssertionSigner(thumbprint: "x") { (_) throws(CryptographyError) in throw .unusableKey }
        #expect(
            throws: SourceFailure(
                .credential,
                "the application's key makes no signature: \(CryptographyError.unusableKey.description)")
        ) {
            try ApplicationCredential.certificate(signer).formFields(
                clientID: "c", audience: Self.audience, now: Date(timeIntervalSince1970: 1_780_000_000))
        }
    }

    @Test func whatCannotSign() throws {
        let key = try OpenSSLCommand.rsaKey()
        let certificate = try OpenSSLCommand.certificate(of: key)
        func complaint(_ certificate: [UInt8], _ key: [UInt8]) -> String {
            do {
                _ = try AssertionSigner(certificate: certificate, key: key)
                return "taken"
            } catch {
                return error.description
            }
        }
        #expect(
            complaint(certificate, try OpenSSLCommand.rsaKey())
                == "application.key is not the key of application.certificate")
        #expect(complaint([], key) == "application.certificate holds no certificate in PEM")
        #expect(complaint(key, key) == "application.certificate holds no certificate in PEM")
        #expect(complaint(certificate, certificate).hasPrefix("application.key: "))
        #expect(complaint(certificate, Array(key.dropLast(200))).hasPrefix("application.key: "))
        let curve = try OpenSSLCommand.run([
            "genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
        ])
        #expect(complaint(certificate, curve).hasPrefix("application.key: "))
        let encrypted = try OpenSSLCommand.run(
            ["pkcs8", "-topk8", "-passout", "pass:of-the-test"], input: key)
        #expect(complaint(certificate, encrypted).hasPrefix("application.key: "))
        // Both in one file, as some tools hand them out.
        #expect(complaint(key + certificate, key + certificate) == "taken")
    }
}

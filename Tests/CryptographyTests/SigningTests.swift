import COpenSSL
import Crypto
import CryptoExtras
import Foundation
import OpenSSLTool
import Testing

@testable import Cryptography

/// Keys as files hold them, and what they sign.
@Suite struct SigningTests {
    private static let schemes: [(SignatureScheme, _RSA.Signing.Padding)] = [
        (.rsaPKCS1(.sha256), .insecurePKCS1v1_5), (.rsaPSS(.sha256), .PSS),
    ]

    // MARK: Signatures

    @Test(arguments: [2_048, 2_056, 3_072])
    func signaturesLikeAnotherLibrary(_ bits: Int) throws {
        var generator = SeededGenerator(state: 7)
        let other = try _RSA.Signing.PrivateKey(keySize: .init(bitCount: bits))
        let numbers = try other.publicKey.getKeyPrimitives()
        let checker = try PublicKey(modulus: Array(numbers.modulus), exponent: Array(numbers.publicExponent))
        ERR_clear_error()
        for pem in [other.pemRepresentation, other.pkcs8PEMRepresentation] {
            let key = try SigningKey(pem: Array(pem.utf8))
            for (scheme, padding) in Self.schemes {
                for _ in 0..<4 {
                    let message = generator.bytes(upTo: 700)
                    let made = try key.signature(of: message, scheme)
                    #expect(checker.isValid(made, of: message, scheme))
                    #expect(!checker.isValid(made, of: message + [0], scheme))
                    #expect(
                        other.publicKey.isValidSignature(
                            _RSA.Signing.RSASignature(rawRepresentation: made), for: SHA256.hash(data: message),
                            padding: padding))
                }
            }
        }
        #expect(ERR_peek_error() == 0)
    }

    /// PKCS#1 v1.5 has one signature of a message, PSS another one each time.
    @Test func saltsAreNew() throws {
        let key = try SigningKey(pem: OpenSSLCommand.rsaKey(bits: 2_048))
        let message = Array("same".utf8)
        #expect(try key.signature(of: message, .rsaPKCS1(.sha256)) == key.signature(of: message, .rsaPKCS1(.sha256)))
        #expect(try key.signature(of: message, .rsaPSS(.sha256)) != key.signature(of: message, .rsaPSS(.sha256)))
    }

    @Test func nothingIsSignedAsAnotherKind() throws {
        let key = try SigningKey(pem: OpenSSLCommand.rsaKey(bits: 2_048))
        for scheme in [SignatureScheme.ecdsaP256, .ecdsaP384] {
            #expect(throws: CryptographyError.otherKind) { try key.signature(of: [1], scheme) }
        }
    }

    @Test func manyThreadsAtOnce() throws {
        let other = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let numbers = try other.publicKey.getKeyPrimitives()
        let checker = try PublicKey(modulus: Array(numbers.modulus), exponent: Array(numbers.publicExponent))
        let key = try SigningKey(pem: Array(other.pemRepresentation.utf8))
        DispatchQueue.concurrentPerform(iterations: 16) { round in
            let message = [UInt8(round)]
            let made = try? key.signature(of: message, .rsaPSS(.sha256))
            #expect(checker.isValid(made ?? [], of: message, .rsaPSS(.sha256)))
        }
    }

    // MARK: Keys

    /// Of many primes, because those are found soon.
    @Test(arguments: [(1_024, 2), (2_040, 2), (8_200, 5)])
    func weakAndHugeKeysAreRefused(_ bits: Int, _ primes: Int) throws {
        let pem = try OpenSSLCommand.rsaKey(bits: bits, primes: primes)
        #expect(throws: CryptographyError.unusableKey) { try SigningKey(pem: pem) }
    }

    @Test(arguments: [(2_048, 2), (8_192, 5)])
    func theBoundsThemselvesAreTaken(_ bits: Int, _ primes: Int) throws {
        let pem = try OpenSSLCommand.rsaKey(bits: bits, primes: primes)
        #expect(try SigningKey(pem: pem).signature(of: [], .rsaPSS(.sha256)).count == bits / 8)
    }

    @Test func encryptedKeysAreRefused() throws {
        let plain = try OpenSSLCommand.rsaKey(bits: 2_048)
        ERR_clear_error()
        for form in [["pkcs8", "-topk8"], ["rsa", "-aes-256-cbc", "-traditional"]] {
            let pem = try OpenSSLCommand.run(form + ["-passout", "pass:secret"], input: plain)
            #expect(String(decoding: pem, as: UTF8.self).contains("ENCRYPTED"))
            #expect(throws: CryptographyError.encryptedKey) { try SigningKey(pem: pem) }
        }
        #expect(ERR_peek_error() == 0)
    }

    @Test func otherKindsAreRefused() throws {
        var texts = [
            Array(P256.Signing.PrivateKey().pemRepresentation.utf8),
            Array(P384.Signing.PrivateKey().pemRepresentation.utf8),
            try OpenSSLCommand.run(["ecparam", "-name", "prime256v1", "-genkey"]),
        ]
        for kind in ["ED25519", "RSA-PSS"] {
            texts.append(try OpenSSLCommand.run(["genpkey", "-quiet", "-algorithm", kind]))
        }
        for pem in texts {
            #expect(throws: CryptographyError.otherKind) { try SigningKey(pem: pem) }
        }
    }

    @Test func malformedKeysAreRefused() throws {
        let other = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let pem = Array(other.pemRepresentation.utf8)
        let der = Array(other.derRepresentation)
        // Amid the modulus, which is then no longer the product of the primes behind it.
        var modulus = der
        for place in 100..<108 { modulus[place] ^= 0x55 }
        ERR_clear_error()
        let texts: [[UInt8]] = [
            [], [0], [UInt8](repeating: 0x0A, count: 2_000_000), Array("not a key\n".utf8), der,
            pem.dropLast(30), Array(pem.prefix(900)), pem.filter { $0 != UInt8(ascii: "-") },
            Array(other.publicKey.pemRepresentation.utf8), [UInt8](repeating: 0x0A, count: 2_000_000) + pem,
            try OpenSSLCommand.certificate(of: pem), OpenSSLCommand.pem(Array(der.dropLast(3))),
            OpenSSLCommand.pem(modulus), OpenSSLCommand.pem([]),
        ]
        for (place, text) in texts.enumerated() {
            #expect(throws: CryptographyError.unusableKey, "\(place)") { try SigningKey(pem: text) }
        }
        #expect(ERR_peek_error() == 0)
        #expect(throws: Never.self) { try SigningKey(pem: OpenSSLCommand.pem(der)) }
    }

    // MARK: Certificates

    @Test func aCertificateBelongsToItsKey() throws {
        let (pem, elliptic) = (
            try OpenSSLCommand.rsaKey(bits: 2_048), Array(P256.Signing.PrivateKey().pemRepresentation.utf8)
        )
        let text = try OpenSSLCommand.certificate(of: pem)
        let (key, stranger) = (
            try SigningKey(pem: pem), try SigningKey(pem: OpenSSLCommand.rsaKey(bits: 2_048))
        )
        ERR_clear_error()
        let der = try #require(Certificate.der(ofFirstIn: text))
        #expect(try OpenSSLCommand.run(["x509", "-outform", "DER"], input: text) == der)
        #expect(key.matches(certificateDER: der))
        #expect(!stranger.matches(certificateDER: der))
        let other = try #require(Certificate.der(ofFirstIn: OpenSSLCommand.certificate(of: elliptic)))
        for wrong in [other, [], [0x30], der + [0], Array(der.dropLast()), text, Array(der.dropFirst())] {
            #expect(!key.matches(certificateDER: wrong))
        }
        #expect(ERR_peek_error() == 0)
    }

    /// A file with the key in front, and the chain behind.
    @Test func theFirstCertificateIsRead() throws {
        let pem = try OpenSSLCommand.rsaKey(bits: 2_048)
        let (first, second) = (try OpenSSLCommand.certificate(of: pem), try OpenSSLCommand.certificate(of: pem))
        let whole = pem + Array("\nSubject: x\n".utf8) + first + second
        #expect(Certificate.der(ofFirstIn: whole) == Certificate.der(ofFirstIn: first))
        #expect(Certificate.der(ofFirstIn: whole) != Certificate.der(ofFirstIn: second))
        #expect(throws: Never.self) { try SigningKey(pem: first + pem) }
        ERR_clear_error()
        for wrong in [
            [], pem, Array(first.dropLast(40)), Array("-----BEGIN CERTIFICATE-----\n".utf8),
            OpenSSLCommand.pem([1, 2, 3], "CERTIFICATE"), [UInt8](repeating: 0x0A, count: 2_000_000) + first,
        ] {
            #expect(Certificate.der(ofFirstIn: wrong) == nil)
        }
        #expect(ERR_peek_error() == 0)
    }
}

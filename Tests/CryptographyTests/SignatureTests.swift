import COpenSSL
import Crypto
import CryptoExtras
import Foundation
import Testing

@testable import Cryptography

@Suite struct SignatureTests {
    static let schemes: [String: SignatureScheme] = [
        "RS256": .rsaPKCS1(.sha256), "RS384": .rsaPKCS1(.sha384), "RS512": .rsaPKCS1(.sha512),
        "PS256": .rsaPSS(.sha256), "PS384": .rsaPSS(.sha384), "PS512": .rsaPSS(.sha512),
        "ES256": .ecdsaP256, "ES384": .ecdsaP384,
    ]

    private static func key(_ algorithm: String, _ first: [UInt8], _ second: [UInt8]) throws -> Cryptography.PublicKey {
        switch algorithm {
        case "ES256": try PublicKey(p256: first, second)
        case "ES384": try PublicKey(p384: first, second)
        default: try PublicKey(modulus: first, exponent: second)
        }
    }

    /// An unusable key is a refusal too: some vectors have a point beside the curve.
    @Test func knownAnswers() throws {
        var keys: [String: ([UInt8], [UInt8])] = [:]
        var verdicts: [String: [String: Int]] = [:]
        for line in try Vectors.lines("signatures") {
            if line[0] == "key" {
                keys[line[1]] = (try bytes(line[2]), try bytes(line[3]))
                continue
            }
            let scheme = try #require(Self.schemes[line[0]])
            let numbers = try #require(keys[line[1]])
            let (message, signature) = (try bytes(line[2]), try bytes(line[3]))
            let key = try? Self.key(line[0], numbers.0, numbers.1)
            let isValid = key?.isValid(signature, of: message, scheme) ?? false
            #expect(isValid == (line[4] == "valid"), "\(line[0]) \(line[5...].joined(separator: " "))")
            verdicts[line[0], default: [:]][line[4], default: 0] += 1
            guard isValid, let key else { continue }
            // And for nothing else.
            for (name, other) in Self.schemes where name != line[0] {
                #expect(!key.isValid(signature, of: message, other), "\(line[0]) as \(name)")
            }
        }
        for name in Self.schemes.keys {
            #expect(verdicts[name]?["valid"] ?? 0 >= 3 && verdicts[name]?["invalid"] ?? 0 >= 5, "\(name)")
        }
    }

    // MARK: Another library

    @Test func ellipticCurvesLikeAnotherLibrary() throws {
        var generator = SeededGenerator(state: 5)
        for _ in 0..<40 {
            let message = generator.bytes(upTo: 500)
            let p256 = P256.Signing.PrivateKey()
            let p384 = P384.Signing.PrivateKey()
            let (raw256, raw384) = (
                Array(p256.publicKey.rawRepresentation), Array(p384.publicKey.rawRepresentation)
            )
            let key256 = try PublicKey(p256: Array(raw256.prefix(32)), Array(raw256.suffix(32)))
            let key384 = try PublicKey(p384: Array(raw384.prefix(48)), Array(raw384.suffix(48)))
            let signature256 = Array(try p256.signature(for: SHA256.hash(data: message)).rawRepresentation)
            let signature384 = Array(try p384.signature(for: SHA384.hash(data: message)).rawRepresentation)
            #expect(key256.isValid(signature256, of: message, .ecdsaP256))
            #expect(key384.isValid(signature384, of: message, .ecdsaP384))
            tamper(key256, signature256, message, .ecdsaP256, &generator)
            tamper(key384, signature384, message, .ecdsaP384, &generator)
        }
    }

    @Test(arguments: [2_048, 2_056, 3_072])
    func rsaLikeAnotherLibrary(_ bits: Int) throws {
        var generator = SeededGenerator(state: 6)
        let key = try _RSA.Signing.PrivateKey(keySize: .init(bitCount: bits))
        let numbers = try key.publicKey.getKeyPrimitives()
        let own = try PublicKey(modulus: Array(numbers.modulus), exponent: Array(numbers.publicExponent))
        #expect(own.kind == .rsa)
        func check(_ digest: some Digest, _ function: DigestAlgorithm, _ message: [UInt8]) throws {
            for (padding, scheme) in [
                (_RSA.Signing.Padding.insecurePKCS1v1_5, SignatureScheme.rsaPKCS1(function)),
                (.PSS, .rsaPSS(function)),
            ] {
                let signature = Array(try key.signature(for: digest, padding: padding).rawRepresentation)
                #expect(own.isValid(signature, of: message, scheme))
                tamper(own, signature, message, scheme, &generator)
            }
        }
        for _ in 0..<5 {
            let message = generator.bytes(upTo: 300)
            try check(SHA256.hash(data: message), .sha256, message)
            try check(SHA384.hash(data: message), .sha384, message)
            try check(SHA512.hash(data: message), .sha512, message)
        }
    }

    /// Changed bits, cut and padded signatures, another message, other schemes.
    private func tamper(
        _ key: Cryptography.PublicKey, _ signature: [UInt8], _ message: [UInt8], _ scheme: SignatureScheme,
        _ generator: inout SeededGenerator
    ) {
        ERR_clear_error()
        for _ in 0..<12 {
            var changed = signature
            let place = Int.random(in: 0..<signature.count, using: &generator)
            changed[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            #expect(!key.isValid(changed, of: message, scheme))
        }
        for odd in [
            [], Array(signature.dropLast()), Array(signature.dropFirst()), [0] + signature, signature + [0],
            [UInt8](repeating: 0, count: signature.count), [UInt8](repeating: 255, count: signature.count),
        ] {
            #expect(!key.isValid(odd, of: message, scheme))
        }
        #expect(!key.isValid(signature, of: message + [0], scheme))
        for other in Self.schemes.values where other != scheme {
            #expect(!key.isValid(signature, of: message, other))
        }
        // The queue of errors belongs to whoever reads it for TLS on this thread.
        #expect(ERR_peek_error() == 0)
    }

    /// About one RSA signature in 256 begins with a zero; without it, it is a number of the same value.
    @Test func aLeadingZeroIsPartOfTheSignature() throws {
        let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let numbers = try key.publicKey.getKeyPrimitives()
        let own = try PublicKey(modulus: Array(numbers.modulus), exponent: Array(numbers.publicExponent))
        var found = 0
        for round in 0..<8_000 where found < 2 {
            let message = Array("\(round)".utf8)
            let padding = found == 0 ? _RSA.Signing.Padding.PSS : .insecurePKCS1v1_5
            let signature = Array(
                try key.signature(for: SHA256.hash(data: message), padding: padding).rawRepresentation)
            guard signature[0] == 0 else { continue }
            let scheme: SignatureScheme = found == 0 ? .rsaPSS(.sha256) : .rsaPKCS1(.sha256)
            #expect(own.isValid(signature, of: message, scheme))
            #expect(!own.isValid(Array(signature.dropFirst()), of: message, scheme))
            found += 1
        }
        #expect(found == 2)
    }

    // MARK: Keys

    @Test func weakAndMalformedKeysAreRefused() throws {
        let good = [0xC1] + [UInt8](repeating: 0x5B, count: 255)
        let usual: [UInt8] = [1, 0, 1]
        #expect(throws: Never.self) { try PublicKey(modulus: good, exponent: usual) }
        #expect(throws: Never.self) { try PublicKey(modulus: good, exponent: [3]) }
        #expect(throws: Never.self) { try PublicKey(modulus: good, exponent: [255, 255, 255, 255]) }
        #expect(throws: Never.self) { try PublicKey(modulus: good + good + good + good, exponent: usual) }
        ERR_clear_error()
        let moduli: [[UInt8]] = [
            [], [0], [7], [0] + good, Array(good.dropLast()), [0x7F] + good.dropFirst(),
            good.dropLast() + [0x5A], good + good + good + good + [1],
            [UInt8](repeating: 0, count: 256), [UInt8](repeating: 0xC1, count: 128),
        ]
        for modulus in moduli {
            #expect(throws: CryptographyError.unusableKey) { try PublicKey(modulus: modulus, exponent: usual) }
        }
        for exponent in [[], [0], [1], [2], [0, 0, 0, 1], [1, 0, 0], [0, 0, 0, 1, 0, 1], [1, 0, 0, 0, 1]] as [[UInt8]] {
            #expect(throws: CryptographyError.unusableKey) { try PublicKey(modulus: good, exponent: exponent) }
        }
        #expect(ERR_peek_error() == 0)
    }

    @Test func pointsBesideTheCurveAreRefused() throws {
        let raw256 = Array(P256.Signing.PrivateKey().publicKey.rawRepresentation)
        let raw384 = Array(P384.Signing.PrivateKey().publicKey.rawRepresentation)
        let (x, y) = (Array(raw256.prefix(32)), Array(raw256.suffix(32)))
        #expect(try PublicKey(p256: x, y).kind == .p256)
        #expect(try PublicKey(p384: Array(raw384.prefix(48)), Array(raw384.suffix(48))).kind == .p384)
        ERR_clear_error()
        let zeros = [UInt8](repeating: 0, count: 32)
        // The field's prime: as a coordinate, a second spelling of zero.
        let prime = try bytes("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff")
        // On the curve with x = 0; so x = prime would be, taken modulo the prime.
        let root = try bytes("66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4")
        #expect(throws: Never.self) { try PublicKey(p256: zeros, root) }
        var flipped = y
        flipped[31] ^= 1
        for (x, y) in [
            (x, flipped), (y, x), (zeros, zeros), (prime, root), (x, prime), (x, []), ([], y), ([], []),
            (x, Array(y.dropLast())), ([0] + x, [0] + y), (x + y, []), (Array(raw384.prefix(48)), y),
            ([UInt8](repeating: 255, count: 32), y),
        ] {
            #expect(throws: CryptographyError.unusableKey) { try PublicKey(p256: x, y) }
        }
        #expect(throws: CryptographyError.unusableKey) { try PublicKey(p384: x, y) }
        #expect(throws: CryptographyError.unusableKey) {
            try PublicKey(p384: Array(raw384.suffix(48)), Array(raw384.prefix(48)))
        }
        #expect(ERR_peek_error() == 0)
    }

    /// Keys are shared by event loops.
    @Test func manyThreadsAtOnce() throws {
        let key = P256.Signing.PrivateKey()
        let raw = Array(key.publicKey.rawRepresentation)
        let own = try PublicKey(p256: Array(raw.prefix(32)), Array(raw.suffix(32)))
        let signature = Array(try key.signature(for: SHA256.hash(data: [1, 2, 3])).rawRepresentation)
        DispatchQueue.concurrentPerform(iterations: 32) { _ in
            for _ in 0..<20 {
                #expect(own.isValid(signature, of: [1, 2, 3], .ecdsaP256))
                #expect(!own.isValid(signature, of: [1, 2], .ecdsaP256))
            }
        }
    }
}

import COpenSSL

/// How a signature is made: the kind of key, the padding and the digest.
public enum SignatureScheme: Sendable, Hashable {
    /// RSASSA-PKCS1-v1_5 (RFC 8017).
    case rsaPKCS1(DigestAlgorithm)
    /// RSASSA-PSS (RFC 8017): MGF1 and the salt's length by the same digest.
    case rsaPSS(DigestAlgorithm)
    /// ECDSA (FIPS 186-4) on P-256 with SHA-256; the two numbers as 32 bytes each.
    case ecdsaP256
    /// ECDSA on P-384 with SHA-384; the two numbers as 48 bytes each.
    case ecdsaP384
}

/// A key that checks signatures.
/// Unchecked: set once, and the library takes the same key on several threads.
public final class PublicKey: @unchecked Sendable {
    public enum Kind: Sendable, Hashable {
        case rsa
        case p256
        case p384
    }

    /// RSA moduli, in bits. Smaller ones can be broken, larger ones make a check slow.
    static let modulusBits = 2_048...8_192

    /// In front of a point with both coordinates (SEC 1, 2.3.3).
    private static let uncompressed: UInt8 = 4

    public let kind: Kind
    /// EVP_PKEY, owned.
    private let pointer: OpaquePointer
    /// Bytes of a signature: the modulus's, or the two numbers' together.
    private let signatureCount: Int

    /// Numbers with the most significant byte first, the modulus without zeros in front. An even modulus belongs to no
    /// key, and neither does an exponent that is even, below 3 or longer than four bytes.
    public init(modulus: [UInt8], exponent: [UInt8]) throws(CryptographyError) {
        guard let first = modulus.first, first != 0,
            Self.modulusBits.contains(modulus.count * 8 - first.leadingZeroBitCount), Self.isOdd(modulus),
            Self.isSound(exponent: exponent)
        else { throw .unusableKey }
        let key = withoutQueuedErrors {
            crypto_rsa_key(modulus, Int32(modulus.count), exponent, Int32(exponent.count))
        }
        guard let key else { throw .unusableKey }
        kind = .rsa
        pointer = key
        signatureCount = modulus.count
    }

    /// A point of P-256, 32 bytes a coordinate. One that is not on the curve is no key.
    public convenience init(p256 x: [UInt8], _ y: [UInt8]) throws(CryptographyError) {
        try self.init(.p256, group: "P-256", x, y, byteCount: 32)
    }

    /// A point of P-384, 48 bytes a coordinate. One that is not on the curve is no key.
    public convenience init(p384 x: [UInt8], _ y: [UInt8]) throws(CryptographyError) {
        try self.init(.p384, group: "P-384", x, y, byteCount: 48)
    }

    private init(
        _ kind: Kind, group: String, _ x: [UInt8], _ y: [UInt8], byteCount: Int
    ) throws(CryptographyError) {
        guard x.count == byteCount, y.count == byteCount else { throw .unusableKey }
        let point = [Self.uncompressed] + x + y
        let key = withoutQueuedErrors { crypto_ec_key(group, point, point.count) }
        guard let key else { throw .unusableKey }
        self.kind = kind
        pointer = key
        signatureCount = 2 * byteCount
    }

    deinit {
        EVP_PKEY_free(pointer)
    }

    /// Whether the holder of the private key signed the message in that way. A scheme of another kind of key never
    /// fits, and neither does a signature that is a byte shorter or longer than the key's are.
    public func isValid(_ signature: [UInt8], of message: [UInt8], _ scheme: SignatureScheme) -> Bool {
        guard signature.count == signatureCount else { return false }
        return switch (kind, scheme) {
        case (.rsa, .rsaPKCS1(let digest)): check(signature, message, digest, padding: RSA_PKCS1_PADDING)
        case (.rsa, .rsaPSS(let digest)): check(signature, message, digest, padding: RSA_PKCS1_PSS_PADDING)
        case (.p256, .ecdsaP256): check(DERSignature.bytes(signature), message, .sha256, padding: nil)
        case (.p384, .ecdsaP384): check(DERSignature.bytes(signature), message, .sha384, padding: nil)
        default: false
        }
    }

    private func check(_ signature: [UInt8], _ message: [UInt8], _ digest: DigestAlgorithm, padding: Int32?) -> Bool {
        withoutQueuedErrors {
            guard let context = EVP_MD_CTX_new() else { return false }
            defer { EVP_MD_CTX_free(context) }
            // Belongs to `context`.
            var settings: OpaquePointer?
            guard EVP_DigestVerifyInit_ex(context, &settings, digest.name, nil, nil, pointer, nil) == 1 else {
                return false
            }
            if let padding {
                guard EVP_PKEY_CTX_set_rsa_padding(settings, padding) == 1 else { return false }
                if padding == RSA_PKCS1_PSS_PADDING,
                    EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) != 1
                {
                    return false
                }
            }
            return EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
        }
    }

    /// Odd, from 3 to 2^32 - 1.
    private static func isSound(exponent: [UInt8]) -> Bool {
        exponent.count <= 4 && isOdd(exponent) && exponent.reduce(0) { $0 << 8 | UInt64($1) } >= 3
    }

    private static func isOdd(_ number: [UInt8]) -> Bool {
        number.last.map { $0 & 1 == 1 } ?? false
    }
}

/// The form in which the library takes an ECDSA signature: a SEQUENCE of two INTEGERs.
private enum DERSignature {
    /// Of the two numbers one after the other; at most 48 bytes each, so that every length is one byte.
    static func bytes(_ signature: [UInt8]) -> [UInt8] {
        let half = signature.count / 2
        let content = integer(signature.prefix(half)) + integer(signature.suffix(half))
        return [0x30, UInt8(content.count)] + content
    }

    /// The shortest form, with a zero in front of what would be negative.
    private static func integer(_ number: ArraySlice<UInt8>) -> [UInt8] {
        var digits = Array(number.drop { $0 == 0 })
        if digits.first.map({ $0 >= 0x80 }) ?? true { digits.insert(0, at: 0) }
        return [0x02, UInt8(digits.count)] + digits
    }
}

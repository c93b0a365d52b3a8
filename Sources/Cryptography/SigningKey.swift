import COpenSSL

/// An RSA key that makes signatures.
/// Unchecked: set once, and the library takes the same key on several threads.
public final class SigningKey: @unchecked Sendable {
    /// EVP_PKEY, owned.
    private let pointer: OpaquePointer

    /// The first private key of a PEM text, PKCS#1 or PKCS#8, of 2,048 to 8,192 bits. One that is encrypted is not
    /// read, and nobody is asked for a pass phrase.
    public init(pem: [UInt8]) throws(CryptographyError) {
        guard PEMText.isReadable(pem) else { throw .unusableKey }
        var isEncrypted: Int32 = 0
        let key = withoutQueuedErrors { crypto_private_key(pem, Int32(pem.count), &isEncrypted) }
        guard let key else { throw isEncrypted == 0 ? .unusableKey : .encryptedKey }
        // From here on deinit frees it, also when a step below throws.
        pointer = key
        guard EVP_PKEY_is_a(key, "RSA") == 1 else { throw .otherKind }
        guard PublicKey.modulusBits.contains(Int(EVP_PKEY_get_bits(key))) else { throw .unusableKey }
        // Numbers that do not belong together make signatures that nobody can check.
        let probe = try signature(of: [], .rsaPKCS1(.sha256))
        guard isValid(probe, of: []) else { throw .unusableKey }
    }

    deinit {
        EVP_PKEY_free(pointer)
    }

    /// RSASSA-PKCS1-v1_5, or RSASSA-PSS with a salt of the digest's length.
    public func signature(of message: [UInt8], _ scheme: SignatureScheme) throws(CryptographyError) -> [UInt8] {
        let made: [UInt8]? =
            switch scheme {
            case .rsaPKCS1(let digest): sign(message, digest, padding: RSA_PKCS1_PADDING)
            case .rsaPSS(let digest): sign(message, digest, padding: RSA_PKCS1_PSS_PADDING)
            case .ecdsaP256, .ecdsaP384: throw .otherKind
            }
        guard let made else { throw .unusableKey }
        return made
    }

    /// Whether that is one whole certificate, and one of this key.
    public func matches(certificateDER: [UInt8]) -> Bool {
        withoutQueuedErrors { crypto_certifies(certificateDER, certificateDER.count, pointer) == 1 }
    }

    private func sign(_ message: [UInt8], _ digest: DigestAlgorithm, padding: Int32) -> [UInt8]? {
        withoutQueuedErrors {
            guard let context = EVP_MD_CTX_new() else { return nil }
            defer { EVP_MD_CTX_free(context) }
            // Belongs to `context`.
            var settings: OpaquePointer?
            guard EVP_DigestSignInit_ex(context, &settings, digest.name, nil, nil, pointer, nil) == 1,
                EVP_PKEY_CTX_set_rsa_padding(settings, padding) == 1,
                padding != RSA_PKCS1_PSS_PADDING
                    || EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) == 1
            else { return nil }
            var count = Int(EVP_PKEY_get_size(pointer))
            var signature = [UInt8](repeating: 0, count: count)
            guard EVP_DigestSign(context, &signature, &count, message, message.count) == 1 else { return nil }
            // The modulus's bytes, always.
            return count == signature.count ? signature : nil
        }
    }

    /// Of RSASSA-PKCS1-v1_5 with SHA-256.
    private func isValid(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        withoutQueuedErrors {
            guard let context = EVP_MD_CTX_new() else { return false }
            defer { EVP_MD_CTX_free(context) }
            return EVP_DigestVerifyInit_ex(context, nil, DigestAlgorithm.sha256.name, nil, nil, pointer, nil) == 1
                && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
        }
    }
}

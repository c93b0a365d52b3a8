import COpenSSL

/// A secret that makes and checks authentication codes: HMAC (RFC 2104).
/// Unchecked: the context is set up once and only copied after that.
public final class AuthenticationKey: @unchecked Sendable {
    private let algorithm: DigestAlgorithm
    /// EVP_MAC_CTX, owned: it has the key and has read nothing.
    private let context: OpaquePointer?

    public init(_ secret: [UInt8], _ algorithm: DigestAlgorithm = .sha256) {
        self.algorithm = algorithm
        context = secret.withUnsafeBufferPointer { secret in
            crypto_hmac_new(Fetched.hmac.pointer, algorithm.name, secret.baseAddress, secret.count)
        }
        crypto_require(context == nil ? 0 : 1, "authentication key")
    }

    deinit {
        EVP_MAC_CTX_free(context)
    }

    public func code(of message: [UInt8]) -> [UInt8] {
        let copy = EVP_MAC_CTX_dup(context)
        defer { EVP_MAC_CTX_free(copy) }
        crypto_require(copy == nil ? 0 : 1, "authentication code")
        return [UInt8](unsafeUninitializedCapacity: algorithm.byteCount) { buffer, count in
            let read = message.withUnsafeBufferPointer { EVP_MAC_update(copy, $0.baseAddress, $0.count) }
            crypto_require(read, "authentication code")
            // Writes at most the given size and says how much it was.
            crypto_require(EVP_MAC_final(copy, buffer.baseAddress, &count, buffer.count), "authentication code")
        }
    }
}

/// Compares codes in a time that depends on their lengths alone, not on where they differ.
public func areEqualInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return left.withUnsafeBytes { left in
        right.withUnsafeBytes { right in
            // Both have `left.count` bytes.
            CRYPTO_memcmp(left.baseAddress, right.baseAddress, left.count) == 0
        }
    }
}

import COpenSSL

/// Algorithms as the library has them, looked up once in a process: a look-up by name takes locks.
/// Unchecked: set once, and the library counts its users.
final class Fetched: @unchecked Sendable {
    static let sha256 = Fetched(EVP_MD_fetch(nil, "SHA256", nil), "SHA-256")
    static let sha384 = Fetched(EVP_MD_fetch(nil, "SHA384", nil), "SHA-384")
    static let sha512 = Fetched(EVP_MD_fetch(nil, "SHA512", nil), "SHA-512")
    static let hmac = Fetched(EVP_MAC_fetch(nil, "HMAC", nil), "HMAC")
    static let aes256GCM = Fetched(EVP_CIPHER_fetch(nil, "AES-256-GCM", nil), "AES-256-GCM")

    /// EVP_MD, EVP_MAC or EVP_CIPHER; kept until the process ends.
    let pointer: OpaquePointer?

    private init(_ pointer: OpaquePointer?, _ name: String) {
        crypto_require(pointer == nil ? 0 : 1, "the configured providers do not have \(name)")
        self.pointer = pointer
    }
}

import COpenSSL

/// SHA-2 (FIPS 180-4).
public enum DigestAlgorithm: Sendable, Hashable, CaseIterable {
    case sha256
    case sha384
    case sha512

    /// Bytes of a digest.
    public var byteCount: Int {
        switch self {
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    public func digest(of bytes: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            // Writes exactly `byteCount` bytes.
            let done = bytes.withUnsafeBytes { bytes in
                EVP_Digest(bytes.baseAddress, bytes.count, buffer.baseAddress, nil, fetched.pointer, nil)
            }
            crypto_require(done, "digest")
            count = byteCount
        }
    }

    /// As the library calls it.
    var name: String {
        switch self {
        case .sha256: "SHA256"
        case .sha384: "SHA384"
        case .sha512: "SHA512"
        }
    }

    fileprivate var fetched: Fetched {
        switch self {
        case .sha256: .sha256
        case .sha384: .sha384
        case .sha512: .sha512
        }
    }
}

/// A digest of what comes piece by piece.
public final class RunningDigest {
    private let algorithm: DigestAlgorithm
    /// EVP_MD_CTX, owned.
    private let context: OpaquePointer?

    public init(_ algorithm: DigestAlgorithm) {
        self.algorithm = algorithm
        context = EVP_MD_CTX_new()
        crypto_require(context == nil ? 0 : 1, "digest")
        begin()
    }

    deinit {
        EVP_MD_CTX_free(context)
    }

    public func update(_ bytes: [UInt8]) {
        let done = bytes.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
        crypto_require(done, "digest")
    }

    /// The digest of everything since the start or the last call of this function; the next one starts anew.
    public func finish() -> [UInt8] {
        let digest = [UInt8](unsafeUninitializedCapacity: algorithm.byteCount) { buffer, count in
            // Writes exactly `byteCount` bytes.
            crypto_require(EVP_DigestFinal_ex(context, buffer.baseAddress, nil), "digest")
            count = algorithm.byteCount
        }
        begin()
        return digest
    }

    private func begin() {
        crypto_require(EVP_DigestInit_ex2(context, algorithm.fetched.pointer, nil), "digest")
    }
}

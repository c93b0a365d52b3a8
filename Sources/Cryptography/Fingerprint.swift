import COpenSSL

/// The SHA-256 of something that is looked up by it: in place, where a digest as bytes has memory of its own.
public struct Fingerprint: Sendable, Hashable {
    private let words: SIMD4<UInt64>

    public init(of bytes: [UInt8]) {
        var words = SIMD4<UInt64>()
        let done = withUnsafeMutableBytes(of: &words) { words in
            // Writes 32 bytes, which is what four words have.
            EVP_Digest(bytes, bytes.count, words.baseAddress, nil, Fetched.sha256.pointer, nil)
        }
        crypto_require(done, "fingerprint")
        self.words = words
    }
}

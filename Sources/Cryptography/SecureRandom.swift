import COpenSSL

/// Random bytes that are fit for secrets.
public enum SecureRandom {
    public static func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
            // Writes exactly the given size. Without a source of chance no secret may be made.
            let done = RAND_bytes_ex(nil, buffer.baseAddress, count, 0)
            crypto_require(done, "random bytes")
            written = count
        }
    }
}

import COpenSSL

/// A secret that hides messages and shows whether they were changed: AES-256-GCM (NIST SP 800-38D).
public struct SealingKey: Sendable {
    public static let byteCount = 32
    /// A nonce in front of the message and a tag behind it.
    public static let overhead = nonceCount + tagCount

    /// Bytes of a message and of what it is bound to; the library counts in 32 bits.
    public static let maximumMessage = 1 << 30

    private static let nonceCount = 12
    private static let tagCount = 16

    private let secret: [UInt8]

    /// `secret` of 32 random bytes. One secret is good for 2^32 seals: their nonces are random.
    public init(_ secret: [UInt8]) throws(CryptographyError) {
        guard secret.count == Self.byteCount else { throw .unusableKey }
        self.secret = secret
    }

    /// Opens only together with the same `context`, which is not hidden and not in the seal.
    public func seal(_ message: [UInt8], for context: [UInt8] = []) throws(CryptographyError) -> [UInt8] {
        try seal(message, for: context, nonce: SecureRandom.bytes(Self.nonceCount))
    }

    /// A nonce that is used twice gives the key away: only the tests choose one.
    func seal(_ message: [UInt8], for context: [UInt8], nonce: [UInt8]) throws(CryptographyError) -> [UInt8] {
        guard message.count <= Self.maximumMessage, context.count <= Self.maximumMessage else {
            throw .messageTooLong
        }
        guard nonce.count == Self.nonceCount else { throw .unusableKey }
        let run = CipherRun(secret, nonce: nonce, encrypts: true)
        run.bind(context)
        let hidden = run.convert(message)
        crypto_require(run.end() ? 1 : 0, "seal")
        return nonce + hidden + run.tag(Self.tagCount)
    }

    /// Nil when it was not made with this key for that context, or was changed.
    public func open(_ sealed: [UInt8], for context: [UInt8] = []) -> [UInt8]? {
        guard sealed.count >= Self.overhead, sealed.count - Self.overhead <= Self.maximumMessage,
            context.count <= Self.maximumMessage
        else { return nil }
        let run = CipherRun(secret, nonce: Array(sealed.prefix(Self.nonceCount)), encrypts: false)
        run.bind(context)
        let message = run.convert(Array(sealed.dropFirst(Self.nonceCount).dropLast(Self.tagCount)))
        run.expect(tag: Array(sealed.suffix(Self.tagCount)))
        let isGenuine = withoutQueuedErrors { run.end() }
        return isGenuine ? message : nil
    }
}

/// One use of AES-256-GCM.
private final class CipherRun {
    /// EVP_CIPHER_CTX, owned.
    private let context: OpaquePointer?

    init(_ secret: [UInt8], nonce: [UInt8], encrypts: Bool) {
        context = EVP_CIPHER_CTX_new()
        crypto_require(context == nil ? 0 : 1, "seal")
        let done = EVP_CipherInit_ex2(context, Fetched.aes256GCM.pointer, secret, nonce, encrypts ? 1 : 0, nil)
        crypto_require(done, "seal")
    }

    deinit {
        EVP_CIPHER_CTX_free(context)
    }

    func bind(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        var length: Int32 = 0
        crypto_require(EVP_CipherUpdate(context, nil, &length, bytes, Int32(bytes.count)), "seal")
    }

    func convert(_ bytes: [UInt8]) -> [UInt8] {
        guard !bytes.isEmpty else { return [] }
        return [UInt8](unsafeUninitializedCapacity: bytes.count) { buffer, count in
            // A stream cipher: as many bytes come out as go in.
            var length: Int32 = 0
            crypto_require(
                EVP_CipherUpdate(context, buffer.baseAddress, &length, bytes, Int32(bytes.count)), "seal")
            count = Int(length)
        }
    }

    /// Whether the tag fits, when one is expected.
    func end() -> Bool {
        var length: Int32 = 0
        // Writes nothing, but wants an address.
        var rest = [UInt8](repeating: 0, count: 16)
        return EVP_CipherFinal_ex(context, &rest, &length) == 1
    }

    func tag(_ count: Int) -> [UInt8] {
        var tag = [UInt8](repeating: 0, count: count)
        crypto_require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(count), &tag), "seal")
        return tag
    }

    func expect(tag: [UInt8]) {
        var tag = tag
        crypto_require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), &tag), "seal")
    }
}

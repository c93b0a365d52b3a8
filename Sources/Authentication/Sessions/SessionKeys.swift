import Cryptography

/// What seals the cookies of people: the key of today, and the one before it, which still opens. Every server on a
/// store has the same, so none keeps a table of who is signed in.
public struct SessionKeys: Sendable {
    /// What a sealed text is for. One that was made for another purpose does not open.
    enum Purpose: String {
        case session = "session of partner insights, 1"
        case login = "sign-in of partner insights, 1"

        /// Bound of the text, in bytes: of what is written, rounded up.
        var maximumBytes: Int {
            switch self {
            case .session: 512
            case .login: 2_048
            }
        }
    }

    private let current: SealingKey
    private let previous: SealingKey?

    /// Secrets of `SealingKey.byteCount` random bytes.
    public init(current: [UInt8], previous: [UInt8]? = nil) throws(CryptographyError) {
        self.current = try SealingKey(current)
        self.previous = try previous.map { (secret) throws(CryptographyError) in try SealingKey(secret) }
    }

    /// As it may stand in a cookie; nil when it would be too long to be read again.
    func seal(_ message: [UInt8], for purpose: Purpose) -> String? {
        guard let sealed = try? current.seal(message, for: Array(purpose.rawValue.utf8)) else { return nil }
        let text = Base64URL.text(of: sealed)
        return text.utf8.count <= purpose.maximumBytes ? text : nil
    }

    /// Nil for anything but what `seal` made for that purpose, with either key.
    func open(_ text: String, for purpose: Purpose) -> [UInt8]? {
        guard text.utf8.count <= purpose.maximumBytes, let sealed = Base64URL.bytes(of: text.utf8) else { return nil }
        let context = Array(purpose.rawValue.utf8)
        return current.open(sealed, for: context) ?? previous?.open(sealed, for: context)
    }
}

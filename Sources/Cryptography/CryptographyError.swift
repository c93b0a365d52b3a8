/// Why something cannot be had. Nothing of the key or the message is in it.
public enum CryptographyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Not the numbers of a key of that kind, or of one that is too weak.
    case unusableKey
    /// A private key behind a pass phrase.
    case encryptedKey
    /// A key of another kind than the one that is needed.
    case otherKind
    /// Longer than one seal may cover.
    case messageTooLong

    public var description: String {
        switch self {
        case .unusableKey: "not a usable key"
        case .encryptedKey: "the key is encrypted"
        case .otherKind: "a key of another kind"
        case .messageTooLong: "the message is too long to be sealed"
        }
    }
}

/// Why something cannot be had. Nothing of the key or the message is in it.
public enum CryptographyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Not the numbers of a key of that kind, or of one that is too weak.
    case unusableKey
    /// Longer than one seal may cover.
    case messageTooLong

    public var description: String {
        switch self {
        case .unusableKey: "not a usable key"
        case .messageTooLong: "the message is too long to be sealed"
        }
    }
}

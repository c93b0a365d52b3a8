/// What is wrong with an id, in words that can follow a field name.
public struct IdentifierError: Error, Sendable, Hashable {
    public let reason: String
}

/// An opaque id: 1–128 visible ASCII characters, compared byte by byte and never trimmed.
///
/// The tag keeps the id of one kind of thing from being passed for another.
public struct Identifier<Tag: IdentifierTag>: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Bound of every id, in bytes.
    public static var maximumLength: Int { 128 }

    public let text: String

    /// Throws when `text` is empty, too long, or has a character that the kind of id does not allow.
    public init(_ text: String) throws(IdentifierError) {
        let bytes = text.utf8
        if bytes.isEmpty { throw IdentifierError(reason: "is required") }
        if bytes.count > Self.maximumLength {
            throw IdentifierError(reason: "is longer than \(Self.maximumLength) characters")
        }
        for byte in bytes where !Tag.allows(byte) {
            throw IdentifierError(reason: "may contain only \(Tag.allowedCharacters)")
        }
        self.text = text
    }

    public var description: String { text }

    public static func < (left: Self, right: Self) -> Bool {
        // Swift orders strings by Unicode scalars in normal form, which for ASCII is byte by byte.
        left.text < right.text
    }
}

/// The kind of an id and the characters that it may have.
public protocol IdentifierTag: Sendable {
    static func allows(_ byte: UInt8) -> Bool
    static var allowedCharacters: String { get }
}

extension IdentifierTag {
    public static func allows(_ byte: UInt8) -> Bool { byte >= 0x21 && byte <= 0x7E }
    public static var allowedCharacters: String { "visible ASCII characters" }
}

/// Ids that stand in certificates and file names: `A-Z a-z 0-9 . _ -`.
public protocol NarrowIdentifierTag: IdentifierTag {}

extension NarrowIdentifierTag {
    public static func allows(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
    public static var allowedCharacters: String { "A-Z a-z 0-9 . _ -" }
}

public enum PartnerTag: NarrowIdentifierTag {}
public enum PrincipalTag: NarrowIdentifierTag {}
public enum CustomerTag: IdentifierTag {}
public enum SkuTag: IdentifierTag {}
public enum UserTag: IdentifierTag {}
public enum SubscriptionTag: IdentifierTag {}

/// A cloud reseller, the tenant of this system.
public typealias PartnerID = Identifier<PartnerTag>
/// A registered caller within a partner.
public typealias PrincipalID = Identifier<PrincipalTag>
public typealias CustomerID = Identifier<CustomerTag>
public typealias SkuID = Identifier<SkuTag>
public typealias UserID = Identifier<UserTag>
public typealias SubscriptionID = Identifier<SubscriptionTag>

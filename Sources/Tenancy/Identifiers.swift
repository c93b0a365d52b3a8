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

    /// Throws when `text` is empty, too long, has a character that the kind of id does not allow, or is a text that it
    /// reserves.
    public init(_ text: String) throws(IdentifierError) {
        try self.init(stored: text)
        if Tag.reserves(text) { throw IdentifierError(reason: Tag.reservation) }
    }

    /// An id that a store kept: older versions knew no reserved texts, so only length and characters are looked at.
    public init(stored text: String) throws(IdentifierError) {
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
    /// Whether the text means something else where such ids stand.
    static func reserves(_ text: String) -> Bool
    /// What is wrong with such a text.
    static var reservation: String { get }
}

extension IdentifierTag {
    public static func allows(_ byte: UInt8) -> Bool { byte >= 0x21 && byte <= 0x7E }
    public static var allowedCharacters: String { "visible ASCII characters" }
    public static func reserves(_ text: String) -> Bool { false }
    public static var reservation: String { "" }
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
    /// They are no path segments of a SPIFFE id, so no certificate could ever name them.
    public static func reserves(_ text: String) -> Bool { text == "." || text == ".." }
    public static var reservation: String { "may not be . or .." }
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

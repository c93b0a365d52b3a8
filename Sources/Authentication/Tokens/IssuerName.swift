/// Something in brackets that stands for nothing, as people leave it when they copy an address from a manual.
struct UnknownPlaceholder: Error, Hashable {
    /// The brackets included.
    let text: String
}

/// What the `iss` claim must say: a fixed name, or one with `{tenantid}` in the place of the token's `tid`, as the
/// metadata of issuers with many tenants writes it.
struct IssuerName: Sendable, Hashable {
    private static let placeholder = "{tenantid}"

    private let before: String
    /// What follows the placeholder; nil without one.
    private let after: String?

    /// Throws for any other placeholder, and for a second one.
    init(_ text: String) throws(UnknownPlaceholder) {
        guard let place = Self.bracket(in: text[...]) else {
            (before, after) = (text, nil)
            return
        }
        guard text[place].asciiLowercased == Self.placeholder else {
            throw UnknownPlaceholder(text: String(text[place]))
        }
        let rest = text[place.upperBound...]
        if let second = Self.bracket(in: rest) { throw UnknownPlaceholder(text: String(rest[second])) }
        (before, after) = (String(text[..<place.lowerBound]), String(rest))
    }

    /// Nil with a placeholder.
    var fixed: String? { after == nil ? before : nil }

    /// Whether a token with these claims is of this issuer. The tenant's case is its own, all else is compared letter
    /// by letter.
    func matches(_ name: String, tenant: String?) -> Bool {
        guard let after else { return name == before }
        let bytes = name.utf8
        guard let tenant, bytes.count > before.utf8.count + after.utf8.count, bytes.starts(with: before.utf8),
            bytes.suffix(after.utf8.count).elementsEqual(after.utf8)
        else { return false }
        let middle = Substring(bytes.dropFirst(before.utf8.count).dropLast(after.utf8.count))
        return middle.asciiLowercased == tenant.asciiLowercased
    }

    /// Throws when the text has a placeholder at all.
    static func requireNone(in text: String) throws(UnknownPlaceholder) {
        if let place = bracket(in: text[...]) { throw UnknownPlaceholder(text: String(text[place])) }
    }

    /// The first `{…}` or `<…>`, closed or not: characters that no URI and no id of an issuer has.
    private static func bracket(in text: Substring) -> Range<Substring.Index>? {
        guard let open = text.firstIndex(where: { "{}<>".contains($0) }) else { return nil }
        let close = text[open...].firstIndex { $0 == "}" || $0 == ">" }
        return open..<(close.map { text.index(after: $0) } ?? text.endIndex)
    }
}

extension StringProtocol {
    /// With A–Z in small letters and nothing else changed: no other letter becomes one of theirs.
    var asciiLowercased: String {
        String(decoding: utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}

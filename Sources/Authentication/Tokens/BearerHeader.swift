/// The `authorization` header as RFC 6750 writes it.
enum BearerHeader {
    /// The token of `Bearer <token>`; the scheme ignores case, any number of spaces follows it. Nil for anything else.
    static func token(in value: String) -> Substring.UTF8View? {
        let bytes = value.utf8[...]
        let scheme = "bearer".utf8
        guard bytes.count > scheme.count else { return nil }
        // Setting bit 5 folds ASCII capitals; no other byte becomes a letter of the scheme but its capital.
        guard zip(bytes, scheme).allSatisfy({ $0 | 0x20 == $1 && $0 >= 0x41 }) else { return nil }
        let rest = bytes.dropFirst(scheme.count)
        let token = rest.drop { $0 == UInt8(ascii: " ") }
        guard token.startIndex != rest.startIndex, !token.isEmpty else { return nil }
        return token
    }
}

/// Where in a token's claims something stands: the name of a claim, or names of members within members, with dots
/// between.
struct ClaimPath: Sendable, Hashable {
    /// Bound of a path, in bytes.
    static let maximumBytes = 256

    let text: String

    /// The claim of the whole text as its name comes first, for names may have dots: `https://example.com/roles`.
    /// Otherwise the text is taken apart at a dot, the first that leads somewhere.
    func value(in claims: [String: StrictJSON]) -> StrictJSON? {
        Self.value(text[...], claims)
    }

    /// Ends: every step goes one level down, and levels are bounded.
    private static func value(_ path: Substring, _ members: [String: StrictJSON]) -> StrictJSON? {
        if let value = members[String(path)] { return value }
        for dot in path.indices where path[dot] == "." {
            guard let inner = members[String(path[..<dot])]?.object else { continue }
            if let value = value(path[path.index(after: dot)...], inner) { return value }
        }
        return nil
    }
}

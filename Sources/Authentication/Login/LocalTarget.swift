/// Where somebody goes after the sign-in: a path of this host, with its query.
enum LocalTarget {
    /// Bound, in bytes.
    static let maximumBytes = 1_024

    /// The text, or `/` for one that a browser could read as another host, or that leads to the sign-in itself.
    static func checked(_ text: String) -> String {
        let bytes = Array(text.utf8)
        // Visible ASCII alone: a browser drops control characters, and takes a backslash for a slash.
        guard bytes.first == UInt8(ascii: "/"), bytes.count <= maximumBytes,
            bytes.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") })
        else { return "/" }
        let path = text.prefix { $0 != "?" && $0 != "#" }
        guard !path.contains("//"), !isOfSignIn(path) else { return "/" }
        return text
    }

    private static func isOfSignIn(_ path: Substring) -> Bool {
        ["/login", "/logout"].contains { path == $0 || path.hasPrefix($0 + "/") }
    }
}

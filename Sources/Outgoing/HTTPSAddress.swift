/// An https URL, taken apart. No user information, no fragment.
public struct HTTPSAddress: Sendable, Hashable, CustomStringConvertible {
    /// Bound of the URL, in bytes: addresses of downloads and of further pages have signatures and positions in them.
    public static let maximumLength = 8_192

    /// A DNS name or an IPv4 address; IPv6 without its brackets.
    public let host: String
    public let port: Int
    /// Path and query, never empty.
    public let target: String

    /// Nil for any other scheme and anything malformed.
    public init?(_ text: String) {
        let bytes = text.utf8
        let scheme = "https://"
        guard bytes.count <= Self.maximumLength, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            text.lowercased().hasPrefix(scheme)
        else { return nil }
        let rest = text.dropFirst(scheme.count)
        guard !rest.contains("#"), !rest.contains("\\") else { return nil }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard !authority.contains("@") else { return nil }
        let tail = rest[authority.endIndex...]
        target = tail.hasPrefix("/") ? String(tail) : "/" + tail
        let name: Substring
        let portText: Substring
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            name = authority[authority.index(after: authority.startIndex)..<end]
            guard name.contains(":"), name.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else { return nil }
            portText = authority[authority.index(after: end)...]
        } else {
            name = authority.prefix { $0 != ":" }
            guard !name.contains(where: { $0 == "[" || $0 == "]" }) else { return nil }
            portText = authority[name.endIndex...]
        }
        guard !name.isEmpty else { return nil }
        host = String(name)
        if portText.isEmpty {
            port = 443
        } else {
            guard portText.hasPrefix(":"), let number = UInt16(portText.dropFirst()), number > 0 else { return nil }
            port = Int(number)
        }
    }

    /// Whether both are of one server, as far as a name and a port tell; the scheme is the same anyway.
    public func isSameOrigin(as other: HTTPSAddress) -> Bool {
        port == other.port && host.lowercased() == other.host.lowercased()
    }

    /// Brackets around IPv6, the port where it is not 443.
    private var hostHeader: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == 443 ? name : "\(name):\(port)"
    }

    public var description: String { "https://\(hostHeader)\(target)" }
}

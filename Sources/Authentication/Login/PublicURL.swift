import Outgoing

/// Where browsers find the server: `https://host` or `https://host:port`.
public struct PublicURL: Sendable, Hashable, CustomStringConvertible {
    /// As browsers write it in `origin`: small letters, no port where it is 443, no path.
    public let origin: String
    /// A name or an address, IPv6 without its brackets.
    public let host: String
    public let port: Int

    /// Nil for anything else: another scheme, a path, a query.
    public init?(_ text: String) {
        guard let address = HTTPSAddress(text.hasSuffix("/") ? text : text + "/"), address.target == "/",
            address.host.utf8.count <= 253
        else { return nil }
        let lowered = address.description.asciiLowercased
        // Nothing that would need quoting wherever the name is written.
        let allowed = address.host.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || [0x2D, 0x2E, 0x3A].contains(byte)
        }
        guard allowed else { return nil }
        origin = String(lowered.dropLast())
        host = address.host.asciiLowercased
        port = address.port
    }

    public var description: String { origin }
}

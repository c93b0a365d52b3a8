/// Where the server is and who the caller is. Files are PEM. There is no way to turn TLS off.
public struct ConnectionSettings: Sendable {
    /// Host name or IP address of the server; an IPv6 address has no brackets here.
    public var host: String
    public var port: Int
    /// Certificate authority of the server; nil = those of the system.
    public var authorityFile: String?
    /// The caller's certificate chain and its key, both or neither.
    public var certificateFile: String?
    public var keyFile: String?
    /// A bearer token; never part of any text that this module makes.
    public var token: String?
    /// Deadline of a call that answers once.
    public var timeout: Duration = .seconds(30)
    /// Bytes of the largest answer that is accepted.
    public var maximumResponseBytes = 64 << 20

    /// Reads `HOST:PORT`, `[IPV6]:PORT` or `HOST` (port 8443). Nil when it is none of them.
    public init?(server: String) {
        var host = Substring(server)
        var port = Substring("8443")
        if server.hasPrefix("[") {
            guard let end = server.firstIndex(of: "]") else { return nil }
            host = server[server.index(after: server.startIndex)..<end]
            let rest = server[server.index(after: end)...]
            if !rest.isEmpty {
                guard rest.hasPrefix(":") else { return nil }
                port = rest.dropFirst()
            }
        } else if let colon = server.lastIndex(of: ":") {
            host = server[..<colon]
            port = server[server.index(after: colon)...]
        }
        guard !host.isEmpty, host.utf8.count <= 253, host.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            !host.contains("/"), let number = Int(port), (1...65_535).contains(number)
        else { return nil }
        self.host = String(host)
        self.port = number
    }

    /// `HOST:PORT`, for messages.
    public var server: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// True for `a.b.c.d`.
    var isIPv4: Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    var isIPv6: Bool { host.contains(":") }
}

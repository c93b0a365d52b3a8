/// Where the servers are, who the caller is, and how long things may take. Files are PEM; there is no way to turn TLS
/// off.
public struct TransportConfiguration: Sendable {
    /// Tried in turn; one that answered is kept for as long as it does. Not empty.
    public var servers: [ServerAddress]
    /// Authorities of the servers; nil means those of the system.
    public var authorityFile: String?
    /// The caller's certificate chain and its key, both or neither.
    public var certificateFile: String?
    public var keyFile: String?
    /// What the servers' certificates must be for; nil means the host of each address.
    public var serverName: String?
    /// For one network address: TCP, TLS and the first words of HTTP/2.
    public var connectTimeout = Duration.seconds(10)
    /// Silence while calls are open before the server is asked for a sign of life, and the time that it has for it.
    public var keepaliveTime = Duration.seconds(60)
    public var keepaliveTimeout = Duration.seconds(20)
    /// Pause after no server could be reached; it grows by the factor 1.6, and a fifth of it is chance.
    public var initialBackoff = Duration.milliseconds(200)
    public var maximumBackoff = Duration.seconds(5)

    public init(servers: [ServerAddress]) { self.servers = servers }
}

/// Host and port of a server.
public struct ServerAddress: Sendable, Hashable, CustomStringConvertible {
    /// Name or address; an IPv6 address has no brackets here.
    public var host: String
    public var port: Int

    /// Reads `HOST:PORT`, `[IPV6]:PORT` or `HOST`. Nil when it is none of them.
    public init?(_ text: some StringProtocol, defaultPort: Int) {
        var host = Substring(text)
        var port = Substring(String(defaultPort))
        if host.hasPrefix("[") {
            guard let end = host.firstIndex(of: "]") else { return nil }
            let rest = host[host.index(after: end)...]
            host = host[host.index(after: host.startIndex)..<end]
            if !rest.isEmpty {
                guard rest.hasPrefix(":") else { return nil }
                port = rest.dropFirst()
            }
        } else if let colon = host.lastIndex(of: ":") {
            port = host[host.index(after: colon)...]
            host = host[..<colon]
        }
        guard !host.isEmpty, host.utf8.count <= 253, host.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            !host.contains("/"), let number = Int(port), (1...65_535).contains(number)
        else { return nil }
        self.host = String(host)
        self.port = number
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Cause of errors of calls that no server has worked on, so that even a write may be repeated.
public struct CallNotProcessed: Error, Sendable {
    public init() {}
}

/// Why a transport cannot be made: a file that cannot be used, or a resource that is short.
public struct TransportSetupError: Error, Sendable, CustomStringConvertible {
    public let description: String
}

extension Duration {
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0 else { return 0 }
        return UInt64(min(seconds, 1 << 30)) * 1_000_000_000 + UInt64(max(0, attoseconds) / 1_000_000_000)
    }
}

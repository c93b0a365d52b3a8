import RPCTransport

/// Where the servers are and who the caller is. Files are PEM. There is no way to turn TLS off.
public struct ConnectionSettings: Sendable {
    /// Tried in turn; one that answers is kept. Not empty.
    public var servers: [ServerAddress]
    /// Certificate authority of the servers; nil = those of the system.
    public var authorityFile: String?
    /// The caller's certificate chain and its key, both or neither.
    public var certificateFile: String?
    public var keyFile: String?
    /// A bearer token; never part of any text that this module makes.
    public var token: String?
    /// Deadline of a call that answers once, all its repetitions included.
    public var timeout: Duration = .seconds(30)
    /// Bytes of the largest answer that is accepted.
    public var maximumResponseBytes = 64 << 20

    private static let maximumServers = 16

    /// Reads `HOST:PORT`, `[IPV6]:PORT` or `HOST` (port 8443), or several of them with commas between them. Nil when
    /// it is none of them.
    public init?(server: String) {
        let parts = server.split(separator: ",", omittingEmptySubsequences: false)
        let servers = parts.compactMap { ServerAddress($0, defaultPort: 8_443) }
        guard servers.count == parts.count, servers.count <= Self.maximumServers else { return nil }
        self.servers = servers
    }

    /// `HOST:PORT` of each server, for messages.
    public var server: String { servers.map(\.description).joined(separator: ", ") }

    var transport: TransportConfiguration {
        var configuration = TransportConfiguration(servers: servers)
        configuration.authorityFile = authorityFile
        configuration.certificateFile = certificateFile
        configuration.keyFile = keyFile
        return configuration
    }
}

/// Certificates of the server. Files are read at start and by ``Server/reloadTLS()``.
public struct TLSConfiguration: Sendable {
    public enum Version: Sendable {
        case tls12
        case tls13
    }

    /// PEM file: the server's certificate, then its intermediates.
    public var certificateChainPEM: String
    /// PEM file without a pass phrase.
    public var keyPEM: String
    /// PEM file of the authorities whose client certificates are trusted; nil asks for no client certificate. An
    /// issuing authority whose own issuer is not in the file is trusted as a root is.
    public var clientCAPEM: String?
    /// PEM file of revocation lists. With it, every authority of a client's chain must have a current list here.
    public var crlPEM: String?
    public var minimumVersion: Version
    /// Besides HTTP/2. Set by the server.
    var offersHTTP1 = false

    public init(
        certificateChainPEM: String, keyPEM: String, clientCAPEM: String? = nil, crlPEM: String? = nil,
        minimumVersion: Version = .tls13
    ) {
        self.certificateChainPEM = certificateChainPEM
        self.keyPEM = keyPEM
        self.clientCAPEM = clientCAPEM
        self.crlPEM = crlPEM
        self.minimumVersion = minimumVersion
    }

    /// Reads the client authorities as a start does. Throws when they cannot be used; otherwise one line for each
    /// certificate that is an issuing authority without its root, or no authority at all.
    public static func remarks(onClientCA path: String) throws(EngineError) -> [String] {
        try TLSContext.remarksOnAuthorities(path)
    }
}

/// When something that was loaded from a file of ``TLSConfiguration`` runs out.
public struct TLSExpiry: Sendable, Hashable {
    public enum Kind: Sendable {
        /// Past its end, clients refuse the server.
        case serverCertificate
        /// Past its end, every client of the list's authority is refused.
        case revocationList
    }

    public let kind: Kind
    public let file: String
    /// Unix seconds. Of several lists in the file, that of the authority whose newest list runs out first.
    public let end: Int64
}

public struct ServerConfiguration: Sendable {
    /// Name or numeric address to listen on.
    public var host: String
    /// 0 picks a free port.
    public var port: UInt16
    /// Event loops, one thread each; 0 means one for every core.
    public var loops: Int
    public var tls: TLSConfiguration
    public var limits: Limits
    public var methods: [MethodEntry]
    /// What ``WebForm/route(_:refusal:)`` names. In the interceptor's eyes they follow the methods.
    public var webRoutes: [MethodEntry]
    public var interceptor: any CallInterceptor
    /// Nil serves gRPC alone, over HTTP/2 alone. With it HTTP/1.1 is spoken too.
    public var web: (any WebHandler)?
    /// Names of this server besides those of its certificate: a request of HTTP/1.1 for any other host is refused.
    public var hostNames: [String]
    /// Unix seconds, for certificates; nil reads the system clock.
    public var wallClock: (@Sendable () -> Int64)?
    /// Told about connections, not calls. Called on event loops; must not block.
    public var onEvent: @Sendable (EngineEvent) -> Void

    public init(
        host: String = "127.0.0.1", port: UInt16 = 0, loops: Int = 0, tls: TLSConfiguration, limits: Limits = Limits(),
        methods: [MethodEntry], webRoutes: [MethodEntry] = [], interceptor: any CallInterceptor,
        web: (any WebHandler)? = nil, hostNames: [String] = [], wallClock: (@Sendable () -> Int64)? = nil,
        onEvent: @escaping @Sendable (EngineEvent) -> Void = { _ in }
    ) {
        self.host = host
        self.port = port
        self.loops = loops
        self.tls = tls
        self.limits = limits
        self.methods = methods
        self.webRoutes = webRoutes
        self.interceptor = interceptor
        self.web = web
        self.hostNames = hostNames
        self.wallClock = wallClock
        self.onEvent = onEvent
    }
}

/// What happened to connections; texts contain visible ASCII only and are safe to log.
public enum EngineEvent: Sendable {
    case connectionRefused(remoteAddress: String, reason: String)
    case handshakeFailed(remoteAddress: String, reason: String)
    case connectionOpened(id: UInt64, remoteAddress: String)
    case connectionClosed(id: UInt64, remoteAddress: String, reason: String)
    /// A peer went over one of its budgets; the connection is being closed.
    case abuse(id: UInt64, remoteAddress: String, kind: String)
    case acceptPaused(reason: String)
    case tlsReloaded(generation: UInt64)
    /// A certificate among the client authorities is not what it may be taken for: an issuing authority without its
    /// root, or none at all.
    case authorityAlone(String)
    /// A revocation list says nothing that certificates could be judged by; whom it should judge is refused.
    case revocationListUnusable(String)
}

/// Why a server could not start or reload.
public enum EngineError: Error, Sendable, CustomStringConvertible {
    /// A file of ``TLSConfiguration`` cannot be used.
    case tls(file: String, reason: String)
    case listen(address: String, reason: String)
    case configuration(String)
    case system(call: String, error: Int32)

    public var description: String {
        switch self {
        case .tls(let file, let reason): "TLS file \(file): \(reason)"
        case .listen(let address, let reason): "cannot listen on \(address): \(reason)"
        case .configuration(let reason): reason
        case .system(let call, let error): "\(call) failed with error \(error)"
        }
    }
}

/// Where the server listens.
public struct BoundAddress: Sendable, CustomStringConvertible {
    public var host: String
    public var port: UInt16

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

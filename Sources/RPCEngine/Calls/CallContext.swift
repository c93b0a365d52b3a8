/// One call. Belongs to its event loop: use it only inside handlers, sources, receivers and interceptors.
public final class CallContext {
    /// Unique in this process.
    @exclusivity(unchecked) public internal(set) var id: UInt64 = 0
    /// Position in ``ServerConfiguration/methods``, or -1 for an unknown method.
    @exclusivity(unchecked) public internal(set) var methodIndex = -1
    /// Request headers without the ones that belong to HTTP/2 and gRPC framing.
    @exclusivity(unchecked) public internal(set) var metadata = Metadata()
    /// Of a call in another form than gRPC's; nil for gRPC's own.
    @exclusivity(unchecked) public internal(set) var webHead: WebHead?
    /// Monotonic nanoseconds at which the call must have ended; nil without `grpc-timeout`.
    @exclusivity(unchecked) public internal(set) var deadline: UInt64?
    /// Monotonic nanoseconds at which the headers were complete.
    @exclusivity(unchecked) public internal(set) var started: UInt64 = 0
    @exclusivity(unchecked) public internal(set) var connection: ConnectionContext
    /// Whatever the interceptor or handler wants to keep with the call.
    @exclusivity(unchecked) public var attachment: AnyObject?
    /// The peer vanished or cancelled, or the engine ended the call.
    @exclusivity(unchecked) public internal(set) var isCancelled = false
    /// The request message came compressed.
    @exclusivity(unchecked) public internal(set) var requestWasCompressed = false
    /// Headers sent before the first reply. A value of a name that ends in `-bin` is base64
    /// (``Metadata/encodeBinary(_:)``).
    @exclusivity(unchecked) public var initialMetadata: [(String, String)] = []
    /// Headers sent with the status.
    @exclusivity(unchecked) public var trailers: [(String, String)] = []
    /// Headers of the response to a call in another form than gRPC's, whatever the response is; names in lower case.
    @exclusivity(unchecked) public var webHeaders: [(String, String)] = []
    /// Whose budget, besides the process's, counts what the call holds. Set it when the call begins and not again.
    @exclusivity(unchecked) public var memoryAccount: MemoryAccount?
    /// Compress the reply with gzip if the client takes it. Set it before the first reply; streams may change it for
    /// each message after that.
    @exclusivity(unchecked) public var compressReply = false

    /// The handler asked for another run; the stream takes notice when the handler has returned.
    @exclusivity(unchecked) var wantsAnotherRun = false
    @exclusivity(unchecked) var route: Route?
    @exclusivity(unchecked) var unknownPath = ""
    @exclusivity(unchecked) var authorityBytes: [UInt8] = []
    /// Nil for a call that no connection brought.
    let loop: EventLoop?
    @exclusivity(unchecked) var stream = StreamToken(slot: 0, connection: 0, stream: 0, call: 0)

    init(connection: ConnectionContext, loop: EventLoop) {
        self.connection = connection
        self.loop = loop
    }

    /// A call without an event loop, of the method at a position, by whoever the certificate names.
    package init(method: Int, path: String, metadata: Metadata = Metadata(), certificate: PeerCertificate? = nil) {
        connection = ConnectionContext(id: 0, remoteAddress: "", shared: nil)
        connection.peerCertificate = certificate
        loop = nil
        methodIndex = method
        unknownPath = path
        self.metadata = metadata
    }

    /// Ready for another call; the memory of the metadata stays.
    func reset() {
        methodIndex = -1
        metadata.removeAll()
        if webHead != nil { webHead = nil }
        deadline = nil
        attachment = nil
        memoryAccount = nil
        isCancelled = false
        requestWasCompressed = false
        if !initialMetadata.isEmpty { initialMetadata = [] }
        if !trailers.isEmpty { trailers = [] }
        if !webHeaders.isEmpty { webHeaders = [] }
        compressReply = false
        wantsAnotherRun = false
        route = nil
        if !unknownPath.isEmpty { unknownPath = "" }
        authorityBytes.removeAll(keepingCapacity: true)
    }

    /// `/package.Service/Method` as the client asked for it.
    public var path: String { route?.entry.path ?? unknownPath }

    /// The `:authority` (or `host`) that the client asked for.
    public var authority: String { String(decoding: authorityBytes, as: UTF8.self) }

    /// A handle that wakes this call's ``MessageSource`` after it said `pending`, or its handler after ``park()``;
    /// usable from any thread.
    public func makeWaker() -> StreamWaker { StreamWaker(loop: loop, stream: stream) }

    /// The handler of a call with one request message cannot answer yet: it throws what this returns, and is run again
    /// with the same message when the call's ``StreamWaker`` is woken. Meanwhile the call costs its stream and the
    /// message, and ends by its deadline like any other. A waker that is woken before the handler has returned counts.
    public func park() -> RPCStatus {
        wantsAnotherRun = true
        return .parked
    }
}

/// Names one call of one connection of one loop; stays harmless after the call is gone.
struct StreamToken: Sendable {
    var slot: Int
    var connection: UInt64
    var stream: Int32
    var call: UInt64
}

/// Wakes a pending ``MessageSource``. May be used from any thread, any number of times, also after the call's end.
public struct StreamWaker: Sendable {
    let loop: EventLoop?
    let stream: StreamToken

    public func wake() {
        loop?.post(.wake(stream))
    }
}

/// A connection as handlers see it. Belongs to its event loop.
public final class ConnectionContext {
    /// Unique in this process.
    public let id: UInt64
    /// `address:port`, IPv6 in brackets.
    public let remoteAddress: String
    /// The client's certificate, also when its verification failed: look at ``PeerCertificate/verification``.
    @exclusivity(unchecked) public internal(set) var peerCertificate: PeerCertificate?
    /// Counts the verifications of the certificate: what was derived from it before a change must be derived again.
    @exclusivity(unchecked) public internal(set) var peerRevision: UInt64 = 0
    /// Whatever the owner wants to keep with the connection, such as the identity behind the certificate.
    @exclusivity(unchecked) public var attachment: AnyObject?
    /// The ``Server/tlsGeneration`` under which the certificate was last verified.
    @exclusivity(unchecked) public internal(set) var tlsGeneration: UInt64 = 0

    @exclusivity(unchecked) var verifiedAt: Int64 = 0
    /// Unix seconds after which the verdict has to be found anew; 0 without a certificate.
    private var verdictEnds: Int64 = 0
    /// Nil for a call that no connection brought.
    private let shared: ServerShared?

    init(id: UInt64, remoteAddress: String, shared: ServerShared?) {
        self.id = id
        self.remoteAddress = remoteAddress
        self.shared = shared
    }

    /// Verifies the stored chain again under the current CA, CRL and time. The engine does so by itself before each
    /// call after ``Server/reloadTLS()``, and at least once a minute on a connection in use.
    @discardableResult
    public func reverifyPeer() -> PeerCertificate? {
        guard let shared, var certificate = peerCertificate else { return peerCertificate }
        let tls = shared.currentTLS()
        verifiedAt = shared.wallClock()
        tlsGeneration = tls.generation
        certificate.verify(with: tls, at: verifiedAt)
        peerCertificate = certificate
        peerRevision &+= 1
        verdictEnds = verifiedAt &+ Self.verificationLifetime
        if certificate.verification.isTrusted { verdictEnds = min(verdictEnds, certificate.notAfter) }
        return certificate
    }

    /// Seconds for which a verdict holds on an open connection; bounds the delay of expiry of certificates and CRLs
    /// inside the chain. The certificate's own expiry is looked at on every call.
    static let verificationLifetime: Int64 = 60

    /// Called before every call; a few comparisons unless something has changed.
    func refreshPeer(generation: UInt64, wall: Int64) {
        guard verdictEnds != 0 else { return }
        if generation != tlsGeneration || wall > verdictEnds || wall < verifiedAt { reverifyPeer() }
    }
}

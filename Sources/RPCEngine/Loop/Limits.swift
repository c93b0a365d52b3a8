/// The bounds of the engine. The defaults suit a server on the open Internet.
public struct Limits: Sendable {
    /// A token bucket: `burst` at once, then `perSecond`.
    public struct Budget: Sendable {
        public var burst: Int
        public var perSecond: Int

        public init(burst: Int, perSecond: Int) {
            self.burst = burst
            self.perSecond = perSecond
        }
    }

    // MARK: Connections

    /// What a connection costs in memory, in bytes: TLS, HTTP/2 and what they hold while records are under way.
    public static let connectionBytes = 48 << 10
    /// Connections that take half of the memory budget: more would leave nothing for what those ask that are there.
    public var connectionsWithinMemory: Int { max(1, memoryBudget / 2 / Self.connectionBytes) }

    /// Open connections of the whole server; further ones are closed at once.
    public var maxConnections = 10_000
    /// Open connections from one IPv4 address or one IPv6 /64 network.
    public var maxConnectionsPerAddress = 1_000
    /// Percent of either that is kept for connections whose certificate was verified.
    public var percentForVerified = 0
    /// From accept to the end of the TLS handshake.
    public var handshakeTimeout: Duration = .seconds(10)
    /// The same while all places but those for verified certificates are taken.
    public var crowdedHandshakeTimeout: Duration = .seconds(2)
    /// From the end of the handshake to the client's HTTP/2 preface and SETTINGS.
    public var prefaceTimeout: Duration = .seconds(10)
    /// A connection without any call is told to go away after this time.
    public var idleTimeout: Duration = .seconds(300)
    /// A connection is told to go away at this age, give or take a tenth (so that clients do not return all at once).
    public var maxConnectionAge: Duration = .seconds(1_800)
    /// How long calls may go on after that: streams that last, such as a watch, are not cut within an hour.
    public var connectionAgeGrace: Duration = .seconds(3_600)
    /// A silent connection is pinged after this time; nil never pings.
    public var keepaliveInterval: Duration? = .seconds(60)
    /// An unanswered ping ends the connection after this time.
    public var keepaliveTimeout: Duration = .seconds(20)

    // MARK: Calls

    /// Calls at once on one connection; a stream above is answered with REFUSED_STREAM.
    public var maxConcurrentStreams = 250
    /// Sum of name + value + 32 over a call's headers, in bytes (RESOURCE_EXHAUSTED above).
    public var maxHeaderListBytes = 16_384
    /// From the first byte of a header block to its last.
    public var headersTimeout: Duration = .seconds(10)
    /// From a call's headers to the end of its only request message (unary and server-streaming methods).
    public var requestTimeout: Duration = .seconds(60)
    /// One request message, as sent and as decompressed, in bytes.
    public var maxMessageBytes = 4 << 20
    /// Received but not yet handled bytes of all calls of one connection.
    public var maxBufferedRequestBytes = 64 << 20
    /// Finished but not yet sent unary replies of one connection, in bytes. Above it further calls wait their turn.
    public var maxBufferedReplyBytes = 8 << 20
    /// HTTP/2 receive window of one stream, in bytes.
    public var streamWindowBytes = 1 << 20
    /// HTTP/2 receive window of one connection, in bytes.
    public var connectionWindowBytes = 4 << 20
    /// A reply, or a part of one, of which the peer takes nothing for this time is given up.
    public var unreadTimeout: Duration = .seconds(60)
    /// What all ``StreamWriter``s of one connection hold before those that have something queued say `full`, in bytes.
    public var connectionQueueBytes = 8 << 20
    /// What a ``StreamWriter`` holds before it says `full`: bytes and messages.
    public var writerQueueBytes = 4 << 20
    public var writerQueueMessages = 4_096

    /// Everything that peers make the process hold, in bytes: connections, calls, requests, replies. Above it new
    /// connections and calls are refused.
    public var memoryBudget = Int.max / 2

    // MARK: Control frames of one connection

    /// Client cancellations (RST_STREAM), whether of running calls or of a flood.
    public var resets = Budget(burst: 1_000, perSecond: 33)
    /// Stream errors that the peer causes (bad frames, bad headers): about 200 per 30 seconds.
    public var streamFaults = Budget(burst: 200, perSecond: 7)
    /// Streams above ``maxConcurrentStreams``.
    public var refusedStreams = Budget(burst: 10_000, perSecond: 100)
    /// PING. Go clients send one whenever data arrives and none is outstanding.
    public var pings = Budget(burst: 2_000, perSecond: 100)
    public var settings = Budget(burst: 100, perSecond: 4)
    /// WINDOW_UPDATE, besides two for every DATA frame that the server sent.
    public var windowUpdates = Budget(burst: 10_000, perSecond: 2_000)
    /// PRIORITY, unknown frame types, and DATA that neither carries nor ends anything, padding or not.
    public var uselessFrames = Budget(burst: 200, perSecond: 10)
    /// DATA of fewer than 64 bytes that does not end its message's stream.
    public var smallData = Budget(burst: 50_000, perSecond: 5_000)
    /// Messages of TLS itself after the handshake (KeyUpdate).
    public var handshakeMessages = Budget(burst: 32, perSecond: 1)
    /// Header blocks above ``maxHeaderListBytes``.
    public var oversizedHeaders = Budget(burst: 100, perSecond: 5)
    /// KiB of headers beyond the first four of each call.
    public var headerKiB = Budget(burst: 65_536, perSecond: 4_096)
    /// Calls of one connection, a ceiling against floods of well-formed but useless ones.
    public var calls = Budget(burst: 1_000_000, perSecond: 500_000)
    /// Frames that wait to be sent (acknowledgements, resets); above it nothing more is read from the peer.
    public var maxQueuedControlFrames = 1_000

    public init() {}
}

extension Duration {
    /// Whole nanoseconds, clamped to what fits; negative counts as zero.
    package var nanoseconds: UInt64 {
        let parts = components
        guard parts.seconds >= 0, parts.attoseconds >= 0 else { return 0 }
        let (whole, overflow) = UInt64(parts.seconds).multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return .max / 4 }
        return min(whole &+ UInt64(parts.attoseconds / 1_000_000_000), .max / 4)
    }
}

import CNghttp2

/// One HTTP/2 stream and the call on it. Lives on its connection's event loop and is used again for later streams.
///
/// Exclusivity of the hot properties is not checked at run time, here and in the other classes of the loop: one thread
/// touches them, no mutation calls back into a handler, and the checks would be a tenth of a call's instructions.
final class Stream {
    // Both outlive the stream: the connection closes its streams before it goes, the loop its connections.
    unowned(unsafe) var connection: Connection
    @exclusivity(unchecked) var context: CallContext
    var id: Int32 = 0
    /// Position in ``Connection/streams``.
    var slot = 0
    var route: Route?

    // MARK: Request

    @exclusivity(unchecked) var request = Request.headers(since: 0)
    @exclusivity(unchecked) var inbox = ByteInbox()
    var headerBytes = 0
    @exclusivity(unchecked) var head = RequestHead()
    /// Bytes for which the peer has not got new stream window yet.
    var uncredited = 0
    /// The length prefix at the front of the inbox, once it was looked at and is in order.
    @exclusivity(unchecked) var prefix: MessagePrefix?

    // MARK: Reply

    @exclusivity(unchecked) var reply = Reply.none
    @exclusivity(unchecked) var producer = Producer.none
    @exclusivity(unchecked) var body = ResponseBody()
    /// `grpc-encoding` of the response headers is gzip.
    var replyCompression = false
    /// Bytes of a DATA frame that nghttp2 has begun and not yet asked for; they must stay in the body.
    var promised = 0
    /// How the call ends. Valid only when the reply is ``Reply/ending`` or ``Reply/over``.
    @exclusivity(unchecked) var status = RPCStatus.ok

    // MARK: Memory, in bytes: see StreamMemory.swift

    /// What is counted for the call at present, besides the process's budget in this one.
    var charged = 0
    @exclusivity(unchecked) var account: MemoryAccount?
    /// The request that a deferred handler was given.
    var heldRequest = 0
    /// What a deferred handler is expected to answer.
    var expectedReply = 0
    /// Monotonic nanoseconds at which the peer last took a part of the reply, or at which there was something to take.
    var lastTaken: UInt64 = 0

    var requestBytes: UInt64 = 0
    var responseBytes: UInt64 = 0
    var requestMessages: UInt64 = 0
    var responseMessages: UInt64 = 0

    // MARK: Deadline wheel

    var timerDeadline: UInt64 = 0
    var timerSlot = -1
    // Neighbours in a slot of the wheel; every armed stream is held by its connection.
    unowned(unsafe) var timerNext: Stream?
    unowned(unsafe) var timerPrevious: Stream?

    init(connection: Connection) {
        self.connection = connection
        context = CallContext(connection: connection.context, loop: connection.loop)
    }

    deinit { inbox.release() }

    /// Makes a new or used stream ready for a call.
    func prepare(connection: Connection, id: Int32, call: UInt64, now: UInt64) {
        self.connection = connection
        self.id = id
        request = .headers(since: now)
        context.connection = connection.context
        context.id = call
        context.stream = StreamToken(slot: connection.slot, connection: connection.id, stream: id, call: call)
    }

    /// Forgets the call. A context that somebody still holds is left to them.
    func recycle() {
        if isKnownUniquelyReferenced(&context) {
            context.reset()
        } else {
            context = CallContext(connection: connection.context, loop: connection.loop)
        }
        // A pooled stream must not keep a closed connection's identity alive.
        context.connection = connection.loop.nobody
        route = nil
        inbox.reset()
        headerBytes = 0
        head = RequestHead()
        uncredited = 0
        prefix = nil
        reply = .none
        producer = .none
        body.reset()
        replyCompression = false
        promised = 0
        status = .ok
        heldRequest = 0
        expectedReply = 0
        requestBytes = 0
        responseBytes = 0
        requestMessages = 0
        responseMessages = 0
    }

    /// Whether it is settled how the call ends.
    var isDecided: Bool {
        switch reply {
        case .none, .flowing, .idle: false
        case .ending, .over: true
        }
    }

    var hasHeaders: Bool {
        if case .headers = request { false } else { true }
    }

    /// Whether the call waits in ``Connection/parked``.
    var isParked: Bool {
        switch request {
        case .waiting, .messages(.parked, _): !isDecided
        case .headers, .foreign, .message, .messages, .delivered, .dropped: false
        }
    }

    /// Whether the peer may get new window for what it has sent.
    var takesMore: Bool {
        switch request {
        case .messages(.paused, _), .messages(.parked, _): false
        case .headers, .foreign, .message, .waiting, .messages, .delivered, .dropped: true
        }
    }

    var isStreaming: Bool {
        switch producer {
        case .source, .writer: true
        case .none, .responder: false
        }
    }
}

/// What the engine itself needs from the request headers, noted while they arrive.
struct RequestHead {
    enum Encoding: UInt8 {
        case identity
        case gzip
        case unknown
    }

    var isPost = false
    var isGRPC = false
    var tooLarge = false
    var encoding = Encoding.identity
    var acceptsGzip = false
    /// Nanoseconds; nil without the header.
    var timeout: UInt64?
    var timeoutIsBad = false
}

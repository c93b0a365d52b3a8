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
    /// Nil until `:path` has come, and for an unknown method.
    var route: Route?

    // MARK: Request: see StreamState.swift

    @exclusivity(unchecked) var request = Request.headers(since: 0)
    /// As HTTP/2 counts them: names, values and 32 bytes for each. What is dropped counts no more.
    var headerBytes = 0
    /// Whole only when the request is past ``Request/headers(since:)``.
    @exclusivity(unchecked) var head = RequestHead()
    /// What came of messages and no handler has taken. Empty before ``Request/message``.
    @exclusivity(unchecked) var inbox = ByteInbox()
    /// The length prefix at the front of the inbox, once it was looked at and is in order.
    @exclusivity(unchecked) var prefix: MessagePrefix?
    /// Bytes for which the peer has not got new stream window yet.
    var uncredited = 0

    // MARK: Reply: see StreamState.swift

    @exclusivity(unchecked) var reply = Reply.none
    @exclusivity(unchecked) var producer = Producer.none
    /// Holds bytes only when the reply has begun.
    @exclusivity(unchecked) var body = ResponseBody()
    /// `grpc-encoding` of the response headers is gzip. Valid only when the reply has begun.
    var replyCompression = false
    /// Bytes of a DATA frame that nghttp2 has begun and not yet asked for; they must stay in the body. Above 0 only
    /// when the reply has begun, and also when it is over: its last bytes are promised before its status.
    var promised = 0
    /// Monotonic nanoseconds at which the peer last took a part of the reply, or at which there was something to take.
    /// Valid only when the reply has begun.
    var lastTaken: UInt64 = 0
    /// How the call ends. Valid only when it is decided: the reply is ``Reply/ending`` or ``Reply/over``.
    @exclusivity(unchecked) var status = RPCStatus.ok

    /// How a call that is not in the form of gRPC is read and answered; nil for one that is.
    @exclusivity(unchecked) var web: WebCall?
    /// The reply is a response of HTTP without trailers. Valid only when the reply has begun.
    var isPlain = false

    // MARK: Memory, in bytes: see StreamMemory.swift

    /// What is counted for the call at present, besides the process's budget in this one.
    var charged = 0
    @exclusivity(unchecked) var account: MemoryAccount?
    /// The request that a deferred handler was given, or whose message is read beside the loop. Above 0 only meanwhile.
    var heldRequest = 0
    /// What a deferred handler is expected to answer, or a reply that is put in another form. Above 0 only meanwhile.
    var expectedReply = 0

    // MARK: For the outcome: see CallOutcome

    var requestBytes: UInt64 = 0
    var responseBytes: UInt64 = 0
    var requestMessages: UInt64 = 0
    var responseMessages: UInt64 = 0

    // MARK: Deadline wheel

    /// Below 0 for a call that is not on the wheel, and the other three are valid only for one that is.
    var timerSlot = -1
    var timerDeadline: UInt64 = 0
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
        web = nil
        isPlain = false
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
}

/// What the engine itself needs from the request headers, noted while they arrive.
struct RequestHead {
    enum Encoding: UInt8 {
        case identity
        case gzip
        case unknown
    }

    /// `grpc-timeout`.
    enum TimeLimit {
        case none
        case nanoseconds(UInt64)
        case malformed
    }

    var isPost = false
    var isGet = false
    var isHead = false
    var isGRPC = false
    var tooLarge = false
    var encoding = Encoding.identity
    var acceptsGzip = false
    var timeout = TimeLimit.none
}

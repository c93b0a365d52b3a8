import CNghttp2

/// One HTTP/2 stream and the call on it. Lives on its connection's event loop and is used again for later streams.
///
/// Exclusivity of the hot properties is not checked at run time, here and in the other classes of the loop: one thread
/// touches them, no mutation calls back into a handler, and the checks would be a tenth of a call's instructions.
final class Stream {
    enum Phase: UInt8 {
        /// The header block is not complete.
        case headers
        /// Waiting for the request, or (bidirectional) running.
        case open
        /// The status is decided; what is left is sending.
        case finished
    }

    /// How the reply is made.
    enum Producer {
        case none
        case source(any MessageSource)
        case writer(StreamWriter, any MessageReceiver)
        case responder(UnaryResponder)
    }

    // Both outlive the stream: the connection closes its streams before it goes, the loop its connections.
    unowned(unsafe) var connection: Connection
    @exclusivity(unchecked) var context: CallContext
    var id: Int32 = 0
    /// Position in ``Connection/streams``.
    var slot = 0
    var phase = Phase.headers
    var route: Route?

    // MARK: Request

    @exclusivity(unchecked) var inbox = ByteInbox()
    var headerBytes = 0
    @exclusivity(unchecked) var head = RequestHead()
    /// The peer has sent END_STREAM and the receiver does not know yet.
    var endPending = false
    var readingPaused = false
    /// The handler has thrown; what still arrives is dropped.
    var ignoresInput = false
    /// Bytes for which the peer has not got new stream window yet.
    var uncredited = 0
    var headersBegan: UInt64 = 0
    /// The length prefix at the front of the inbox was looked at and is in order.
    var prefixChecked = false
    var prefixLength = 0
    var prefixCompressed = false

    // MARK: Response

    @exclusivity(unchecked) var body = ResponseBody()
    @exclusivity(unchecked) var producer = Producer.none
    var responseStarted = false
    var replyCompression = false
    /// No more messages will be added to the body.
    var bodyEnded = false
    /// Bytes of a DATA frame that nghttp2 has begun and not yet asked for; they must stay in the body.
    var promised = 0
    /// The call was ended before its end; that happens once.
    var aborted = false
    /// nghttp2 was told that there is nothing to send for now.
    var deferred = false
    var trailersSubmitted = false
    /// The handler waits: for earlier replies of the connection to leave, or for the connection's next turn.
    var parked = false
    /// Since when it does, in monotonic nanoseconds.
    var parkedSince: UInt64 = 0
    /// The HTTP status that refuses a request that is none of gRPC's, once it has ended; 0 for none.
    var pendingRefusal = 0
    @exclusivity(unchecked) var status = RPCStatus.ok
    var beganInterceptor = false

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
        headersBegan = now
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
        phase = .headers
        route = nil
        inbox.reset()
        headerBytes = 0
        head = RequestHead()
        endPending = false
        readingPaused = false
        ignoresInput = false
        uncredited = 0
        prefixChecked = false
        body.reset()
        producer = .none
        responseStarted = false
        replyCompression = false
        bodyEnded = false
        promised = 0
        aborted = false
        deferred = false
        trailersSubmitted = false
        parked = false
        status = .ok
        beganInterceptor = false
        pendingRefusal = 0
        heldRequest = 0
        expectedReply = 0
        requestBytes = 0
        responseBytes = 0
        requestMessages = 0
        responseMessages = 0
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

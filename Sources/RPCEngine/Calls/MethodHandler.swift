/// What answers a method. Every closure runs on the connection's event loop and must not block.
public enum MethodHandler: Sendable {
    /// One message in, one out: append the reply's bytes to the array; the engine frames them.
    case unary(@Sendable (CallContext, RawSpan, inout [UInt8]) throws(RPCStatus) -> Void)
    /// One message in, one out, at once or later: the request decides.
    case deferrable(@Sendable (CallContext, RawSpan) throws(RPCStatus) -> UnaryAnswer)
    /// One message in, many out, pulled from the source as fast as the peer takes them.
    case serverStream(@Sendable (CallContext, RawSpan) throws(RPCStatus) -> any MessageSource)
    /// Many in, many out; also right for client streaming. Called when the headers have arrived.
    case bidirectional(@Sendable (CallContext, StreamWriter) throws(RPCStatus) -> any MessageReceiver)
    /// Of ``ServerConfiguration/webRoutes`` alone: a request's head and body in, a response of HTTP out, at once or
    /// later.
    case web(@Sendable (CallContext, WebHead, [UInt8]) throws(RPCStatus) -> (UnaryResponder) -> Void)
}

/// How a ``MethodHandler/deferrable(_:)`` method answers a request that it has checked.
public enum UnaryAnswer {
    /// Appends the reply's bytes, on the event loop, as soon as the handler has returned.
    case now((inout [UInt8]) throws(RPCStatus) -> Void)
    /// Takes a responder that may be finished from any thread. Called on the event loop.
    case later((UnaryResponder) -> Void)
}

/// A method of the server, found by its path.
public struct MethodEntry: Sendable {
    /// `/package.Service/Method`.
    public let path: String
    public let handler: MethodHandler
    /// A lower message limit than ``Limits/maxMessageBytes`` for this method, in bytes.
    public let maxMessageBytes: Int?
    /// What a reply of a deferrable method may weigh as far as its maker knows, in bytes: so much room it waits for.
    /// Larger replies are learned from.
    public let expectedReplyBytes: Int
    /// A lower bound than ``Limits/writerQueueMessages`` for the answers of one bidirectional call.
    public let maxQueuedMessages: Int?

    public init(
        path: String, handler: MethodHandler, maxMessageBytes: Int? = nil, expectedReplyBytes: Int = 4_096,
        maxQueuedMessages: Int? = nil
    ) {
        self.path = path
        self.handler = handler
        self.maxMessageBytes = maxMessageBytes
        self.expectedReplyBytes = expectedReplyBytes
        self.maxQueuedMessages = maxQueuedMessages
    }
}

/// What ``MessageSource/next(into:)`` has to say.
public enum SourceStep: Sendable {
    /// A message was appended; ask again when the peer takes more.
    case message
    /// No more messages: the call ends with OK.
    case end
    /// Nothing yet: ask again after the call's ``StreamWaker`` was woken.
    case pending
}

/// The messages of a server stream. All methods are called on the call's event loop.
public protocol MessageSource: AnyObject {
    /// Appends one message to an empty array. Called only while the peer's window and the socket take data, so that
    /// a slow reader costs one message and 16 KiB. Throwing ends the call with that status.
    func next(into reply: inout [UInt8]) throws(RPCStatus) -> SourceStep
    /// The call is over before its end: the peer vanished or cancelled, the deadline passed, access was withdrawn.
    func cancel()
    /// The server is about to stop: a stream without an end of its own should end soon.
    func draining()
}

extension MessageSource {
    public func cancel() {}
    public func draining() {}
}

/// Receives the messages of a bidirectional call. All methods are called on the call's event loop.
public protocol MessageReceiver: AnyObject {
    /// One request message. Throwing ends the call with that status.
    func receive(_ message: [UInt8]) throws(RPCStatus)
    /// The client will send no more. The call goes on until the writer is finished.
    func halfClosed() throws(RPCStatus)
    /// The call is over before its end; nil when the peer vanished or cancelled, else the status the engine gave it.
    func cancelled(_ status: RPCStatus?)
    /// The writer said `full` before and takes messages again.
    func writable()
    /// The server is about to stop: finish what is under way, then end the call.
    func draining()
}

extension MessageReceiver {
    public func cancelled(_ status: RPCStatus?) {}
    public func writable() {}
    public func draining() {}
}

/// How a call ended, for logs, metrics and audit.
public struct CallOutcome: Sendable {
    public var code: RPCStatus.Code
    public var message: String
    /// Message bytes without framing, as sent (compressed ones count compressed).
    public var requestBytes: UInt64
    public var responseBytes: UInt64
    public var requestMessages: UInt64
    public var responseMessages: UInt64
    /// From the end of the request headers to the end of the call.
    public var durationNanoseconds: UInt64

    /// Of a call without an event loop.
    package init(_ code: RPCStatus.Code, requestBytes: UInt64 = 0, responseBytes: UInt64 = 0, nanoseconds: UInt64 = 0) {
        self.init(
            code: code, message: "", requestBytes: requestBytes, responseBytes: responseBytes, requestMessages: 1,
            responseMessages: 1, durationNanoseconds: nanoseconds)
    }

    init(
        code: RPCStatus.Code, message: String, requestBytes: UInt64, responseBytes: UInt64, requestMessages: UInt64,
        responseMessages: UInt64, durationNanoseconds: UInt64
    ) {
        self.code = code
        self.message = message
        self.requestBytes = requestBytes
        self.responseBytes = responseBytes
        self.requestMessages = requestMessages
        self.responseMessages = responseMessages
        self.durationNanoseconds = durationNanoseconds
    }
}

/// Sees every call. All methods are called on the call's event loop and must not block.
public protocol CallInterceptor: Sendable {
    /// Called when the headers are complete, before any message byte is looked at. Throwing ends the call at once.
    func begin(_ call: CallContext, method: MethodEntry) throws(RPCStatus)
    /// Called once for each call, also for unknown methods (`method` is nil) and for those that `begin` refused.
    func end(_ call: CallContext, method: MethodEntry?, outcome: CallOutcome)
    /// Asked about once a second for every open streaming call; a status ends the stream with it.
    func recheck(_ call: CallContext) -> RPCStatus?
    /// The status of a call that ran into a limit of the engine; may add details to code and message.
    func status(of exceeded: ExceededLimit) -> RPCStatus
}

extension CallInterceptor {
    public func end(_ call: CallContext, method: MethodEntry?, outcome: CallOutcome) {}
    public func recheck(_ call: CallContext) -> RPCStatus? { nil }
    public func status(of exceeded: ExceededLimit) -> RPCStatus { RPCStatus(.resourceExhausted, exceeded.message) }
}

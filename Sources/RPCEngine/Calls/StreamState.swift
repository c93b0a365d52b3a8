extension Stream {
    /// What the peer of a call has sent of its request: gRPC's Request-Headers, then one Length-Prefixed-Message or any
    /// number of them, then END_STREAM.
    ///
    ///     +---------+  none of gRPC's      +---------+
    ///     | headers |--------------------->| foreign |  END_STREAM, or too much DATA: the reply is over
    ///     +---------+                      +---------+
    ///       |     |
    ///       |     |  one message           +---------+  END_STREAM, but no turn or no room   +---------+
    ///       |     +----------------------->| message |------------------------------------->| waiting |
    ///       |                              +---------+                                      +---------+
    ///       |                                   |  END_STREAM                                    |
    ///       |                                   v                                                |
    ///       |                             +-----------+                                          |
    ///       |                             | delivered |<-----------------------------------------+
    ///       |                             +-----------+
    ///       |                               ^   |   |  the handler parked  +-----------+  woken: waiting
    ///       |                               |   |   +--------------------->| postponed |---------------->
    ///       |                   END_STREAM, |   |  the handler threw       +-----------+
    ///       |               and all is read |   v
    ///       |                               |   +---------+
    ///       |  any number of messages       |   | dropped |
    ///       |  (bidirectional)              |   +---------+
    ///       |                               |       ^
    ///       |                               |       |  the handler threw
    ///       |       +---------------------------------------------------+
    ///       +------>| messages:      paused <--> flowing <--> parked    |
    ///               +---------------------------------------------------+
    ///
    /// In another form than gRPC's a call goes from `headers` over `webBody` and, at END_STREAM, `webReading` to
    /// `message`, which is complete then.
    ///
    /// A call may be decided in every one of these after `headers`: an answer can come before the request's end. From
    /// then on the state says what had come until then, and DATA is dropped (see ``isDecided``).
    enum Request {
        /// The header block is not complete. Since when, in monotonic nanoseconds.
        case headers(since: UInt64)
        /// None of gRPC's: DATA is dropped, and the end answered with this status of HTTP.
        case foreign(httpStatus: Int)
        /// The one message of a unary call or a server stream is on its way, or the method was not looked up yet.
        case message
        /// The message is complete, and the handler waits for earlier replies of the connection to leave, or for the
        /// connection's next turn. Since when, in monotonic nanoseconds.
        case waiting(since: UInt64)
        /// The handler has seen the message, which is in the inbox, and runs again when it is woken.
        case postponed
        /// Messages of a bidirectional call, whose ``Producer`` is a writer. `hasEnded`: END_STREAM has come, and the
        /// receiver does not know yet.
        case messages(Flow, hasEnded: Bool)
        /// The handler has all of it.
        case delivered
        /// A bidirectional handler threw and takes no more; its earlier answers leave before its status.
        case dropped
        /// In another form than gRPC's: the body is on its way.
        case webBody
        /// The body is complete, and its message is being read beside the event loop: then `message`, which has ended.
        case webReading

        /// Why messages of a bidirectional call wait in the inbox, if they do.
        enum Flow: UInt8 {
            /// Every complete message has been handed over.
            case flowing
            /// The writer asked for it; the peer gets no new window.
            case paused
            /// The connection's turn is over; the peer gets no new window until the next one.
            case parked
        }
    }

    /// What a call has said to its peer. In gRPC's words Response-Headers, messages and Trailers, or Trailers-Only.
    ///
    ///     +------+  Response-Headers   +---------+  nothing to send now   +------+
    ///     | none |-------------------->| flowing |----------------------->| idle |
    ///     +------+                     |         |<-----------------------|      |
    ///        |                         +---------+  wake                  +------+
    ///        |                              |  status decided                |
    ///        |                              v                                |
    ///        |                         +--------+       status decided       |
    ///        | status decided          | ending |<---------------------------+
    ///        |                         +--------+
    ///        |                              |  the body is read to its end, or dropped
    ///        |                              v
    ///        |  Trailers-Only          +------+
    ///        +------------------------>| over |
    ///                                  +------+
    ///
    /// A plain response of HTTP, which has no trailers, begins at ``ending``, and is reset where it cannot be sent
    /// whole.
    /// Up to ``ending`` the stream is open or half-closed (remote), RFC 9113, 5.1. With ``over``, END_STREAM is queued
    /// behind what nghttp2 has: the stream is half-closed (local), then closed.
    enum Reply: UInt8 {
        /// Nothing yet.
        case none
        /// nghttp2 has the response headers and asks for DATA as the peer's window and the socket allow.
        case flowing
        /// The same, but nghttp2 was told that there is nothing for now, and asks when it is woken.
        case idle
        /// ``Stream/status`` is decided; what is in the body leaves before it, and no message is added.
        case ending
        /// nghttp2 has the status.
        case over
    }

    /// How the messages of a reply are made. What it holds is told when the call ends before its end.
    enum Producer {
        /// The handler has not begun, answers at once, or never begins.
        case none
        /// A server stream. The reply has begun.
        case source(any MessageSource)
        /// A bidirectional call. The reply has begun.
        case writer(StreamWriter, any MessageReceiver)
        /// A deferred unary call. The reply begins with its answer.
        case responder(UnaryResponder)
    }

    /// Whether it is settled how the call ends.
    var isDecided: Bool {
        switch reply {
        case .none, .flowing, .idle: false
        case .ending, .over: true
        }
    }

    /// Whether nghttp2 has all of the reply.
    var isOver: Bool { if case .over = reply { true } else { false } }

    /// Whether the header block is complete, and the call one that the interceptor hears of.
    var hasHeaders: Bool {
        if case .headers = request { false } else { true }
    }

    /// Whether the call waits in ``Connection/parked``.
    var isParked: Bool {
        switch request {
        case .waiting, .messages(.parked, _): !isDecided
        case .headers, .foreign, .message, .postponed, .messages, .delivered, .dropped, .webBody, .webReading: false
        }
    }

    /// Whether the peer may get new window for what it has sent.
    var takesMore: Bool {
        switch request {
        case .messages(.paused, _), .messages(.parked, _): false
        case .headers, .foreign, .message, .waiting, .postponed, .messages, .delivered, .dropped, .webBody, .webReading:
            true
        }
    }

    /// Whether the reply is any number of messages.
    var isStreaming: Bool {
        switch producer {
        case .source, .writer: true
        case .none, .responder: false
        }
    }
}

/// What stands in front of a message: gRPC's Compressed-Flag and Message-Length.
struct MessagePrefix {
    static let bytes = 5

    /// Of the message as it is sent, in bytes.
    var length: Int
    var isCompressed: Bool

    /// Bytes from the start of the prefix to the end of the message.
    var messageEnd: Int { Self.bytes + length }
}

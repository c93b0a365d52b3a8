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

/// What stands in front of a message: gRPC's Compressed-Flag and Message-Length.
struct MessagePrefix {
    static let bytes = 5

    /// Of the message as it is sent, in bytes.
    var length: Int
    var isCompressed: Bool

    /// Bytes from the start of the prefix to the end of the message.
    var messageEnd: Int { Self.bytes + length }
}

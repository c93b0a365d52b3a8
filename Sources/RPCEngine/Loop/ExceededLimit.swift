/// A limit of the engine that ended a call with RESOURCE_EXHAUSTED.
public struct ExceededLimit: Sendable {
    public enum Kind: Sendable {
        /// ``Limits/maxMessageBytes`` or the method's own limit, as sent or as decompressed.
        case message
        /// ``Limits/maxHeaderListBytes``.
        case headers
        /// ``Limits/maxBufferedRequestBytes``: all unfinished requests of one connection.
        case connectionBuffer
        /// ``Limits/memoryBudget``, or the budget of the call's party.
        case budget
        /// ``Limits/unreadTimeout``: the peer took nothing of a reply.
        case unread
        /// The process got no memory.
        case memory
    }

    public var kind: Kind
    /// In bytes, of ``Kind/unread`` in seconds; 0 for ``Kind/memory`` and ``Kind/budget``.
    public var limit: Int
    /// The text for developers.
    public var message: String

    public init(kind: Kind, limit: Int, message: String) {
        self.kind = kind
        self.limit = limit
        self.message = message
    }

    static func message(_ text: String, limit: Int) -> ExceededLimit {
        ExceededLimit(kind: .message, limit: limit, message: "\(text) is above the limit of \(limit) bytes")
    }

    static func headers(limit: Int) -> ExceededLimit {
        ExceededLimit(
            kind: .headers, limit: limit, message: "request headers are above the limit of \(limit) bytes")
    }

    static func connectionBuffer(limit: Int) -> ExceededLimit {
        ExceededLimit(
            kind: .connectionBuffer, limit: limit,
            message: "unfinished requests above \(limit) bytes on one connection")
    }

    static let budget = ExceededLimit(
        kind: .budget, limit: 0, message: "the server holds as much for its callers as it may")

    static func unread(seconds: Duration) -> ExceededLimit {
        let seconds = Int(clamping: seconds.components.seconds)
        return ExceededLimit(kind: .unread, limit: seconds, message: "nothing of the reply was read for \(seconds) s")
    }

    static let memory = ExceededLimit(kind: .memory, limit: 0, message: "out of memory")
}

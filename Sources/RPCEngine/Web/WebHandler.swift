/// Takes requests of other forms than gRPC's, such as Connect's, for the methods of the server: they go through the
/// same interceptor, handlers and limits as calls of gRPC do.
public protocol WebHandler: Sendable {
    /// What a request asks for; nil for one that is in none of the handler's forms, which is refused as if there were
    /// no handler. Called on the event loop when the headers are complete.
    func form(of head: WebHead) -> WebForm?

    /// Runs work that is too long for an event loop, in the turn of whoever calls. Returns why it will not.
    ///
    /// - Parameter isReply: the call has done what it was to do, and may have changed something: however much waits
    ///   already, whoever calls is to be told.
    func submit(for call: CallContext, isReply: Bool, _ work: @escaping @Sendable () -> Void) -> RPCStatus?

    /// The response to a request that is refused before its form is known.
    ///
    /// - Parameters:
    ///   - path: as far as it is known.
    ///   - http: the status of HTTP, where the status of gRPC does not say it.
    func refusal(_ status: RPCStatus, path: String, http: Int?) -> WebResponse
}

/// The head of a request that is none of gRPC's.
public struct WebHead: Sendable {
    /// Of HTTP: `POST`, `GET`; empty for any other.
    public let method: String
    /// Before the `?`, as it was sent.
    public let path: String
    /// Behind it; empty where there is none.
    public let query: String
    /// `:authority`, or `host`.
    public let authority: String
    /// All other headers.
    public let headers: Metadata
    /// The number of the peer's IPv4 address, or of the half of its IPv6 address that names its network.
    public let network: UInt64
    /// Whether the peer showed a certificate, of whatever worth.
    public let showsCertificate: Bool

    public init(
        method: String, path: String, query: String = "", authority: String = "", headers: Metadata = Metadata(),
        network: UInt64 = 0, showsCertificate: Bool = false
    ) {
        (self.method, self.path, self.query, self.authority) = (method, path, query, authority)
        (self.headers, self.network, self.showsCertificate) = (headers, network, showsCertificate)
    }
}

/// How a request is answered.
public enum WebForm: Sendable {
    /// By the method of that path, with the message that the translation finds in the request.
    case call(path: String, timeout: UInt64?, translation: any WebTranslation)
    /// By the entry of ``ServerConfiguration/webRoutes`` at that position.
    ///
    /// - Parameter refusal: the response to a call that its entry did not answer.
    case route(Int, refusal: @Sendable (RPCStatus) -> WebResponse)
    /// At once, and without asking who calls.
    case refused(RPCStatus, WebResponse)
}

/// Reads the message of a method from the body of one request, and makes the response to it.
public protocol WebTranslation: Sendable {
    /// How many times as long as its message the response may be.
    var growth: Int { get }

    /// Of a request without a body: so little is to be read that the event loop may do it.
    var isShort: Bool { get }

    /// The message as gRPC would have it. Not on the event loop, but for what is short.
    ///
    /// - Parameter limit: of the message, in bytes.
    func message(in body: [UInt8], limit: Int) throws(WebFailure) -> [UInt8]

    /// - Parameters:
    ///   - result: the reply's bytes, for which it is not called on the event loop, or how the call ended else.
    ///   - trailers: what the handler sends besides.
    func response(_ result: Result<[UInt8], RPCStatus>, trailers: [(String, String)]) -> WebResponse
}

extension WebTranslation {
    public var growth: Int { 8 }

    public var isShort: Bool { false }
}

/// The same for a method that answers with many messages.
public protocol WebStreamTranslation: WebTranslation {
    /// The response without its body.
    func head() -> WebResponse

    /// Of one message, what the body has for it. Not on the event loop.
    func bytes(of message: [UInt8]) throws(RPCStatus) -> [UInt8]
}

/// Why no message is found in a request.
public enum WebFailure: Error, Sendable {
    /// It has more bytes than may be.
    case tooLarge
    case refused(RPCStatus)
}

/// A response of HTTP, whole.
public struct WebResponse: Sendable {
    public var status: Int
    /// Names in lower case; without `content-length`.
    public var headers: [(String, String)]
    public var body: [UInt8]

    public init(status: Int, headers: [(String, String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// gzip for whole bodies, outside the event loops.
public enum Gzip {
    public enum Failure: Error, Sendable {
        /// More than the limit.
        case tooLarge
        case broken
    }

    /// - Parameter limit: of what comes out, in bytes.
    public static func inflate(_ bytes: [UInt8], limit: Int) throws(Failure) -> [UInt8] {
        var output: [UInt8] = []
        let result = bytes.withUnsafeBytes { Compression().inflate($0, into: &output, limit: limit) }
        switch result {
        case .done: return output
        case .tooLarge: throw .tooLarge
        case .broken: throw .broken
        }
    }

    /// Nil when it cannot be done.
    public static func deflate(_ bytes: [UInt8]) -> [UInt8]? {
        var bytes = bytes
        return Compression().deflate(&bytes) ? bytes : nil
    }
}

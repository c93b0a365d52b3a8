/// Why a request got no answer. Holds no path, query, header or body: any of them may be a secret.
public struct OutgoingError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Limit: Sendable, Hashable {
        case headerBytes(Int), bodyBytes(Int), redirects(Int)
        case connectTime(Duration), totalTime(Duration), slowness(bytesPerSecond: Int, seconds: Int)
    }

    public enum Cause: Sendable, Hashable {
        /// By whoever asked.
        case canceled
        /// The client was shut down, or cannot work.
        case unavailable
        /// A header that could be taken for another, or that the request has a field for.
        case invalidRequest
        case limit(Limit)
        /// The host was not found, or nobody accepts connections there.
        case unreachable
        case proxy
        /// Not certified by the authorities for that name.
        case untrusted
        /// No TLS connection came about, for another reason.
        case noTLS
        case unreadableAuthorities
        /// The connection ended before the answer was whole.
        case cutShort
        /// A redirect to something that is not https, or that holds credentials.
        case forbiddenRedirect
        /// Another status than the only one that was wanted.
        case status(Int)
        /// The answer is not HTTP.
        case malformed
        case other
    }

    /// Where it failed: the request's host, or the one that a redirect led to.
    public let host: String
    public let cause: Cause
    /// What libcurl says, where that says more than the cause.
    public let detail: String?

    public var description: String {
        "\(host): \(cause)" + (detail.map { " (\($0))" } ?? "")
    }
}

extension OutgoingError.Cause: CustomStringConvertible {
    public var description: String {
        switch self {
        case .canceled: "the request was canceled"
        case .unavailable: "the client is shut down"
        case .invalidRequest: "a header of the request may not be sent"
        case .limit(let limit): limit.description
        case .unreachable: "the server could not be reached"
        case .proxy: "the proxy refuses or cannot be reached"
        case .untrusted: "the server's certificate is not trusted"
        case .noTLS: "the TLS connection could not be made"
        case .unreadableAuthorities: "the file of authorities cannot be read"
        case .cutShort: "the connection was closed before the answer was whole"
        case .forbiddenRedirect: "a redirect leads to something other than https"
        case .status(let status): "HTTP status \(status)"
        case .malformed: "the answer is not HTTP"
        case .other: "the request failed"
        }
    }
}

extension OutgoingError.Limit: CustomStringConvertible {
    public var description: String {
        switch self {
        case .headerBytes(let limit): "the headers are larger than \(limit) bytes"
        case .bodyBytes(let limit): "the answer is larger than \(limit) bytes"
        case .redirects(let limit): "more than \(limit) redirects"
        case .connectTime(let limit): "no connection within \(limit)"
        case .totalTime(let limit): "no whole answer within \(limit)"
        case .slowness(let speed, let seconds): "fewer than \(speed) bytes a second for \(seconds) s"
        }
    }
}

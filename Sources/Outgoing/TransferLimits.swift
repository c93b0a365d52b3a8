/// What one answer may cost. Each is enforced while the answer arrives, before memory is spent.
public struct TransferLimits: Sendable, Hashable {
    /// Bytes of all header lines: of redirects, interim answers and trailers too. A single line above 100 KiB is more
    /// than libcurl takes.
    public var headerBytes = 65_536
    /// Bytes of the body.
    public var bodyBytes = 1_048_576
    /// Redirects that are followed, of a GET and to https alone. A redirect that is not followed is the answer.
    public var redirects = 0
    /// To find the host, to connect and to agree on TLS.
    public var connectTime: Duration = .seconds(10)
    /// From the start to the last byte; nil for a stream that is read as slowly as its reader likes.
    public var totalTime: Duration? = .seconds(60)
    /// A transfer of fewer bytes a second than this, for that many seconds, is given up. Time in which the reader
    /// wants nothing does not count.
    public var slowestBytesPerSecond = 1
    public var slowestSeconds = 30

    public init() {}
}

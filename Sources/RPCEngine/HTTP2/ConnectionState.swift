extension Connection {
    /// The life of a connection.
    ///
    ///     +-------------+  TLS is done,  +---------+  SETTINGS   +------+
    ///     | handshaking |--------------->| preface |------------>| open |
    ///     +-------------+  ALPN is h2    +---------+             +------+
    ///            |                            |                     |
    ///            |                            |  GOAWAY for abuse, a broken rule or a fault of our own;
    ///            |                            |  the grace of a shutdown is over
    ///            |                            v                     v
    ///            |                       +-----------------------------+
    ///            |                       |         terminating         |
    ///            |                       +-----------------------------+
    ///            |                            |
    ///            |                            |  all was sent (from `preface` and `open` too: the last call
    ///            |                            v  of a shutdown has ended, or nghttp2 has ended the session)
    ///            |                       +-----------+
    ///            |                       | lingering |  TLS and the sending direction are shut
    ///            |                       +-----------+
    ///            |  from every state: lost,   |  the peer has closed,
    ///            v  too late, no memory       v  or did not in time
    ///     +----------------------------------------------------------+
    ///     |                          closed                          |
    ///     +----------------------------------------------------------+
    ///
    /// `preface` is the connection preface of RFC 9113, 3.4. Calls run in `preface`, `open` and `terminating`, the
    /// states that are ``Connection/isLive``; beside them goes ``Connection/shutdown``. With HTTP/1.1 by ALPN, or
    /// without any, the preface and the first SETTINGS are those of ``HTTP1Front``, which come at once.
    enum State: UInt8 {
        /// Until ``Connection/deadline``.
        case handshaking
        /// HTTP/2 has begun, and no SETTINGS frame has come. Until ``Connection/deadline``.
        case preface
        case open
        /// Its end is settled and GOAWAY queued; what nghttp2 has still leaves. Until ``Connection/deadline``.
        case terminating
        /// Everything was said; waiting for the peer to close, so that our last bytes are not lost to a reset. Until
        /// ``Connection/deadline``.
        case lingering
        case closed
    }

    /// Graceful shutdown (RFC 9113, 6.8) of a live connection: `none`, `announced`, `final`, in this order. Moments in
    /// monotonic nanoseconds.
    enum Shutdown {
        case none
        /// GOAWAY without a last stream was sent: calls already on their way still count. The final one follows the
        /// peer's answer to a PING, or comes at `until`; what runs at `deadline` is cut.
        case announced(until: UInt64, deadline: UInt64)
        /// The final GOAWAY was sent; closed as soon as the last call ends. What runs at `deadline` is cut.
        case final(deadline: UInt64)
    }

    /// As whose the connection counts: see ``ConnectionCounts``.
    enum Place {
        case stranger
        /// Admitted only to show a certificate: all places of strangers were taken. Only while handshaking.
        case crowd(hasSpoken: Bool)
        /// Its certificate was trusted at the end of the handshake.
        case verified
        /// Another connection has its place now. It is on its way to be closed.
        case lost
    }

    /// What was seen of the ClientHello.
    enum Greeting: UInt8 {
        case unseen
        /// Less than its headers.
        case short
        case judged
    }

    /// Whether calls may run and frames go both ways.
    var isLive: Bool {
        switch state {
        case .preface, .open, .terminating: true
        case .handshaking, .lingering, .closed: false
        }
    }

    var isVerified: Bool {
        if case .verified = place { true } else { false }
    }
}

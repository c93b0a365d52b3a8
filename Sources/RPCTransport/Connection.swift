import CLinux
import CNghttp2
import COpenSSL
import Glibc

/// One connection to a server: socket, TLS and HTTP/2. Touched by the loop's thread alone.
///
///     connecting → handshaking → settling → ready → draining → closed
///
/// Every phase may also end in `closed`. Calls are taken in `ready` only.
final class Connection {
    enum Phase {
        /// TCP.
        case connecting
        case handshaking
        /// TLS stands; the server's SETTINGS have not come. It may still refuse the client's certificate.
        case settling
        case ready
        /// The server takes no more calls, or HTTP/2 has no more stream numbers.
        case draining
        case closed
    }

    /// Bytes of a response that the server may send ahead of the reader, for each stream.
    static let streamWindow = 1 << 20
    /// Given back as bytes come, so that a slow reader of one call holds up no other.
    static let connectionWindow = 16 << 20
    private static let readBytes = 16_384
    private static let writeBytes = 32_768

    unowned let loop: TransportLoop
    let server: ServerAddress
    let fd: Int32
    let authority: String
    var phase = Phase.connecting
    /// SSL, owned.
    private var ssl: OpaquePointer?
    /// nghttp2's session, owned.
    var session: OpaquePointer?
    var calls: [Int32: OpenCall] = [:]
    /// A call has come to its end on it.
    var hasServed = false
    /// Why it has to be closed, found where that cannot be done at once.
    var doom: Reason?
    /// Why the server takes no more calls.
    var farewell: Reason?

    private var wantsWrite = true
    /// Reading cannot go on before OpenSSL has written something of its own.
    private var readWantsWrite = false
    private var outgoing: [UInt8] = []
    private var outgoingSent = 0
    private let readBuffer: UnsafeMutablePointer<UInt8>
    /// OpenSSL holds bytes that the socket will not announce.
    private(set) var hasMore = false
    private var lastRead: UInt64
    private var pingSince: UInt64?

    init(_ fd: Int32, to server: ServerAddress, loop: TransportLoop) {
        self.fd = fd
        self.server = server
        self.loop = loop
        authority = loop.configuration.serverName ?? server.description
        lastRead = loop.now
        readBuffer = .allocate(capacity: Self.readBytes)
    }

    deinit {
        readBuffer.deallocate()
        if let ssl { SSL_free(ssl) }
        if let session { nghttp2_session_del(session) }
        Glibc.close(fd)
    }

    /// What to ask `poll` for.
    var interest: Int16 { Int16(POLLIN) | (wantsWrite || readWantsWrite ? Int16(POLLOUT) : 0) }

    // MARK: Events

    /// The socket can do something.
    func handle() {
        if phase == .connecting { finishConnecting() }
        if phase == .handshaking { handshake() }
        if session != nil { read() }
    }

    private func finishConnecting() {
        let error = transport_socket_error(fd)
        guard error == 0 else { return close(Reason(errno: error)) }
        guard let ssl = loop.tls.makeSSL(fd: fd, expecting: loop.configuration.serverName ?? server.host) else {
            return close(Reason("TLS cannot be used for this host name"))
        }
        self.ssl = ssl
        phase = .handshaking
    }

    private func handshake() {
        guard let ssl else { return }
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        guard result != 1 else {
            guard transport_has_h2(ssl) == 1 else { return close(Reason("the server does not speak HTTP/2")) }
            guard startSession() else { return close(Reason("memory is short")) }
            phase = .settling
            return
        }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: wantsWrite = false
        case SSL_ERROR_WANT_WRITE: wantsWrite = true
        case let error: close(failure(error))
        }
    }

    private func failure(_ error: Int32) -> Reason {
        let code = errno
        if let ssl, let words = ClientTLS.failure(of: ssl) { return Reason(words) }
        return error == SSL_ERROR_SYSCALL && code != 0 ? Reason(errno: code) : Reason("the connection was closed")
    }

    /// Reads for one turn, so that other connections and messages have theirs.
    func read() {
        hasMore = false
        readWantsWrite = false
        for _ in 0..<16 {
            guard phase != .closed, let ssl else { return }
            ERR_clear_error()
            errno = 0
            let count = SSL_read(ssl, readBuffer, Int32(Self.readBytes))
            guard count > 0 else {
                switch SSL_get_error(ssl, count) {
                case SSL_ERROR_WANT_READ: break
                case SSL_ERROR_WANT_WRITE: readWantsWrite = true
                case let error: close(failure(error))
                }
                return
            }
            lastRead = loop.now
            pingSince = nil
            receive(UnsafeBufferPointer(start: readBuffer, count: Int(count)))
        }
        if phase != .closed, let ssl { hasMore = SSL_pending(ssl) > 0 }
    }

    /// Sends what there is to send, until the socket takes no more.
    func flush() {
        guard let ssl, let session else { return }
        while phase != .closed {
            guard outgoingSent < outgoing.count || gather(session) else { break }
            let count = outgoing.withUnsafeBufferPointer { bytes -> Int32 in
                ERR_clear_error()
                errno = 0
                // outgoingSent < outgoing.count: the range lies inside.
                guard let base = bytes.baseAddress else { return 0 }
                return SSL_write(ssl, base + outgoingSent, Int32(truncatingIfNeeded: bytes.count - outgoingSent))
            }
            guard count > 0 else {
                switch SSL_get_error(ssl, count) {
                case SSL_ERROR_WANT_WRITE: wantsWrite = true
                case SSL_ERROR_WANT_READ: wantsWrite = false
                // What the server said before it went away may explain why.
                case let error: read(); close(failure(error))
                }
                return
            }
            outgoingSent += Int(count)
        }
        wantsWrite = false
        if let doom { return close(doom) }
        guard phase != .closed else { return }
        if phase == .draining, calls.isEmpty { return close(farewell ?? Self.brokenRules) }
        // nghttp2 has said why to the server.
        if nghttp2_session_want_read(session) == 0, nghttp2_session_want_write(session) == 0 {
            close(farewell ?? Self.brokenRules)
        }
    }

    /// Takes frames from nghttp2; false when there are none.
    private func gather(_ session: OpaquePointer) -> Bool {
        outgoing.removeAll(keepingCapacity: true)
        outgoingSent = 0
        while outgoing.count < Self.writeBytes {
            var data: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &data)
            if count < 0 { doom = Reason("HTTP/2 output failed") }
            guard count > 0, let data else { break }
            outgoing.append(contentsOf: UnsafeBufferPointer(start: data, count: count))
        }
        return !outgoing.isEmpty
    }

    // MARK: Time

    /// When `tick` is wanted next; nil while there is nothing to wait for.
    var due: UInt64? {
        guard !calls.isEmpty else { return nil }
        if let pingSince { return pingSince + loop.configuration.keepaliveTimeout.nanoseconds }
        return lastRead + loop.configuration.keepaliveTime.nanoseconds
    }

    /// Asks a server that is silent for a sign of life, and leaves one that gives none.
    func tick() {
        guard let due, loop.now >= due, let session else { return }
        if pingSince != nil { return close(Reason("it no longer answers")) }
        pingSince = loop.now
        nghttp2_submit_ping(session, 0, nil)
    }

    // MARK: The end

    /// No more calls; those that run go on.
    func drain(_ reason: Reason) {
        if phase == .settling { doom = reason }
        guard phase == .ready else { return }
        farewell = reason
        phase = .draining
        loop.lostConnection(self, reason)
    }

    /// Ends it and all its calls.
    func close(_ reason: Reason) {
        guard phase != .closed else { return }
        let last = phase
        phase = .closed
        if let ssl, last == .ready || last == .draining { SSL_shutdown(ssl) }
        let calls = calls.values
        self.calls = [:]
        for open in calls { loop.lost(open, farewell ?? reason) }
        loop.closed(self, reason, last)
    }

    /// Says goodbye and closes.
    func leave() {
        farewell = Reason("the transport is closed")
        if let session { nghttp2_session_terminate_session(session, NGHTTP2_NO_ERROR.rawValue) }
        flush()
        close(farewell ?? Self.brokenRules)
    }
}

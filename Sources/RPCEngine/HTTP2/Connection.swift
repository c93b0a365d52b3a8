import CLinux
import CNghttp2
import COpenSSL
import Glibc

/// One client connection: socket, TLS and HTTP/2 session. Lives on its event loop.
final class Connection {
    // The loop closes and drops its connections before it goes itself.
    unowned(unsafe) let loop: EventLoop
    let limits: Limits
    let fd: Int32
    let slot: Int
    let id: UInt64
    let addressKey: UInt64
    let context: ConnectionContext
    @exclusivity(unchecked) var state = State.handshaking
    /// Monotonic nanoseconds. Valid only in the states that name it, all but `open` and `closed`.
    var deadline: UInt64
    /// Why it ends. Nil only while handshaking, in the preface or open.
    private(set) var closeReason: String?
    @exclusivity(unchecked) var shutdown = Shutdown.none
    @exclusivity(unchecked) var place = Place.stranger
    /// SSL, freed in `close`.
    @exclusivity(unchecked) var ssl: OpaquePointer?
    /// nghttp2_session, from the end of the handshake until `close`: there in every live state.
    @exclusivity(unchecked) var session: OpaquePointer?
    /// In front of the session where the peer speaks HTTP/1.1, from the end of the handshake until `close`.
    @exclusivity(unchecked) var front: HTTP1Front?
    /// Counted for it, in bytes. Above 0 only while it is there.
    var frontBytes = 0
    /// In whose account besides the process's.
    var frontOwner: MemoryAccount?
    /// When the head of a request of HTTP/1.1 began to come; nil while none is on its way.
    var headBegan: UInt64?
    /// Messages of TLS itself that arrived so far.
    private var handshakeMessages: UInt32 { ssl.map { engine_handshake_messages($0) } ?? 0 }
    /// The events that epoll tells of.
    var interest: UInt32 = 0
    /// Valid only while handshaking.
    private var greeting = Greeting.unseen
    /// Counted for the peer's certificates, besides what every connection costs. 0 while handshaking.
    private(set) var certificateBytes = 0
    /// In whose account besides the process's.
    private(set) var certificateOwner: MemoryAccount?

    // MARK: Calls. Valid only while the connection is live.

    @exclusivity(unchecked) var streams: [Stream] = []
    /// The stream whose header block or body arrived last; saves a look-up for what follows.
    @exclusivity(unchecked) unowned(unsafe) var latest: Stream?
    /// The highest number of a request's stream, that of the last RST_STREAM received, and what closed last.
    var lastRequest: Int32 = 0
    var lastReset: Int32 = 0
    @exclusivity(unchecked) var closedStreams = ClosedStreams()
    @exclusivity(unchecked) private var scanner = FrameScanner()
    var streamingCount = 0
    var bufferedRequestBytes = 0
    var bufferedReplyBytes = 0
    /// What deferred calls under way will probably answer.
    var expectedReplyBytes = 0
    let writerMemory: WriterMemory
    /// Calls whose handlers wait; see ``runParked()``.
    @exclusivity(unchecked) var parked: [StreamToken] = []
    /// Something left since the parked calls were looked at.
    var roomMayBeThere = false
    /// The parked calls wait for the next turn. Valid only while there are any.
    var turnWasOver = false
    /// A deferred call waits for room: later ones wait behind it. Valid only until the parked calls are looked at.
    var waitsForRoom = false
    /// Somebody's call was admitted on it: what it holds until then counts as strangers'.
    var isKnown = false
    /// The loop's turn in which the last handler began, and when its first did.
    var turn: UInt64 = 0
    var turnBegan: UInt64 = 0
    /// It is in the loop's list of those that have more to do.
    var isWaitingForTurn = false
    /// Bytes for which the peer has not got new window of the connection yet.
    var uncredited = 0
    @exclusivity(unchecked) var budgets: FrameBudgets

    // MARK: Output. Valid only while the connection is live.

    /// The socket takes no more: epoll tells when it does.
    var writeBlocked = false
    /// The peer does not take our acknowledgements: nothing is read until it does.
    var readPaused = false
    /// Plain bytes that the socket has not taken; owned, freed in `close`. `unsentStart` and `unsentEnd` are valid only
    /// while there are any, else both 0.
    var unsent: UnsafeMutablePointer<UInt8>?
    var unsentStart = 0
    var unsentEnd = 0
    /// It is in the loop's list of those that have something to send.
    var isDirty = false
    /// The first frame, our SETTINGS, has been made.
    var settingsPatched = false

    // MARK: Time, in monotonic nanoseconds

    var lastReceived: UInt64
    var lastWritten: UInt64
    /// When the peer last took bytes of any reply.
    var lastTaken: UInt64 = 0
    var lastCall: UInt64
    /// Its age ends it then.
    let goAwayAt: UInt64
    /// Nil when no PING waits for its answer.
    var pingSentAt: UInt64?

    init(
        loop: EventLoop, fd: Int32, slot: Int, id: UInt64, addressKey: UInt64, remoteAddress: String,
        ssl: OpaquePointer
    ) {
        self.loop = loop
        limits = loop.shared.limits
        self.fd = fd
        self.slot = slot
        self.id = id
        self.addressKey = addressKey
        self.ssl = ssl
        context = ConnectionContext(id: id, remoteAddress: remoteAddress, shared: loop.shared)
        budgets = FrameBudgets(limits)
        writerMemory = WriterMemory(limit: loop.shared.limits.connectionQueueBytes, budget: loop.shared.memory)
        lastReceived = loop.now
        lastWritten = loop.now
        lastCall = loop.now
        deadline = loop.now &+ loop.times.handshakeTimeout
        let age = loop.times.maxConnectionAge
        goAwayAt = loop.now &+ age &- age / 10 &+ UInt64.random(in: 0...max(1, age / 5))
    }

    // MARK: Events

    func handle(_ events: UInt32) {
        switch state {
        case .handshaking: continueHandshake()
        case .preface, .open, .terminating:
            if events & engine_epoll_out != 0 { writeBlocked = false }
            let lost = events & (engine_epoll_error | engine_epoll_hangup) != 0
            if readPaused {
                // epoll would report it again and again, and nobody would read the error.
                if lost { return close(reason: "connection lost") }
            } else if lost || events & engine_epoll_in != 0 {
                readInput()
            }
            if isLive { flush() }
        case .lingering: discardInput()
        case .closed: break
        }
    }

    /// What it takes to tell how long a ClientHello is: the headers of its record and of itself.
    private static let helloHeaderBytes = 9
    /// The library makes room for what a ClientHello announces before it arrives, up to 128 KiB. Real ones take 2.
    private static let maximumHelloBytes = 16_384

    /// Looks at the start of what arrived, once, before the library does. True when it may go on.
    private func greetsInBounds() -> Bool {
        if greeting == .judged { return true }
        var start = [UInt8](repeating: 0, count: Self.helloHeaderBytes)
        let count = recv(fd, &start, start.count, Int32(MSG_PEEK))
        if count < start.count {
            // Not even a header at once: told again when there is one, or when the peer is gone.
            if greeting == .short || count == 0 {
                close(reason: "connection lost in the handshake")
                return false
            }
            greeting = .short
            engine_set_int_option(fd, SOL_SOCKET, SO_RCVLOWAT, Int32(start.count))
            return false
        }
        if greeting == .short { engine_set_int_option(fd, SOL_SOCKET, SO_RCVLOWAT, 1) }
        greeting = .judged
        // Behind an alert the library would go on to a ClientHello that nobody has looked at.
        if start[0] == 21 {
            close(reason: "an alert before the ClientHello")
            return false
        }
        // Anything else is the library's to refuse.
        guard start[0] == 22, start[5] == 1 else { return true }
        // Its length is told in one piece by every real client.
        if Int(start[3]) << 8 | Int(start[4]) < 4 {
            close(reason: "ClientHello in crumbs")
            return false
        }
        let announced = Int(start[6]) << 16 | Int(start[7]) << 8 | Int(start[8])
        if announced <= Self.maximumHelloBytes { return true }
        close(reason: "ClientHello above \(Self.maximumHelloBytes) bytes")
        return false
    }

    private func continueHandshake() {
        guard let ssl, greetsInBounds() else { return }
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 { return handshakeDone(ssl) }
        if case .crowd(hasSpoken: false) = place {
            place = .crowd(hasSpoken: true)
            loop.shared.spoke(id)
        }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: setInterest(engine_epoll_in)
        case SSL_ERROR_WANT_WRITE: setInterest(engine_epoll_out)
        case SSL_ERROR_SYSCALL: close(reason: "connection lost in the handshake")
        default: close(reason: TLSContext.lastError())
        }
    }

    private func handshakeDone(_ ssl: OpaquePointer) {
        var protocolName: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &protocolName, &length)
        let name = UnsafeBufferPointer(start: protocolName, count: Int(length))
        // Without ALPN nothing but HTTP/1.1 is meant.
        let isHTTP1 = loop.shared.http1Template != nil && (name.isEmpty || name.equals("http/1.1"))
        guard isHTTP1 || name.equals("h2") else { return close(reason: "no h2 by ALPN") }
        if let chain = PeerChain(ssl: ssl) {
            context.peerCertificate = PeerCertificate(chain: chain)
            context.reverifyPeer()
            guard count(certificates: chain) else { return close(reason: "memory budget") }
        }
        guard findsPlace() else { return close(reason: "all places without a verified certificate are taken") }
        guard startSession(), !isHTTP1 || startFront() else { return close(reason: "out of memory") }
        state = .preface
        deadline = loop.now &+ loop.times.prefaceTimeout
        lastReceived = loop.now
        loop.statistics.handshakes.increment()
        loop.shared.onEvent(.connectionOpened(id: id, remoteAddress: context.remoteAddress))
        setInterest(engine_epoll_in)
        if loop.isDraining { beginShutdown(grace: loop.drainGrace) }
        readInput()
        if isLive { flush() }
    }

    /// Certificates that nobody vouches for are a stranger's.
    private func count(certificates chain: PeerChain) -> Bool {
        let bytes = chain.memory
        let isTrusted = context.peerCertificate?.verification.isTrusted == true
        let owner = isTrusted ? nil : loop.shared.strangers
        if let owner, !owner.reserve(bytes) { return false }
        guard loop.memory.reserve(bytes) else {
            owner?.release(bytes)
            return false
        }
        (certificateBytes, certificateOwner) = (bytes, owner)
        return true
    }

    /// A verified certificate makes the connection's place free for strangers.
    private func findsPlace() -> Bool {
        let wasInCrowd = if case .crowd = place { true } else { false }
        leaveCrowd()
        if case .lost = place { return false }
        if context.peerCertificate?.verification.isTrusted == true {
            place = .verified
            loop.shared.verified(addressKey)
            return true
        }
        return !wasInCrowd || loop.shared.mayStay(addressKey)
    }

    private func leaveCrowd() {
        guard case .crowd = place else { return }
        place = loop.shared.leaveCrowd(id) ? .stranger : .lost
    }

    // MARK: Input

    /// Records read in one turn; more wait until others had theirs.
    private static let recordsPerTurn = 16

    func readInput() {
        guard let ssl, let session else { return }
        ERR_clear_error()
        var records = 0
        repeat {
            // The loop's buffer has room for what is asked for.
            let messages = handshakeMessages
            let count = SSL_read(ssl, loop.readBuffer, Int32(EventLoop.readCapacity))
            if handshakeMessages != messages, !admitsHandshakeMessages(handshakeMessages &- messages) { return }
            if count <= 0 {
                let error = SSL_get_error(ssl, count)
                guard error == SSL_ERROR_WANT_READ, handshakeMessages != messages else { return readStopped(error) }
                // OpenSSL has dealt with a record that was none of ours, and there may be more.
                ERR_clear_error()
                lastReceived = loop.now
                records += 1
                continue
            }
            lastReceived = loop.now
            loop.statistics.bytesReceived.add(UInt64(count))
            if front != nil {
                guard receiveHTTP1(Int(count)) else { return }
                records += 1
                continue
            }
            // The bytes just read.
            scan(UnsafeBufferPointer(start: loop.readBuffer, count: Int(count)))
            if !isLive { return }
            let taken = nghttp2_session_mem_recv(session, loop.readBuffer, Int(count))
            if taken < 0 { return inputRefused(Int32(truncatingIfNeeded: taken)) }
            if !isLive || !admitsInput() { return }
            records += 1
        } while records < Self.recordsPerTurn && SSL_has_pending(ssl) == 1
        // What OpenSSL has buffered does not wake epoll.
        if SSL_has_pending(ssl) == 1 { loop.again(self) }
    }

    private func scan(_ bytes: UnsafeBufferPointer<UInt8>) {
        scanner.scan(bytes) { frame in
            admits(frame)
            return state != .terminating
        }
    }

    /// Messages of TLS itself after the handshake (KeyUpdate): each costs key derivations, and the peer has no reason
    /// to send more than a few.
    private func admitsHandshakeMessages(_ count: UInt32) -> Bool {
        for _ in 0..<min(count, 1_024) where !budgets.handshakeMessages.take(now: loop.now) {
            let reason = "TLS handshake message flood"
            punish(reason)
            flush()
            linger(reason: reason)
            return false
        }
        return true
    }

    private func readStopped(_ error: Int32) {
        switch error {
        case SSL_ERROR_WANT_READ: break
        case SSL_ERROR_WANT_WRITE: writeBlocked = true
        case SSL_ERROR_ZERO_RETURN: close(reason: "closed by the peer")
        case SSL_ERROR_SYSCALL: close(reason: "connection lost")
        default: close(reason: TLSContext.lastError())
        }
    }

    private func inputRefused(_ error: Int32) {
        if error == NGHTTP2_ERR_FLOODED.rawValue { return punish("control frame flood") }
        let text = nghttp2_strerror(error).map { String(cString: $0) } ?? "HTTP/2 error"
        state = .terminating
        closeReason = text
        if let session { nghttp2_session_terminate_session(session, NGHTTP2_PROTOCOL_ERROR.rawValue) }
        flush()
        linger(reason: text)
    }

    /// False while the peer does not take our acknowledgements: it gets no further work done meanwhile.
    private func admitsInput() -> Bool {
        guard let session, nghttp2_session_get_outbound_queue_size(session) > limits.maxQueuedControlFrames else {
            return true
        }
        flush()
        guard isLive, writeBlocked,
            nghttp2_session_get_outbound_queue_size(session) > limits.maxQueuedControlFrames
        else { return isLive }
        readPaused = true
        updateInterest()
        return false
    }

    private func discardInput() {
        // Raw bytes into the loop's buffer, which holds readCapacity of them.
        for _ in 0..<8 {
            let count = recv(fd, loop.readBuffer, EventLoop.readCapacity, 0)
            if count > 0 { continue }
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            return close()
        }
    }

    // MARK: Closing

    /// How long a peer may take to read a last GOAWAY, in nanoseconds.
    private static let lingerTime: UInt64 = 1_000_000_000

    /// The peer went over a budget: GOAWAY with ENHANCE_YOUR_CALM, and nothing more is read.
    func punish(_ kind: String) {
        guard let session, condemn(kind) else { return }
        loop.statistics.abuse.increment()
        loop.shared.onEvent(.abuse(id: id, remoteAddress: context.remoteAddress, kind: kind))
        nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
        needsFlush()
    }

    /// The peer broke a rule of HTTP/2: GOAWAY with the rule's error, and nothing more is read.
    func violate(_ error: nghttp2_error_code, _ reason: String) {
        guard let session, condemn(reason) else { return }
        nghttp2_session_terminate_session(session, error.rawValue)
        needsFlush()
    }

    /// Something of our own went wrong; every call of the connection ends.
    func fail(_ reason: String) { violate(NGHTTP2_INTERNAL_ERROR, reason) }

    /// The connection ends, soon. False when that was settled before.
    @discardableResult
    func condemn(_ reason: String) -> Bool {
        guard state == .open || state == .preface else { return false }
        state = .terminating
        closeReason = reason
        deadline = loop.now &+ Self.lingerTime
        return true
    }

    /// Ends TLS and the sending direction, and waits a little for the peer to close.
    func linger(reason: String) {
        guard isLive else { return }
        state = .lingering
        closeReason = closeReason ?? reason
        closeStreams()
        if let ssl {
            ERR_clear_error()
            SSL_shutdown(ssl)
        }
        Glibc.shutdown(fd, Int32(SHUT_WR))
        loop.settled()
        deadline = loop.now &+ Self.lingerTime
        setInterest(engine_epoll_in)
    }

    /// Without a reason where there is one already.
    func close(reason: String? = nil) {
        guard state != .closed else { return }
        let failedHandshake = state == .handshaking
        if state != .lingering { loop.settled() }
        state = .closed
        let reason = closeReason ?? reason ?? "closed"
        closeReason = reason
        closeStreams()
        // Each is freed here and nowhere else; the pointers are gone afterwards.
        if let session { nghttp2_session_del(session) }
        session = nil
        endFront()
        if let ssl { SSL_free(ssl) }
        ssl = nil
        freeUnsent()
        // From here on nobody else knows the descriptor.
        leaveCrowd()
        Glibc.close(fd)
        loop.forget(self, failedHandshake: failedHandshake, reason: reason)
    }

    private func closeStreams() {
        latest = nil
        parked = []
        let open = streams
        streams = []
        for stream in open {
            if let session { nghttp2_session_set_stream_user_data(session, stream.id, nil) }
            stream.closed()
            loop.recycle(stream)
        }
    }

    // MARK: Interest

    func updateInterest() {
        setInterest((readPaused ? 0 : engine_epoll_in) | (writeBlocked ? engine_epoll_out : 0))
    }

    func setInterest(_ wanted: UInt32) {
        guard wanted != interest else { return }
        interest = wanted
        engine_epoll_modify(loop.epoll, fd, wanted, EventLoop.token(slot: slot, id: id))
    }

    func needsFlush() {
        if !isDirty {
            isDirty = true
            loop.dirty.append(self)
        }
    }

    func refreshPeer() {
        context.refreshPeer(generation: loop.shared.tlsGeneration, wall: loop.wall)
    }
}

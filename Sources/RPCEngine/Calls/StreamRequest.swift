import CLinux
import CNghttp2
import Glibc

/// The request side of a call: headers, length-prefixed messages, half-close.
extension Stream {
    private var loop: EventLoop { connection.loop }

    // MARK: Headers

    /// Name and value are valid only during the call.
    func addHeader(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        headerBytes += name.count + value.count + 32
        if headerBytes > connection.limits.maxHeaderListBytes {
            head.tooLarge = true
            // A refusal is in the form of what is refused.
            if name.equals("content-type") { head.isGRPC = Self.isGRPC(contentType: value.withoutBlanks) }
            return
        }
        if name.first == UInt8(ascii: ":") {
            addPseudoHeader(name, value)
            return
        }
        let value = value.withoutBlanks
        switch name.count {
        case 2 where name.equals("te"): return
        case 4 where name.equals("host"):
            if context.authorityBytes.isEmpty { context.authorityBytes.append(contentsOf: value) }
        case 12 where name.equals("content-type"):
            head.isGRPC = Self.isGRPC(contentType: value)
            if !head.isGRPC { context.metadata.append(name: name, value: value) }
        case 12 where name.equals("grpc-timeout"):
            head.timeout = Timeout.parse(value).map { .nanoseconds($0) } ?? .malformed
        case 13 where name.equals("grpc-encoding"):
            head.encoding = value.equals("identity") ? .identity : value.equals("gzip") ? .gzip : .unknown
        case 14 where name.equals("content-length"): return
        case 20 where name.equals("grpc-accept-encoding"): head.acceptsGzip = value.containsText("gzip")
        default: context.metadata.append(name: name, value: value)
        }
    }

    /// Of a path that no method has, in bytes.
    private static let maximumPathBytes = 1_024

    /// As much of it as the log is told.
    func keepPath(_ path: String) {
        context.unknownPath = String(decoding: path.utf8.prefix(Self.maximumPathBytes), as: UTF8.self)
    }

    private func addPseudoHeader(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        if name.equals(":path") {
            route = connection.loop.shared.methods.find(value)
            if route == nil {
                let most = connection.loop.shared.web == nil ? Self.maximumPathBytes : Self.maximumTargetBytes + 1
                context.unknownPath = String(decoding: value.prefix(most), as: UTF8.self)
            }
        } else if name.equals(":method") {
            head.isPost = value.equals("POST")
            head.isGet = value.equals("GET")
            head.isHead = value.equals("HEAD")
        } else if name.equals(":authority") {
            context.authorityBytes.removeAll(keepingCapacity: true)
            context.authorityBytes.append(contentsOf: value)
        }
    }

    /// `application/grpc`, alone or with `+format` or `;parameters`.
    private static func isGRPC(contentType value: UnsafeBufferPointer<UInt8>) -> Bool {
        let prefix = 16
        guard value.count >= prefix, UnsafeBufferPointer(rebasing: value[..<prefix]).equals("application/grpc") else {
            return false
        }
        return value.count == prefix || value[prefix] == UInt8(ascii: "+") || value[prefix] == UInt8(ascii: ";")
    }

    /// The header block is complete: everything that can refuse the call without its message does so here.
    func headersComplete() {
        request = .message
        context.started = loop.now
        loop.statistics.callsStarted.increment()
        let fits = reserve()
        // Strangers may be somebody, who has a part of the budget of its own.
        let isAnybodys = route == nil && !(head.isGet && loop.shared.web != nil)
        if !fits, account !== loop.shared.strangers || isAnybodys {
            dropHeaders()
            return finish(status(of: .budget))
        }
        // What is refused and did not fit keeps nothing.
        func refuse(_ status: RPCStatus) {
            if !fits { dropHeaders() }
            finish(status)
        }
        if head.tooLarge {
            return refuse(status(of: .headers(limit: connection.limits.maxHeaderListBytes)))
        }
        if !head.isPost || !head.isGRPC {
            if let form = webForm() { return beginWeb(form, fits: fits) }
            // Behind the protocol's own checks: what HTTP/2 does not allow is an error of HTTP/2 first.
            request = .foreign(httpStatus: head.isPost ? 415 : 405)
            return dropHeaders()
        }
        switch head.timeout {
        case .none: break
        case .malformed:
            return refuse(RPCStatus(.invalidArgument, "grpc-timeout is not one to eight digits and a unit"))
        case .nanoseconds(let timeout):
            let deadline = loop.now &+ timeout
            context.deadline = deadline
            if timeout == 0 { return refuse(.deadlinePassed) }
            loop.wheel.arm(self, at: deadline)
        }
        guard let route else {
            keepPath(context.unknownPath)
            return refuse(RPCStatus(.unimplemented, "unknown method \(context.unknownPath)"))
        }
        if head.encoding == .unknown {
            context.route = route
            context.methodIndex = route.index
            return refuse(
                RPCStatus(
                    .unimplemented, "grpc-encoding is neither identity nor gzip",
                    trailers: [("grpc-accept-encoding", "identity,gzip")]))
        }
        admit(route, fits: fits)
        if !isDecided, case .bidirectional(let open) = route.entry.handler { begin(open) }
    }

    /// Asks the interceptor, and counts what the call holds for whoever calls. Decided when it may not go on.
    ///
    /// - Parameter fits: whether what came so far is counted.
    func admit(_ route: Route, fits: Bool) {
        func refuse(_ status: RPCStatus) {
            if !fits { dropHeaders() }
            finish(status)
        }
        context.route = route
        context.methodIndex = route.index
        connection.refreshPeer()
        do throws(RPCStatus) {
            try loop.shared.interceptor.begin(context, method: route.entry)
        } catch { return refuse(error) }
        if let owner = context.memoryAccount {
            connection.isKnown = true
            guard adopt(owner), fits || reserve() else { return refuse(status(of: .budget)) }
        } else if !fits {
            return refuse(status(of: .budget))
        } else if web != nil, !adoptForAnybody() {
            return refuse(status(of: .budget))
        }
    }

    private func begin(_ open: @Sendable (CallContext, StreamWriter) throws(RPCStatus) -> any MessageReceiver) {
        let writer = StreamWriter(
            loop: loop, stream: context.stream, limits: connection.limits,
            messages: route?.entry.maxQueuedMessages, memory: connection.writerMemory, account: account)
        do throws(RPCStatus) {
            let receiver = try open(context, writer)
            producer = .writer(writer, receiver)
            request = .messages(.flowing, hasEnded: false)
            connection.streamingCount += 1
            startResponse()
            if loop.isDraining { tellDraining() }
        } catch {
            writer.close()
            finish(error)
        }
    }

    // MARK: Messages

    /// Bytes of DATA frames. What a finished call still receives is dropped.
    func receive(_ bytes: UnsafePointer<UInt8>, _ length: Int) {
        connection.creditConnection(length)
        guard !isDecided else { return dropRest(length) }
        let isPaused: Bool
        switch request {
        case .message, .webBody: isPaused = false
        case .messages(let flow, _): isPaused = flow == .paused
        case .foreign(let httpStatus): return discard(length, httpStatus)
        case .headers, .waiting, .postponed, .delivered, .dropped, .webReading: return
        }
        let expected = prefix?.messageEnd ?? .max
        let growth = inbox.growth(for: length, of: expected)
        if growth > 0, !(isPaused ? reserveUnderWay(growth) : reserve(growth)) {
            return abort(status(of: .budget))
        }
        guard inbox.append(bytes, length, of: expected) else {
            return abort(status(of: .memory))
        }
        connection.bufferedRequestBytes += length
        if connection.bufferedRequestBytes > connection.limits.maxBufferedRequestBytes {
            return abort(status(of: .connectionBuffer(limit: connection.limits.maxBufferedRequestBytes)))
        }
        uncredited += length
        if case .writer(let writer, let receiver) = producer {
            deliver(to: receiver, writer)
        } else if case .webBody = request {
            if inbox.count > maximumWebBytes { return refuseWebBody() }
        } else if let prefix = checkPrefix(), inbox.count > prefix.messageEnd {
            abort(.tooManyMessages)
        }
        if takesMore, uncredited > connection.limits.streamWindowBytes / 4 { creditStream() }
    }

    /// A request that is none of gRPC's is answered at its end, or when it gets long.
    private func discard(_ length: Int, _ httpStatus: Int) {
        uncredited += length
        if uncredited > Self.discardedBytes { refuse(httpStatus: httpStatus) }
    }

    private static let discardedBytes = 65_536

    /// Of a request that is answered already; in a form of the web the peer may send so much more of it.
    private func dropRest(_ length: Int) {
        guard isPlain else { return }
        uncredited += length
        if uncredited > Self.discardedBytes, isOver { stopRequest() }
    }

    /// The whole answer is sent, and the peer need not send the rest of its request (RFC 9113, section 8.1).
    func stopRequest() {
        guard let session = connection.session, nghttp2_session_get_stream_local_close(session, id) == 1 else { return }
        nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, NGHTTP2_NO_ERROR.rawValue)
        connection.needsFlush()
    }

    /// Opens the peer's window for what was received and dealt with.
    func creditStream() {
        guard uncredited > 0, let session = connection.session else { return }
        // The session belongs to the connection, which outlives the stream.
        nghttp2_session_consume_stream(session, id, uncredited)
        uncredited = 0
    }

    /// The length prefix at the front; nil when it is not there yet or ends the call.
    private func checkPrefix() -> MessagePrefix? {
        if let prefix { return prefix }
        let bytes = inbox.bytes
        guard bytes.count >= MessagePrefix.bytes else { return nil }
        let length = Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self)))
        guard bytes[0] <= 1 else {
            abort(RPCStatus(.internalError, "compressed flag of a message is neither 0 nor 1"))
            return nil
        }
        guard bytes[0] == 0 || head.encoding == .gzip else {
            abort(RPCStatus(.internalError, "compressed message without grpc-encoding"))
            return nil
        }
        if let limit = route?.maxMessageBytes, length > limit {
            abort(status(of: .message("message of \(length) bytes", limit: limit)))
            return nil
        }
        let checked = MessagePrefix(length: length, isCompressed: bytes[0] == 1)
        prefix = checked
        return checked
    }

    /// Hands the first message, all of which is there, to `body` and takes it off the inbox; the span is valid only
    /// inside. Returns false when it could not be decompressed, which ends the call.
    func withMessage(_ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
        guard let prefix, prefix.messageEnd <= inbox.count else {
            abort(.truncated)
            return false
        }
        let packed = UnsafeRawBufferPointer(rebasing: inbox.bytes[MessagePrefix.bytes..<prefix.messageEnd])
        let limit = route?.maxMessageBytes ?? connection.limits.maxMessageBytes
        requestMessages += 1
        requestBytes += UInt64(prefix.length)
        context.requestWasCompressed = prefix.isCompressed
        if prefix.isCompressed {
            var output = loop.takeInflated()
            defer { loop.keepInflated(&output) }
            switch loop.compression.inflate(packed, into: &output, limit: limit) {
            case .done: output.withUnsafeBytes { body($0) }
            case .tooLarge:
                abort(status(of: .message("decompressed message", limit: limit)))
                return false
            case .broken:
                abort(RPCStatus(.internalError, "compressed message is not gzip"))
                return false
            }
        } else {
            body(packed)
        }
        if context.wantsAnotherRun {
            requestMessages -= 1
            requestBytes -= UInt64(prefix.length)
            return true
        }
        self.prefix = nil
        if !isDecided {
            inbox.consume(prefix.messageEnd)
            connection.bufferedRequestBytes -= prefix.messageEnd
        }
        return true
    }

    /// Gives complete messages to the receiver until it pauses.
    func deliver(to receiver: any MessageReceiver, _ writer: StreamWriter) {
        guard case .messages(let flow, let hasEnded) = request, flow != .parked else { return }
        request = .messages(writer.isPaused ? .paused : .flowing, hasEnded: hasEnded)
        while case .messages(.flowing, _) = request, let prefix = checkPrefix(), inbox.count >= prefix.messageEnd {
            guard !connection.turnWasOver, connection.hasTurn(loop.clock()) else {
                request = .messages(.parked, hasEnded: hasEnded)
                return connection.park(self)
            }
            var failure: RPCStatus?
            let fine = withMessage { message in
                do throws(RPCStatus) { try receiver.receive(Array(message)) } catch { failure = error }
            }
            if let failure { return drop(failure, writer) }
            if !fine { return }
            request = .messages(writer.isPaused ? .paused : .flowing, hasEnded: hasEnded)
        }
        if isDecided { return }
        if inbox.count == 0 { shrinkInbox() }
        guard case .messages(.flowing, hasEnded: true) = request else { return }
        if inbox.count > 0 { return abort(.truncated) }
        request = .delivered
        do throws(RPCStatus) { try receiver.halfClosed() } catch { drop(error, writer) }
    }

    /// The next message may be a small one, or never come.
    func shrinkInbox() {
        inbox.reset()
        settle()
    }

    /// A bidirectional handler threw: it gets no more messages; what it had sent before leaves before the status.
    private func drop(_ status: RPCStatus, _ writer: StreamWriter) {
        guard !isDecided else { return }
        request = .dropped
        if inbox.count == 0 { shrinkInbox() }
        writer.finish(status)
    }

    /// The peer has sent END_STREAM.
    func requestEnded() {
        guard !isDecided else { return }
        switch request {
        case .foreign(let httpStatus): refuse(httpStatus: httpStatus)
        case .message: messageEnded()
        case .webBody: webBodyEnded()
        case .messages(let flow, _):
            request = .messages(flow, hasEnded: true)
            if case .writer(let writer, let receiver) = producer { deliver(to: receiver, writer) }
        case .headers, .waiting, .postponed, .delivered, .dropped, .webReading: break
        }
    }

    func messageEnded() {
        guard inbox.count > 0 else {
            return finish(RPCStatus(.unimplemented, "the method takes one request message and none came"))
        }
        guard let prefix = checkPrefix() else {
            if !isDecided { finish(.truncated) }
            return
        }
        if inbox.count < prefix.messageEnd { return finish(.truncated) }
        // Newcomers go behind those that wait.
        if connection.turnWasOver || !begin(loop.clock()) {
            request = .waiting(since: loop.clock())
            connection.park(self)
        }
    }

    /// Whether the connection may begin another reply: of replies that are made on other threads by what they will
    /// probably hold, so that many begun at once cannot add up to what one by one would have waited. One of each party
    /// on the connection may be begun in any case, unless what is made already is not read.
    private func hasReplyRoom(_ expected: Int) -> Bool {
        let limit = connection.limits.maxBufferedReplyBytes
        if connection.bufferedReplyBytes > limit { return false }
        guard isDeferred else { return true }
        if connection.waitsForRoom { return false }
        let begun = connection.bufferedReplyBytes + connection.expectedReplyBytes
        if begun + expected <= limit { return true }
        if !connection.streams.contains(where: { $0.expectedReply > 0 && $0.account === account }) { return true }
        connection.waitsForRoom = true
        return false
    }

    private var isDeferred: Bool {
        switch route?.entry.handler {
        case .deferrable, .web: true
        case .unary, .serverStream, .bidirectional, nil: false
        }
    }

    /// No expectation keeps a party with a small budget from calling at all.
    private var expectation: Int { min(route?.expectedReplyBytes ?? 0, (account?.limit ?? .max) / 8) }

    /// Time that a call waits for the budgets before it is refused, in nanoseconds.
    private static let budgetPatience: UInt64 = 10_000_000_000

    /// Begins the handler of a call whose request is complete; false when it has to wait.
    private func begin(_ now: UInt64) -> Bool {
        // Whoever asked no longer waits.
        if let deadline = context.deadline, now >= deadline {
            finish(.deadlinePassed)
            return true
        }
        let expected = expectation
        guard hasReplyRoom(expected), connection.hasTurn(now) else { return false }
        guard reserve(expected) else {
            guard case .waiting(let since) = request, now &- since > Self.budgetPatience else { return false }
            finish(status(of: .budget))
            return true
        }
        request = .delivered
        runHandler(expected)
        return true
    }

    /// The handler asked to be run again, which is when it is woken.
    func postpone() {
        context.wantsAnotherRun = false
        guard !isDecided else { return }
        request = .postponed
        settle()
    }

    /// What a parked handler waited for may be there.
    func wakeHandler() {
        guard case .postponed = request, !isDecided else { return }
        request = .waiting(since: loop.clock())
        connection.park(self)
        connection.roomMayBeThere = true
        connection.needsFlush()
    }

    /// A waiting call's next attempt; false when it has to wait on.
    func unpark() -> Bool {
        if case .writer(let writer, let receiver) = producer {
            guard connection.hasTurn(loop.clock()) else { return false }
            if case .messages(.parked, let hasEnded) = request {
                request = .messages(.flowing, hasEnded: hasEnded)
            }
            deliver(to: receiver, writer)
            if takesMore { creditStream() }
            return true
        }
        return begin(loop.clock())
    }

    func status(of exceeded: ExceededLimit) -> RPCStatus { loop.shared.interceptor.status(of: exceeded) }
}

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
        case 12 where name.equals("content-type"): head.isGRPC = Self.isGRPC(contentType: value)
        case 12 where name.equals("grpc-timeout"):
            head.timeout = Timeout.parse(value)
            head.timeoutIsBad = head.timeout == nil
        case 13 where name.equals("grpc-encoding"):
            head.encoding = value.equals("identity") ? .identity : value.equals("gzip") ? .gzip : .unknown
        case 14 where name.equals("content-length"): return
        case 20 where name.equals("grpc-accept-encoding"): head.acceptsGzip = value.containsText("gzip")
        default: context.metadata.append(name: name, value: value)
        }
    }

    private func addPseudoHeader(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        if name.equals(":path") {
            route = connection.loop.shared.methods.find(value)
            if route == nil { context.unknownPath = String(decoding: value.prefix(1_024), as: UTF8.self) }
        } else if name.equals(":method") {
            head.isPost = value.equals("POST")
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
        phase = .open
        context.started = loop.now
        loop.statistics.callsStarted.increment()
        let fits = reserve()
        // Strangers may be somebody, who has a part of the budget of its own.
        if !fits, account !== loop.shared.strangers || route == nil {
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
            // Behind the protocol's own checks: what HTTP/2 does not allow is an error of HTTP/2 first.
            pendingRefusal = head.isPost ? 415 : 405
            ignoresInput = true
            return dropHeaders()
        }
        if head.timeoutIsBad {
            return refuse(RPCStatus(.invalidArgument, "grpc-timeout is not one to eight digits and a unit"))
        }
        if let timeout = head.timeout {
            let deadline = loop.now &+ timeout
            context.deadline = deadline
            if timeout == 0 { return refuse(.deadlinePassed) }
            loop.wheel.arm(self, at: deadline)
        }
        guard let route else {
            return refuse(RPCStatus(.unimplemented, "unknown method \(context.unknownPath)"))
        }
        context.route = route
        context.methodIndex = route.index
        if head.encoding == .unknown {
            return refuse(
                RPCStatus(
                    .unimplemented, "grpc-encoding is neither identity nor gzip",
                    trailers: [("grpc-accept-encoding", "identity,gzip")]))
        }
        connection.refreshPeer()
        beganInterceptor = true
        do throws(RPCStatus) {
            try loop.shared.interceptor.begin(context, method: route.entry)
        } catch { return refuse(error) }
        if let owner = context.memoryAccount {
            connection.isKnown = true
            guard adopt(owner), fits || reserve() else { return refuse(status(of: .budget)) }
        } else if !fits {
            return refuse(status(of: .budget))
        }
        if case .bidirectional(let open) = route.entry.handler { begin(open) }
    }

    private func begin(_ open: @Sendable (CallContext, StreamWriter) throws(RPCStatus) -> any MessageReceiver) {
        let writer = StreamWriter(
            loop: loop, stream: context.stream, limits: connection.limits,
            messages: route?.entry.maxQueuedMessages, memory: connection.writerMemory, account: account)
        do throws(RPCStatus) {
            let receiver = try open(context, writer)
            producer = .writer(writer, receiver)
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
        guard phase == .open, !ignoresInput else { return discard(length) }
        let expected = prefixChecked ? 5 + prefixLength : .max
        let growth = inbox.growth(for: length, of: expected)
        if growth > 0, !(readingPaused ? reserveUnderWay(growth) : reserve(growth)) {
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
        } else if checkPrefix(), inbox.count > 5 + prefixLength {
            abort(.tooManyMessages)
        }
        if !readingPaused, !parked, uncredited > connection.limits.streamWindowBytes / 4 { creditStream() }
    }

    /// What no handler wants. A request that is none of gRPC's is answered at its end, or when it gets long.
    private func discard(_ length: Int) {
        guard pendingRefusal > 0, phase == .open else { return }
        uncredited += length
        if uncredited > Self.discardedBytes { refuse(httpStatus: pendingRefusal) }
    }

    private static let discardedBytes = 65_536

    /// Opens the peer's window for what was received and dealt with.
    func creditStream() {
        guard uncredited > 0, let session = connection.session else { return }
        // The session belongs to the connection, which outlives the stream.
        nghttp2_session_consume_stream(session, id, uncredited)
        uncredited = 0
    }

    /// Looks at the length prefix at the front; false when it is not there yet or ends the call.
    private func checkPrefix() -> Bool {
        if prefixChecked { return true }
        let bytes = inbox.bytes
        guard bytes.count >= 5 else { return false }
        let length = Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self)))
        guard bytes[0] <= 1 else {
            abort(RPCStatus(.internalError, "compressed flag of a message is neither 0 nor 1"))
            return false
        }
        guard bytes[0] == 0 || head.encoding == .gzip else {
            abort(RPCStatus(.internalError, "compressed message without grpc-encoding"))
            return false
        }
        if let limit = route?.maxMessageBytes, length > limit {
            abort(status(of: .message("message of \(length) bytes", limit: limit)))
            return false
        }
        prefixChecked = true
        prefixLength = length
        prefixCompressed = bytes[0] == 1
        return true
    }

    /// Hands the first message to `body` and takes it off the inbox; the span is valid only inside.
    /// Returns false when it could not be decompressed, which ends the call.
    private func withMessage(_ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
        let packed = UnsafeRawBufferPointer(rebasing: inbox.bytes[5..<5 + prefixLength])
        let limit = route?.maxMessageBytes ?? connection.limits.maxMessageBytes
        requestMessages += 1
        requestBytes += UInt64(prefixLength)
        context.requestWasCompressed = prefixCompressed
        let length = 5 + prefixLength
        if prefixCompressed {
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
        prefixChecked = false
        if phase == .open {
            inbox.consume(length)
            connection.bufferedRequestBytes -= length
        }
        return true
    }

    /// Gives complete messages to the receiver until it pauses.
    func deliver(to receiver: any MessageReceiver, _ writer: StreamWriter) {
        guard !parked else { return }
        readingPaused = writer.isPaused
        while phase == .open, !ignoresInput, !readingPaused, checkPrefix(), inbox.count >= 5 + prefixLength {
            guard !connection.turnWasOver, connection.hasTurn(loop.clock()) else { return connection.park(self) }
            var failure: RPCStatus?
            let fine = withMessage { message in
                do throws(RPCStatus) { try receiver.receive(Array(message)) } catch { failure = error }
            }
            if let failure { return endByHandler(failure) }
            if !fine { return }
            readingPaused = writer.isPaused
        }
        if inbox.count == 0, phase == .open {
            // The next message may be a small one, or never come.
            inbox.reset()
            settle()
        }
        guard phase == .open, !ignoresInput, endPending, !readingPaused else { return }
        if inbox.count > 0 { return abort(.truncated) }
        endPending = false
        do throws(RPCStatus) { try receiver.halfClosed() } catch { endByHandler(error) }
    }

    /// The peer has sent END_STREAM.
    func requestEnded() {
        guard phase == .open else { return }
        endPending = true
        if pendingRefusal > 0 { return refuse(httpStatus: pendingRefusal) }
        if case .writer(let writer, let receiver) = producer { return deliver(to: receiver, writer) }
        guard case .none = producer else { return }
        guard inbox.count > 0 else {
            return finish(RPCStatus(.unimplemented, "the method takes one request message and none came"))
        }
        guard checkPrefix() else {
            if phase == .open { finish(.truncated) }
            return
        }
        if inbox.count < 5 + prefixLength { return finish(.truncated) }
        // Newcomers go behind those that wait.
        if connection.turnWasOver || !begin(loop.clock()) { connection.park(self) }
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
        if let route, case .deferrable = route.entry.handler { true } else { false }
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
            guard parked, now &- parkedSince > Self.budgetPatience else { return false }
            finish(status(of: .budget))
            return true
        }
        parked = false
        runHandler(expected)
        return true
    }

    /// A parked call's next attempt; false when it has to wait on.
    func unpark() -> Bool {
        if case .writer(let writer, let receiver) = producer {
            guard connection.hasTurn(loop.clock()) else { return false }
            parked = false
            deliver(to: receiver, writer)
            if !readingPaused, !parked { creditStream() }
            return true
        }
        return begin(loop.clock())
    }

    private func status(of exceeded: ExceededLimit) -> RPCStatus { loop.shared.interceptor.status(of: exceeded) }

    /// The one request message is complete.
    private func runHandler(_ expected: Int) {
        guard let route, phase == .open else { return }
        switch route.entry.handler {
        case .unary(let handler):
            var reply = body.takeStorage()
            var failure: RPCStatus?
            let fine = withMessage { message in
                do throws(RPCStatus) { try handler(context, message.bytes, &reply) } catch { failure = error }
            }
            if let failure {
                body.keep(&reply)
                return finish(failure)
            }
            if fine, phase == .open { sendUnary(&reply) }
        case .deferrable(let handler): runDeferrable(handler, expected)
        case .serverStream(let handler):
            var failure: RPCStatus?
            var source: (any MessageSource)?
            let fine = withMessage { message in
                do throws(RPCStatus) { source = try handler(context, message.bytes) } catch { failure = error }
            }
            if let failure { return finish(failure) }
            guard fine, let source else { return }
            producer = .source(source)
            connection.streamingCount += 1
            startResponse()
            if loop.isDraining { tellDraining() }
        case .bidirectional: break
        }
    }

    private func runDeferrable(
        _ handler: (CallContext, RawSpan) throws(RPCStatus) -> UnaryAnswer, _ expected: Int
    ) {
        var result: Result<UnaryAnswer, RPCStatus>?
        let fine = withMessage { message in
            do throws(RPCStatus) {
                result = .success(try handler(context, message.bytes))
                heldRequest = message.count
            } catch {
                result = .failure(error)
            }
        }
        guard fine, phase == .open, let result else { return }
        switch result {
        case .failure(let status): finish(status)
        case .success(.now(let make)):
            heldRequest = 0
            var reply = body.takeStorage()
            do throws(RPCStatus) {
                try make(&reply)
                sendUnary(&reply)
            } catch {
                body.keep(&reply)
                finish(error)
            }
        case .success(.later(let start)):
            let responder = UnaryResponder(loop: loop, stream: context.stream)
            producer = .responder(responder)
            expectedReply = expected
            connection.expectedReplyBytes += expected
            start(responder)
            guard phase == .open else { return }
            inbox.reset()
            settle()
        }
    }
}

extension RPCStatus {
    static let deadlinePassed = RPCStatus(.deadlineExceeded, "deadline exceeded")
    static let truncated = RPCStatus(.internalError, "the request ends inside a message")
    static let tooManyMessages = RPCStatus(.unimplemented, "the method takes one request message and more came")
}

extension UnsafeBufferPointer<UInt8> {
    /// Compares with text known at compile time.
    @inline(__always)
    func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount, let baseAddress else { return false }
        // Both hold `count` bytes.
        return memcmp(baseAddress, text.utf8Start, count) == 0
    }

    /// Without spaces and tabs at its ends: gRPC lets a sender put them there, and they mean nothing.
    var withoutBlanks: UnsafeBufferPointer<UInt8> {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        guard let first, let last, isBlank(first) || isBlank(last) else { return self }
        guard let start = firstIndex(where: { !isBlank($0) }), let end = lastIndex(where: { !isBlank($0) }) else {
            return UnsafeBufferPointer(rebasing: self[..<0])
        }
        return UnsafeBufferPointer(rebasing: self[start...end])
    }

    /// Searches for text known at compile time.
    func containsText(_ text: StaticString) -> Bool {
        guard let baseAddress else { return false }
        // Both ranges are given with their lengths.
        return engine_find(baseAddress, count, text.utf8Start, text.utf8CodeUnitCount) >= 0
    }
}

import CNghttp2
import Glibc

/// The response side of a call: headers, messages as the peer takes them, status.
extension Stream {
    private var loop: EventLoop { connection.loop }

    private var opaque: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    // MARK: Starting

    /// Sends the response headers and lets nghttp2 pull the body.
    func startResponse() {
        guard let session = connection.session, case .none = reply else { return }
        reply = .flowing
        lastTaken = loop.now
        replyCompression = context.compressReply && head.acceptsGzip
        var provider = dataProvider
        let result: Int32
        if context.initialMetadata.isEmpty, !replyCompression {
            let headers = loop.shared.prebuilt.responseHeaders
            result = nghttp2_submit_response(session, id, headers.baseAddress, headers.count, &provider)
        } else {
            var list = HeaderList()
            list.add(":status", "200")
            list.add("content-type", "application/grpc")
            if replyCompression { list.add("grpc-encoding", "gzip") }
            list.add(context.initialMetadata)
            result = list.submit { nghttp2_submit_response(session, id, $0, $1, &provider) }
        }
        if result != 0 { connection.fail("response headers could not be queued") }
        if isStreaming { connection.yieldToUnary(self) }
        connection.needsFlush()
    }

    /// Has nghttp2 ask this stream for DATA.
    var dataProvider: nghttp2_data_provider {
        var provider = nghttp2_data_provider()
        // nghttp2 gives this pointer back only while the stream is open, and the connection holds it that long.
        provider.source.ptr = opaque
        provider.read_callback = { _, _, _, length, flags, source, _ in
            guard let pointer = source?.pointee.ptr, let flags else {
                return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
            }
            return Unmanaged<Stream>.fromOpaque(pointer)._withUnsafeGuaranteedRef { $0.produce(length, flags) }
        }
        return provider
    }

    /// The reply of a unary call. The array's memory is kept for the next one.
    func sendUnary(_ message: inout [UInt8]) {
        if case .method(let translation) = web { return answerWeb(translation, message) }
        startResponse()
        append(&message)
        body.keep(&message)
        connection.bufferedReplyBytes += body.count
        route?.noteReply(body.count)
        settle()
        reply = .ending
    }

    private func append(_ message: inout [UInt8]) {
        if isPlain {
            responseMessages += 1
            responseBytes += UInt64(message.count)
            if body.count == 0 { lastTaken = loop.now }
            return body.add(raw: &message)
        }
        let compress = replyCompression && context.compressReply && loop.compression.deflate(&message)
        responseMessages += 1
        responseBytes += UInt64(message.count)
        if body.count == 0 { lastTaken = loop.now }
        body.add(&message, compressed: compress)
    }

    // MARK: Body

    /// nghttp2 asks for up to `length` bytes of DATA; they are copied by ``Connection/sendData(_:_:_:)``.
    func produce(_ length: Int, _ flags: UnsafeMutablePointer<UInt32>) -> Int {
        // Promised bytes are sent without a question; after the trailers there is nothing else.
        if case .over = reply { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
        if !isDecided { fill(length) }
        if isPlain, isStreaming, isDecided, status.code != .ok {
            // Nothing of a response could say that it is not whole.
            resetWeb()
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        let available = body.count
        if available == 0, !isDecided {
            reply = .idle
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        let count = min(available, length)
        var set = NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        if isDecided, count == available {
            set |= NGHTTP2_DATA_FLAG_EOF.rawValue
            if !isPlain {
                set |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
                submitTrailers()
            } else {
                reply = .over
            }
        }
        promised = count
        settle()
        // Points to a variable of nghttp2 for the time of this call.
        flags.pointee |= set
        return count
    }

    /// Takes messages from the source until `wanted` bytes are there or it has nothing more to say.
    private func fill(_ wanted: Int) {
        switch producer {
        case .source(let source):
            var message = loop.takeScratch()
            defer { loop.keepScratch(&message) }
            while body.count < wanted, body.takesMore, !isDecided {
                do throws(RPCStatus) {
                    switch try source.next(into: &message) {
                    case .message: append(&message)
                    case .pending: return
                    case .end: end(with: .ok)
                    }
                } catch { end(with: error) }
                message.removeAll(keepingCapacity: true)
            }
        case .writer(let writer, let receiver):
            while body.count < wanted, body.takesMore, !isDecided {
                let (next, becameWritable) = writer.next()
                if becameWritable { receiver.writable() }
                switch next {
                case .message(var message): append(&message)
                case .pending: return
                case .end(let status): end(with: status)
                }
            }
        case .none, .responder: break
        }
    }

    /// The handler's side is over; what is in the body still leaves.
    private func end(with status: RPCStatus) {
        self.status = status
        reply = .ending
    }

    /// There may be something to send.
    func resume() {
        if case .postponed = request { return wakeHandler() }
        guard case .idle = reply else { return }
        reply = .flowing
        resumeData()
    }

    private func resumeData() {
        guard let session = connection.session else { return }
        lastTaken = loop.now
        nghttp2_session_resume_data(session, id)
        connection.needsFlush()
    }

    // MARK: Ending

    /// Ends the call in order: what was produced still leaves, then the status.
    func finish(_ status: RPCStatus) {
        guard !isDecided else { return }
        let before = reply
        end(with: status)
        forgetExpectedReply()
        settle()
        switch before {
        case .none: submitTrailersOnly()
        case .idle: resumeData()
        case .flowing, .ending, .over: break
        }
    }

    /// Ends the call at once, whatever is under way: deadline, revoked access, broken request, drain.
    func abort(_ status: RPCStatus) {
        if case .over = reply { return }
        let before = reply
        let wasDecided = isDecided
        end(with: status)
        if !wasDecided { tellHandler(status) }
        if case .none = before { return submitTrailersOnly() }
        if promised == 0 {
            connection.bufferedReplyBytes -= bufferedReply
            body.reset()
            connection.roomMayBeThere = true
        }
        settle()
        // Past the body rather than behind it: DATA may wait for the peer's window, trailers do not. They may follow
        // half a message; their status is never OK, so that nobody takes what came before for the whole.
        submitTrailers()
        connection.needsFlush()
    }

    /// Unary bytes that count against the connection's reply limit.
    var bufferedReply: Int { isStreaming ? 0 : body.count }

    /// Something waits for the peer to take it: bytes, or bytes that nobody asked for yet because it gives no window.
    var hasUnread: Bool {
        switch reply {
        case .flowing, .ending: true
        case .none, .idle, .over: body.count > 0
        }
    }

    /// The peer has taken nothing of what waits for it for too long.
    func endUnread() {
        let status = loop.shared.interceptor.status(of: .unread(seconds: connection.limits.unreadTimeout))
        if promised == 0 { abort(status) }
        guard body.count > 0, let session = connection.session else { return }
        // Begun to be sent: only a reset lets go of it.
        if !isDecided { abort(status) }
        nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, NGHTTP2_CANCEL.rawValue)
        connection.needsFlush()
    }

    /// The deferred answer has come, or never will.
    func forgetExpectedReply() {
        guard expectedReply > 0 || heldRequest > 0 else { return }
        connection.expectedReplyBytes -= expectedReply
        expectedReply = 0
        heldRequest = 0
        connection.roomMayBeThere = true
        // Calls that waited for this one.
        if !connection.parked.isEmpty { connection.needsFlush() }
    }

    private func tellHandler(_ status: RPCStatus?) {
        context.isCancelled = true
        switch producer {
        case .source(let source): source.cancel()
        case .writer(let writer, let receiver):
            writer.close()
            receiver.cancelled(status)
        case .responder(let responder): responder.cancel()
        case .none: break
        }
    }

    /// The stream is gone. Everything it holds is let go, and the interceptor learns how the call ended.
    func closed() {
        loop.wheel.disarm(self)
        connection.bufferedRequestBytes -= inbox.count
        connection.bufferedReplyBytes -= bufferedReply
        connection.roomMayBeThere = true
        forgetExpectedReply()
        settleFinally()
        guard hasHeaders else { return }
        let cut = if case .over = reply { false } else { true }
        if !isDecided { tellHandler(nil) }
        context.isCancelled = cut
        if isStreaming { connection.streamingCount -= 1 }
        if cut, !isDecided || status.code == .ok {
            status = RPCStatus(.cancelled, "the peer cancelled the call or vanished")
        }
        if case .writer(let writer, _) = producer { writer.close() }
        let outcome = CallOutcome(
            code: status.code, message: status.message, requestBytes: requestBytes, responseBytes: responseBytes,
            requestMessages: requestMessages, responseMessages: responseMessages,
            durationNanoseconds: loop.now &- context.started)
        loop.statistics.callsFinished.increment()
        loop.shared.interceptor.end(context, method: route?.entry, outcome: outcome)
    }

    // MARK: Status

    private func submitTrailers() {
        guard let session = connection.session, case .ending = reply else { return }
        if isPlain { return resetWeb() }
        reply = .over
        let result: Int32
        if status.code == .ok, status.message.isEmpty, context.trailers.isEmpty, status.trailers.isEmpty {
            let trailers = loop.shared.prebuilt.okTrailers
            result = nghttp2_submit_trailer(session, id, trailers.baseAddress, trailers.count)
        } else {
            var list = HeaderList()
            list.add(status, context.trailers)
            result = list.submit { nghttp2_submit_trailer(session, id, $0, $1) }
        }
        if result != 0 { connection.fail("trailers could not be queued") }
    }

    private func submitTrailersOnly() {
        guard let session = connection.session, case .ending = reply else { return }
        if let web { return submitWebFailure(web) }
        if !head.isGRPC, let handler = loop.shared.web { return submitWebRefusal(handler) }
        reply = .over
        var list = HeaderList()
        list.add(":status", "200")
        list.add("content-type", "application/grpc")
        list.add(context.initialMetadata)
        list.add(status, context.trailers)
        let result = list.submit { nghttp2_submit_response(session, id, $0, $1, nil) }
        if result != 0 { connection.fail("status could not be queued") }
        connection.needsFlush()
    }

    /// No gRPC request at all: answered in terms of HTTP.
    func refuse(httpStatus: Int) {
        guard let session = connection.session else { return }
        settle()
        let reason = httpStatus == 405 ? "method is not POST" : "content-type is not application/grpc"
        // What browsers and scanners send is no fault of the server: told apart from those by its code.
        status = RPCStatus(.unimplemented, reason)
        reply = .over
        var list = HeaderList()
        list.add(":status", String(httpStatus))
        if httpStatus == 405 { list.add("allow", "POST") }
        let result = list.submit { nghttp2_submit_response(session, id, $0, $1, nil) }
        if result != 0 { connection.fail("status could not be queued") }
        connection.needsFlush()
    }
}

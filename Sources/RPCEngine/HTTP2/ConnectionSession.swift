import CNghttp2
import Glibc

/// HTTP/2: what nghttp2 reports about frames, headers and streams.
extension Connection {
    func startSession() -> Bool {
        let template = loop.shared.sessionTemplate
        // Unretained: the loop holds the connection for as long as the session exists.
        let opaque = Unmanaged.passUnretained(self).toOpaque()
        guard nghttp2_session_server_new2(&session, template.callbacks, opaque, template.options) == 0, let session
        else { return false }
        var settings = [
            // Replaced by the real limit on its way out: see patchSettings.
            entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, Int(Int32.max)),
            entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.streamWindowBytes),
            entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.maxHeaderListBytes),
            entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
        ]
        let flags = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        return nghttp2_submit_settings(session, flags, &settings, settings.count) == 0
            && nghttp2_session_set_local_window_size(
                session, flags, 0, Int32(clamping: limits.connectionWindowBytes)) == 0
    }

    private func entry(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: UInt32(clamping: value))
    }

    func find(_ token: StreamToken) -> Stream? {
        guard token.connection == id, let stream = stream(token.stream), stream.context.id == token.call else {
            return nil
        }
        return stream
    }

    func stream(_ id: Int32) -> Stream? {
        if let latest, latest.id == id { return latest }
        guard let session, let pointer = nghttp2_session_get_stream_user_data(session, id) else { return nil }
        // Set in beganHeaders, cleared before the stream is let go.
        let stream = Unmanaged<Stream>.fromOpaque(pointer).takeUnretainedValue()
        latest = stream
        return stream
    }

    func creditConnection(_ length: Int) {
        uncredited += length
        guard uncredited > limits.connectionWindowBytes / 8, let session else { return }
        nghttp2_session_consume_connection(session, uncredited)
        uncredited = 0
    }

    /// Streaming replies wait behind unary ones and share what is left among themselves.
    func yieldToUnary(_ stream: Stream) {
        guard let session else { return }
        var priority = nghttp2_extpri(urgency: UInt32(NGHTTP2_EXTPRI_DEFAULT_URGENCY) + 1, inc: 1)
        nghttp2_session_change_extpri_stream_priority(session, stream.id, &priority, 1)
    }

    // MARK: Callbacks

    /// Every frame is counted before it costs anything.
    func beganFrame(_ header: nghttp2_frame_hd) {
        let now = loop.now
        let ends = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        switch UInt32(header.type) {
        case NGHTTP2_DATA.rawValue:
            if header.length == 0, !ends, !budgets.useless.take(now: now) { punish("empty DATA flood") }
            if header.length < 64, !ends, !budgets.smallData.take(now: now) { punish("flood of small DATA") }
        case NGHTTP2_HEADERS.rawValue:
            checkClosed(header.stream_id, isData: false)
            if state == .terminating { return }
            if !budgets.calls.take(now: now) { punish("call flood") }
            // The last DATA of a small request may be empty and come by itself.
            budgets.smallData.give(2)
        case NGHTTP2_PRIORITY.rawValue:
            if !budgets.useless.take(now: now) { punish("flood of frames without use") }
        case NGHTTP2_RST_STREAM.rawValue:
            lastReset = header.stream_id
            if !budgets.resets.take(now: now) { punish("reset flood") }
        case NGHTTP2_PING.rawValue:
            if !budgets.pings.take(now: now) { punish("PING flood") }
        case NGHTTP2_SETTINGS.rawValue:
            if state == .preface { state = .open }
            if !budgets.settings.take(now: now) { punish("SETTINGS flood") }
        case NGHTTP2_WINDOW_UPDATE.rawValue:
            if !budgets.windowUpdates.take(now: now) { punish("WINDOW_UPDATE flood") }
        default:
            if !budgets.useless.take(now: now) { punish("flood of frames without use") }
        }
    }

    /// Looks at frames that nghttp2 drops in silence: DATA of streams that are not open, and priorities, which count
    /// for nothing here but have rules all the same (RFC 9113, 5.3.1 and 6.3).
    func admits(_ frame: FrameScanner.Frame) {
        switch UInt32(frame.type) {
        case NGHTTP2_DATA.rawValue:
            guard frame.stream <= lastRequest, stream(frame.stream) == nil else { return }
            checkClosed(frame.stream, isData: true)
            if !budgets.smallData.take(now: loop.now) { punish("flood of DATA on closed streams") }
        case NGHTTP2_PRIORITY.rawValue:
            if frame.stream == 0 { return violate(NGHTTP2_PROTOCOL_ERROR, "PRIORITY of no stream") }
            if let word = frame.firstWord, word & UInt32(Int32.max) == UInt32(bitPattern: frame.stream) {
                violate(NGHTTP2_PROTOCOL_ERROR, "a stream that depends on itself")
            }
        default: break
        }
    }

    /// Frames of a stream that is not open (RFC 9113, 5.1 and 5.1.1). nghttp2 passes over them in silence.
    private func checkClosed(_ id: Int32, isData: Bool) {
        guard id <= lastRequest, id & 1 == 1, stream(id) == nil else { return }
        switch closedStreams.closing(of: id) {
        case .byPeer: violate(NGHTTP2_STREAM_CLOSED, "frame on a closed stream")
        case .byUs: break
        // A number that was passed over, or one of long ago, whose DATA may be late but which begins no call.
        case nil:
            if !isData, closedStreams.remembers(id) {
                violate(NGHTTP2_PROTOCOL_ERROR, "stream number below an earlier one")
            }
        }
    }

    func beganHeaders(_ pointer: UnsafePointer<nghttp2_frame>) -> Int32 {
        // Valid for the time of the callback.
        guard let session, pointer.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else { return 0 }
        let id = pointer.pointee.hd.stream_id
        latest = nil
        lastRequest = max(lastRequest, id)
        guard streams.count < limits.maxConcurrentStreams, loop.memory.reserveToRefuse(Stream.fixedBytes) else {
            closedStreams.add(id, .byUs)
            nghttp2_submit_rst_stream(session, 0, id, NGHTTP2_REFUSED_STREAM.rawValue)
            loop.statistics.streamsRefused.increment()
            if !budgets.refused.take(now: loop.now) { punish("refused stream flood") }
            return 0
        }
        let stream = loop.takeStream(for: self)
        stream.prepare(connection: self, id: id, call: loop.nextCall(), now: loop.now)
        stream.charge(Stream.fixedBytes, isKnown || isVerified ? nil : loop.shared.strangers)
        stream.slot = streams.count
        streams.append(stream)
        // Unretained: `streams` holds it until closedStream takes it out.
        nghttp2_session_set_stream_user_data(session, id, Unmanaged.passUnretained(stream).toOpaque())
        latest = stream
        lastCall = loop.now
        return 0
    }

    func receivedHeader(
        _ id: Int32, _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>
    ) -> Int32 {
        // Trailers of a request mean nothing to gRPC.
        guard let stream = stream(id), !stream.hasHeaders else { return 0 }
        stream.addHeader(name, value)
        // Small blocks can unpack to a lot: past this point nobody is mistaken, somebody is attacking.
        if stream.headerBytes > limits.maxHeaderListBytes * 4 { punish("header list bomb") }
        return 0
    }

    /// Headers cost more than they weigh on the wire, which compresses them.
    private func countHeaders(_ stream: Stream) {
        if stream.headerBytes > limits.maxHeaderListBytes, !budgets.oversizedHeaders.take(now: loop.now) {
            punish("flood of oversized headers")
        }
        var rest = stream.headerBytes - 4_096
        while rest > 0 {
            rest -= 1_024
            if !budgets.headerKiB.take(now: loop.now) { return punish("header flood") }
        }
    }

    func receivedFrame(_ pointer: UnsafePointer<nghttp2_frame>) {
        // Valid for the time of the callback; a copy of the whole union would cost more than the few reads.
        let header = pointer.pointee.hd
        let flags = UInt32(header.flags)
        switch UInt32(header.type) {
        case NGHTTP2_HEADERS.rawValue:
            guard let stream = stream(header.stream_id) else { return }
            if pointer.pointee.headers.cat == NGHTTP2_HCAT_REQUEST {
                if stream.headerBytes > 4_096 { countHeaders(stream) }
                stream.headersComplete()
            }
            if flags & NGHTTP2_FLAG_END_STREAM.rawValue != 0 { stream.requestEnded() }
        case NGHTTP2_DATA.rawValue:
            guard flags & NGHTTP2_FLAG_END_STREAM.rawValue != 0 else {
                // All of it is padding, whose length counts itself.
                if header.length > 0, header.length == pointer.pointee.data.padlen,
                    !budgets.useless.take(now: loop.now)
                {
                    punish("flood of padding")
                }
                return
            }
            stream(header.stream_id)?.requestEnded()
        case NGHTTP2_PING.rawValue where flags & NGHTTP2_FLAG_ACK.rawValue != 0:
            pingSentAt = nil
            finalGoAway()
        default: break
        }
    }

    func sentFrame(_ pointer: UnsafePointer<nghttp2_frame>) {
        // Valid for the time of the callback.
        let header = pointer.pointee.hd
        switch UInt32(header.type) {
        case NGHTTP2_HEADERS.rawValue, NGHTTP2_DATA.rawValue:
            // The answer came before the request's end: what the client still sends is of no use.
            guard UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0, let session,
                nghttp2_session_get_stream_remote_close(session, header.stream_id) == 0
            else { return }
            // A short request is better received: curl and others forget the answer for the reset.
            if let stream = stream(header.stream_id), stream.isPlain, front == nil { return }
            nghttp2_submit_rst_stream(session, 0, header.stream_id, NGHTTP2_NO_ERROR.rawValue)
        case NGHTTP2_RST_STREAM.rawValue:
            switch pointer.pointee.rst_stream.error_code {
            case NGHTTP2_NO_ERROR.rawValue, NGHTTP2_CANCEL.rawValue, NGHTTP2_REFUSED_STREAM.rawValue: break
            default:
                // The peer made us reset a stream: work begun and thrown away.
                if !budgets.faults.take(now: loop.now) { punish("stream error flood") }
            }
        default: break
        }
    }

    func closedStream(_ id: Int32) {
        let ended = session.map { nghttp2_session_get_stream_remote_close($0, id) == 1 } ?? false
        closedStreams.add(id, ended || id == lastReset ? .byPeer : .byUs)
        guard let stream = stream(id) else { return }
        latest = nil
        lastCall = loop.now
        stream.closed()
        let last = streams.removeLast()
        if last !== stream {
            last.slot = stream.slot
            streams[stream.slot] = last
        }
        loop.recycle(stream)
    }
}

/// What a connection may send without a purpose.
struct FrameBudgets {
    var resets: TokenBucket
    var faults: TokenBucket
    var refused: TokenBucket
    var pings: TokenBucket
    var settings: TokenBucket
    var windowUpdates: TokenBucket
    var useless: TokenBucket
    var smallData: TokenBucket
    var calls: TokenBucket
    var oversizedHeaders: TokenBucket
    var headerKiB: TokenBucket
    var handshakeMessages: TokenBucket

    init(_ limits: Limits) {
        resets = TokenBucket(limits.resets)
        faults = TokenBucket(limits.streamFaults)
        refused = TokenBucket(limits.refusedStreams)
        pings = TokenBucket(limits.pings)
        settings = TokenBucket(limits.settings)
        windowUpdates = TokenBucket(limits.windowUpdates)
        useless = TokenBucket(limits.uselessFrames)
        smallData = TokenBucket(limits.smallData)
        calls = TokenBucket(limits.calls)
        oversizedHeaders = TokenBucket(limits.oversizedHeaders)
        headerKiB = TokenBucket(limits.headerKiB)
        handshakeMessages = TokenBucket(limits.handshakeMessages)
    }

    /// A DATA frame of ours explains an update of the stream's window and one of the connection's.
    mutating func dataSent() { windowUpdates.give(2) }
}

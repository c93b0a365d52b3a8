import CNghttp2
import GRPCCore

/// HTTP/2: what nghttp2 reports about frames, headers and streams.
extension Connection {
    func startSession() -> Bool {
        // Unretained: the session is deleted before the connection is let go.
        let opaque = Unmanaged.passUnretained(self).toOpaque()
        let template = loop.sessionTemplate
        guard nghttp2_session_client_new2(&session, template.callbacks, opaque, template.options) == 0, let session
        else { return false }
        var settings = [
            nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: UInt32(Self.streamWindow)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
                value: UInt32(ResponseHeaders.maximumBytes)),
        ]
        let flags = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        return nghttp2_submit_settings(session, flags, &settings, settings.count) == 0
            && nghttp2_session_set_local_window_size(session, flags, 0, Int32(Self.connectionWindow)) == 0
    }

    static let brokenRules = Reason("the server broke the rules of HTTP/2")

    func receive(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let session else { return }
        let count = nghttp2_session_mem_recv(session, bytes.baseAddress, bytes.count)
        if count < 0 { doom = Self.brokenRules }
        if let doom { close(doom) }
    }

    /// True while one more call may be sent.
    var hasRoom: Bool {
        guard phase == .ready, let session else { return false }
        return calls.count < nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
    }

    /// Gives a call its stream. False when the connection has none to give, and the call has to wait for another.
    func begin(_ call: Call) -> Bool {
        guard let session else { return false }
        guard let metadata = call.metadata,
            let headers = RequestHeaders(
                path: call.path, authority: authority, metadata: metadata, waited: loop.now - call.since)
        else {
            call.fail(RPCError(code: .internalError, message: "the metadata of the call cannot be sent"))
            call.place = .over
            return true
        }
        let open = OpenCall(call, on: self)
        // Unretained: `calls` holds it until closedStream takes it out.
        let opaque = Unmanaged.passUnretained(open).toOpaque()
        var provider = nghttp2_data_provider()
        provider.source.ptr = opaque
        provider.read_callback = { _, _, target, room, flags, source, _ in
            guard let target, let flags, let pointer = source?.pointee.ptr else {
                return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
            }
            // nghttp2 asks for data of open streams only.
            return Unmanaged<OpenCall>.fromOpaque(pointer)._withUnsafeGuaranteedRef { $0.provide(target, room, flags) }
        }
        let id = headers.submit { nghttp2_submit_request(session, nil, $0, $1, &provider, opaque) }
        guard id > 0 else {
            drain(Reason("the connection has no more streams"))
            return false
        }
        open.id = id
        calls[id] = open
        call.place = .open(open)
        return true
    }

    /// Nobody waits for the answer any more.
    func cancel(_ open: OpenCall) { reset(open.id, NGHTTP2_CANCEL) }

    private func reset(_ id: Int32, _ code: nghttp2_error_code) {
        guard let session else { return }
        nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, code.rawValue)
    }

    // MARK: Callbacks

    func receivedHeader(_ id: Int32, _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        guard let open = calls[id] else { return }
        if !open.receivedHeader(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)) {
            reset(id, NGHTTP2_CANCEL)
        }
    }

    func receivedData(_ id: Int32, _ bytes: UnsafeBufferPointer<UInt8>) {
        guard let session else { return }
        nghttp2_session_consume_connection(session, bytes.count)
        if let open = calls[id], !open.received(bytes, session) { reset(id, NGHTTP2_CANCEL) }
    }

    func receivedFrame(_ pointer: UnsafePointer<nghttp2_frame>) {
        // Valid for the time of the callback.
        let header = pointer.pointee.hd
        let isLast = UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
        switch UInt32(header.type) {
        case NGHTTP2_HEADERS.rawValue:
            guard let open = calls[header.stream_id] else { return }
            if !open.endedHeaders(isLast: isLast) { return reset(header.stream_id, NGHTTP2_CANCEL) }
            // The answer came before the request's end: what is still to be sent is of no use.
            if isLast, let session, nghttp2_session_get_stream_local_close(session, header.stream_id) == 0 {
                reset(header.stream_id, NGHTTP2_NO_ERROR)
            }
        case NGHTTP2_DATA.rawValue:
            if isLast { calls[header.stream_id]?.endedWithoutTrailers() }
        case NGHTTP2_SETTINGS.rawValue:
            guard UInt32(header.flags) & NGHTTP2_FLAG_ACK.rawValue == 0 else { return }
            if phase == .settling {
                phase = .ready
                loop.ready(self)
            }
            loop.lookAgain()
        case NGHTTP2_GOAWAY.rawValue: receivedGoAway(pointer.pointee.goaway)
        default: break
        }
    }

    private func receivedGoAway(_ frame: nghttp2_goaway) {
        switch nghttp2_error_code(frame.error_code) {
        case NGHTTP2_NO_ERROR: drain(Reason("the server is going away"))
        case NGHTTP2_ENHANCE_YOUR_CALM: drain(Reason("the server asks for fewer frames"))
        default:
            let code = String(cString: nghttp2_http2_strerror(frame.error_code))
            drain(Reason("the server closed the connection (\(code))"))
        }
    }

    func closedStream(_ id: Int32, _ code: UInt32) {
        guard let open = calls.removeValue(forKey: id) else { return }
        if open.closed(code) {
            open.call.place = .over
            if !hasServed { loop.served(self) }
        } else {
            loop.refused(open.call)
        }
        loop.lookAgain()
    }
}

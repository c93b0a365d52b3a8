import CNghttp2

/// nghttp2's callbacks and options, the same for every connection of a transport.
final class SessionTemplate {
    /// Owned; nghttp2 copies both when it makes a session.
    let callbacks: OpaquePointer
    let options: OpaquePointer

    init() throws {
        var callbacks: OpaquePointer?
        var options: OpaquePointer?
        guard nghttp2_session_callbacks_new(&callbacks) == 0, let callbacks else {
            throw TransportSetupError(description: "memory is short")
        }
        guard nghttp2_option_new(&options) == 0, let options else {
            nghttp2_session_callbacks_del(callbacks)
            throw TransportSetupError(description: "memory is short")
        }
        self.callbacks = callbacks
        self.options = options
        // Window is given back by us, as messages are read.
        nghttp2_option_set_no_auto_window_update(options, 1)
        nghttp2_option_set_no_closed_streams(options, 1)
        nghttp2_option_set_max_settings(options, 32)
        nghttp2_option_set_max_send_header_block_length(options, 131_072)
        setCallbacks()
    }

    deinit {
        nghttp2_session_callbacks_del(callbacks)
        nghttp2_option_del(options)
    }

    // In every callback the last argument is the connection that made the session, which outlives it. Pointers from
    // nghttp2 are valid during the callback. Nothing in them may delete the session.

    private func setCallbacks() {
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, data in
            guard let frame, let data else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            Unmanaged<Connection>.fromOpaque(data)._withUnsafeGuaranteedRef {
                $0.calls[frame.pointee.hd.stream_id]?.beganHeaders()
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, frame, name, nameLength, value, valueLength, _, data in
            guard let frame, let data else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            Unmanaged<Connection>.fromOpaque(data)._withUnsafeGuaranteedRef {
                $0.receivedHeader(
                    frame.pointee.hd.stream_id, UnsafeBufferPointer(start: name, count: nameLength),
                    UnsafeBufferPointer(start: value, count: valueLength))
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, id, bytes, length, data in
            guard let data else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            Unmanaged<Connection>.fromOpaque(data)._withUnsafeGuaranteedRef {
                $0.receivedData(id, UnsafeBufferPointer(start: bytes, count: length))
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, data in
            guard let frame, let data else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            Unmanaged<Connection>.fromOpaque(data)._withUnsafeGuaranteedRef { $0.receivedFrame(frame) }
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, code, data in
            guard let data else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            Unmanaged<Connection>.fromOpaque(data)._withUnsafeGuaranteedRef { $0.closedStream(id, code) }
            return 0
        }
    }
}

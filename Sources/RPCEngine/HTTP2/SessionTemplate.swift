import CNghttp2
import Glibc

/// nghttp2's callbacks and options, the same for every connection. Unchecked: never changed after `init`; nghttp2
/// copies both when it makes a session.
final class SessionTemplate: @unchecked Sendable {
    let callbacks: OpaquePointer
    let options: OpaquePointer

    init() throws(EngineError) {
        var callbacks: OpaquePointer?
        var options: OpaquePointer?
        guard nghttp2_session_callbacks_new(&callbacks) == 0, let callbacks else {
            throw .system(call: "nghttp2_session_callbacks_new", error: ENOMEM)
        }
        guard nghttp2_option_new(&options) == 0, let options else {
            nghttp2_session_callbacks_del(callbacks)
            throw .system(call: "nghttp2_option_new", error: ENOMEM)
        }
        self.callbacks = callbacks
        self.options = options
        setOptions()
        setInputCallbacks()
        setOutputCallbacks()
    }

    deinit {
        nghttp2_session_callbacks_del(callbacks)
        nghttp2_option_del(options)
    }

    private func setOptions() {
        // Window is given back by us, as messages are dealt with.
        nghttp2_option_set_no_auto_window_update(options, 1)
        nghttp2_option_set_no_closed_streams(options, 1)
        // Blanks around a value would reset the stream; Stream.addHeader takes them off.
        nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(options, 1)
        // Our own buckets answer with ENHANCE_YOUR_CALM and count what nghttp2 does not; its limit stays behind them.
        nghttp2_option_set_stream_reset_rate_limit(options, 10_000, 330)
        nghttp2_option_set_max_settings(options, 32)
        nghttp2_option_set_max_outbound_ack(options, 5_000)
        nghttp2_option_set_max_send_header_block_length(options, 131_072)
        nghttp2_option_set_max_deflate_dynamic_table_size(options, 4_096)
        // Frame types that nobody defined are asked for, only to be counted: nghttp2 passes over the others in silence.
        for type in UInt8(0x0A)...UInt8.max { nghttp2_option_set_user_recv_extension_type(options, type) }
    }

    // In every callback below the last argument is the connection that made the session. It is alive: the loop holds
    // it, and the session is deleted before it is let go. Pointers from nghttp2 are valid during the callback.

    private func setInputCallbacks() {
        nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, header, data in
            guard let header, let data else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            Unmanaged<Connection>.fromOpaque(data)._withUnsafeGuaranteedRef { $0.beganFrame(header.pointee) }
            return 0
        }
        nghttp2_session_callbacks_set_unpack_extension_callback(callbacks) { _, _, _, _ in
            NGHTTP2_ERR_CANCEL.rawValue
        }
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, data in
            guard let frame, let data else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            return Unmanaged<Connection>.fromOpaque(data)._withUnsafeGuaranteedRef { $0.beganHeaders(frame) }
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, frame, name, nameLength, value, valueLength, _, data in
            guard let frame, let data else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            return Unmanaged<Connection>.fromOpaque(data)._withUnsafeGuaranteedRef {
                $0.receivedHeader(
                    frame.pointee.hd.stream_id, UnsafeBufferPointer(start: name, count: nameLength),
                    UnsafeBufferPointer(start: value, count: valueLength))
            }
        }
        nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks) { _, _, _, _, _, _, _, _ in
            // Forbidden bytes in a name or value: the stream is reset rather than the header ignored.
            NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, id, bytes, length, data in
            guard let bytes, let data else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            Unmanaged<Connection>.fromOpaque(data)._withUnsafeGuaranteedRef { connection in
                if let stream = connection.stream(id) {
                    stream.receive(bytes, length)
                } else {
                    connection.creditConnection(length)
                }
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, data in
            guard let frame, let data else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            Unmanaged<Connection>.fromOpaque(data)._withUnsafeGuaranteedRef { $0.receivedFrame(frame) }
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, _, data in
            guard let data else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            Unmanaged<Connection>.fromOpaque(data)._withUnsafeGuaranteedRef { $0.closedStream(id) }
            return 0
        }
    }

    private func setOutputCallbacks() {
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, data in
            guard let frame, let data else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            Unmanaged<Connection>.fromOpaque(data)._withUnsafeGuaranteedRef { $0.sentFrame(frame) }
            return 0
        }
        nghttp2_session_callbacks_set_send_data_callback(callbacks) { _, _, header, length, source, data in
            guard let header, let pointer = source?.pointee.ptr, let data else {
                return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
            }
            // The pointer is the stream that Stream.startResponse gave, open while it has data to send.
            return Unmanaged<Connection>.fromOpaque(data)._withUnsafeGuaranteedRef { connection in
                Unmanaged<Stream>.fromOpaque(pointer)._withUnsafeGuaranteedRef {
                    connection.sendData($0, header, length)
                }
            }
        }
    }
}

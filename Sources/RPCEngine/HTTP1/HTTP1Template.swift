import CNghttp2
import Glibc

/// nghttp2's callbacks and options of the client's side in front of the server's session, the same for every
/// connection of HTTP/1.1. Unchecked: never changed after `init`; nghttp2 copies both when it makes a session.
final class HTTP1Template: @unchecked Sendable {
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
        // Window is given back as the socket takes the response.
        nghttp2_option_set_no_auto_window_update(options, 1)
        nghttp2_option_set_no_closed_streams(options, 1)
        // The parser has bounded them.
        nghttp2_option_set_max_send_header_block_length(options, 4 << 20)
        setCallbacks()
    }

    deinit {
        nghttp2_session_callbacks_del(callbacks)
        nghttp2_option_del(options)
    }

    // In every callback below the last argument is the front that made the session, which it owns. Pointers from
    // nghttp2 are valid during the callback.

    private func setCallbacks() {
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, frame, name, nameLength, value, valueLength, _, data in
            guard let frame, let data else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            Unmanaged<HTTP1Front>.fromOpaque(data)._withUnsafeGuaranteedRef {
                $0.receivedHeader(
                    frame.pointee.hd.stream_id, UnsafeBufferPointer(start: name, count: nameLength),
                    UnsafeBufferPointer(start: value, count: valueLength))
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, id, bytes, length, data in
            guard let data else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            Unmanaged<HTTP1Front>.fromOpaque(data)._withUnsafeGuaranteedRef {
                $0.receivedData(id, UnsafeBufferPointer(start: bytes, count: length))
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, data in
            guard let frame, let data else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            Unmanaged<HTTP1Front>.fromOpaque(data)._withUnsafeGuaranteedRef { $0.receivedFrame(frame) }
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, code, data in
            guard let data else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            Unmanaged<HTTP1Front>.fromOpaque(data)._withUnsafeGuaranteedRef { $0.closedStream(id, code) }
            return 0
        }
    }
}

import CNghttp2
import GRPCCore

/// A call that has a stream of HTTP/2. Touched by the loop's thread alone.
final class OpenCall {
    let call: Call
    let connection: Connection
    /// Given by nghttp2 when the request is submitted.
    var id: Int32 = -1
    /// nghttp2 does not ask for more of the request until it is told that there is some.
    private var isDeferred = false
    private var headers: ResponseHeaders?
    private var hasHeaders = false
    private var assembler: MessageAssembler
    /// Bytes received that the server has not been given window for.
    private var owed = 0
    /// The call knows how it ended; the stream may live a little longer.
    private(set) var isAnswered = false

    init(_ call: Call, on connection: Connection) {
        self.call = call
        self.connection = connection
        assembler = MessageAssembler(maximum: call.maximumResponse)
    }

    // MARK: The request

    /// The call has changed: more to send, or messages taken.
    func changed(_ session: OpaquePointer) {
        if isDeferred, call.hasOutput {
            isDeferred = false
            nghttp2_session_resume_data(session, id)
        }
        returnWindow(session)
    }

    /// nghttp2 wants bytes of the request, at most `room`.
    func provide(_ target: UnsafeMutablePointer<UInt8>, _ room: Int, _ flags: UnsafeMutablePointer<UInt32>) -> Int {
        let (count, isLast) = call.fill(target, room)
        if isLast { flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
        if count == 0, !isLast {
            isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        return count
    }

    // MARK: The response

    func beganHeaders() { headers = ResponseHeaders() }

    /// False when the stream has to be reset.
    func receivedHeader(_ name: String, _ value: String) -> Bool {
        guard !isAnswered else { return true }
        guard headers?.add(name, value) ?? true else {
            fail(RPCError(code: .resourceExhausted, message: "the server's headers are too large"))
            return false
        }
        return true
    }

    /// False when the stream has to be reset.
    func endedHeaders(isLast: Bool) -> Bool {
        guard !isAnswered, let headers else { return true }
        self.headers = nil
        if isLast {
            guard assembler.partialBytes == 0 else {
                fail(RPCError(code: .internalError, message: "the answer ends within a message"))
                return true
            }
            do throws(RPCError) {
                finish(try headers.status(), headers.metadata)
            } catch {
                fail(error)
            }
            return true
        }
        if headers.isInterim || hasHeaders { return true }
        hasHeaders = true
        if let refusal = headers.refusal {
            fail(refusal)
            return false
        }
        call.deliver(.metadata(headers.metadata), bytes: 0)
        return true
    }

    /// False when the stream has to be reset.
    func received(_ bytes: UnsafeBufferPointer<UInt8>, _ session: OpaquePointer) -> Bool {
        owed += bytes.count
        guard !isAnswered else {
            returnWindow(session)
            return true
        }
        do throws(RPCError) {
            guard hasHeaders else { throw RPCError(code: .internalError, message: "the answer has no headers") }
            try assembler.append(bytes) { call.deliver(.message($0), bytes: $0.count + 5) }
        } catch {
            fail(error)
            return false
        }
        returnWindow(session)
        return true
    }

    /// The stream ended with data, which is no end of gRPC.
    func endedWithoutTrailers() {
        fail(RPCError(code: .internalError, message: "the server ended the call without a status"))
    }

    /// Gives the server window for what the reader has taken, and for a message that is still coming only while no
    /// other waits: so a stream holds one message and one window at most.
    private func returnWindow(_ session: OpaquePointer) {
        let partial = assembler.partialBytes
        let held = call.heldBytes { $0 > 0 && $0 + partial >= Connection.streamWindow / 4 }
        let keep = isAnswered ? 0 : held + (held > 0 ? partial : 0)
        guard owed > keep else { return }
        nghttp2_session_consume_stream(session, id, owed - keep)
        owed = keep
    }

    private func finish(_ status: Status, _ metadata: Metadata) {
        isAnswered = true
        call.finish(status, metadata)
    }

    func fail(_ error: RPCError) {
        guard !isAnswered else { return }
        isAnswered = true
        call.fail(error)
    }

    // MARK: The end

    /// nghttp2 has closed the stream. False when the server has not worked on the call, which may be sent again.
    func closed(_ code: UInt32) -> Bool {
        guard !isAnswered else { return true }
        if code == NGHTTP2_REFUSED_STREAM.rawValue { return false }
        fail(Self.error(ofReset: code))
        return true
    }

    private static func error(ofReset code: UInt32) -> RPCError {
        switch nghttp2_error_code(code) {
        case NGHTTP2_CANCEL: RPCError(code: .cancelled, message: "the server cancelled the call")
        case NGHTTP2_ENHANCE_YOUR_CALM:
            RPCError(code: .resourceExhausted, message: "the server asks for fewer calls")
        case NGHTTP2_INADEQUATE_SECURITY: RPCError(code: .permissionDenied, message: "the server asks for better TLS")
        default:
            RPCError(
                code: .internalError,
                message: "the server reset the call (\(String(cString: nghttp2_http2_strerror(code))))")
        }
    }
}

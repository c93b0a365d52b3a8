import CNghttp2
import Glibc

/// What a front asks of its connection, which owns it.
protocol HTTP1Host: AnyObject {
    /// Whether requests to a host of that name are ours to answer.
    func answers(to name: String) -> Bool
    /// What a request is answered with that is refused here.
    func refusal(_ status: RPCStatus, http: Int) -> WebResponse
    /// The value of `date`.
    var date: String { get }
}

/// HTTP/1.1 in front of a session of HTTP/2: requests are parsed and become the frames of a client, one at a time, and
/// the frames that answer them become responses. Bytes in, bytes out, on one event loop.
///
///     socket → receive → parser → client's session → nextFrames → server's session
///     socket ← output  ←          client's session ← accept     ← server's session
///
/// Behind it every limit, budget and rule is that of HTTP/2.
final class HTTP1Front {
    /// What it costs besides a connection, in bytes: nghttp2's second session.
    static let fixedBytes = 32 << 10
    /// Of a body, that the server's windows have no room for; nothing more is read meanwhile.
    private static let uploadBytes = 64 << 10

    /// A request, and its response as far as it has come.
    struct Exchange {
        enum Form {
            /// No head yet.
            case none
            case length
            case chunked
            /// The head is all of it.
            case bodiless
        }

        let stream: Int32
        let isHead: Bool
        var closes: Bool
        var owesContinue: Bool
        var requestEnded = false
        var form = Form.none
        var status = 0
        var head = ""
        var hasLength = false
    }

    private unowned let host: any HTTP1Host
    /// nghttp2_session as a client, owned.
    private var session: OpaquePointer?
    private var parser: HTTP1Parser
    /// What came behind the request under way.
    private var input: [UInt8] = []
    /// Of the request's body, what nghttp2 has not taken, from `uploadStart` on.
    private var upload: [UInt8] = []
    private var uploadStart = 0
    private var output: [UInt8] = []
    private var outputStart = 0
    private var exchange: Exchange?
    /// Bytes of DATA that went into the output, and of which stream; their window was not given back.
    private var untaken: (stream: Int32, bytes: Int) = (0, 0)
    /// The server's session takes no more requests.
    private var isLeaving = false
    /// The next answer that begins is the last.
    private var isNextLast = false
    /// Why the connection ends when the output has left; nothing is read any more.
    private(set) var farewell: String?

    /// Nil when memory is short.
    init?(host: any HTTP1Host, template: HTTP1Template, maximumHeaderBytes: Int) {
        self.host = host
        parser = HTTP1Parser(maximumHeaderBytes: maximumHeaderBytes)
        // Unretained: the session is deleted before the front goes.
        let opaque = Unmanaged.passUnretained(self).toOpaque()
        guard nghttp2_session_client_new2(&session, template.callbacks, opaque, template.options) == 0, let session
        else { return nil }
        var settings = [
            nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0)
        ]
        guard nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), &settings, settings.count) == 0
        else { return nil }
    }

    deinit {
        if let session { nghttp2_session_del(session) }
    }

    // MARK: State

    var isIdle: Bool { exchange == nil }

    /// A part of a head has come.
    var isInHead: Bool { exchange == nil && parser.isInHead }

    var hasOutput: Bool { outputStart < output.count }

    /// Whether more of the socket may be read.
    var takesInput: Bool {
        guard farewell == nil, upload.count - uploadStart < Self.uploadBytes else { return false }
        // One that came behind the request under way waits for its end.
        return input.isEmpty || exchange?.requestEnded != true
    }

    /// What is held at present, in bytes.
    var heldBytes: Int {
        Self.fixedBytes + input.capacity + upload.capacity + output.capacity + parser.heldBytes
            + (exchange?.head.utf8.count ?? 0)
    }

    // MARK: Request

    /// Bytes of the socket.
    func receive(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard farewell == nil else { return }
        input.append(contentsOf: bytes)
        parse()
    }

    /// Goes on with what came, if nothing is under way.
    func parse() {
        guard farewell == nil, exchange?.requestEnded != true else { return }
        var rest = input[...]
        input = []
        do throws(HTTP1Failure) {
            while farewell == nil, exchange?.requestEnded != true, let event = try parser.next(&rest) {
                switch event {
                case .head(let request): try begin(request)
                case .body(let bytes):
                    exchange?.owesContinue = false
                    upload.append(contentsOf: bytes)
                    resume()
                case .end:
                    exchange?.owesContinue = false
                    exchange?.requestEnded = true
                    resume()
                }
            }
            if farewell == nil { input = Array(rest) }
        } catch { refuse(error) }
    }

    private func begin(_ request: HTTP1Request) throws(HTTP1Failure) {
        guard let session, let authority = request.host else { return }
        // It came too late; whoever sent it may send it again elsewhere.
        if isLeaving { return end("the server leaves") }
        guard host.answers(to: authority.name), request.targetHost.map({ host.answers(to: $0.name) }) ?? true else {
            throw HTTP1Failure(421, "the host is none of this server's")
        }
        if request.isGRPC { throw HTTP1Failure(415, "gRPC needs HTTP/2") }
        var list = HeaderList()
        list.add(bytes: ":method".utf8, request.method)
        list.add(bytes: ":scheme".utf8, "https".utf8)
        list.add(bytes: ":authority".utf8, (request.targetHost ?? authority).text)
        list.add(bytes: ":path".utf8, request.target)
        for field in request.fields { list.add(bytes: field.name, field.value) }
        let hasBody = request.framing != .none
        var provider = dataProvider
        let stream = list.submit { fields, count in
            hasBody
                ? nghttp2_submit_request(session, nil, fields, count, &provider, nil)
                : nghttp2_submit_request(session, nil, fields, count, nil, nil)
        }
        guard stream > 0 else { throw HTTP1Failure(503, "the connection takes no more requests") }
        exchange = Exchange(
            stream: stream, isHead: request.isHead, closes: request.closes,
            owesContinue: hasBody && request.expectsContinue)
    }

    private var dataProvider: nghttp2_data_provider {
        var provider = nghttp2_data_provider()
        // nghttp2 gives this pointer back only while the session is there, which the front owns.
        provider.source.ptr = Unmanaged.passUnretained(self).toOpaque()
        provider.read_callback = { _, id, target, room, flags, source, _ in
            guard let target, let flags, let pointer = source?.pointee.ptr else {
                return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
            }
            return Unmanaged<HTTP1Front>.fromOpaque(pointer)._withUnsafeGuaranteedRef {
                $0.provide(id, target, room, flags)
            }
        }
        return provider
    }

    /// nghttp2 asks for up to `room` bytes of the request's body.
    private func provide(
        _ id: Int32, _ target: UnsafeMutablePointer<UInt8>, _ room: Int, _ flags: UnsafeMutablePointer<UInt32>
    ) -> Int {
        guard let exchange, exchange.stream == id else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
        let count = min(room, upload.count - uploadStart)
        if count == 0, !exchange.requestEnded { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
        upload.withUnsafeBufferPointer { bytes in
            // uploadStart + count <= upload.count, and the target has `room` bytes.
            if let base = bytes.baseAddress, count > 0 { memcpy(target, base + uploadStart, count) }
        }
        uploadStart += count
        if uploadStart == upload.count {
            upload.removeAll(keepingCapacity: upload.capacity <= Self.uploadBytes)
            uploadStart = 0
            if exchange.requestEnded { flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
        }
        return count
    }

    private func resume() {
        guard let session, let exchange else { return }
        // An error only says that nghttp2 is not waiting for it.
        nghttp2_session_resume_data(session, exchange.stream)
    }

    // MARK: Frames

    /// Frames for the server's session, valid until the next call; nil when there are none for now.
    func nextFrames() -> UnsafeBufferPointer<UInt8>? {
        guard let session else { return nil }
        var data: UnsafePointer<UInt8>?
        let count = nghttp2_session_mem_send(session, &data)
        if count < 0 { fail("HTTP/2 output failed") }
        return count > 0 ? UnsafeBufferPointer(start: data, count: count) : nil
    }

    /// Frames of the server's session.
    func accept(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
        guard let session else { return }
        if nghttp2_session_mem_recv(session, bytes, count) < 0 { fail("HTTP/2 input failed") }
    }

    // MARK: Output

    /// Moves up to so many bytes for the socket to a place that has room for them; the number.
    func moveOutput(to target: UnsafeMutablePointer<UInt8>, most: Int) -> Int {
        let count = min(most, output.count - outputStart)
        guard count > 0 else { return 0 }
        output.withUnsafeBufferPointer { bytes in
            // outputStart + count <= output.count; `target` has room for `most`.
            if let base = bytes.baseAddress { memcpy(target, base + outputStart, count) }
        }
        outputStart += count
        if outputStart == output.count {
            output.removeAll(keepingCapacity: exchange != nil)
            outputStart = 0
        }
        return count
    }

    var outputBytes: Int { output.count - outputStart }

    /// Everything that was moved was taken by the socket: there is window for as much again.
    func taken() {
        guard untaken.bytes > 0, !hasOutput, let session else { return }
        nghttp2_session_consume(session, untaken.stream, untaken.bytes)
        untaken.bytes = 0
    }

    /// Whoever waits for it may send the body, unless the answer is there already.
    func tellToContinue() {
        guard let exchange, exchange.owesContinue else { return }
        self.exchange?.owesContinue = false
        if case .none = exchange.form { write(HTTP1Text.goOn) }
    }

    private func write(_ text: String) { output.append(contentsOf: text.utf8) }

    // MARK: Response: callbacks of nghttp2

    func receivedHeader(
        _ id: Int32, _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>
    ) {
        // What follows a body has no place in HTTP/1.1.
        guard exchange?.stream == id, case .none? = exchange?.form else { return }
        let text = String(decoding: value, as: UTF8.self)
        if name.equals(":status") {
            exchange?.status = Int(text) ?? 500
        } else {
            if name.equals("content-length") { exchange?.hasLength = true }
            exchange?.head += "\(String(decoding: name, as: UTF8.self)): \(text)\r\n"
        }
    }

    func receivedFrame(_ pointer: UnsafePointer<nghttp2_frame>) {
        // Valid for the time of the callback.
        let header = pointer.pointee.hd
        let isLast = UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
        switch UInt32(header.type) {
        case NGHTTP2_HEADERS.rawValue:
            guard exchange?.stream == header.stream_id else { return }
            if case .none? = exchange?.form { headEnded(isLast: isLast) }
            if isLast { finish() }
        case NGHTTP2_DATA.rawValue:
            if isLast, exchange?.stream == header.stream_id { finish() }
        case NGHTTP2_GOAWAY.rawValue:
            isLeaving = true
            if pointer.pointee.goaway.error_code != NGHTTP2_NO_ERROR.rawValue { fail("the session was ended") }
        default: break
        }
    }

    private func headEnded(isLast: Bool) {
        guard var exchange else { return }
        var head = HTTP1Text.statusLine(exchange.status) + exchange.head + "date: \(host.date)\r\n"
        switch exchange.status {
        case 204, 304: exchange.form = .bodiless
        case _ where exchange.isHead: exchange.form = .bodiless
        case _ where exchange.hasLength: exchange.form = .length
        case _ where isLast:
            head += "content-length: 0\r\n"
            exchange.form = .length
        default:
            head += "transfer-encoding: chunked\r\n"
            exchange.form = .chunked
        }
        // The rest of the request is of no use, and nobody reads it to its end.
        if isLeaving || isNextLast || !exchange.requestEnded { exchange.closes = true }
        if exchange.closes { head += "connection: close\r\n" }
        write(head + "\r\n")
        exchange.head = ""
        self.exchange = exchange
    }

    func receivedData(_ id: Int32, _ bytes: UnsafeBufferPointer<UInt8>) {
        guard let session else { return }
        guard let exchange, exchange.stream == id, farewell == nil else {
            nghttp2_session_consume_connection(session, bytes.count)
            return
        }
        if untaken.stream != id { taken(of: session) }
        untaken = (id, untaken.bytes + bytes.count)
        switch exchange.form {
        case .length: output.append(contentsOf: bytes)
        case .chunked where !bytes.isEmpty:
            write(String(bytes.count, radix: 16) + "\r\n")
            output.append(contentsOf: bytes)
            write("\r\n")
        case .none, .chunked, .bodiless: break
        }
    }

    /// Of a stream that is over.
    private func taken(of session: OpaquePointer) {
        if untaken.bytes > 0 { nghttp2_session_consume(session, untaken.stream, untaken.bytes) }
        untaken.bytes = 0
    }

    private func finish() {
        guard let exchange else { return }
        if case .chunked = exchange.form { write(HTTP1Text.lastChunk) }
        forgetExchange()
        if exchange.closes || isLeaving { end("the last response was sent") }
    }

    func closedStream(_ id: Int32, _ code: UInt32) {
        guard let exchange, exchange.stream == id else { return }
        switch exchange.form {
        case .none: break
        // To nghttp2 the body of an answer to HEAD is an error.
        case .bodiless: return finish()
        case .length, .chunked: return cut()
        }
        forgetExchange()
        switch code {
        // The rules of HTTP/2 for names and values are HTTP's own.
        case NGHTTP2_PROTOCOL_ERROR.rawValue: refuse(HTTP1Failure(400, "the request is malformed"))
        case NGHTTP2_REFUSED_STREAM.rawValue: refuse(HTTP1Failure(503, "the server has no room for the request"))
        default: refuse(HTTP1Failure(500, "the request was given up"))
        }
    }

    // MARK: The end

    /// Answers the request under way, or the one that did not become one, and ends the connection behind that. A
    /// response that has begun is cut.
    func refuse(_ failure: HTTP1Failure) {
        guard farewell == nil else { return }
        if let exchange {
            guard case .none = exchange.form else { return cut() }
            reset(exchange.stream)
        }
        forgetExchange()
        let response = host.refusal(RPCStatus(failure.code, failure.reason), http: failure.status)
        var head = HTTP1Text.statusLine(response.status)
        for (name, value) in response.headers { head += "\(name): \(value)\r\n" }
        head += "date: \(host.date)\r\ncontent-length: \(response.body.count)\r\nconnection: close\r\n\r\n"
        write(head)
        output.append(contentsOf: response.body)
        end(failure.reason)
    }

    /// The connection is old.
    func closeBehindNext() { isNextLast = true }

    /// The response is not whole, which its length or the missing last chunk tells.
    private func cut() {
        if let exchange { reset(exchange.stream) }
        forgetExchange()
        end("a response could not be sent whole")
    }

    /// Something of our own, or of the session behind, ended.
    func fail(_ reason: String) {
        guard farewell == nil else { return }
        if exchange != nil { refuse(HTTP1Failure(503, "the server ends the connection")) } else { end(reason) }
    }

    private func reset(_ stream: Int32) {
        guard let session else { return }
        nghttp2_submit_rst_stream(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, NGHTTP2_CANCEL.rawValue)
    }

    private func forgetExchange() {
        exchange = nil
        upload = []
        uploadStart = 0
    }

    private func end(_ reason: String) {
        farewell = reason
        input = []
    }
}

extension HTTP1Failure {
    /// As gRPC would name it.
    fileprivate var code: RPCStatus.Code {
        switch status {
        case 408: .deadlineExceeded
        case 413, 414, 431: .resourceExhausted
        case 415, 501, 505: .unimplemented
        case 500: .internalError
        case 503: .unavailable
        default: .invalidArgument
        }
    }
}

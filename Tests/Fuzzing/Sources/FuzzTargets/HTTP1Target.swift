import CNghttp2

@testable import RPCEngine

extension FuzzTarget {
    /// Requests of HTTP/1.1 in pieces, through the front to a session of HTTP/2 and back: how they are cut changes
    /// nothing, what is served is in order, and what leaves are responses.
    ///
    /// The first byte tells how the rest is cut. Paths tell how they are answered: see ``FuzzSession``.
    static let http1 = FuzzTarget(
        "http1", trials: 1_500,
        dictionary: [
            "GET / HTTP/1.1\r\n", "POST /c HTTP/1.1\r\n", "HEAD /", "https://a", "Host: a\r\n", "\r\n\r\n", "\r\n",
            "Content-Length: ", "Transfer-Encoding: chunked\r\n", "Expect: 100-continue\r\n", "Connection: close\r\n",
            "Content-Type: application/grpc\r\n", "0\r\n\r\n", "1;a=b\r\nx\r\n", "HTTP/1.0", "HTTP/2.0", "[::1]:1",
        ],
        seeds: {
            let one = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
            let post = "POST /b HTTP/1.1\r\nHost: a:1\r\nContent-Length: 5\r\n\r\nhello"
            let chunks =
                "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
                + "5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nt: u\r\n\r\n"
            let texts = [
                "\u{0}\(one)", "\u{1}\r\n\(post)", "\u{7}\(chunks)", "\u{3}\(one)\(post)\(chunks)\(one)",
                "\u{5}HEAD https://a/d?q HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n\(one)",
                "\u{9}POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\nsome",
                "\u{2}GET /f HTTP/1.1\r\nHost: a\r\n\r\n\(one)", "\u{2}GET /g HTTP/1.1\r\nHost: a\r\n\r\n\(one)",
                "\u{4}GET /h HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n\(one)",
                "\u{0}GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            ]
            return texts.map { Array($0.utf8) }
        },
        run: { bytes in
            var input = FuzzInput(bytes)
            let step = Int(input.byte())
            let rest = input.takeRest()
            let pieces = cut(rest, step)
            let whole = HTTP1Reading([rest[...]])
            require(whole == HTTP1Reading(pieces), "cuts change nothing")
            let session = FuzzSession()
            for piece in pieces { session.receive(piece) }
            session.check(whole)
        })

    /// Pieces of one to sixteen bytes; with 0 all in one.
    private static func cut(_ bytes: [UInt8], _ step: Int) -> [ArraySlice<UInt8>] {
        guard step > 0 else { return [bytes[...]] }
        var pieces: [ArraySlice<UInt8>] = []
        var (rest, size) = (bytes[...], step)
        while !rest.isEmpty {
            pieces.append(rest.prefix(size % 16 + 1))
            rest = rest.dropFirst(size % 16 + 1)
            size = (size &* 5 &+ 3) & 0xFF
        }
        return pieces
    }
}

/// What the parser alone finds.
private struct HTTP1Reading: Equatable {
    private(set) var requests: [HTTP1Request] = []
    private(set) var bodies: [[UInt8]] = []
    private(set) var failure: HTTP1Failure?

    init(_ pieces: [ArraySlice<UInt8>]) {
        var parser = HTTP1Parser(maximumHeaderBytes: 2_000)
        do throws(HTTP1Failure) {
            for piece in pieces {
                var rest = piece
                while let event = try parser.next(&rest) {
                    switch event {
                    case .head(let request):
                        requests.append(request)
                        bodies.append([])
                    case .body(let bytes):
                        require(!bytes.isEmpty && !bodies.isEmpty, "a body has a head and bytes")
                        bodies[bodies.count - 1] += bytes
                    case .end: require(!bodies.isEmpty, "what ends has begun")
                    }
                }
                require(rest.isEmpty, "what came is taken")
                require(parser.heldBytes < 40_000, "what is kept is bounded")
            }
        } catch { failure = error }
        for request in requests {
            require(request.host != nil && request.target.first == UInt8(ascii: "/"), "a request is whole")
            for field in request.fields { require(!field.value.contains { $0 < 0x20 && $0 != 9 }, "no control bytes") }
        }
    }
}

/// A front and, behind it, a session that answers by the path: `/a` with a length, `/b` with the request's body, `/c`
/// in chunks, `/d` with nothing, `/e` before the body, `/f` by a reset, `/g` by a reset in the middle, `/h` and leaves.
private final class FuzzSession: HTTP1Host {
    private static let template = try? HTTP1Template()
    private var front: HTTP1Front?
    private var session: OpaquePointer?
    private var output: [UInt8] = []
    private var paths: [Int32: [UInt8]] = [:]
    private var bodies: [Int32: [UInt8]] = [:]
    private var answers: [Int32: ArraySlice<UInt8>] = [:]
    private var begun: [[UInt8]] = []
    private var refusals = 0

    func answers(to name: String) -> Bool { name.first == "a" || name.contains(":") }

    func refusal(_ status: RPCStatus, http: Int) -> WebResponse {
        refusals += 1
        return WebResponse(status: http, headers: [("x", "y")], body: Array(status.message.utf8))
    }

    var date: String { "Sun, 06 Nov 1994 08:49:37 GMT" }

    init() {
        guard let template = Self.template else { broken("a template") }
        front = HTTP1Front(host: self, template: template, maximumHeaderBytes: 2_000)
        var callbacks: OpaquePointer?
        nghttp2_session_callbacks_new(&callbacks)
        guard let callbacks else { broken("callbacks") }
        Self.set(callbacks)
        nghttp2_session_server_new(&session, callbacks, Unmanaged.passUnretained(self).toOpaque())
        nghttp2_session_callbacks_del(callbacks)
        nghttp2_submit_settings(session, 0, nil, 0)
        pump()
    }

    deinit { nghttp2_session_del(session) }

    func receive(_ piece: ArraySlice<UInt8>) {
        piece.withUnsafeBufferPointer { front?.receive($0) }
        pump()
    }

    /// As a connection does.
    private func pump() {
        guard let front else { return }
        var room = [UInt8](repeating: 0, count: 1 << 16)
        var isMoving = true
        while isMoving {
            isMoving = false
            front.taken()
            front.parse()
            while let frames = front.nextFrames() {
                isMoving = true
                require(nghttp2_session_mem_recv(session, frames.baseAddress, frames.count) >= 0, "frames are taken")
            }
            var data: UnsafePointer<UInt8>?
            var count = nghttp2_session_mem_send(session, &data)
            while count > 0, let bytes = data {
                isMoving = true
                front.accept(bytes, count)
                count = nghttp2_session_mem_send(session, &data)
            }
            front.tellToContinue()
            let moved = front.moveOutput(to: &room, most: room.count)
            output += room[..<moved]
            isMoving = isMoving || moved > 0
        }
        require(front.heldBytes < HTTP1Front.fixedBytes + (256 << 10), "what is held is bounded")
    }

    /// What was served are the first of the requests, and what left begins as responses do.
    func check(_ reading: HTTP1Reading) {
        guard let front else { return }
        require(begun.count <= reading.requests.count, "no request is made up")
        require(zip(begun, reading.requests).allSatisfy { $0 == $1.target }, "requests are served in their order")
        for (body, all) in zip(bodies.sorted(by: { $0.key < $1.key }).map(\.value), reading.bodies) {
            require(all.starts(with: body), "a body is the request's")
        }
        require(refusals <= 1, "a refusal is the end")
        require(output.isEmpty || output.starts(with: "HTTP/1.1 ".utf8), "responses leave")
        if reading.failure != nil { require(front.farewell != nil || !front.isIdle, "what is malformed is the end") }
    }

    // MARK: The session of HTTP/2

    private static func set(_ callbacks: OpaquePointer) {
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, frame, name, nameLength, value, length, _, me in
            guard let frame, let me else { return 0 }
            let session = Unmanaged<FuzzSession>.fromOpaque(me).takeUnretainedValue()
            if UnsafeBufferPointer(start: name, count: nameLength).elementsEqual(":path".utf8) {
                session.began(frame.pointee.hd.stream_id, Array(UnsafeBufferPointer(start: value, count: length)))
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, id, bytes, length, me in
            guard let me else { return 0 }
            Unmanaged<FuzzSession>.fromOpaque(me).takeUnretainedValue()
                .bodies[id, default: []] += UnsafeBufferPointer(start: bytes, count: length)
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, me in
            guard let frame, let me else { return 0 }
            let header = frame.pointee.hd
            guard header.type == UInt8(NGHTTP2_HEADERS.rawValue) || header.type == UInt8(NGHTTP2_DATA.rawValue) else {
                return 0
            }
            Unmanaged<FuzzSession>.fromOpaque(me).takeUnretainedValue()
                .came(header.stream_id, isLast: UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0)
            return 0
        }
    }

    private func began(_ id: Int32, _ path: [UInt8]) {
        paths[id] = path
        bodies[id] = []
        begun.append(path)
    }

    private func came(_ id: Int32, isLast: Bool) {
        guard let path = paths[id], answers[id] == nil else { return }
        let kind = path.count > 1 ? path[1] : 0
        guard isLast || kind == UInt8(ascii: "e") else { return }
        answers[id] = []
        var list = HeaderList()
        list.add(":status", "200")
        switch kind {
        case UInt8(ascii: "a"): answers[id] = ArraySlice("hello".utf8)
        case UInt8(ascii: "b"): answers[id] = bodies[id].map { $0[...] }
        case UInt8(ascii: "c"), UInt8(ascii: "g"): answers[id] = [UInt8](repeating: 0x78, count: 100_000)[...]
        case UInt8(ascii: "f"):
            nghttp2_submit_rst_stream(session, 0, id, NGHTTP2_CANCEL.rawValue)
            return
        case UInt8(ascii: "h"): nghttp2_submit_goaway(session, 0, id, 0, nil, 0)
        default: break
        }
        let isChunked = [UInt8(ascii: "c"), UInt8(ascii: "g")].contains(kind)
        if !isChunked { list.add("content-length", String(answers[id]?.count ?? 0)) }
        var provider = nghttp2_data_provider()
        provider.source.ptr = Unmanaged.passUnretained(self).toOpaque()
        provider.read_callback = { _, id, target, room, flags, source, _ in
            guard let target, let flags, let me = source?.pointee.ptr else {
                return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
            }
            let session = Unmanaged<FuzzSession>.fromOpaque(me).takeUnretainedValue()
            return session.provide(id, target, room, flags)
        }
        _ = list.submit { nghttp2_submit_response(session, id, $0, $1, &provider) }
    }

    private func provide(
        _ id: Int32, _ target: UnsafeMutablePointer<UInt8>, _ room: Int, _ flags: UnsafeMutablePointer<UInt32>
    ) -> Int {
        let piece = (answers[id] ?? []).prefix(room)
        for (place, byte) in piece.enumerated() { target[place] = byte }
        answers[id] = answers[id]?.dropFirst(piece.count)
        let path = paths[id] ?? []
        if path.count > 1, path[1] == UInt8(ascii: "g") { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
        if answers[id]?.isEmpty != false { flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
        return piece.count
    }
}

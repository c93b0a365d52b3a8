import CNghttp2

/// Calls in other forms than gRPC's. Between the request's body and the response stands a call like any other: its
/// message is put in the inbox as if it had come so, and its answer is taken before it is framed.
extension Stream {
    private var loop: EventLoop { connection.loop }

    /// Of the request target that is kept, in bytes.
    static let maximumTargetBytes = 8_192

    /// The request target, and its path and query.
    private var target: (whole: String, path: String, query: String) {
        let target = route?.entry.path ?? context.unknownPath
        guard let mark = target.firstIndex(of: "?") else { return (target, target, "") }
        return (target, String(target[..<mark]), String(target[target.index(after: mark)...]))
    }

    /// How the request, which is none of gRPC's, is to be answered; nil where it is to be refused.
    func webForm() -> WebForm? {
        guard let handler = loop.shared.web else { return nil }
        let (target, path, query) = target
        // What is asked for is the log's; with what words is not.
        if route == nil { keepPath(path) }
        guard target.utf8.count <= Self.maximumTargetBytes else {
            let status = RPCStatus(.invalidArgument, "path and query are above \(Self.maximumTargetBytes) bytes")
            return .refused(status, handler.refusal(status, path: path, http: 414))
        }
        let method = head.isPost ? "POST" : head.isGet ? "GET" : ""
        let webHead = WebHead(
            method: method, path: path, query: query, authority: context.authority, headers: context.metadata,
            network: connection.addressKey, showsCertificate: context.connection.peerCertificate != nil)
        context.webHead = webHead
        return handler.form(of: webHead)
    }

    /// The header block is complete.
    func beginWeb(_ form: WebForm, fits: Bool) {
        func refuse(_ status: RPCStatus) {
            if !fits { dropHeaders() }
            finish(status)
        }
        switch form {
        case .refused(let status, let response):
            if !fits { dropHeaders() }
            self.status = status
            submit(response)
        case .call(var path, let timeout, let translation):
            web = .method(translation)
            if let timeout {
                context.deadline = loop.now &+ timeout
                if timeout == 0 { return refuse(.deadlinePassed) }
                loop.wheel.arm(self, at: loop.now &+ timeout)
            }
            route = path.withUTF8 { loop.shared.methods.find($0) }
            guard let route else { return refuse(RPCStatus(.unimplemented, "unknown method \(path)")) }
            switch route.entry.handler {
            case .unary, .deferrable: break
            case .serverStream where translation is any WebStreamTranslation: break
            case .serverStream, .bidirectional, .web:
                return refuse(RPCStatus(.unimplemented, "the method streams"))
            }
            admit(route, fits: fits)
            if !isDecided { request = .webBody }
        case .route(let position, let refusal):
            web = .route(refusal)
            let routes = loop.shared.webRoutes
            guard routes.indices.contains(position) else { return refuse(RPCStatus(.unimplemented, "no such route")) }
            route = routes[position]
            admit(routes[position], fits: fits)
            if !isDecided { request = .webBody }
        }
    }

    // MARK: Request

    /// Bytes of the body that a message may be read from: JSON is longer than what it says.
    var maximumWebBytes: Int {
        let limit = route?.maxMessageBytes ?? connection.limits.maxMessageBytes
        if case .route = web { return limit }
        return 4 * limit
    }

    /// The body is complete: the message in it is read beside the event loop, or on it where there is little to read.
    func webBodyEnded() {
        guard let web, let route, let handler = loop.shared.web else { return }
        let body = Array(inbox.bytes)
        guard case .method(let translation) = web else { return take(message: body) }
        if body.isEmpty, translation.isShort {
            return take(
                Result { () throws(WebFailure) in try translation.message(in: body, limit: route.maxMessageBytes) })
        }
        request = .webReading
        heldRequest = body.count
        settle()
        let (loop, token, limit) = (loop, context.stream, route.maxMessageBytes)
        let refusal = handler.submit(for: context, isReply: false) {
            loop.post(
                .webMessage(token, Result { () throws(WebFailure) in try translation.message(in: body, limit: limit) }))
        }
        if let refusal { finish(refusal) }
    }

    /// What the body says is there.
    func webMessageRead(_ result: Result<[UInt8], WebFailure>) {
        guard case .webReading = request, !isDecided else { return }
        heldRequest = 0
        // Meanwhile the caller may have been removed.
        if let status = loop.shared.interceptor.recheck(context) { return finish(status) }
        take(result)
        // It may have been parked, and no frame comes that would have it looked at.
        connection.roomMayBeThere = true
        connection.needsFlush()
    }

    private func take(_ result: Result<[UInt8], WebFailure>) {
        switch result {
        case .failure(.refused(let status)): finish(status)
        case .failure(.tooLarge): refuseWebBody()
        case .success(let message): take(message: message)
        }
    }

    /// Goes on as if the message had come in gRPC's form.
    private func take(message: [UInt8]) {
        connection.bufferedRequestBytes -= inbox.count
        inbox.reset()
        request = .message
        var framed: [UInt8] = [0]
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: message.count).bigEndian) { framed += $0 }
        framed += message
        let isKept = framed.withUnsafeBufferPointer { bytes in
            // An array that is not empty has an address.
            bytes.baseAddress.map { inbox.append($0, bytes.count, of: bytes.count) } ?? false
        }
        guard isKept else { return abort(status(of: .memory)) }
        connection.bufferedRequestBytes += inbox.count
        settle()
        messageEnded()
    }

    /// More bytes than a message of the method may have.
    func refuseWebBody() {
        guard let web, let route else { return }
        status = status(of: .message("message", limit: route.maxMessageBytes))
        var response = web.failure(status, trailers: [])
        response.status = 413
        submit(response)
    }

    // MARK: Response

    private static let shortReplyBytes = 4_096

    /// The handler's reply: the response to it is made beside the event loop.
    func answerWeb(_ web: any WebTranslation, _ message: [UInt8]) {
        guard let handler = loop.shared.web else { return }
        producer = .none
        responseMessages += 1
        responseBytes += UInt64(message.count)
        route?.noteReply(message.count)
        // Until the response is there the reply takes room for its longer form; of a small budget no more than is kept
        // for a reply before it is made.
        let room = min(web.growth * message.count, max(message.count, (account?.limit ?? .max) / 8))
        let fits = reserve(room)
        // A call that may have changed something has a short reply, which is told whatever else is held.
        guard fits || message.count <= Self.shortReplyBytes else { return finish(status(of: .budget)) }
        expectedReply = room
        connection.expectedReplyBytes += room
        settle()
        let (loop, token, trailers) = (loop, context.stream, context.initialMetadata + context.trailers)
        let refusal = handler.submit(for: context, isReply: true) {
            loop.post(.webResponse(token, web.response(.success(message), trailers: trailers)))
        }
        if let refusal { finish(refusal) }
    }

    func webResponseMade(_ response: WebResponse) {
        guard let web, !isDecided else { return }
        forgetExpectedReply()
        if case .route = web {
            responseMessages += 1
            responseBytes += UInt64(response.body.count)
            route?.noteReply(response.body.count)
        }
        status = .ok
        submit(response)
    }

    /// How a call ended that has no reply.
    func submitWebFailure(_ web: WebCall) {
        submit(web.failure(status, trailers: context.initialMetadata + context.trailers))
    }

    /// A request whose headers were not looked at any further.
    func submitWebRefusal(_ handler: any WebHandler) {
        submit(handler.refusal(status, path: target.path, http: head.tooLarge ? 431 : nil))
    }

    /// Sends the response. `status` says how the call ended. What is said of a refusal waits for the peer to read it,
    /// so it is said only where there is room; its status needs none.
    private func submit(_ response: WebResponse) {
        guard let session = connection.session else { return }
        var response = response
        if inbox.count > 0 {
            // Of a request that is answered before its end nothing is read any more.
            connection.bufferedRequestBytes -= inbox.count
            inbox.reset()
        }
        if status.code != .ok, !response.body.isEmpty, !(adoptForAnybody() && reserve(response.body.capacity)) {
            response.body = []
        }
        if response.body.isEmpty { response.headers.removeAll { $0.0 == "content-encoding" } }
        lastTaken = loop.now
        isPlain = true
        var list = HeaderList()
        list.add(":status", String(response.status))
        for (name, value) in response.headers + context.webHeaders { list.add(name, value) }
        list.add("content-length", String(response.body.count))
        var result: Int32
        // The answer to HEAD has no body, whatever its length says (RFC 9110, section 9.3.2).
        if response.body.isEmpty || head.isHead {
            reply = .over
            result = list.submit { nghttp2_submit_response(session, id, $0, $1, nil) }
        } else {
            reply = .ending
            var bytes = response.body
            body.add(raw: &bytes)
            connection.bufferedReplyBytes += body.count
            var provider = dataProvider
            result = list.submit { nghttp2_submit_response(session, id, $0, $1, &provider) }
        }
        settle()
        if result != 0 { connection.fail("a response could not be queued") }
        connection.needsFlush()
    }

    /// A method that streams has begun: its messages are put in another form one by one, beside the event loop.
    func startWebStream(_ source: any MessageSource) {
        guard let session = connection.session, let handler = loop.shared.web, case .method(let translation) = web,
            let translation = translation as? any WebStreamTranslation
        else { return }
        let call = context
        let source = WebSource(source, translation, waker: context.makeWaker()) { work in
            handler.submit(for: call, isReply: true, work)
        }
        producer = .source(source)
        reply = .flowing
        lastTaken = loop.now
        isPlain = true
        let head = translation.head()
        var list = HeaderList()
        list.add(":status", String(head.status))
        for (name, value) in head.headers + context.webHeaders { list.add(name, value) }
        var provider = dataProvider
        let result = list.submit { nghttp2_submit_response(session, id, $0, $1, &provider) }
        if result != 0 { connection.fail("response headers could not be queued") }
        connection.yieldToUnary(self)
        connection.needsFlush()
    }

    /// A response that cannot be sent to its end: there are no trailers that could say so.
    func resetWeb() {
        guard let session = connection.session else { return }
        reply = .over
        nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, NGHTTP2_CANCEL.rawValue)
        connection.needsFlush()
    }
}

import CNghttp2
import Glibc

/// Time limits of a connection, keepalive and orderly shutdown.
extension Connection {
    /// Called about once a second.
    func sweep() {
        let now = loop.now
        switch state {
        case .handshaking:
            if now > deadline { close(reason: "TLS handshake took too long") }
        case .preface:
            if now > deadline { return close(reason: "no HTTP/2 preface") }
            sweepOpen(now)
        case .open: sweepOpen(now)
        case .terminating, .lingering:
            if now > deadline { close() }
        case .closed: break
        }
    }

    private func sweepOpen(_ now: UInt64) {
        if writeBlocked, now > lastWritten &+ loop.times.unreadTimeout {
            return close(reason: "the peer does not read")
        }
        for stream in streams where isTooSlow(stream, now) { return }
        if let front { sweep(front, now) }
        // A room that the process's budget denied may be there by now.
        roomMayBeThere = true
        if !parked.isEmpty { needsFlush() }
        if streamingCount > 0 { recheckStreams() }
        guard isLive else { return }
        switch shutdown {
        case .none: break
        case .announced(let until, let deadline):
            if now > until { finalGoAway() }
            return now > deadline ? cutStreams() : keepAlive(now)
        case .final(let deadline):
            return now > deadline ? cutStreams() : keepAlive(now)
        }
        if now > goAwayAt, !waitsForLastRequest(now) { return beginShutdown(grace: ageGrace(now)) }
        if streams.isEmpty, now > lastCall &+ loop.times.idleTimeout {
            return beginShutdown(grace: loop.times.connectionAgeGrace)
        }
        keepAlive(now)
    }

    /// A header block or a request that trickles in. True when the connection is gone for it.
    private func isTooSlow(_ stream: Stream, _ now: UInt64) -> Bool {
        switch stream.request {
        case .headers(let since):
            guard now > since &+ loop.times.headersTimeout else { return false }
            close(reason: "request headers took too long")
            return true
        case .foreign(let httpStatus) where !stream.isDecided:
            if now > stream.context.started &+ loop.times.headersTimeout { stream.refuse(httpStatus: httpStatus) }
        case .message where !stream.isDecided && now > stream.context.started &+ loop.times.requestTimeout,
            .webBody where !stream.isDecided && now > stream.context.started &+ loop.times.requestTimeout:
            stream.abort(RPCStatus(.deadlineExceeded, "the request message took too long to arrive"))
        case .message where stream.isPlain && stream.isOver && now > stream.lastTaken &+ loop.times.headersTimeout,
            .webBody where stream.isOver && now > stream.lastTaken &+ loop.times.headersTimeout:
            stream.stopRequest()
        case .foreign, .message, .waiting, .postponed, .messages, .delivered, .dropped, .webBody, .webReading:
            endIfUnread(stream, now)
        }
        return false
    }

    private func endIfUnread(_ stream: Stream, _ now: UInt64) {
        guard stream.hasUnread, now > stream.lastTaken &+ loop.times.unreadTimeout, let session else { return }
        // It may wait behind other replies, which the peer does take; not for ever.
        let isItsTurn = nghttp2_session_get_stream_remote_window_size(session, stream.id) <= 0
        if isItsTurn || now > lastTaken &+ loop.times.unreadTimeout
            || now > stream.lastTaken &+ 10 &* loop.times.unreadTimeout
        {
            stream.endUnread()
        }
    }

    private func recheckStreams() {
        refreshPeer()
        for stream in streams where stream.isStreaming && !stream.isDecided {
            if let status = loop.shared.interceptor.recheck(stream.context) { stream.abort(status) }
        }
    }

    private func keepAlive(_ now: UInt64) {
        // HTTP/1.1 has nothing to ask a silent peer with.
        guard let session, front == nil else { return }
        if let pingSentAt {
            if now > pingSentAt &+ loop.times.keepaliveTimeout { close(reason: "keepalive ping unanswered") }
        } else if now > lastReceived &+ loop.times.keepaliveInterval {
            pingSentAt = now
            nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
            needsFlush()
        }
    }

    // MARK: Shutdown

    /// Announces the end, and lets calls go on for `grace` nanoseconds.
    func beginShutdown(grace: UInt64) {
        switch state {
        case .handshaking: close(reason: "server is draining")
        case .preface, .open, .terminating:
            // Also on a connection that its age had ended before. Later streams are told when they begin.
            if loop.isDraining { for stream in streams { stream.tellDraining() } }
            let deadline = loop.now &+ grace
            switch shutdown {
            case .none: announceShutdown(grace: grace, deadline: deadline)
            case .announced(let until, let earlier):
                shutdown = .announced(until: until, deadline: min(earlier, deadline))
            case .final(let earlier): shutdown = .final(deadline: min(earlier, deadline))
            }
        case .lingering, .closed: break
        }
    }

    private func announceShutdown(grace: UInt64, deadline: UInt64) {
        guard let session else { return }
        // A second is more than a round trip: calls that crossed the announcement have arrived by then.
        shutdown = .announced(until: loop.now &+ min(1_000_000_000, grace / 2), deadline: deadline)
        nghttp2_submit_shutdown_notice(session)
        nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
        pingSentAt = loop.now
        needsFlush()
    }

    /// No call with a higher stream number will be answered any more.
    func finalGoAway() {
        guard let session, case .announced(_, let deadline) = shutdown else { return }
        shutdown = .final(deadline: deadline)
        let last = nghttp2_session_get_last_proc_stream_id(session)
        nghttp2_submit_goaway(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, NGHTTP2_NO_ERROR.rawValue, nil, 0)
        needsFlush()
    }

    /// The grace is over: what still runs ends with UNAVAILABLE.
    private func cutStreams() {
        finalGoAway()
        let status = RPCStatus(.unavailable, "the server closes this connection")
        for stream in streams where stream.hasHeaders { stream.abort(status) }
        // Who does not take even that gets a last moment.
        condemn("grace of the shutdown is over")
        needsFlush()
    }
}

extension Stream {
    /// The server is about to stop: whoever has no end of its own should find one. Told once.
    func tellDraining() {
        guard !isDecided else { return }
        switch producer {
        case .source(let source): source.draining()
        case .writer(_, let receiver): receiver.draining()
        case .none, .responder: break
        }
    }

    /// The answer of a deferred handler.
    func answer(_ result: Result<[UInt8], RPCStatus>) {
        guard !isDecided, case .responder = producer else { return }
        switch result {
        case .success(var message):
            forgetExpectedReply()
            sendUnary(&message)
        case .failure(let status): finish(status)
        }
    }

    /// The receiver takes messages again.
    func resumeReading() {
        guard !isDecided, case .writer(let writer, let receiver) = producer else { return }
        deliver(to: receiver, writer)
        if takesMore { creditStream() }
        connection.needsFlush()
    }
}

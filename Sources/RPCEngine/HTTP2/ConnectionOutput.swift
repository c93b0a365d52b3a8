import CNghttp2
import COpenSSL
import Glibc

/// Writing: nghttp2's frames are gathered in the loop's buffer and go to TLS in large pieces.
extension Connection {
    /// Plain bytes per SSL_write: two full TLS records.
    static let gather = 32_768
    /// Bytes one connection may send before others have their turn.
    private static let bytesPerTurn = 262_144

    func flush() {
        guard isLive, let session, !writeBlocked || unsentEnd == unsentStart else { return }
        ERR_clear_error()
        guard writeUnsent() else { return updateInterest() }
        // Before the streams, whose answers may fill the whole turn.
        if !parked.isEmpty { runParked() }
        guard isLive else { return }
        var written = 0
        while isLive {
            let filled = front == nil ? gatherFrames(session) : gatherHTTP1(session)
            if filled < 0 { return close(reason: "HTTP/2 output failed") }
            if filled == 0 { break }
            if !write(loop.writeBuffer, filled) { break }
            written += filled
            if written >= Self.bytesPerTurn || streamingCount > 0 && !hasTurn(loop.clock()) {
                needsFlush()
                break
            }
            // In front of HTTP/1.1 window may be there again.
            if filled < Self.gather, front == nil { break }
        }
        guard isLive else { return }
        if !parked.isEmpty { runParked() }
        guard isLive else { return }
        if readPaused, nghttp2_session_get_outbound_queue_size(session) <= limits.maxQueuedControlFrames / 2,
            front?.takesInput != false
        {
            readPaused = false
            loop.again(self)
        }
        updateInterest()
        finishIfDone(session)
    }

    private func finishIfDone(_ session: OpaquePointer) {
        guard unsentEnd == unsentStart else { return }
        if let front, !isDone(front) { return }
        if case .final = shutdown, streams.isEmpty, nghttp2_session_want_write(session) == 0 {
            return linger(reason: "done")
        }
        if nghttp2_session_want_read(session) == 0, nghttp2_session_want_write(session) == 0 {
            linger(reason: "HTTP/2 session ended")
        }
    }

    /// Frames into the loop's buffer until it holds enough; the number of bytes, or negative.
    func gatherFrames(_ session: OpaquePointer) -> Int {
        loop.writeFilled = 0
        while loop.writeFilled < Self.gather {
            var data: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &data)
            if count < 0 { return -1 }
            if count == 0 { break }
            guard let data, loop.writeFilled + count <= EventLoop.writeCapacity else { return -1 }
            // Room was checked above; nghttp2's block is valid until its next call.
            memcpy(loop.writeBuffer + loop.writeFilled, data, count)
            if !settingsPatched { patchSettings(loop.writeBuffer + loop.writeFilled, count) }
            loop.writeFilled += count
        }
        return loop.writeFilled
    }

    /// The server's SETTINGS announce the real number of concurrent streams, while nghttp2 was given a larger one:
    /// it would end the whole connection at the first stream above, and we want REFUSED_STREAM for that stream only.
    private func patchSettings(_ frame: UnsafeMutablePointer<UInt8>, _ count: Int) {
        settingsPatched = true
        // 9 bytes of frame header, then entries of two bytes of identifier and four of value, all inside `count`.
        var offset = 9
        while offset + 6 <= count {
            if frame[offset] == 0, frame[offset + 1] == UInt8(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue) {
                let value = UInt32(clamping: limits.maxConcurrentStreams)
                for index in 0..<4 {
                    frame[offset + 2 + index] = UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32(index)))
                }
            }
            offset += 6
        }
    }

    /// nghttp2 has a DATA frame to send: its header and the body's bytes go straight into the buffer.
    func sendData(_ stream: Stream, _ header: UnsafePointer<UInt8>, _ length: Int) -> Int32 {
        // nghttp2 does not come back between such frames by itself; it will offer this one again.
        guard loop.writeFilled < Self.gather else { return NGHTTP2_ERR_WOULDBLOCK.rawValue }
        guard loop.writeFilled + 9 + length <= EventLoop.writeCapacity else {
            return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
        }
        // What was promised is there: anything else would send bytes of another connection.
        guard length <= stream.body.count else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
        stream.promised = 0
        // Room for both was checked; the header has nine bytes.
        memcpy(loop.writeBuffer + loop.writeFilled, header, 9)
        let before = stream.bufferedReply
        stream.body.copyOut(to: loop.writeBuffer + loop.writeFilled + 9, length: length)
        stream.lastTaken = loop.now
        lastTaken = loop.now
        stream.settle()
        bufferedReplyBytes -= before - stream.bufferedReply
        roomMayBeThere = true
        loop.writeFilled += 9 + length
        budgets.dataSent()
        return 0
    }

    /// False when the socket takes no more; the rest is kept.
    private func write(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Bool {
        guard let ssl else { return false }
        var sent = 0
        while sent < count {
            // sent < count: the range lies inside the buffer.
            let result = SSL_write(ssl, bytes + sent, Int32(truncatingIfNeeded: count - sent))
            if result > 0 {
                sent += Int(result)
                lastWritten = loop.now
                continue
            }
            guard SSL_get_error(ssl, result) == SSL_ERROR_WANT_WRITE else {
                close(reason: "connection lost while writing")
                return false
            }
            keep(bytes + sent, count - sent)
            writeBlocked = true
            loop.statistics.bytesSent.add(UInt64(sent))
            return false
        }
        loop.statistics.bytesSent.add(UInt64(sent))
        return true
    }

    private func keep(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) {
        guard let copy = malloc(count) else { return close(reason: "out of memory") }
        // A fresh block of `count` bytes; the earlier one was sent and freed.
        memcpy(copy, bytes, count)
        unsent = copy.assumingMemoryBound(to: UInt8.self)
        unsentStart = 0
        unsentEnd = count
        loop.memory.take(count)
    }

    /// Lets go of what the socket had refused.
    func freeUnsent() {
        // Made by `keep`, which counted its `unsentEnd` bytes.
        if unsent != nil { loop.memory.release(unsentEnd) }
        free(unsent)
        unsent = nil
        unsentStart = 0
        unsentEnd = 0
    }

    /// Sends what the socket had refused; false while it still does.
    private func writeUnsent() -> Bool {
        guard let pending = unsent, let ssl else { return true }
        while unsentStart < unsentEnd {
            // The same bytes again, as OpenSSL requires after it wanted to write.
            let result = SSL_write(ssl, pending + unsentStart, Int32(truncatingIfNeeded: unsentEnd - unsentStart))
            if result > 0 {
                unsentStart += Int(result)
                lastWritten = loop.now
                loop.statistics.bytesSent.add(UInt64(result))
                continue
            }
            if SSL_get_error(ssl, result) == SSL_ERROR_WANT_WRITE {
                writeBlocked = true
            } else {
                close(reason: "connection lost while writing")
            }
            return false
        }
        freeUnsent()
        writeBlocked = false
        return true
    }

    // MARK: Turns

    /// Nanoseconds of handlers that one connection may run before others have their turn.
    private static let turnNanoseconds: UInt64 = 2_000_000

    /// Whether another handler may begin in this turn of the connection. `clock` is read just before.
    func hasTurn(_ clock: UInt64) -> Bool {
        if turn != loop.turn {
            turn = loop.turn
            turnBegan = clock
            return true
        }
        return clock &- turnBegan < Self.turnNanoseconds
    }

    /// A call waits: for the next turn, or for earlier replies to leave.
    func park(_ stream: Stream) {
        parked.append(stream.context.stream)
        waitForTurnIfOver()
    }

    private func waitForTurnIfOver() {
        guard !parked.isEmpty, !hasTurn(loop.clock()) else { return }
        turnWasOver = true
        loop.again(self)
    }

    /// Calls that waited. At most as many as streams may be open, and as many as were reset since the last look.
    private func runParked() {
        guard roomMayBeThere || turnWasOver else { return }
        guard hasTurn(loop.clock()) else { return waitForTurnIfOver() }
        roomMayBeThere = false
        turnWasOver = false
        waitsForRoom = false
        var waiting: [StreamToken] = []
        swap(&waiting, &parked)
        var kept: [StreamToken] = []
        var position = 0
        while position < waiting.count, isLive, hasTurn(loop.clock()) {
            let token = waiting[position]
            position += 1
            guard let stream = find(token), stream.isParked else { continue }
            if !stream.unpark() { kept.append(token) }
        }
        guard isLive else { return }
        // In their order; those that were parked meanwhile come last.
        parked = kept + waiting[position...] + parked
        waitForTurnIfOver()
    }
}

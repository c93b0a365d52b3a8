import CNghttp2
import COpenSSL
import Glibc

/// HTTP/1.1 on a connection: the front stands between TLS and the session of HTTP/2, which is served as any other.
extension Connection: HTTP1Host {
    /// False when memory is short.
    func startFront() -> Bool {
        frontOwner = isVerified ? nil : loop.shared.strangers
        guard let template = loop.shared.http1Template, countFront(HTTP1Front.fixedBytes) else { return false }
        front = HTTP1Front(host: self, template: template, maximumHeaderBytes: limits.maxHeaderListBytes)
        return front != nil
    }

    /// When the connection closes.
    func endFront() {
        guard frontBytes > 0 else { return }
        front = nil
        loop.memory.release(frontBytes)
        frontOwner?.release(frontBytes)
        frontBytes = 0
    }

    /// Bytes in the loop's buffer that were just read. False when no more may be read for now.
    func receiveHTTP1(_ count: Int) -> Bool {
        guard let front, let session else { return false }
        // The loop's buffer holds them.
        front.receive(UnsafeBufferPointer(start: loop.readBuffer, count: count))
        deliver(front, session)
        noteHead(front)
        if !countFront(front.heldBytes) {
            front.refuse(HTTP1Failure(503, "the server's memory budget is used up"))
            settleFront(front)
        }
        guard isLive else { return false }
        if front.takesInput { return true }
        readPaused = true
        updateInterest()
        return false
    }

    /// The client's frames to the server's session. Returns their bytes.
    @discardableResult
    private func deliver(_ front: HTTP1Front, _ session: OpaquePointer) -> Int {
        var delivered = 0
        while isLive, let frames = front.nextFrames() {
            delivered += frames.count
            if nghttp2_session_mem_recv(session, frames.baseAddress, frames.count) < 0 {
                front.fail("frames were refused")
                break
            }
        }
        return delivered
    }

    /// Responses into the loop's buffer until it holds enough; the number of bytes, or negative. Called when the socket
    /// has taken what was gathered before.
    func gatherHTTP1(_ session: OpaquePointer) -> Int {
        guard let front else { return -1 }
        front.taken()
        while isLive, front.outputBytes < Self.gather {
            front.parse()
            let delivered = deliver(front, session)
            let filled = gatherFrames(session)
            if filled < 0 { return -1 }
            if filled > 0 { front.accept(loop.writeBuffer, filled) }
            if filled == 0, delivered == 0 { break }
        }
        front.tellToContinue()
        noteHead(front)
        let count = front.moveOutput(to: loop.writeBuffer, most: EventLoop.writeCapacity)
        settleFront(front)
        return count
    }

    /// Whether nothing of HTTP/1.1 is left to be sent; lingers if the front ends the connection.
    func isDone(_ front: HTTP1Front) -> Bool {
        guard !front.hasOutput else { return false }
        if let farewell = front.farewell {
            linger(reason: "HTTP/1.1: \(farewell)")
            return false
        }
        return front.isIdle
    }

    // MARK: Time

    private func noteHead(_ front: HTTP1Front) {
        headBegan = front.isInHead ? headBegan ?? loop.now : nil
    }

    /// Called about once a second.
    func sweep(_ front: HTTP1Front, _ now: UInt64) {
        guard let headBegan, now > headBegan &+ loop.times.headersTimeout else { return }
        self.headBegan = nil
        front.refuse(.headTimeout)
        needsFlush()
    }

    /// Its age would end the connection: HTTP/1.1 can only be told so with an answer, and a request that crossed the
    /// end would be lost. False when there was none for too long, and with HTTP/2.
    func waitsForLastRequest(_ now: UInt64) -> Bool {
        guard let front, now < goAwayAt &+ loop.times.connectionAgeGrace else { return false }
        front.closeBehindNext()
        return !front.isIdle || now < lastCall &+ loop.times.idleTimeout
    }

    /// What is left of the grace behind the connection's age; with HTTP/2 all of it.
    func ageGrace(_ now: UInt64) -> UInt64 {
        let grace = loop.times.connectionAgeGrace
        return front == nil ? grace : max(now, goAwayAt &+ grace) - now
    }

    // MARK: Memory

    /// Brings what is counted to that many bytes. False, and nothing changed, when they do not fit. Until somebody was
    /// admitted on the connection they are a stranger's.
    private func countFront(_ bytes: Int) -> Bool {
        if isKnown, let owner = frontOwner {
            owner.release(frontBytes)
            frontOwner = nil
        }
        let growth = bytes - frontBytes
        if growth > 0 {
            if let frontOwner, !frontOwner.reserve(growth) { return false }
            guard loop.memory.reserve(growth) else {
                frontOwner?.release(growth)
                return false
            }
        } else {
            loop.memory.release(-growth)
            frontOwner?.release(-growth)
        }
        frontBytes = bytes
        return true
    }

    /// What is held already, whether it fits or not.
    private func settleFront(_ front: HTTP1Front) {
        let held = front.heldBytes
        guard !countFront(held) else { return }
        loop.memory.take(held - frontBytes)
        frontOwner?.take(held - frontBytes)
        frontBytes = held
    }

    // MARK: HTTP1Host

    func answers(to name: String) -> Bool {
        if loop.shared.hostNames.contains(name) { return true }
        guard let ssl else { return false }
        return engine_is_certified(ssl, name, name.utf8.count) == 1
    }

    func refusal(_ status: RPCStatus, http: Int) -> WebResponse {
        loop.shared.web?.refusal(status, path: "", http: http) ?? WebResponse(status: http)
    }

    var date: String { loop.date }
}

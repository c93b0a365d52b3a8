import Glibc

/// One connection to the admin port: a request, an answer, the end. Nothing in it blocks.
struct AdminConnection {
    enum Phase: Equatable {
        case reading
        /// Its answer is being made.
        case waiting
        case writing
        /// Everything was said; waiting for the peer to close, so that our last bytes are not lost to a reset.
        case lingering
        case over
    }

    let descriptor: Int32
    /// Of all that there ever were.
    let number: UInt64
    /// Monotonic nanoseconds at which it is over, whatever it is doing.
    let deadline: UInt64
    private(set) var phase = Phase.reading
    private var received: [UInt8] = []
    private var answer: [UInt8] = []
    private var sent = 0
    /// Bytes thrown away behind the request.
    private var discarded = 0

    /// Read or written in one go, in bytes.
    private static let chunkBytes = 65_536
    /// Whoever sends more behind its request is cut off.
    private static let mostDiscardedBytes = 1 << 20

    init(descriptor: Int32, number: UInt64, deadline: UInt64) {
        self.descriptor = descriptor
        self.number = number
        self.deadline = deadline
    }

    /// What `poll` is to wait for.
    var events: Int16 {
        switch phase {
        case .writing: Int16(POLLOUT)
        case .waiting: 0
        default: Int16(POLLIN)
        }
    }

    /// Goes on as far as the socket allows.
    ///
    /// - Parameter respond: gives the answer, or nil when `answer` will be called with it.
    mutating func advance(_ respond: (AdminRequest) -> [UInt8]?) {
        // Nothing else is waited for then but the end.
        if phase == .waiting { phase = .over }
        if phase == .reading { read(respond) }
        if phase == .writing { write() }
        if phase == .lingering { discard() }
    }

    mutating func answer(_ bytes: [UInt8]) {
        guard phase == .waiting else { return }
        answer = bytes
        phase = .writing
        advance { _ in nil }
    }

    private mutating func read(_ respond: (AdminRequest) -> [UInt8]?) {
        var buffer = [UInt8](repeating: 0, count: AdminRequest.mostBytes)
        while phase == .reading {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return received(nothing: count) }
            received += buffer[..<count]
            do throws(AdminRequest.Fault) {
                guard let request = try AdminRequest.read(received) else { continue }
                guard let ready = respond(request) else { return phase = .waiting }
                answer = ready
            } catch {
                answer = AdminAnswer.bytes(to: error)
            }
            received = []
            phase = .writing
        }
    }

    private mutating func write() {
        while sent < answer.count {
            let chunk = Array(answer[sent..<min(answer.count, sent + Self.chunkBytes)])
            let count = send(descriptor, chunk, chunk.count, Int32(MSG_NOSIGNAL))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                if count == 0 || errno != EAGAIN { phase = .over }
                return
            }
            sent += count
        }
        answer = []
        phase = shutdown(descriptor, Int32(SHUT_WR)) == 0 ? .lingering : .over
    }

    private mutating func discard() {
        var buffer = [UInt8](repeating: 0, count: AdminRequest.mostBytes)
        while discarded < Self.mostDiscardedBytes {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return received(nothing: count) }
            discarded += count
        }
        phase = .over
    }

    /// The end of the peer's bytes, a fault of the connection, or nothing for now.
    private mutating func received(nothing count: Int) {
        if count == 0 || (errno != EAGAIN && errno != EINTR) { phase = .over }
    }
}

import CLinux
import GRPCCore
import Glibc
import Threads

/// The thread of a transport: the connection that takes calls, those that are running out, and the calls that wait.
/// Unchecked: everything but the mailbox is touched by the loop's thread alone, once `run` has begun.
final class TransportLoop: @unchecked Sendable {
    /// How often a call is sent again that a server has refused unseen.
    private static let maximumRepeats = 3

    let configuration: TransportConfiguration
    let tls: ClientTLS
    let sessionTemplate: SessionTemplate
    let mailbox: Mailbox<LoopMessage>
    /// Monotonic nanoseconds, read once for each wake-up.
    private(set) var now: UInt64 = 0
    /// Takes new calls.
    private var current: Connection?
    private var connections: [Connection] = []
    /// In the order they came, from `firstWaiting` on.
    private var waiting: [Call] = []
    private var firstWaiting = 0
    private var mayBegin = false
    private var isStopping = false
    private lazy var dialer = Dialer(self)

    init(_ configuration: TransportConfiguration) throws {
        self.configuration = configuration
        tls = try ClientTLS(configuration)
        sessionTemplate = try SessionTemplate()
        guard let mailbox = Mailbox<LoopMessage>() else {
            throw TransportSetupError(description: "no descriptor is left")
        }
        self.mailbox = mailbox
    }

    func run() {
        while !isStopping {
            wait()
            for message in mailbox.take() { deliver(message) }
            dialer.tick()
            for connection in connections { connection.tick() }
            beginCalls()
            for connection in connections { connection.flush() }
            // Flushing may close connections, whose calls then want another.
            beginCalls()
        }
        end()
    }

    private func wait() {
        let polled = connections
        var descriptors = [pollfd(fd: mailbox.wakeFD, events: Int16(POLLIN), revents: 0)]
        descriptors += polled.map { pollfd(fd: $0.fd, events: $0.interest, revents: 0) }
        let count = poll(&descriptors, nfds_t(descriptors.count), timeout())
        updateClock()
        for (connection, descriptor) in zip(polled, descriptors.dropFirst())
        where connection.hasMore || count > 0 && descriptor.revents != 0 { connection.handle() }
    }

    private func timeout() -> Int32 {
        if connections.contains(where: \.hasMore) { return 0 }
        updateClock()
        let due = ([dialer.due] + connections.map(\.due)).compactMap { $0 }.min()
        guard let due else { return -1 }
        return due <= now ? 0 : Int32(clamping: (due - now) / 1_000_000 + 1)
    }

    private func updateClock() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        now = UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private func deliver(_ message: LoopMessage) {
        switch message {
        case .changed(let call):
            call.beginLook()
            switch call.place {
            case .unknown:
                guard call.metadata != nil else { break }
                call.since = now
                call.place = .waiting
                waiting.append(call)
                mayBegin = true
            case .open(let open): if let session = open.connection.session { open.changed(session) }
            case .waiting, .over: break
            }
        case .left(let call):
            // One that waits is passed over when its turn comes.
            if case .open(let open) = call.place { open.connection.cancel(open) }
        case .resolved(let number, let result): dialer.resolved(number, result)
        case .stop: isStopping = true
        }
    }

    // MARK: Calls

    private func beginCalls() {
        guard mayBegin else { return }
        mayBegin = false
        while firstWaiting < waiting.count {
            let call = waiting[firstWaiting]
            if !call.isOver {
                guard let current else {
                    dialer.want()
                    break
                }
                guard current.hasRoom else { break }
                guard current.begin(call) else { continue }
            } else {
                call.place = .over
            }
            firstWaiting += 1
        }
        if firstWaiting == waiting.count || firstWaiting >= 256 {
            waiting.removeFirst(firstWaiting)
            firstWaiting = 0
        }
    }

    /// A stream has ended, the server allows more of them, or a pause is over.
    func lookAgain() { mayBegin = true }

    /// The server has not worked on the call: it is sent again if that is still possible.
    func refused(_ call: Call) {
        call.repeats += 1
        guard call.repeats <= Self.maximumRepeats, call.rewind() else {
            call.place = .over
            return call.fail(Self.unavailable("the server refused the call", isProcessed: call.hasAnswer))
        }
        call.place = .waiting
        waiting.append(call)
        mayBegin = true
    }

    /// The connection of a call has ended, and nobody knows how far the server had come with it.
    func lost(_ open: OpenCall, _ reason: Reason) {
        open.call.place = .over
        open.fail(Self.unavailable(reason.words, isProcessed: true))
    }

    /// No server could be reached.
    func unreachable(_ reason: Reason) {
        let failed = waiting[firstWaiting...].filter { !$0.waitsForServer }
        waiting = waiting[firstWaiting...].filter { $0.waitsForServer && !$0.isOver }
        firstWaiting = 0
        for call in failed {
            call.place = .over
            call.fail(Self.unavailable(reason.words, isProcessed: false))
        }
        mayBegin = !waiting.isEmpty
    }

    private static func unavailable(_ words: String, isProcessed: Bool) -> RPCError {
        isProcessed
            ? RPCError(code: .unavailable, message: words)
            : RPCError(code: .unavailable, message: words, cause: CallNotProcessed())
    }

    // MARK: Connections

    func add(_ connection: Connection) { connections.append(connection) }

    /// The connection takes calls from now on.
    func ready(_ connection: Connection) {
        current = connection
        dialer.succeeded(connection)
        mayBegin = true
    }

    func served(_ connection: Connection) {
        connection.hasServed = true
        dialer.proved()
    }

    /// The connection takes no more calls.
    func lostConnection(_ connection: Connection, _ reason: Reason) {
        if current === connection { current = nil }
        if !connection.hasServed { dialer.disappointed(reason) }
        mayBegin = true
    }

    func closed(_ connection: Connection, _ reason: Reason, _ last: Connection.Phase) {
        connections.removeAll { $0 === connection }
        if isStopping { return }
        switch last {
        case .ready: lostConnection(connection, reason)
        case .draining, .closed: break
        case .connecting, .handshaking, .settling: dialer.closed(connection, reason)
        }
    }

    // MARK: The end

    /// Ends all calls there are; none is taken any more. Also instead of `run`.
    func end() {
        let closing = RPCError(code: .unavailable, message: "the transport is closed")
        for message in mailbox.shut() {
            if case .changed(let call) = message { call.fail(closing) }
        }
        for call in waiting { call.fail(closing) }
        waiting = []
        for connection in connections { connection.leave() }
        connections = []
        current = nil
    }
}

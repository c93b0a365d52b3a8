import CLinux
import Glibc
import Synchronization
import Threads

/// One thread, one epoll, one listener, and the connections it accepted.
/// Unchecked: everything but `post`, `statistics` and `connectionCount` is touched by the loop's thread alone, once
/// `start` has handed it over.
final class EventLoop: @unchecked Sendable {
    /// Limits as nanoseconds.
    struct Times {
        let handshakeTimeout: UInt64
        let crowdedHandshakeTimeout: UInt64
        let prefaceTimeout: UInt64
        let idleTimeout: UInt64
        let maxConnectionAge: UInt64
        let connectionAgeGrace: UInt64
        let keepaliveInterval: UInt64
        let keepaliveTimeout: UInt64
        let headersTimeout: UInt64
        let requestTimeout: UInt64
        let unreadTimeout: UInt64

        init(_ limits: Limits) {
            handshakeTimeout = limits.handshakeTimeout.nanoseconds
            crowdedHandshakeTimeout = min(handshakeTimeout, limits.crowdedHandshakeTimeout.nanoseconds)
            prefaceTimeout = limits.prefaceTimeout.nanoseconds
            idleTimeout = limits.idleTimeout.nanoseconds
            maxConnectionAge = limits.maxConnectionAge.nanoseconds
            connectionAgeGrace = limits.connectionAgeGrace.nanoseconds
            keepaliveInterval = limits.keepaliveInterval?.nanoseconds ?? .max / 4
            keepaliveTimeout = limits.keepaliveTimeout.nanoseconds
            headersTimeout = limits.headersTimeout.nanoseconds
            requestTimeout = limits.requestTimeout.nanoseconds
            unreadTimeout = limits.unreadTimeout.nanoseconds
        }
    }

    static let readCapacity = 65_536
    static let writeCapacity = 131_072

    let shared: ServerShared
    let times: Times
    let index: Int
    let statistics = LoopStatistics()
    let epoll: Int32
    let nobody: ConnectionContext
    private let mailbox: Mailbox<LoopMessage>
    /// Open connections, for whoever waits for the drain.
    private let open = Atomic<Int>(0)
    /// Those that may still have calls: open ones without those that only wait for the peer to close.
    private let unsettled = Atomic<Int>(0)

    // Owned blocks of the capacities above, freed in deinit.
    let readBuffer: UnsafeMutablePointer<UInt8>
    let writeBuffer: UnsafeMutablePointer<UInt8>
    var writeFilled = 0

    /// Monotonic nanoseconds and Unix seconds, read once per wake-up.
    private(set) var now: UInt64 = 0
    private(set) var wall: Int64 = 0
    /// Counts the wake-ups: one turn of every connection that has something to do.
    private(set) var turn: UInt64 = 0
    @exclusivity(unchecked) var memory: LoopMemory
    @exclusivity(unchecked) var wheel = DeadlineWheel()
    let compression = Compression()
    @exclusivity(unchecked) var dirty: [Connection] = []
    private var waitingForTurn: [Connection] = []
    @exclusivity(unchecked) private(set) var connections: [Connection?] = []
    private var freeSlots: [Int] = []
    @exclusivity(unchecked) private var pool: [Stream] = []
    @exclusivity(unchecked) private var scratch: [UInt8] = []
    @exclusivity(unchecked) private var inflated: [UInt8] = []
    @exclusivity(unchecked) private var httpDate = HTTPDate()
    private var callNumber: UInt64
    private var nextSweep: UInt64 = 0

    private(set) var listener: Int32
    var acceptPausedUntil: UInt64 = 0
    /// No line about a listener that rests before this.
    var pauseToldUntil: UInt64 = 0
    private(set) var isDraining = false
    private(set) var drainGrace: UInt64 = 0
    private var isStopping = false

    init(shared: ServerShared, index: Int, listener: Int32) throws(EngineError) {
        self.shared = shared
        self.index = index
        self.listener = listener
        times = Times(shared.limits)
        memory = LoopMemory(shared.memory)
        guard let mailbox = Mailbox<LoopMessage>() else { throw .system(call: "eventfd", error: errno) }
        self.mailbox = mailbox
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw .system(call: "epoll_create1", error: errno) }
        nobody = ConnectionContext(id: 0, remoteAddress: "", shared: shared)
        // Calls of different loops never share a number.
        callNumber = UInt64(index) << 48
        readBuffer = .allocate(capacity: Self.readCapacity)
        writeBuffer = .allocate(capacity: Self.writeCapacity)
        guard engine_epoll_add(epoll, mailbox.wakeFD, engine_epoll_in, Self.wakeToken) == 0,
            engine_epoll_add(epoll, listener, engine_epoll_in, Self.listenToken) == 0
        else { throw .system(call: "epoll_ctl", error: errno) }
    }

    deinit {
        readBuffer.deallocate()
        writeBuffer.deallocate()
        if listener >= 0 { close(listener) }
        close(epoll)
    }

    // MARK: From any thread

    func post(_ message: LoopMessage) { mailbox.post(message) }

    var connectionCount: Int { open.load(ordering: .acquiring) }

    var unsettledCount: Int { unsettled.load(ordering: .acquiring) }

    // MARK: The loop

    private static let wakeToken: UInt64 = 0
    static let listenToken: UInt64 = 1

    /// Position and number of a connection: an event that was queued for an earlier one in the same place is dropped.
    static func token(slot: Int, id: UInt64) -> UInt64 { UInt64(slot + 2) << 32 | id & 0xFFFF_FFFF }

    func run() {
        let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: 256)
        defer { events.deallocate() }
        ThreadPriority.preferLatency()
        updateClock()
        nextSweep = now &+ 1_000_000_000
        while !isStopping {
            let count = epoll_wait(epoll, events, 256, timeout())
            updateClock()
            turn &+= 1
            var woken = false
            for position in 0..<max(0, Int(count)) {
                // position < count <= 256.
                let event = events + position
                switch engine_epoll_token(event) {
                case Self.wakeToken: woken = true
                case Self.listenToken: acceptConnections()
                case let token: dispatch(token, engine_epoll_events(event))
                }
            }
            if woken { deliverMail() }
            takeTurns()
            for stream in wheel.expired(now: now) where stream.hasHeaders { stream.abort(.deadlinePassed) }
            if now >= nextSweep { sweep() }
            flushDirty()
        }
        end()
    }

    private func timeout() -> Int32 {
        if !waitingForTurn.isEmpty || !dirty.isEmpty { return 0 }
        let untilSweep = Int32(truncatingIfNeeded: (nextSweep &- min(now, nextSweep)) / 1_000_000 + 1)
        return min(untilSweep, wheel.wait(now: now) ?? untilSweep)
    }

    /// Monotonic nanoseconds of this moment, where those of the wake-up will not do.
    func clock() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    private func updateClock() {
        now = clock()
        wall = shared.wallClock()
    }

    private func dispatch(_ token: UInt64, _ events: UInt32) {
        let slot = Int(token >> 32) - 2
        guard slot >= 0, slot < connections.count, let connection = connections[slot],
            connection.id & 0xFFFF_FFFF == token & 0xFFFF_FFFF
        else { return }
        connection.handle(events)
    }

    /// Connections with input that OpenSSL holds already.
    private func takeTurns() {
        guard !waitingForTurn.isEmpty else { return }
        var turn: [Connection] = []
        swap(&turn, &waitingForTurn)
        for connection in turn {
            connection.isWaitingForTurn = false
            guard connection.isLive else { continue }
            if !connection.readPaused { connection.readInput() }
            if connection.isLive { connection.flush() }
        }
    }

    /// The connection has more to do than this turn allowed.
    func again(_ connection: Connection) {
        guard !connection.isWaitingForTurn else { return }
        connection.isWaitingForTurn = true
        waitingForTurn.append(connection)
    }

    private func flushDirty() {
        guard !dirty.isEmpty else { return }
        var batch: [Connection] = []
        swap(&batch, &dirty)
        for connection in batch {
            connection.isDirty = false
            connection.flush()
        }
    }

    private func deliverMail() {
        for message in mailbox.take() {
            switch message {
            case .reply(let token, let result): stream(token)?.answer(result)
            case .webMessage(let token, let result): stream(token)?.webMessageRead(result)
            case .webResponse(let token, let response): stream(token)?.webResponseMade(response)
            case .wake(let token): stream(token)?.resume()
            case .resumeReading(let token): stream(token)?.resumeReading()
            case .drain(let grace): drain(grace: grace)
            case .stop: isStopping = true
            }
        }
    }

    private func stream(_ token: StreamToken) -> Stream? {
        guard token.slot < connections.count else { return nil }
        return connections[token.slot]?.find(token)
    }

    // MARK: Connections

    /// A place for a new connection.
    func takeSlot() -> Int {
        if let slot = freeSlots.popLast() { return slot }
        connections.append(nil)
        return connections.count - 1
    }

    func giveBack(slot: Int) { freeSlots.append(slot) }

    func add(_ connection: Connection) {
        connections[connection.slot] = connection
        statistics.accepted.increment()
        open.store(open.load(ordering: .relaxed) + 1, ordering: .releasing)
        unsettled.store(unsettled.load(ordering: .relaxed) + 1, ordering: .releasing)
    }

    /// A connection has said all that it has to say.
    func settled() { unsettled.store(unsettled.load(ordering: .relaxed) - 1, ordering: .releasing) }

    /// A connection has closed itself.
    func forget(_ connection: Connection, failedHandshake: Bool, reason: String) {
        guard connections[connection.slot] === connection else { return }
        connections[connection.slot] = nil
        freeSlots.append(connection.slot)
        memory.release(Limits.connectionBytes + connection.certificateBytes)
        connection.certificateOwner?.release(connection.certificateBytes)
        if case .lost = connection.place {
            shared.closedWithoutPlace()
        } else {
            shared.release(connection.addressKey, isVerified: connection.isVerified)
        }
        statistics.closed.increment()
        open.store(open.load(ordering: .relaxed) - 1, ordering: .releasing)
        let remote = connection.context.remoteAddress
        if failedHandshake {
            statistics.handshakesFailed.increment()
            shared.onEvent(.handshakeFailed(remoteAddress: remote, reason: reason))
        } else {
            shared.onEvent(.connectionClosed(id: connection.id, remoteAddress: remote, reason: reason))
        }
    }

    // MARK: Once a second

    private func sweep() {
        // While draining, the grace is kept to a twentieth of a second.
        nextSweep = now &+ (isDraining ? 50_000_000 : 1_000_000_000)
        resumeAccepting()
        for connection in connections { connection?.sweep() }
        if memory.wantsTrim() { engine_trim_memory() }
    }

    // MARK: Ending

    private func drain(grace: UInt64) {
        guard !isDraining else { return }
        isDraining = true
        drainGrace = grace
        if listener >= 0 {
            close(listener)
            listener = -1
        }
        for connection in connections { connection?.beginShutdown(grace: grace) }
        nextSweep = now
    }

    /// Cuts what is left and lets everything go.
    private func end() {
        if listener >= 0 {
            close(listener)
            listener = -1
        }
        for connection in connections { connection?.close(reason: "server stopped") }
        _ = mailbox.shut()
        dirty = []
        waitingForTurn = []
        pool = []
    }

    // MARK: Things used again

    private static let pooledStreams = 512

    func takeStream(for connection: Connection) -> Stream { pool.popLast() ?? Stream(connection: connection) }

    func recycle(_ stream: Stream) {
        stream.recycle()
        if pool.count < Self.pooledStreams { pool.append(stream) }
    }

    func nextCall() -> UInt64 {
        callNumber &+= 1
        return callNumber
    }

    /// The value of `date` at this wake-up.
    var date: String { httpDate.text(at: wall) }

    func takeScratch() -> [UInt8] { take(&scratch) }

    func keepScratch(_ bytes: inout [UInt8]) { keep(&bytes, in: &scratch) }

    func takeInflated() -> [UInt8] { take(&inflated) }

    func keepInflated(_ bytes: inout [UInt8]) { keep(&bytes, in: &inflated) }

    private func take(_ storage: inout [UInt8]) -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &storage)
        return taken
    }

    private func keep(_ bytes: inout [UInt8], in storage: inout [UInt8]) {
        guard bytes.capacity <= 1 << 20 else { return }
        bytes.removeAll(keepingCapacity: true)
        swap(&bytes, &storage)
    }
}

import Synchronization
import Threads

/// Sends the messages of one bidirectional call. May be used from any thread.
public final class StreamWriter: Sendable {
    public enum Outcome: Sendable {
        /// Queued; it leaves when the peer takes it.
        case accepted
        /// Not queued: ``Limits/writerQueueBytes`` or ``Limits/writerQueueMessages`` is reached. Try again after
        /// ``MessageReceiver/writable()``.
        case full
        /// Not queued: the call is over, or `finish` was called.
        case closed
    }

    private struct State {
        var queue: [[UInt8]] = []
        var first = 0
        var bytes = 0
        var finished: RPCStatus?
        var closed = false
        /// The loop knows that there is something to do.
        var signalled = false
        var saidFull = false
    }

    private let state = Locked(State())
    private let paused = Atomic<Bool>(false)
    private let loop: EventLoop
    private let stream: StreamToken
    private let maximumBytes: Int
    private let maximumMessages: Int
    private let memory: WriterMemory
    private let account: MemoryAccount?

    /// What a queued message costs besides its bytes.
    private static let messageBytes = 64

    init(
        loop: EventLoop, stream: StreamToken, limits: Limits, messages: Int?, memory: WriterMemory,
        account: MemoryAccount?
    ) {
        self.loop = loop
        self.stream = stream
        maximumBytes = limits.writerQueueBytes
        maximumMessages = min(messages ?? .max, limits.writerQueueMessages)
        self.memory = memory
        self.account = account
    }

    /// Counts bytes that the handler keeps for this call elsewhere, in the budgets of its party and the process;
    /// negative when it no longer does. May be used after the call's end: what was added has to be taken away.
    public func hold(_ bytes: Int) { memory.hold(bytes, account) }

    /// Whether the call's party or the process holds as much as it may: whoever can wait should.
    public var isMemoryShort: Bool { memory.isFull || account?.isFull ?? false }

    /// Queues one message. A message larger than the whole queue is accepted when the queue is empty.
    @discardableResult
    public func send(_ message: [UInt8]) -> Outcome {
        let (outcome, signal) = state.withLock { state -> (Outcome, Bool) in
            if state.closed || state.finished != nil { return (.closed, false) }
            let waiting = state.queue.count - state.first
            if waiting > 0,
                waiting >= maximumMessages || state.bytes + message.count > maximumBytes || isMemoryShort
            {
                state.saidFull = true
                return (.full, false)
            }
            state.queue.append(message)
            state.bytes += message.count
            memory.add(message.count + Self.messageBytes, account)
            defer { state.signalled = true }
            return (.accepted, !state.signalled)
        }
        if signal { loop.post(.wake(stream)) }
        return outcome
    }

    /// Ends the call with a status after everything that was queued; only the first one counts.
    public func finish(_ status: RPCStatus = .ok) {
        let signal = state.withLock { state in
            if state.closed || state.finished != nil { return false }
            state.finished = status
            defer { state.signalled = true }
            return !state.signalled
        }
        if signal { loop.post(.wake(stream)) }
    }

    /// No further messages reach the receiver, and the peer gets no new window, until `resumeReading`.
    public func pauseReading() { paused.store(true, ordering: .releasing) }

    public func resumeReading() {
        if paused.exchange(false, ordering: .acquiringAndReleasing) { loop.post(.resumeReading(stream)) }
    }

    /// The call is over or its end is decided.
    public var isClosed: Bool { state.withLock { $0.closed || $0.finished != nil } }

    var isPaused: Bool { paused.load(ordering: .acquiring) }

    enum Next {
        case message([UInt8])
        case end(RPCStatus)
        case pending
    }

    /// Called by the loop: the next thing to send, and whether the writer takes messages again after having been full.
    func next() -> (Next, becameWritable: Bool) {
        state.withLock { state in
            guard state.first < state.queue.count else {
                state.queue.removeAll(keepingCapacity: true)
                state.first = 0
                state.signalled = false
                if let status = state.finished { return (.end(status), false) }
                return (.pending, false)
            }
            var message: [UInt8] = []
            swap(&message, &state.queue[state.first])
            state.first += 1
            state.bytes -= message.count
            memory.remove(message.count + Self.messageBytes, account)
            if state.first >= 64, state.first * 2 >= state.queue.count {
                state.queue.removeFirst(state.first)
                state.first = 0
            }
            let waiting = state.queue.count - state.first
            let writable = state.saidFull && waiting * 2 <= maximumMessages && state.bytes * 2 <= maximumBytes
            if writable { state.saidFull = false }
            return (.message(message), writable)
        }
    }

    /// Called by the loop when the call is over.
    func close() {
        state.withLock { state in
            state.closed = true
            let waiting = state.queue.count - state.first
            memory.remove(state.bytes + waiting * Self.messageBytes, account)
            state.queue = []
            state.first = 0
            state.bytes = 0
        }
    }
}

import CLinux
import Glibc

/// What other threads ask of an event loop.
enum LoopMessage: Sendable {
    case reply(StreamToken, Result<[UInt8], RPCStatus>)
    case wake(StreamToken)
    case resumeReading(StreamToken)
    /// Stop accepting, announce the end to every peer; connections that outlive the grace (nanoseconds) are cut.
    case drain(grace: UInt64)
    /// End every call and connection now, and the loop itself.
    case stop
}

/// Messages for one loop; the first of a batch wakes it by its eventfd.
final class Mailbox: Sendable {
    private struct State {
        var messages: [LoopMessage] = []
        var signalled = false
        var closed = false
    }

    private let state = Locked(State())
    let wakeFD: Int32

    init() throws(EngineError) {
        wakeFD = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        guard wakeFD >= 0 else { throw .system(call: "eventfd", error: errno) }
    }

    deinit { close(wakeFD) }

    func post(_ message: LoopMessage) {
        state.withLock { state in
            guard !state.closed else { return }
            state.messages.append(message)
            guard !state.signalled else { return }
            state.signalled = true
            // Inside the lock, so that the descriptor cannot be closed in between.
            var one: UInt64 = 1
            _ = write(wakeFD, &one, 8)
        }
    }

    /// Everything that is waiting.
    func take() -> [LoopMessage] {
        state.withLock { state in
            if state.signalled {
                var count: UInt64 = 0
                _ = read(wakeFD, &count, 8)
                state.signalled = false
            }
            guard !state.messages.isEmpty else { return [] }
            var taken: [LoopMessage] = []
            swap(&taken, &state.messages)
            return taken
        }
    }

    func shut() {
        state.withLock { state in
            state.closed = true
            state.messages = []
        }
    }
}

import CLinux
import Glibc
import Synchronization

/// What tasks and helper threads ask of a transport's loop.
enum LoopMessage: Sendable {
    /// A call is new, has more to send, or has room for more.
    case changed(Call)
    /// Whoever made the call has let go of it.
    case left(Call)
    case resolved(number: Int, Result<[ResolvedAddress], Reason>)
    case stop
}

/// Messages for the loop; the first of a batch wakes it by its eventfd.
final class Mailbox: Sendable {
    private struct State {
        var messages: [LoopMessage] = []
        var isSignalled = false
        var isShut = false
    }

    private let state = Mutex(State())
    let wakeFD: Int32

    init() throws {
        wakeFD = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        guard wakeFD >= 0 else { throw TransportSetupError(description: "no descriptor is left") }
    }

    deinit { close(wakeFD) }

    /// False when the loop has ended: nobody will read it.
    @discardableResult
    func post(_ message: LoopMessage) -> Bool {
        state.withLock { state in
            guard !state.isShut else { return false }
            state.messages.append(message)
            guard !state.isSignalled else { return true }
            state.isSignalled = true
            var one: UInt64 = 1
            _ = write(wakeFD, &one, 8)
            return true
        }
    }

    /// Everything that is waiting.
    func take() -> [LoopMessage] {
        state.withLock { state in
            if state.isSignalled {
                var count: UInt64 = 0
                _ = read(wakeFD, &count, 8)
                state.isSignalled = false
            }
            var taken: [LoopMessage] = []
            swap(&taken, &state.messages)
            return taken
        }
    }

    /// Ends it; returns what nobody has read.
    func shut() -> [LoopMessage] {
        state.withLock { state in
            state.isShut = true
            var rest: [LoopMessage] = []
            swap(&rest, &state.messages)
            return rest
        }
    }
}

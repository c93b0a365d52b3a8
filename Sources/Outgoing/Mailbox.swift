import CLinux
import Glibc
import Synchronization

/// What other threads ask of a client's thread.
enum ClientMessage: Sendable {
    case start(HTTPSTransfer, HTTPSRequest, any ResponseReceiver)
    case resume(UInt64)
    case cancel(UInt64)
}

/// Messages for a client's thread; the first of a batch wakes it by an eventfd.
final class Mailbox: Sendable {
    private struct State {
        var messages: [ClientMessage] = []
        var isSignalled = false
        var isShut = false
    }

    private let state = Mutex(State())
    /// Negative when the system has no descriptor left: then nothing can be posted.
    let wake: Int32

    init() {
        wake = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        if wake < 0 { shut() }
    }

    deinit {
        if wake >= 0 { close(wake) }
    }

    /// False when nobody will read it.
    func post(_ message: ClientMessage) -> Bool {
        state.withLock { state in
            guard !state.isShut else { return false }
            state.messages.append(message)
            signal(&state)
            return true
        }
    }

    func shut() {
        state.withLock { state in
            state.isShut = true
            signal(&state)
        }
    }

    private func signal(_ state: inout State) {
        guard !state.isSignalled, wake >= 0 else { return }
        state.isSignalled = true
        var one: UInt64 = 1
        _ = write(wake, &one, 8)
    }

    /// Everything that is waiting, and whether it is the last.
    func take() -> (messages: [ClientMessage], isLast: Bool) {
        state.withLock { state in
            if state.isSignalled {
                var count: UInt64 = 0
                _ = read(wake, &count, 8)
                state.isSignalled = false
            }
            var taken: [ClientMessage] = []
            swap(&taken, &state.messages)
            return (taken, state.isShut)
        }
    }
}

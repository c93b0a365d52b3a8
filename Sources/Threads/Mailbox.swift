import CLinux
import Glibc

/// Messages for one thread; the first of a batch wakes it by an eventfd, which `poll` and `epoll` wait for.
public final class Mailbox<Message: Sendable>: Sendable {
    @usableFromInline
    struct State {
        @usableFromInline var messages: [Message] = []
        @usableFromInline var isSignalled = false
        @usableFromInline var isShut = false
    }

    @usableFromInline let state = Locked(State())
    /// Readable while there is something to take. Belongs to the mailbox.
    public let wakeFD: Int32

    /// Nil when the system has no descriptor left; `errno` has the reason.
    public init?() {
        wakeFD = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        if wakeFD < 0 { return nil }
    }

    deinit {
        if wakeFD >= 0 { close(wakeFD) }
    }

    /// False when nobody will read it.
    @inlinable
    @discardableResult
    public func post(_ message: Message) -> Bool {
        state.withLock { state in
            guard !state.isShut else { return false }
            state.messages.append(message)
            signal(&state)
            return true
        }
    }

    /// Everything that is waiting.
    @inlinable
    public func take() -> [Message] {
        state.withLock { state in
            if state.isSignalled {
                var count: UInt64 = 0
                _ = read(wakeFD, &count, 8)
                state.isSignalled = false
            }
            var taken: [Message] = []
            swap(&taken, &state.messages)
            return taken
        }
    }

    /// Whether `shut` was called. What `take` took before this is asked for is all there was.
    public var isShut: Bool { state.withLock { $0.isShut } }

    /// Takes no more, and wakes the thread; returns what nobody has taken.
    public func shut() -> [Message] {
        state.withLock { state in
            state.isShut = true
            signal(&state)
            var rest: [Message] = []
            swap(&rest, &state.messages)
            return rest
        }
    }

    @inlinable
    func signal(_ state: inout State) {
        guard !state.isSignalled else { return }
        state.isSignalled = true
        var one: UInt64 = 1
        _ = write(wakeFD, &one, 8)
    }
}

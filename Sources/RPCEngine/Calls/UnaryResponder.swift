import Threads

/// Answers one deferred unary call, or one of a web route. May be used from any thread; the first answer counts, later
/// ones are dropped.
public final class UnaryResponder: Sendable {
    private struct State {
        var done = false
        var cancelled = false
        var onCancel: (@Sendable () -> Void)?
    }

    private enum Asker {
        case stream(EventLoop, StreamToken)
        case closure(@Sendable (Result<[UInt8], RPCStatus>) -> Void)
    }

    private let state = Locked(State())
    private let asker: Asker

    init(loop: EventLoop, stream: StreamToken) {
        asker = .stream(loop, stream)
    }

    /// Of a call without an event loop.
    package init(_ answer: @escaping @Sendable (Result<[UInt8], RPCStatus>) -> Void) {
        asker = .closure(answer)
    }

    /// True once nobody waits for the answer any more.
    public var isCancelled: Bool { state.withLock { $0.cancelled } }

    /// Runs the closure on the call's event loop if the call ends before its answer, or at once if it has.
    public func onCancel(_ action: @escaping @Sendable () -> Void) {
        let late = state.withLock { state in
            if state.cancelled { return true }
            if !state.done { state.onCancel = action }
            return false
        }
        if late { action() }
    }

    /// Sends the reply message, or ends the call with a status.
    public func finish(_ result: Result<[UInt8], RPCStatus>) {
        guard isFirst() else { return }
        switch asker {
        case .stream(let loop, let stream): loop.post(.reply(stream, result))
        case .closure(let answer): answer(result)
        }
    }

    /// Sends the response of a web route.
    public func finish(_ response: WebResponse) {
        guard isFirst() else { return }
        switch asker {
        case .stream(let loop, let stream): loop.post(.webResponse(stream, response))
        case .closure(let answer): answer(.success(response.body))
        }
    }

    private func isFirst() -> Bool {
        state.withLock { state in
            if state.done || state.cancelled { return false }
            state.done = true
            state.onCancel = nil
            return true
        }
    }

    /// Called by the loop when the call is over without this answer.
    func cancel() {
        let action: (@Sendable () -> Void)? = state.withLock { state in
            if state.done || state.cancelled { return nil }
            state.cancelled = true
            defer { state.onCancel = nil }
            return state.onCancel
        }
        action?()
    }
}

import Threads

/// The messages of a server stream in another form. Each is put in it beside the event loop, and the next is not asked
/// for before it has left.
final class WebSource: MessageSource {
    private enum State {
        case idle
        case underWay
        case made(Result<[UInt8], RPCStatus>)
    }

    private let source: any MessageSource
    private let translation: any WebStreamTranslation
    private let waker: StreamWaker
    private let submit: (@escaping @Sendable () -> Void) -> RPCStatus?
    private let state = Locked(State.idle)

    /// - Parameter submit: runs work beside the event loops, or says why not.
    init(
        _ source: any MessageSource, _ translation: any WebStreamTranslation, waker: StreamWaker,
        submit: @escaping (@escaping @Sendable () -> Void) -> RPCStatus?
    ) {
        self.source = source
        self.translation = translation
        self.waker = waker
        self.submit = submit
    }

    func next(into reply: inout [UInt8]) throws(RPCStatus) -> SourceStep {
        while true {
            let before = state.withLock { state in
                defer { if case .made = state { state = .idle } }
                return state
            }
            switch before {
            case .underWay: return .pending
            case .made(let result):
                let bytes = try result.get()
                // Of a message that says nothing here there is nothing to send.
                if bytes.isEmpty { continue }
                reply = bytes
                return .message
            case .idle:
                switch try source.next(into: &reply) {
                case .pending: return .pending
                case .end: return .end
                case .message: break
                }
                let message = reply
                reply.removeAll(keepingCapacity: true)
                state.withLock { $0 = .underWay }
                let (state, translation, waker) = (state, translation, waker)
                let refusal = submit {
                    let result = Result { () throws(RPCStatus) in try translation.bytes(of: message) }
                    state.withLock { $0 = .made(result) }
                    waker.wake()
                }
                if let refusal { throw refusal }
            }
        }
    }

    func cancel() { source.cancel() }

    func draining() { source.draining() }
}

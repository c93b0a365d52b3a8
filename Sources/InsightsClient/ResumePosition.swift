import Synchronization

/// How far an export has come.
final class ResumePosition: Sendable {
    private let state: Mutex<(token: String, hasMoved: Bool)>

    init(_ token: String) { state = Mutex((token, false)) }

    var token: String { state.withLock { $0.token } }

    func advance(to token: String) {
        state.withLock {
            if !token.isEmpty { $0.token = token }
            $0.hasMoved = true
        }
    }

    /// True when messages have arrived since it was last asked.
    func takeProgress() -> Bool {
        state.withLock { state in
            defer { state.hasMoved = false }
            return state.hasMoved
        }
    }
}

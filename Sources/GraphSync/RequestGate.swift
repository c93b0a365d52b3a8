import HeapModule
import Synchronization

/// Lets so many through at once; of those that wait, the lowest number goes first, then whoever came first.
///
/// Customers have their place in the list as number: the first ones are finished before the last ones are begun, though
/// all of them wait here, and one that pauses holds nothing up.
final class RequestGate: Sendable {
    private struct Waiting: Comparable {
        let priority: Int
        let ticket: UInt64

        static func < (left: Waiting, right: Waiting) -> Bool {
            (left.priority, left.ticket) < (right.priority, right.ticket)
        }
    }

    private struct State {
        var free: Int
        var nextTicket: UInt64 = 0
        var queue = Heap<Waiting>()
        /// Those that wait; one that was canceled is only in the queue.
        var continuations: [UInt64: CheckedContinuation<Bool, Never>] = [:]
    }

    private let state: Mutex<State>

    init(_ limit: Int) { state = Mutex(State(free: limit)) }

    /// Runs the body with a place.
    func withPlace<Value>(priority: Int = 0, _ body: () async throws -> Value) async throws -> Value {
        try await enter(priority)
        defer { leave() }
        return try await body()
    }

    private func enter(_ priority: Int) async throws {
        try Task.checkCancellation()
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        let isIn = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isIn = state.withLock { state -> Bool? in
                    if Task.isCancelled { return false }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.queue.insert(Waiting(priority: priority, ticket: ticket))
                    state.continuations[ticket] = continuation
                    return nil
                }
                if let isIn { continuation.resume(returning: isIn) }
            }
        } onCancel: {
            state.withLock { $0.continuations.removeValue(forKey: ticket) }?.resume(returning: false)
        }
        guard isIn else { throw CancellationError() }
    }

    private func leave() {
        let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            while let first = state.queue.popMin() {
                if let continuation = state.continuations.removeValue(forKey: first.ticket) { return continuation }
            }
            state.free += 1
            return nil
        }
        next?.resume(returning: true)
    }
}

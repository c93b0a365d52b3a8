import Foundation
import Glibc
import Synchronization

/// Answers of the admin port that may wait for a disk to take a write, made one after the other beside its thread: they
/// keep nobody from being told that the server lives.
final class SlowAnswers: Sendable {
    /// Readable when there are answers to take.
    let descriptor: Int32
    private let wakeUp: Int32
    private let queue = DispatchQueue(label: "admin-answers")
    private let state = Mutex(State())

    private struct State {
        /// Connections whose answer is still wanted.
        var wanted: Set<UInt64> = []
        var ready: [(connection: UInt64, answer: [UInt8])] = []
    }

    /// Nil when the process has no descriptors left.
    init?() {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        (descriptor, wakeUp) = (ends[0], ends[1])
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
    }

    deinit {
        close(descriptor)
        close(wakeUp)
    }

    /// - Parameter connection: the number of the one that waits; there is one answer for each.
    func make(for connection: UInt64, _ body: @escaping @Sendable () -> [UInt8]) {
        state.withLock { _ = $0.wanted.insert(connection) }
        queue.async { [self] in
            guard state.withLock({ $0.wanted.contains(connection) }) else { return }
            let answer = body()
            state.withLock { $0.ready.append((connection, answer)) }
            // A full pipe has woken the thread already.
            _ = write(wakeUp, [0], 1)
        }
    }

    /// Those that wait; for others no answer is made any more.
    func keep(only connections: [UInt64]) {
        state.withLock { $0.wanted = $0.wanted.intersection(connections) }
    }

    func take() -> [(connection: UInt64, answer: [UInt8])] {
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(descriptor, &bytes, bytes.count) > 0 {}
        return state.withLock { state in
            defer { state.ready = [] }
            return state.ready
        }
    }
}

import DatastoreConformance
import Synchronization
import Testing

@testable import GraphSync

struct RequestGateTests {
    /// How many are in at once.
    private final class Crowd: Sendable {
        private let state = Mutex((now: 0, most: 0))

        var most: Int { state.withLock { $0.most } }

        func enter() {
            state.withLock { state in
                state.now += 1
                state.most = max(state.most, state.now)
            }
        }

        func leave() { state.withLock { $0.now -= 1 } }
    }

    /// So many are in at once; ends only when there are places for all of them.
    private func fill(_ gate: RequestGate, _ places: Int) async throws {
        guard places > 0 else { return }
        try await gate.withPlace { try await fill(gate, places - 1) }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [1, 3, 7])
    func neverMoreThanTheLimitAndNoPlaceIsLost(_ limit: Int) async throws {
        struct Failed: Error {}
        var seed = SeededGenerator(seed: UInt64(limit))
        let gate = RequestGate(limit)
        let crowd = Crowd()
        let entered = Notes<Int>()
        var tasks: [Task<Void, any Error>] = []
        for number in 0..<600 {
            let stay = Int.random(in: 0...400, using: &seed)
            let priority = Int.random(in: 0...9, using: &seed)
            tasks.append(
                Task {
                    try await gate.withPlace(priority: priority) {
                        crowd.enter()
                        defer { crowd.leave() }
                        entered.add(number)
                        try await Task.sleep(for: .microseconds(stay))
                        if number.isMultiple(of: 5) { throw Failed() }
                    }
                })
            // Waiters, those inside, those that have not begun, and those that are done.
            if Bool.random(using: &seed) { tasks.randomElement(using: &seed)?.cancel() }
            if number.isMultiple(of: 40) { try await Task.sleep(for: .milliseconds(1)) }
        }
        for task in tasks { _ = await task.result }
        #expect(crowd.most == limit)
        #expect(entered.all.count > 100 && entered.all.count < 600)
        try await fill(gate, limit)
        // And none was won.
        let tooMany = Task { try await fill(gate, limit + 1) }
        try await Task.sleep(for: .milliseconds(50))
        tooMany.cancel()
        await #expect(throws: CancellationError.self) { try await tooMany.value }
        try await fill(gate, limit)
    }

    @Test(.timeLimit(.minutes(1)))
    func byPriorityThenByArrival() async throws {
        var seed = SeededGenerator(seed: 11)
        let gate = RequestGate(1)
        let door = Door()
        let order = Notes<[Int]>()
        let first = Task.immediate { try await gate.withPlace { await door.wait() } }
        var waiting: [Task<Void, any Error>] = []
        var expected: [[Int]] = []
        for number in 0..<100 {
            let priority = Int.random(in: -1...5, using: &seed)
            let task = Task.immediate {
                try await gate.withPlace(priority: priority) { order.add([priority, number]) }
            }
            waiting.append(task)
            if Int.random(in: 0..<4, using: &seed) == 0 {
                task.cancel()
            } else {
                expected.append([priority, number])
            }
        }
        #expect(order.all.isEmpty)
        door.open()
        for task in waiting + [first] { _ = await task.result }
        #expect(order.all == expected.sorted { $0.lexicographicallyPrecedes($1) })
    }

    @Test(.timeLimit(.minutes(1)))
    func aWaiterThatIsCanceledEnds() async throws {
        let gate = RequestGate(1)
        let door = Door()
        let inside = Task.immediate { try await gate.withPlace { await door.wait() } }
        let waiter = Task.immediate { try await gate.withPlace { Issue.record("got a place") } }
        waiter.cancel()
        // The place is taken still.
        await #expect(throws: CancellationError.self) { try await waiter.value }
        door.open()
        try await inside.value
        try await fill(gate, 1)
    }

    @Test(.timeLimit(.minutes(1)))
    func whoeverIsCanceledBeforeTakesNoPlace() async throws {
        let gate = RequestGate(1)
        let door = Door()
        let late = Task {
            await door.wait()
            _ = try await gate.withPlace { Issue.record("got a place") }
        }
        late.cancel()
        door.open()
        await #expect(throws: CancellationError.self) { try await late.value }
        try await fill(gate, 1)
    }
}

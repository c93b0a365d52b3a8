import Dispatch
import Synchronization
import Tenancy
import Testing

@testable import InsightsServer

@Suite(.timeLimit(.minutes(1))) struct PartnerTurnsTests {
    private let a: PartnerID
    private let b: PartnerID
    private let c: PartnerID

    init() throws {
        (a, b, c) = (try PartnerID("a"), try PartnerID("b"), try PartnerID("c"))
    }

    /// Names in the order in which their work ran.
    private final class Order: Sendable {
        private let names = Mutex<[String]>([])
        private let done = DispatchSemaphore(value: 0)

        func ran(_ name: String) {
            names.withLock { $0.append(name) }
            done.signal()
        }

        func first(_ count: Int) -> [String] {
            for _ in 0..<count { done.wait() }
            return names.withLock { $0 }
        }
    }

    private final class Count: Sendable {
        private let value = Mutex(0)

        func add(_ number: Int) -> Int {
            value.withLock { value in
                value += number
                return value
            }
        }
    }

    @Test func aPartnerWithALotToDoHoldsNobodyElseUp() {
        let turns = PartnerTurns(limit: 1_000, processors: 1)
        let gate = DispatchSemaphore(value: 0)
        let order = Order()
        for _ in 0..<1_000 { _ = turns.submit(for: a) { gate.wait() } }
        // The thread that one partner may keep busy is stuck; this runs all the same.
        #expect(turns.submit(for: b) { order.ran("b") })
        #expect(order.first(1) == ["b"])
        for _ in 0..<1_000 { gate.signal() }
    }

    @Test func partnersTakeTurns() {
        let turns = PartnerTurns(limit: 10, processors: 1)
        let gates = (a: DispatchSemaphore(value: 0), b: DispatchSemaphore(value: 0))
        let order = Order()
        let began = DispatchSemaphore(value: 0)
        for (partner, gate) in [(a, gates.a), (b, gates.b)] {
            _ = turns.submit(for: partner) {
                began.signal()
                gate.wait()
            }
        }
        began.wait()
        began.wait()
        // Both threads are busy. One gets free: b has one thread already, so a and c take turns.
        for number in 0..<3 {
            for (partner, name) in [(a, "a"), (b, "b"), (c, "c")] {
                #expect(turns.submit(for: partner) { order.ran("\(name)\(number)") })
            }
        }
        gates.a.signal()
        #expect(order.first(6) == ["a0", "c0", "a1", "c1", "a2", "c2"])
        gates.b.signal()
        #expect(order.first(3).suffix(3) == ["b0", "b1", "b2"])
    }

    @Test func whatWaitsIsBoundedPerPartner() {
        let turns = PartnerTurns(limit: 5, processors: 1)
        let gate = DispatchSemaphore(value: 0)
        let began = DispatchSemaphore(value: 0)
        _ = turns.submit(for: a) {
            began.signal()
            gate.wait()
        }
        began.wait()
        #expect((0..<9).count { _ in turns.submit(for: a) {} } == 5)
        // Replies of what was done are taken all the same, and count.
        #expect(turns.submit(for: .partner(a), isBounded: false) {} && !turns.submit(for: a) {})
        #expect(turns.submit(for: b) {})
        let order = Order()
        gate.signal()
        while !turns.submit(for: a, { order.ran("again") }) {}
        #expect(order.first(1) == ["again"])
        turns.stop()
        #expect(!turns.submit(for: a) {})
    }

    /// Everything that is taken runs once, whoever submits and however many threads there are.
    @Test(arguments: [1, 2, 8])
    func nothingIsLost(_ processors: Int) {
        let turns = PartnerTurns(limit: 100_000, processors: processors)
        let ran = Count()
        let done = DispatchSemaphore(value: 0)
        let partners = [a, b, c]
        DispatchQueue.concurrentPerform(iterations: 6) { thread in
            for number in 0..<2_000 {
                let isTaken = turns.submit(for: partners[(thread + number) % 3]) {
                    if ran.add(1) == 12_000 { done.signal() }
                }
                #expect(isTaken)
            }
        }
        done.wait()
        #expect(ran.add(0) == 12_000)
    }
}

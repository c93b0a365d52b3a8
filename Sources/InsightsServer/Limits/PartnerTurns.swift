import Dispatch
import Foundation
import Glibc
import Synchronization
import Tenancy

/// Work that partners have waiting, run by a few threads that take it from the partners in turn: whoever asks for a
/// lot waits behind itself, and nobody else behind it.
final class PartnerTurns: Sendable {
    typealias Work = @Sendable () -> Void

    /// What one partner may have waiting.
    let limit: Int
    private let queue: TurnQueue

    /// - Parameter processors: threads that one partner may keep busy; one more is there for the others.
    init(limit: Int, processors: Int) {
        self.limit = limit
        queue = TurnQueue(limit: limit, runningPerPartner: max(1, processors))
        for _ in 0...max(1, processors) {
            Thread.detachNewThread { [queue] in queue.run() }
        }
    }

    deinit { queue.stop() }

    /// False when the partner has as much waiting as it may.
    func submit(for partner: PartnerID, _ work: @escaping Work) -> Bool { queue.submit(for: partner, work) }

    /// Ends the threads after what they are at; what waits is dropped.
    func stop() { queue.stop() }
}

/// The queue behind ``PartnerTurns``; outlives it until the threads have noticed its end.
private final class TurnQueue: Sendable {
    private struct Line {
        var waiting: [PartnerTurns.Work] = []
        var running = 0
    }

    private struct State {
        /// Partners with something waiting or running.
        var lines: [PartnerID: Line] = [:]
        /// Partners with something waiting; the first one's turn is next.
        var turns: [PartnerID] = []
        var sleeping = 0
        var isStopped = false
    }

    private let limit: Int
    private let runningPerPartner: Int
    private let state = Mutex(State())
    private let wakeUps = DispatchSemaphore(value: 0)

    init(limit: Int, runningPerPartner: Int) {
        self.limit = limit
        self.runningPerPartner = runningPerPartner
    }

    func submit(for partner: PartnerID, _ work: @escaping PartnerTurns.Work) -> Bool {
        let (isTaken, wake) = state.withLock { state -> (Bool, Bool) in
            var line = state.lines.removeValue(forKey: partner) ?? Line()
            defer { state.lines[partner] = line }
            guard line.waiting.count < limit, !state.isStopped else { return (false, false) }
            if line.waiting.isEmpty { state.turns.append(partner) }
            line.waiting.append(work)
            guard state.sleeping > 0 else { return (true, false) }
            state.sleeping -= 1
            return (true, true)
        }
        if wake { wakeUps.signal() }
        return isTaken
    }

    func stop() {
        let sleeping = state.withLock { state in
            state.isStopped = true
            state.lines = [:]
            state.turns = []
            defer { state.sleeping = 0 }
            return state.sleeping
        }
        for _ in 0..<sleeping { wakeUps.signal() }
    }

    /// A thread's life.
    func run() {
        // Of this thread alone: the event loops go first.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
        while true {
            let (next, isStopped) = state.withLock { state -> ((PartnerID, PartnerTurns.Work)?, Bool) in
                let next = take(&state)
                if next == nil, !state.isStopped { state.sleeping += 1 }
                return (next, state.isStopped)
            }
            if let (partner, work) = next {
                work()
                state.withLock { finish(partner, &$0) }
            } else if isStopped {
                return
            } else {
                wakeUps.wait()
            }
        }
    }

    private static let niceness: Int32 = 5

    /// The first thing waiting of the first partner that does not keep enough threads busy already. A thread that
    /// leaves such a partner's work is not missed: the partner's own threads come back for it.
    private func take(_ state: inout State) -> (PartnerID, PartnerTurns.Work)? {
        let found = state.turns.firstIndex { (state.lines[$0]?.running ?? 0) < runningPerPartner }
        guard let found else { return nil }
        let partner = state.turns.remove(at: found)
        guard var line = state.lines.removeValue(forKey: partner), !line.waiting.isEmpty else { return nil }
        let work = line.waiting.removeFirst()
        line.running += 1
        if !line.waiting.isEmpty { state.turns.append(partner) }
        state.lines[partner] = line
        return (partner, work)
    }

    private func finish(_ partner: PartnerID, _ state: inout State) {
        guard var line = state.lines.removeValue(forKey: partner) else { return }
        line.running -= 1
        if line.running > 0 || !line.waiting.isEmpty { state.lines[partner] = line }
    }
}

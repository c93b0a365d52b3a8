import DequeModule
import Dispatch
import Foundation
import Synchronization
import Tenancy
import Threads

/// Work that partners have waiting, run by a few threads that take it from the partners in turn: whoever asks for a
/// lot waits behind itself, and nobody else behind it. The operator has a turn like a partner.
final class PartnerTurns: Sendable {
    typealias Work = @Sendable () -> Void

    /// Whose turn it is.
    enum Asker: Hashable, Sendable {
        case partner(PartnerID)
        case `operator`
    }

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

    /// False when the asker has as much waiting as it may.
    ///
    /// - Parameter isBounded: false for what has to be done however much waits, such as the replies of calls that were
    ///   taken.
    func submit(for asker: Asker, isBounded: Bool = true, _ work: @escaping Work) -> Bool {
        queue.submit(for: asker, isBounded: isBounded, work)
    }

    func submit(for partner: PartnerID, _ work: @escaping Work) -> Bool { submit(for: .partner(partner), work) }

    /// Ends the threads after what they are at; what waits is dropped.
    func stop() { queue.stop() }
}

/// The queue behind ``PartnerTurns``; outlives it until the threads have noticed its end.
private final class TurnQueue: Sendable {
    private struct Line {
        var waiting: Deque<PartnerTurns.Work> = []
        var running = 0
    }

    private struct State {
        /// Askers with something waiting or running.
        var lines: [PartnerTurns.Asker: Line] = [:]
        /// Askers with something waiting; the first one's turn is next.
        var turns: Deque<PartnerTurns.Asker> = []
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

    func submit(for asker: PartnerTurns.Asker, isBounded: Bool, _ work: @escaping PartnerTurns.Work) -> Bool {
        let (isTaken, wake) = state.withLock { state -> (Bool, Bool) in
            var line = state.lines.removeValue(forKey: asker) ?? Line()
            defer { state.lines[asker] = line }
            guard line.waiting.count < limit || !isBounded, !state.isStopped else { return (false, false) }
            if line.waiting.isEmpty { state.turns.append(asker) }
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
        // The event loops go first.
        ThreadPriority.preferThroughput()
        while true {
            let (next, isStopped) = state.withLock { state -> ((PartnerTurns.Asker, PartnerTurns.Work)?, Bool) in
                let next = take(&state)
                if next == nil, !state.isStopped { state.sleeping += 1 }
                return (next, state.isStopped)
            }
            if let (asker, work) = next {
                work()
                state.withLock { finish(asker, &$0) }
            } else if isStopped {
                return
            } else {
                wakeUps.wait()
            }
        }
    }

    /// The first thing waiting of the first asker that does not keep enough threads busy already. A thread that
    /// leaves such an asker's work is not missed: the asker's own threads come back for it.
    private func take(_ state: inout State) -> (PartnerTurns.Asker, PartnerTurns.Work)? {
        let found = state.turns.firstIndex { (state.lines[$0]?.running ?? 0) < runningPerPartner }
        guard let found else { return nil }
        let asker = state.turns.remove(at: found)
        guard var line = state.lines.removeValue(forKey: asker), !line.waiting.isEmpty else { return nil }
        let work = line.waiting.removeFirst()
        line.running += 1
        if !line.waiting.isEmpty { state.turns.append(asker) }
        state.lines[asker] = line
        return (asker, work)
    }

    private func finish(_ asker: PartnerTurns.Asker, _ state: inout State) {
        guard var line = state.lines.removeValue(forKey: asker) else { return }
        line.running -= 1
        if line.running > 0 || !line.waiting.isEmpty { state.lines[asker] = line }
    }
}

import AuditTrail
import DequeModule
import Dispatch
import Synchronization
import Tenancy

/// Changes that wait to be made. Every partner has a line of its own, the operator too, and the lines take turns: who
/// asks for a lot waits behind itself, and anybody else's change is in the next group.
///
/// A group is noted in the audit trail by one `fsync`, made in one transaction where possible, and put on record by one
/// more. The writer is needed for the transaction alone, so that batches go on while a group is noted and recorded.
final class ChangeQueue: Sendable {
    enum Admission: Sendable {
        case taken
        /// As many wait in the line as may.
        case full(limit: Int)
        /// The server is shutting down.
        case stopped
    }

    /// Changes of the operator that may wait: it registers partners by the hundred.
    static let operatorLimit = 1_000
    /// Changes in a group.
    static let groupSize = 64

    /// What one partner may have waiting.
    let limit: Int
    private let writer: FactWriter
    private let recorder: ChangeRecorder
    /// Nil where one server has the store.
    private let others: Members?
    private let queue = DispatchQueue(label: "changes")
    private let state = Mutex(State())

    private struct State {
        /// Lines in which something waits.
        var lines: [PartnerID?: Deque<PendingChange>] = [:]
        /// Whose they are; the first one's turn is next. Each is there once.
        var turns = Deque<PartnerID?>()
        var isScheduled = false
        var isStopped = false
    }

    init(limit: Int, writer: FactWriter, recorder: ChangeRecorder, others: Members? = nil) {
        self.others = others
        self.limit = limit
        self.writer = writer
        self.recorder = recorder
    }

    func submit(_ change: PendingChange) -> Admission {
        let limit = change.partner == nil ? Self.operatorLimit : limit
        let (admission, schedule) = state.withLock { state -> (Admission, Bool) in
            if state.isStopped { return (.stopped, false) }
            let partner = change.partner
            var line = state.lines.removeValue(forKey: partner) ?? Deque()
            defer { state.lines[partner] = line }
            guard line.count < limit else { return (.full(limit: limit), false) }
            if line.isEmpty { state.turns.append(partner) }
            line.append(change)
            defer { state.isScheduled = true }
            return (.taken, !state.isScheduled)
        }
        if schedule { queue.async { [self] in drain() } }
        return admission
    }

    /// Takes no more changes and finishes the group that it is at. Those that wait are refused: their callers are gone,
    /// or were told that the server stops. Blocks.
    func stop() {
        let waiting = state.withLock { state in
            state.isStopped = true
            defer { (state.lines, state.turns) = ([:], []) }
            return state.lines.values.flatMap { $0 }
        }
        queue.sync {}
        for change in waiting { change.reply(.failure(.stopped)) }
    }

    private func drain() {
        while true {
            let group = state.withLock { state in
                let group = Self.take(&state)
                if group.isEmpty { state.isScheduled = false }
                return group
            }
            if group.isEmpty { return }
            make(group.filter { $0.isWanted() })
        }
    }

    /// One change of each line in turn, until the group is full.
    private static func take(_ state: inout State) -> [PendingChange] {
        var group: [PendingChange] = []
        while group.count < groupSize, let partner = state.turns.popFirst() {
            guard var line = state.lines.removeValue(forKey: partner), let change = line.popFirst() else { continue }
            group.append(change)
            if !line.isEmpty {
                state.lines[partner] = line
                state.turns.append(partner)
            }
            // It takes its time: the others of the group have theirs before, and the next go in turn with ingest.
            if change.isErasure { break }
        }
        return group
    }

    private func make(_ group: [PendingChange]) {
        guard !group.isEmpty else { return }
        let notes: [AuditChange]
        do throws(WriteFailure) {
            notes = try recorder.begin(group.map(\.event))
        } catch {
            for change in group { change.reply(.failure(error)) }
            return
        }
        let results = writer.make(group)
        // Whoever is answered finds the change on record.
        recorder.end(zip(notes, results).map { ChangeRecorder.Outcome(change: $0, result: $1) })
        guard let others, results.contains(where: \.mayBeMade) else {
            for (change, result) in zip(group, results) { change.reply(result) }
            return
        }
        // The next group does not wait.
        others.whenApplied(writer.position.withLock { $0 }) { pending in
            for (change, result) in zip(group, results) {
                change.reply(
                    result.map { made in
                        var made = made
                        made.serversPending = pending
                        return made
                    })
            }
        }
    }
}

extension Result<MadeChange, WriteFailure> {
    /// Also what changed nothing, or was there or gone already: the call before, whose answer was lost, may have made
    /// it.
    fileprivate var mayBeMade: Bool {
        switch self {
        case .success, .failure(.noSuchUser), .failure(.directory(.alreadyExists)), .failure(.directory(.notFound)):
            true
        case .failure: false
        }
    }
}

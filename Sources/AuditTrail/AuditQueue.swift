import Synchronization

/// Records that wait to be written, in their order. Every method may be called from any thread.
final class AuditQueue: Sendable {
    /// A record with its turn: the number by which whoever waits for it knows that it is durable.
    struct Waiting: Sendable {
        let turn: UInt64
        let record: AuditRecord
    }

    struct Batch: Sendable {
        var waiting: [Waiting] = []
        /// Records that found no room and are lost.
        var lost: UInt64 = 0

        /// But for those of the turns.
        func without(_ turns: Set<UInt64>) -> Batch {
            turns.isEmpty ? self : Batch(waiting: waiting.filter { !turns.contains($0.turn) }, lost: lost)
        }
    }

    private struct State {
        var batch = Batch()
        var turns: UInt64 = 0
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: records that may wait, but for those that somebody waits for.
    init(limit: Int) {
        self.limit = limit
    }

    /// Nil when there is no room; the record is counted as lost then.
    ///
    /// - Parameter isAwaited: always finds room; those who wait are few.
    func add(_ record: AuditRecord, isAwaited: Bool) -> UInt64? {
        state.withLock { state in
            guard isAwaited || state.batch.waiting.count < limit else {
                state.batch.lost &+= 1
                return nil
            }
            state.turns &+= 1
            state.batch.waiting.append(Waiting(turn: state.turns, record: record))
            return state.turns
        }
    }

    /// Takes everything that waits.
    func take() -> Batch {
        state.withLock { state in
            defer { state.batch = Batch() }
            return state.batch
        }
    }

    /// The same of the first `limit`, and the number of the lost with the last of them.
    func take(_ limit: Int) -> Batch {
        state.withLock { state in
            guard state.batch.waiting.count > limit else {
                defer { state.batch = Batch() }
                return state.batch
            }
            defer { state.batch.waiting.removeFirst(limit) }
            return Batch(waiting: Array(state.batch.waiting.prefix(limit)))
        }
    }

    /// Puts back, in front, what could not be written.
    func giveBack(_ batch: Batch) {
        state.withLock { state in
            state.batch.waiting = batch.waiting + state.batch.waiting
            state.batch.lost &+= batch.lost
        }
    }

    /// Takes a record back that was never written.
    func withdraw(_ turn: UInt64) {
        state.withLock { state in
            if let index = state.batch.waiting.lastIndex(where: { $0.turn == turn }) {
                state.batch.waiting.remove(at: index)
            }
        }
    }

    var counts: (waiting: Int, lost: UInt64) {
        state.withLock { ($0.batch.waiting.count, $0.batch.lost) }
    }
}

import Synchronization

/// What must not happen twice, each until its time is over. Bounded; may be used from any thread.
final class ExpiringSet<Key: Hashable & Sendable>: Sendable {
    enum Insertion {
        case isNew
        case wasThere
        /// As many as may be are there, none of them over.
        case isFull
    }

    private struct State {
        /// Unix seconds at which each is over.
        var ends: [Key: Int64] = [:]
        /// Before it none of them is: a full set is gone through once a second at most.
        var earliest = Int64.max
    }

    private let most: Int
    private let state = Mutex(State())

    init(most: Int) { self.most = most }

    func insert(_ key: Key, until end: Int64, now: Int64) -> Insertion {
        state.withLock { state in
            if let known = state.ends[key], now < known { return .wasThere }
            if state.ends.count >= most, now >= state.earliest {
                state.ends = state.ends.filter { now < $0.value }
                state.earliest = state.ends.values.min() ?? .max
            }
            guard state.ends.count < most else { return .isFull }
            state.ends[key] = end
            state.earliest = min(state.earliest, end)
            return .isNew
        }
    }

    func contains(_ key: Key, now: Int64) -> Bool {
        state.withLock { state in state.ends[key].map { now < $0 } ?? false }
    }
}

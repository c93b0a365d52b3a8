import Synchronization

/// What must not happen twice, each until its time is over. Bounded; may be used from any thread.
final class ExpiringSet<Key: Hashable & Sendable>: Sendable {
    enum Insertion {
        case isNew
        case wasThere
        /// As many as may be are there, none of them over.
        case isFull
    }

    private let most: Int
    /// Unix seconds at which each is over.
    private let ends = Mutex<[Key: Int64]>([:])

    init(most: Int) { self.most = most }

    func insert(_ key: Key, until end: Int64, now: Int64) -> Insertion {
        ends.withLock { ends in
            if let known = ends[key], now < known { return .wasThere }
            if ends.count >= most { ends = ends.filter { now < $0.value } }
            guard ends.count < most else { return .isFull }
            ends[key] = end
            return .isNew
        }
    }

    func contains(_ key: Key, now: Int64) -> Bool {
        ends.withLock { ends in ends[key].map { now < $0 } ?? false }
    }
}

import InsightsCore
import LicenseModel
import RPCEngine
import Synchronization

/// Older snapshots of the core, kept so that paging goes on over the same facts. A partner has a share of its own, so
/// that nobody's paging is disturbed by another's; and all together keep no more of what was replaced since than a
/// quarter of the memory budget, in which that is counted.
final class SnapshotShelf: Sendable {
    private struct Shelved {
        let snapshot: CoreSnapshot
        /// Whose pages they are.
        let partner: String
        /// Unix seconds of the last page served from it.
        var usedAt: Int64
    }

    private struct State {
        var snapshots: [Shelved] = []
        /// Older snapshots are not kept: a person was erased since.
        var oldest: Revision?
        /// Nor those of earlier histories.
        var history = 0
        /// `displacedBytes` of the newest core.
        var displaced = 0
        var account: MemoryAccount?
        /// Counted in the account.
        var counted = 0
    }

    static let size = 512
    static let sizePerPartner = 8
    /// Seconds for which a page token finds its snapshot again.
    static let lifetime: Int64 = 600

    private let state = Mutex(State())

    /// From now on what the shelf keeps is counted there.
    func count(in account: MemoryAccount) {
        state.withLock { state in
            if let before = state.account { _ = before.change(from: state.counted, to: 0) }
            state.account = account
            state.counted = 0
        }
    }

    /// Bytes, at most, that the kept snapshots have and the newest has not.
    var bytes: Int { state.withLock { Self.bytes($0) } }

    /// A newer core is there: what is kept may cost more now.
    func follow(_ core: CoreSnapshot) {
        // Released outside the lock, here and below: freeing snapshots may take long.
        let dropped = state.withLock { state in
            state.displaced = core.core.displacedBytes
            return Self.fit(&state)
        }
        _ = dropped.count
    }

    /// Drops snapshots before `revision` and keeps none of them again: an erased person must not live on in them, also
    /// when a call that began before is about to keep one.
    func forget(before revision: Revision) {
        let dropped = state.withLock { state in
            state.oldest = revision
            let dropped = state.snapshots
            state.snapshots = []
            _ = Self.fit(&state)
            return dropped
        }
        _ = dropped.count
    }

    /// Drops snapshots of earlier histories, whose revisions say something else now, and keeps none of them again.
    func forget(before history: Int) {
        let dropped = state.withLock { state in
            state.history = history
            state.oldest = nil
            let dropped = state.snapshots
            state.snapshots = []
            _ = Self.fit(&state)
            return dropped
        }
        _ = dropped.count
    }

    /// Keeps a snapshot whose next page somebody may ask for.
    func keep(_ snapshot: CoreSnapshot, for partner: String, at now: Int64) {
        let dropped = state.withLock { state -> [Shelved] in
            if let oldest = state.oldest, snapshot.revision < oldest { return [] }
            if snapshot.core.history < state.history { return [] }
            var dropped = state.snapshots.filter { now - $0.usedAt > Self.lifetime }
            state.snapshots.removeAll {
                now - $0.usedAt > Self.lifetime || ($0.snapshot.isIdentical(to: snapshot) && $0.partner == partner)
            }
            if state.snapshots.count(where: { $0.partner == partner }) >= Self.sizePerPartner,
                let oldest = state.snapshots.firstIndex(where: { $0.partner == partner })
            {
                dropped.append(state.snapshots.remove(at: oldest))
            }
            if state.snapshots.count >= Self.size { dropped.append(state.snapshots.removeFirst()) }
            state.snapshots.append(Shelved(snapshot: snapshot, partner: partner, usedAt: now))
            return dropped + Self.fit(&state)
        }
        _ = dropped.count
    }

    /// The snapshot of a revision; nil when it is no longer kept.
    func find(_ revision: Revision, at now: Int64) -> CoreSnapshot? {
        state.withLock { state in
            state.snapshots.first {
                $0.snapshot.revision == revision && now - $0.usedAt <= Self.lifetime
            }?.snapshot
        }
    }

    private static func bytes(_ state: State) -> Int {
        // Below zero for one that is newer than what `follow` heard of.
        max(0, state.snapshots.map { state.displaced &- $0.snapshot.core.displacedBytes }.max() ?? 0)
    }

    /// Drops the snapshots from the longest ago until the rest has room, and counts that.
    private static func fit(_ state: inout State) -> [Shelved] {
        guard let account = state.account else { return [] }
        var dropped: [Shelved] = []
        while true {
            let bytes = bytes(state)
            if bytes <= account.limit / 4, account.change(from: state.counted, to: bytes) {
                state.counted = bytes
                return dropped
            }
            // Above nothing there is always room for nothing.
            guard
                let oldest = state.snapshots.indices.min(by: { left, right in
                    state.snapshots[left].snapshot.core.displacedBytes
                        < state.snapshots[right].snapshot.core.displacedBytes
                })
            else { return dropped }
            dropped.append(state.snapshots.remove(at: oldest))
        }
    }
}

import Dispatch
import LicenseModel
import Synchronization
import Tenancy

/// Calls that wait for facts of a revision that is not published here yet: on no thread, for a bounded time.
final class RevisionWaits: Sendable {
    private struct Wait {
        let partner: PartnerID
        let revision: UInt64
        let wake: @Sendable () -> Void
    }

    private struct State {
        var waits: [UInt64: Wait] = [:]
        /// Of each partner with any.
        var counts: [PartnerID: Int] = [:]
        var lastID: UInt64 = 0

        mutating func remove(_ id: UInt64) -> Wait? {
            guard let wait = waits.removeValue(forKey: id) else { return nil }
            let left = (counts[wait.partner] ?? 1) - 1
            counts[wait.partner] = left > 0 ? left : nil
            return wait
        }
    }

    private let state = Mutex(State())
    private let timers = DispatchQueue(label: "revision-waits")

    /// Calls that wait now, of all partners.
    var count: Int { state.withLock { $0.waits.count } }

    /// Has `wake` called once: when the revision is published, or after `time` nanoseconds. False, and nothing is
    /// called, when the partner has `limit` calls waiting.
    func add(
        _ partner: PartnerID, for revision: UInt64, atMost time: UInt64, limit: Int,
        _ wake: @escaping @Sendable () -> Void
    ) -> Bool {
        let id = state.withLock { state -> UInt64? in
            guard state.counts[partner, default: 0] < limit else { return nil }
            state.counts[partner, default: 0] += 1
            state.lastID += 1
            state.waits[state.lastID] = Wait(partner: partner, revision: revision, wake: wake)
            return state.lastID
        }
        guard let id else { return false }
        timers.asyncAfter(deadline: .now() + .nanoseconds(Int(clamping: time))) { [weak self] in
            self?.state.withLock { $0.remove(id) }?.wake()
        }
        return true
    }

    /// The facts of `revision` can be read.
    func published(_ revision: Revision) {
        let reached = UInt64(clamping: revision.number)
        let woken = state.withLock { state -> [Wait] in
            let ids = state.waits.filter { $0.value.revision <= reached }.keys
            return ids.compactMap { state.remove($0) }
        }
        for wait in woken { wait.wake() }
    }
}

import InsightsCore
import LicenseModel
import Synchronization

/// A consistent core at one revision. Never changes; readers keep it as long as they need it.
final class CoreSnapshot: Sendable {
    let core: InsightsCore

    init(_ core: InsightsCore) {
        self.core = core
    }

    var revision: Revision { core.revision }
}

/// The newest snapshot that reads may see. The fact writer publishes; every event loop loads.
final class PublishedCore: Sendable {
    /// What whole portfolios were asked for lately, of whatever revision.
    let columns = DayColumnCache()
    private let newest: Mutex<CoreSnapshot>
    private let shelf = Mutex(Shelf())

    private struct Shelf {
        var snapshots: [Shelved] = []
        /// Older snapshots are not kept: a person was erased since.
        var oldest: Revision?
    }

    private struct Shelved {
        let snapshot: CoreSnapshot
        /// Whose pages they are.
        let partner: String
        /// Unix seconds of the last page served from it.
        var usedAt: Int64
    }

    /// Older snapshots kept so that paging goes on over the same facts; bounds what their difference may cost. A
    /// partner has a share of its own, so that nobody's paging is disturbed by another's.
    private static let shelfSize = 512
    private static let shelfSizePerPartner = 8
    /// Seconds for which a page token finds its snapshot again.
    private static let shelfLifetime: Int64 = 600

    private let today: @Sendable () -> Day

    /// - Parameter today: the day that reads are made for, so that they are quick.
    init(_ core: InsightsCore, today: @escaping @Sendable () -> Day) {
        self.today = today
        var core = core
        core.prepare(today: today())
        newest = Mutex(CoreSnapshot(core))
    }

    /// Whether the day for which the newest snapshot was prepared is over. Then the writer should publish it again.
    var isOfYesterday: Bool { load().core.preparedDay != today() }

    func load() -> CoreSnapshot {
        newest.withLock { $0 }
    }

    func publish(_ core: InsightsCore) {
        var core = core
        core.prepare(today: today())
        let snapshot = CoreSnapshot(core)
        // The old snapshot is released outside the lock: freeing it may take long.
        let old = newest.withLock { current in
            let old = current
            current = snapshot
            return old
        }
        _ = old.revision
    }

    /// Drops snapshots before `revision` and keeps none of them again: an erased person must not live on in them, also
    /// when a call that began before is about to shelve one.
    func forgetShelved(before revision: Revision) {
        let dropped = shelf.withLock { shelf in
            shelf.oldest = revision
            let dropped = shelf.snapshots
            shelf.snapshots = []
            return dropped
        }
        // Released outside the lock: freeing them may take long.
        _ = dropped.count
    }

    /// Keeps a snapshot whose next page somebody may ask for.
    func shelve(_ snapshot: CoreSnapshot, for partner: String, at now: Int64) {
        shelf.withLock { shelf in
            if let oldest = shelf.oldest, snapshot.revision < oldest { return }
            shelf.snapshots.removeAll {
                now - $0.usedAt > Self.shelfLifetime || ($0.snapshot === snapshot && $0.partner == partner)
            }
            if shelf.snapshots.count(where: { $0.partner == partner }) >= Self.shelfSizePerPartner,
                let oldest = shelf.snapshots.firstIndex(where: { $0.partner == partner })
            {
                shelf.snapshots.remove(at: oldest)
            }
            if shelf.snapshots.count >= Self.shelfSize { shelf.snapshots.removeFirst() }
            shelf.snapshots.append(Shelved(snapshot: snapshot, partner: partner, usedAt: now))
        }
    }

    /// The snapshot of a revision, or the newest when it is no longer kept.
    func load(revision: Revision, at now: Int64) -> CoreSnapshot {
        let newest = load()
        if newest.revision == revision { return newest }
        return shelf.withLock { shelf in
            shelf.snapshots.first {
                $0.snapshot.revision == revision && now - $0.usedAt <= Self.shelfLifetime
            }?.snapshot
        } ?? newest
    }
}

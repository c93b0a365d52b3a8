import InsightsCore
import LicenseModel
import Synchronization

/// The newest snapshot that reads may see. The fact writer publishes; every event loop loads.
final class PublishedCore: Sendable {
    /// What whole portfolios were asked for lately, of whatever revision.
    let columns = DayColumnCache()
    private let newest: Mutex<CoreSnapshot>
    /// Those that pages go on from.
    let shelf = SnapshotShelf()
    /// Those that want a later one.
    let waits = RevisionWaits()
    private let today: @Sendable () -> Day

    /// - Parameter today: the day that reads are made for, so that they are quick.
    init(_ core: InsightsCore, today: @escaping @Sendable () -> Day) {
        self.today = today
        var core = core
        core.prepare(today: today())
        let snapshot = CoreSnapshot(core)
        newest = Mutex(snapshot)
        shelf.follow(snapshot)
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
        shelf.follow(snapshot)
        waits.published(snapshot.revision)
        _ = old.revision
    }

    /// The snapshot of a revision, or the newest when it is no longer kept.
    func load(revision: Revision, at now: Int64) -> CoreSnapshot {
        let newest = load()
        return newest.revision == revision ? newest : shelf.find(revision, at: now) ?? newest
    }
}

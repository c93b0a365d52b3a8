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
    /// Those that want a later one, and those that want to hear of any.
    let waits = RevisionWaits()
    let watches = RevisionWaits()
    /// Of the newest history: what came before it, its facts do not tell apart.
    private let first: Mutex<Revision>
    private let today: @Sendable () -> Day

    /// - Parameter today: the day that reads are made for, so that they are quick.
    init(_ core: InsightsCore, today: @escaping @Sendable () -> Day) {
        self.today = today
        var core = core
        core.prepare(today: today())
        let snapshot = CoreSnapshot(core)
        newest = Mutex(snapshot)
        first = Mutex(snapshot.revision)
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
            if old.core.history != core.history { first.withLock { $0 = snapshot.revision } }
            return old
        }
        shelf.follow(snapshot)
        waits.published(snapshot.revision)
        watches.published(snapshot.revision)
        _ = old.revision
    }

    /// Since which facts say at which revision they came.
    var firstRevision: Revision { first.withLock { $0 } }

    /// The snapshot of a revision, or the newest when it is no longer kept.
    func load(revision: Revision, at now: Int64) -> CoreSnapshot {
        let newest = load()
        return newest.revision == revision ? newest : shelf.find(revision, at: now) ?? newest
    }
}

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
    private let newest: Mutex<CoreSnapshot>
    private let shelf = Mutex<[Shelved]>([])

    private struct Shelved {
        let snapshot: CoreSnapshot
        /// Unix seconds of the last page served from it.
        var usedAt: Int64
    }

    /// Older snapshots kept so that paging goes on over the same facts; bounds what their difference may cost.
    private static let shelfSize = 16
    /// Seconds for which a page token finds its snapshot again.
    private static let shelfLifetime: Int64 = 600

    init(_ core: InsightsCore) {
        newest = Mutex(CoreSnapshot(core))
    }

    func load() -> CoreSnapshot {
        newest.withLock { $0 }
    }

    func publish(_ core: InsightsCore) {
        let snapshot = CoreSnapshot(core)
        // The old snapshot is released outside the lock: freeing it may take long.
        let old = newest.withLock { current in
            let old = current
            current = snapshot
            return old
        }
        _ = old.revision
    }

    /// Drops older snapshots: an erased person must not live on in them.
    func forgetShelved() {
        shelf.withLock { $0.removeAll() }
    }

    /// Keeps a snapshot whose next page somebody may ask for.
    func shelve(_ snapshot: CoreSnapshot, at now: Int64) {
        shelf.withLock { shelf in
            shelf.removeAll { now - $0.usedAt > Self.shelfLifetime || $0.snapshot === snapshot }
            if shelf.count >= Self.shelfSize { shelf.removeFirst() }
            shelf.append(Shelved(snapshot: snapshot, usedAt: now))
        }
    }

    /// The snapshot of a revision, or the newest when it is no longer kept.
    func load(revision: Revision, at now: Int64) -> CoreSnapshot {
        let newest = load()
        if newest.revision == revision { return newest }
        return shelf.withLock { shelf in
            shelf.first { $0.snapshot.revision == revision && now - $0.usedAt <= Self.shelfLifetime }?.snapshot
        } ?? newest
    }
}

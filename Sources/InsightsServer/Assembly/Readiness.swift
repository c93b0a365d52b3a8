import AuditTrail
import Datastore

extension StoreCondition {
    /// Of the folders that a server writes to.
    convenience init(_ parts: PartnerInsightsServerParts) {
        var folders = [
            Folder(path: parts.dataFolder, whenFull: "the disk of the audit trail has no room left")
        ]
        if let path = parts.storeFolder {
            folders.insert(Folder(path: path, whenFull: "the store has no room left on its disk"), at: 0)
        }
        self.init(folders: folders)
    }
}

extension Freshness {
    /// Nil where one server has the store.
    convenience init?(of store: any LicenseDatastore, _ parts: PartnerInsightsServerParts, asked: UInt64) {
        guard store.isShared else { return nil }
        self.init(bound: parts.settings.staleReads, clock: parts.clock, asked: asked)
    }
}

/// Whether the server can do all that it is there for, changes too; more than being alive.
extension PartnerInsightsServer {
    /// What is missing, one phrase each, without anything that a caller sent; empty when the server is ready.
    package var missingForReadiness: [String] {
        if health.isStopping { return ["the server is shutting down"] }
        var missing: [String] = []
        if let problem = shared?.problem { missing.append(problem) }
        do {
            try store.health()
        } catch {
            missing.append(error.description)
        }
        let revision = published.load().revision
        if let problem = condition.problem(revision: revision, now: clock.monotonicNanoseconds()),
            !missing.contains(problem)
        {
            missing.append(problem)
        }
        // Who is told that the server is not ready makes no changes by which it could notice that it is again.
        audit.trail.tryAgain()
        if audit.trail.status.failure != nil { missing.append("audit trail cannot be written") }
        return missing
    }
}

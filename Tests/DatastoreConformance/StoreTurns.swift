import Datastore
import LicenseModel
import Tenancy

/// Turns of one kind each, right after what the store was last seen to have.
extension LicenseDatastore {
    public func commit(_ entries: [LogEntry]) throws {
        _ = try turn(after: position, batches: [], for: try Grants.operator()) { _ in Turn((), batches: entries) }
    }

    public func save(_ change: AccessChange, entry: LogEntry?, for grant: AccessGrant) throws {
        try save([AccessSave(change, entry: entry, for: grant)])
    }

    public func save(_ saves: [AccessSave]) throws {
        _ = try turn(after: position, batches: [], for: try Grants.operator()) { _ in Turn((), access: saves) }
    }

    public func erase(_ erasure: Erasure) throws {
        _ = try turn(after: position, batches: [], for: try Grants.operator()) { _ in Turn((), erasure: erasure) }
    }

    /// Folds every bucket; the rows are those of the first.
    public func fold(through revision: Revision, states: [StateRow]) throws {
        for bucket in 0..<buckets {
            let isFolded = try foldBucket(
                bucket, through: LogPosition(revision: revision), states: bucket == 0 ? states : [])
            try require(isFolded, "a fold was left to others")
        }
    }
}

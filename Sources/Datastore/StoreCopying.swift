import LicenseModel
import Tenancy

/// A store of which everything can be read that there ever was.
public protocol CopiedStore: StoreReading {
    /// Every entry in the order of revisions, without bodies; compared with what was written.
    func heads(for grant: OperatorGrant, _ use: (LogEntry) throws -> Void) throws
}

/// A new store while it is filled with what another one has, all of it folded through one revision. It is there when
/// everything is, or not at all.
public protocol FilledStore {
    /// In how many parts its state is folded.
    var buckets: Int { get }

    /// The next entries in the order of revisions; of their bodies nothing is kept.
    func add(_ heads: [LogEntry]) throws(DatastoreError)

    /// All rows of a bucket, or those of them that come next.
    func add(_ states: [StateRow], to bucket: Int) throws(DatastoreError)

    /// Who may call, once.
    func add(_ access: AccessRegistry) throws(DatastoreError)

    /// Everything was added: the store has the id of the other one and is as far as it.
    func finish(_ mark: StoreMark) throws(DatastoreError)
}

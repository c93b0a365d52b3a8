import Authentication
import Datastore
import InsightsCore
import LicenseModel
@_spi(Recovery) import Tenancy

/// Why a server cannot read its own store back.
package enum RecoveryError: Error, Sendable, CustomStringConvertible {
    case state(key: String, reason: String)
    case entry(Revision, reason: String)
    /// The entry lacks what an erasure withdrew, which is in rows that were not read: to be read anew.
    case withdrawn(Revision)

    package var description: String {
        switch self {
        case .state(let key, let reason): "the folded state '\(key)' cannot be read: \(reason)"
        case .entry(let revision, let reason): "the log entry of revision \(revision) cannot be read: \(reason)"
        case .withdrawn(let revision): "the log entry of revision \(revision) was partly withdrawn"
        }
    }
}

/// What a starting server reads back.
struct RecoveredState {
    var core: InsightsCore
    var directory: DirectorySnapshot
    /// What is folded already.
    var folds: BucketFolds
    /// Up to where the core has the log.
    var position: LogPosition
    /// The log after the folded state, which was replayed.
    var replayed: LogProgress
    /// Rows of folded state.
    var stateRows: Int
    var partners: Int
    var principals: Int

    /// With it a server reads the log that it and others wrote, before and without any caller.
    static let grant = OperatorGrant.recovery()

    /// How often everything is read anew because other servers folded or erased meanwhile.
    private static let tries = 8

    /// Reads folded state, then the log after it, then who may call.
    init(from store: any StoreReading) throws {
        var tries = 1
        while true {
            do {
                self = try Self(reading: store)
                return
            } catch DatastoreError.diverged where tries < Self.tries {
                tries += 1
            } catch RecoveryError.withdrawn where tries < Self.tries {
                tries += 1
            }
        }
    }

    private init(reading store: any StoreReading) throws {
        let isInBuckets = store.buckets > 1
        let grant = Self.grant
        var core = InsightsCore(foldsInBuckets: isInBuckets)
        var folds = BucketFolds(count: store.buckets)
        var replayed = LogProgress()
        var stateRows = 0
        var hasAllStates = false
        func finishStates() throws {
            guard !hasAllStates else { return }
            hasAllStates = true
            do throws(CoreStateError) {
                try core.finishRestoring()
            } catch {
                throw RecoveryError.state(key: error.key, reason: error.reason)
            }
        }
        let position = try store.recover(for: grant) { bucket, through in
            folds[bucket] = through
            if isInBuckets { core.beginRestoring(bucketThrough: through) }
        } state: { row in
            guard let body = row.body else { return }
            stateRows += 1
            do {
                try core.restore(CoreState(key: row.key, body: body))
            } catch {
                throw RecoveryError.state(key: row.key, reason: "\(error)")
            }
        } entry: { entry in
            try finishStates()
            replayed.add(entry)
            try core.follow(entry, skipping: isInBuckets ? folds : nil)
        }
        try finishStates()
        if core.revision < position.revision { core.advance(to: position.revision) }
        let access = try store.loadAccess(for: grant)
        self.position = position
        self.core = core
        self.folds = folds
        self.directory = DirectorySnapshot(stored: access)
        self.replayed = replayed
        self.stateRows = stateRows
        self.partners = access.partners.count
        self.principals = access.principals.count
    }
}

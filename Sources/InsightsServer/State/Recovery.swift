import Authentication
import Datastore
import Foundation
import InsightsCore
import LicenseModel
import Synchronization
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
        let grant = Self.grant
        let states = RecoveredBuckets(store.buckets)
        var merged: (core: InsightsCore, folds: BucketFolds)?
        var replayed = LogProgress()
        let readers = min(ProcessInfo.processInfo.activeProcessorCount, BucketReaders.most)
        let position = try store.recover(for: grant, readers: readers) { bucket in
            try states.read(bucket)
        } entry: { entry in
            var (core, folds) = merged ?? states.merge()
            // Nobody else has it while it changes.
            merged = nil
            replayed.add(entry)
            try core.follow(entry, skipping: folds.count > 1 ? folds : nil)
            merged = (core, folds)
        }
        var (core, folds) = merged ?? states.merge()
        merged = nil
        if core.revision < position.revision { core.advance(to: position.revision) }
        let access = try store.loadAccess(for: grant)
        self.position = position
        self.core = core
        self.folds = folds
        self.directory = DirectorySnapshot(stored: access)
        self.replayed = replayed
        self.stateRows = states.rows
        self.partners = access.partners.count
        self.principals = access.principals.count
    }
}

/// The folded state while its buckets are read, on several threads at once.
private final class RecoveredBuckets: Sendable {
    private struct State {
        var folds: BucketFolds
        var rows = 0
    }

    private let isInBuckets: Bool
    private let parts: PartialCores
    private let state: Mutex<State>

    init(_ count: Int) {
        isInBuckets = count > 1
        parts = PartialCores(foldsInBuckets: isInBuckets)
        state = Mutex(State(folds: BucketFolds(count: count)))
    }

    var rows: Int { state.withLock { $0.rows } }

    func read(_ bucket: StoredBucket) throws {
        var part = parts.begin(through: isInBuckets ? bucket.through : nil)
        var rows = 0
        try bucket.forEachRow { row in
            guard let body = row.body else { return }
            rows += 1
            do {
                try part.restore(CoreState(key: row.key, body: body))
            } catch {
                throw RecoveryError.state(key: row.key, reason: "\(error)")
            }
        }
        do throws(CoreStateError) {
            try parts.keep(part)
        } catch {
            throw RecoveryError.state(key: error.key, reason: error.reason)
        }
        state.withLock { state in
            state.rows += rows
            state.folds[bucket.number] = bucket.through
        }
    }

    func merge() -> (core: InsightsCore, folds: BucketFolds) { (parts.merge(), state.withLock { $0.folds }) }
}

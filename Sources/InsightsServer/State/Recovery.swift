import Authentication
import Datastore
import InsightsCore
import LicenseModel
@_spi(Recovery) import Tenancy

/// Why a server cannot read its own store back.
package enum RecoveryError: Error, Sendable, CustomStringConvertible {
    case state(key: String, reason: String)
    case entry(Revision, reason: String)

    package var description: String {
        switch self {
        case .state(let key, let reason): "the folded state '\(key)' cannot be read: \(reason)"
        case .entry(let revision, let reason): "the log entry of revision \(revision) cannot be read: \(reason)"
        }
    }
}

/// What a starting server reads back.
struct RecoveredState {
    var core: InsightsCore
    var directory: DirectorySnapshot
    /// The log after the folded state, which was replayed.
    var replayed: LogProgress
    /// Rows of folded state.
    var stateRows: Int
    var partners: Int
    var principals: Int

    /// Reads folded state, then the log after it, then who may call.
    init(from store: any StoreReading) throws {
        let grant = OperatorGrant.recovery()
        var core = InsightsCore()
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
        let revision = try store.recover(for: grant) { row in
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
            switch entry.kind {
            case .batch:
                guard let receipt = entry.receipt else {
                    throw RecoveryError.entry(entry.revision, reason: "no receipt")
                }
                do {
                    let facts = try FactBatchCodec.decode(entry.body)
                    guard facts.allSatisfy(\.isWithinBounds) else {
                        throw RecoveryError.entry(entry.revision, reason: "a number or workload is out of bounds")
                    }
                    core.apply(FactBatch(id: receipt.batch, facts: facts), revision: entry.revision)
                } catch let error as RecoveryError {
                    throw error
                } catch {
                    throw RecoveryError.entry(entry.revision, reason: "\(error)")
                }
            case .erasure, .partnerCreated:
                core.advance(to: entry.revision)
            }
        }
        try finishStates()
        if core.revision < revision { core.advance(to: revision) }
        let access = try store.loadAccess(for: grant)
        self.core = core
        self.directory = DirectorySnapshot(stored: access)
        self.replayed = replayed
        self.stateRows = stateRows
        self.partners = access.partners.count
        self.principals = access.principals.count
    }
}

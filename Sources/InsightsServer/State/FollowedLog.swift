import Datastore
import InsightsCore
import LicenseModel

extension InsightsCore {
    /// Applies an entry of the log that is durable, in the order of revisions.
    ///
    /// - Parameter folds: of a store in buckets, what the core has of them beyond its revision: passed over.
    mutating func follow(_ entry: LogEntry, skipping folds: BucketFolds? = nil) throws(RecoveryError) {
        switch entry.kind {
        case .batch: try followBatch(entry, skipping: folds)
        case .erasure where foldsInBuckets: try followErasure(entry, skipping: folds)
        case .erasure, .partnerCreated: advance(to: entry.revision)
        }
    }

    private mutating func followBatch(_ entry: LogEntry, skipping folds: BucketFolds?) throws(RecoveryError) {
        guard let receipt = entry.receipt else { throw .entry(entry.revision, reason: "no receipt") }
        let logged: LoggedFacts
        do throws(FactBatchCodecError) {
            logged = try LoggedFacts(entry.body)
        } catch {
            throw .entry(entry.revision, reason: "\(error)")
        }
        guard logged.facts.allSatisfy(\.isWithinBounds) else {
            throw .entry(entry.revision, reason: "a number or workload is out of bounds")
        }
        for bucket in logged.withdrawn where (folds?[bucket] ?? .none) < entry.revision {
            throw .withdrawn(entry.revision)
        }
        apply(FactBatch(id: receipt.batch, facts: logged.facts), revision: entry.revision, skipping: folds)
    }

    private mutating func followErasure(_ entry: LogEntry, skipping folds: BucketFolds?) throws(RecoveryError) {
        let place: ErasedPlace
        do throws(FactBatchCodecError) {
            place = try ErasedPlace(entry.body)
        } catch {
            throw .entry(entry.revision, reason: "\(error)")
        }
        if let folds, folds.folded(place.customer) >= entry.revision { return advance(to: entry.revision) }
        guard erase(place, revision: entry.revision) != nil else {
            throw .entry(entry.revision, reason: "the erased person is not where it should be")
        }
    }
}

import Datastore
import LicenseModel

/// What a verification of a store found in order.
package struct StoreReport: Sendable, Hashable {
    package var mark: StoreMark
    package var partners: Int
    package var principals: Int
    package var stateRows: Int
    /// Entries of the log after the folded state.
    package var replayed: Int

    /// Reads everything back as a starting server does, and compares the store with what was acknowledged. Throws for
    /// the first thing that is wrong.
    ///
    /// - Parameter history: of the data folder, read before the store.
    package static func verifying(_ store: any StoreReading, against history: StoreHistory) throws -> StoreReport {
        if let fault = history.fault(of: store.mark) { throw fault }
        let read = try RecoveredState(from: store)
        // One that several servers may share is written to meanwhile.
        let isWhole =
            store.buckets == 1 ? read.core.revision == store.mark.revision : read.core.revision >= store.mark.revision
        guard isWhole else {
            throw DatastoreError.corrupt("its log ends at another revision than it says")
        }
        return StoreReport(
            mark: store.mark, partners: read.partners, principals: read.principals, stateRows: read.stateRows,
            replayed: read.replayed.entries)
    }
}

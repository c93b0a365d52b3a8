import Datastore
import LicenseModel

/// What a verification of a store found in order.
public struct StoreReport: Sendable, Hashable {
    public var mark: StoreMark
    public var partners: Int
    public var principals: Int
    public var stateRows: Int
    /// Entries of the log after the folded state.
    public var replayed: Int

    /// Reads everything back as a starting server does, and compares the store with what was acknowledged. Throws for
    /// the first thing that is wrong.
    ///
    /// - Parameter history: of the data folder, read before the store.
    public static func verifying(_ store: any StoreReading, against history: StoreHistory) throws -> StoreReport {
        if let fault = history.fault(of: store.mark) { throw fault }
        let read = try RecoveredState(from: store)
        guard read.core.revision == store.mark.revision else {
            throw DatastoreError.corrupt("its log ends at another revision than it says")
        }
        return StoreReport(
            mark: store.mark, partners: read.partners, principals: read.principals, stateRows: read.stateRows,
            replayed: read.replayed.entries)
    }
}

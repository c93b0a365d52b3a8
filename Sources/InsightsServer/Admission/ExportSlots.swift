import Synchronization
import Tenancy

/// Exports under way per partner: an export holds a snapshot and a stream for long, so their number is bounded.
final class ExportSlots: Sendable {
    let limit: Int
    private let underWay = Mutex<[PartnerID: Int]>([:])

    init(limit: Int) {
        self.limit = limit
    }

    /// False when the partner has as many as it may. Every true is followed by one `end`.
    func begin(_ partner: PartnerID) -> Bool {
        underWay.withLock { counts in
            let count = counts[partner] ?? 0
            guard count < limit else { return false }
            counts[partner] = count + 1
            return true
        }
    }

    func end(_ partner: PartnerID) {
        underWay.withLock { counts in
            let count = (counts[partner] ?? 0) - 1
            counts[partner] = count > 0 ? count : nil
        }
    }
}

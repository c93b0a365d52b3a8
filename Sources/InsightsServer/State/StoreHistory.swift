import AuditTrail
import Datastore
import LicenseModel

/// What the data folder knows of the changes that were acknowledged: by the store's head, and by the end of the audit
/// chain, which is all that a folder of an older version has.
package struct StoreHistory: Sendable, Hashable {
    let head: StoreHead.Reading
    /// The highest revision that the last records of the chain tell of.
    let recorded: Revision

    /// Writes nothing; works also while a server uses the folder. To be read before the store is, which may then only
    /// be ahead of it.
    ///
    /// - Parameter keys: the folder of the keys that other servers on the store have too, where there is one.
    package static func read(folder: String, keys: String? = nil) throws(AuditError) -> StoreHistory {
        let own = try AuditKey.read(folder: folder)
        let shared = try keys.flatMap { (folder) throws(AuditError) in try AuditKey.read(folder: folder) }
        // A server that had its store alone before it shared one sealed the head with its own key.
        var head = try StoreHead.read(folder: folder, key: shared ?? own)
        if head == .damaged, shared != nil { head = try StoreHead.read(folder: folder, key: own) }
        return StoreHistory(
            head: head,
            recorded: Revision(number: Int64(clamping: try AuditTail.revision(folder: folder, key: own ?? shared))))
    }

    /// Whether nothing was acknowledged yet, so that a new store lacks nothing.
    package var isEmpty: Bool { fault(of: nil) == nil }

    private var acknowledged: Revision {
        guard case .known(let mark) = head else { return recorded }
        return max(mark.revision, recorded)
    }

    /// What is wrong with a store; nil when all that was acknowledged is in it.
    ///
    /// - Parameter mark: nil for a store that is not there.
    package func fault(of mark: StoreMark?) -> StoreFault? {
        guard let mark else {
            if head == .damaged { return .missing(acknowledged: nil) }
            if case .known(let known) = head, known.changes > 0 || known.revision > .none {
                return .missing(acknowledged: acknowledged)
            }
            return recorded > .none ? .missing(acknowledged: recorded) : nil
        }
        var missing = max(0, acknowledged.number - mark.revision.number)
        switch head {
        // A folder of an older version has none: its store has counted no changes since it was brought up to date. And
        // where there is no history either, a copy of a store begins one.
        case .absent: if mark.changes > 0, recorded > .none { return .headMissing(revision: mark.revision) }
        case .damaged: return .headDamaged(revision: mark.revision)
        case .known(let known):
            if known.store != mark.store {
                guard known.changes > 0 || acknowledged > .none else { return nil }
                return .another(revision: mark.revision, acknowledged: acknowledged)
            }
            missing = max(missing, known.changes - mark.changes)
        }
        return missing > 0
            ? .behind(revision: mark.revision, acknowledged: acknowledged, missing: missing) : nil
    }
}

/// Why a store does not go with the history of its data folder.
package enum StoreFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// `acknowledged` is nil when the store's head is damaged too.
    case missing(acknowledged: Revision?)
    case behind(revision: Revision, acknowledged: Revision, missing: Int64)
    case another(revision: Revision, acknowledged: Revision)
    case headDamaged(revision: Revision)
    case headMissing(revision: Revision)

    /// For the audit trail.
    var summary: String {
        switch self {
        case .missing(nil): "there is no store, and store.head is not what was written"
        case .missing(let acknowledged?): "there is no store, but revision \(acknowledged) was acknowledged"
        case .behind(let revision, let acknowledged, let missing) where revision < acknowledged:
            "the store is at revision \(revision), but revision \(acknowledged) was acknowledged: "
                + Self.changes(missing)
        case .behind(let revision, _, let missing):
            "the store is at revision \(revision), but later changes of who may call were acknowledged: "
                + Self.changes(missing)
        case .another(let revision, let acknowledged):
            "the store, at revision \(revision), is another one than that whose revision \(acknowledged) "
                + "was acknowledged"
        case .headMissing(let revision):
            "store.head is missing, so that nothing tells whether the store, at revision \(revision), has all that was "
                + "acknowledged"
        case .headDamaged(let revision):
            "store.head is not what was written, so that nothing tells whether the store, at revision \(revision), "
                + "has all that was acknowledged"
        }
    }

    package var description: String {
        let way = "put the right store back, or go on"
        switch self {
        case .missing: return "\(summary); \(way) with an empty one with --accept-older-store"
        case .behind: return "\(summary); \(way) without them with --accept-older-store"
        case .another: return "\(summary); \(way) with this one with --accept-older-store"
        case .headDamaged, .headMissing:
            return "\(summary); put the right file back, or go on with --accept-older-store"
        }
    }

    private static func changes(_ count: Int64) -> String {
        count == 1 ? "1 change is missing" : "\(count) changes are missing"
    }
}

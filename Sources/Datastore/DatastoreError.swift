import LicenseModel

/// Why the store did not do what was asked. Descriptions may be shown to operators: they have no statements, no paths
/// and nothing that a caller sent except batch ids and revisions.
public enum DatastoreError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The store cannot be reached or read just now; trying again may help.
    case unavailable(String)
    /// No room. Nothing was written; writing works again when there is room.
    case full
    /// The bytes on disk are not what was written. Never repaired silently.
    case corrupt(String)
    /// There is no store, and none was to be made.
    case missing
    /// A newer version of the program wrote the store.
    case schemaTooNew
    /// The file is something else.
    case notAStore
    /// Another process has the store open.
    case inUse
    /// The file or its folder cannot be opened for reading and writing.
    case notAccessible(String)
    /// A change failed in a way that leaves open whether it is durable; the store takes no more until it is reopened.
    case stopped(String)
    /// Of a turn: whether it is durable is not known. The next turn tells, by its news and receipts.
    case inDoubt(String)
    /// The log is not what the position is of, or what follows the position is no longer there: everything is to be
    /// read back anew.
    case diverged(at: Revision)
    /// Of a turn: more was written since the position than a turn takes. Ask for the news first.
    case behind
    case closed
    /// The entry is not the next revision. Nothing was written.
    case outOfOrder(expected: Revision, found: Revision)
    /// The batch was accepted before. Nothing was written.
    case duplicateBatch(BatchID)
    /// The grant does not reach what was to be changed. Nothing was written.
    case outsideScope
    /// The partner or principal to create is there. Nothing was written.
    case alreadyExists
    /// The partner or principal to change is not there. Nothing was written.
    case notFound
    /// The call itself is wrong. Nothing was written.
    case invalid(String)

    public var description: String {
        switch self {
        case .unavailable(let reason): "the store is unavailable: \(reason)"
        case .full: "the store has no room left on its disk"
        case .corrupt(let reason): "the store is damaged: \(reason); restore a backup"
        case .missing: "there is no store"
        case .schemaTooNew: "the store was written by a newer version of this program"
        case .notAStore: "the file is not a Partner Insights store"
        case .inUse: "the store is in use by another process"
        case .notAccessible(let reason): "the store cannot be opened: \(reason)"
        case .stopped(let reason): "the store takes no more changes until it is reopened: \(reason)"
        case .inDoubt(let reason): "whether the change is durable is not known: \(reason)"
        case .diverged(let revision): "the history diverged at revision \(revision)"
        case .behind: "the server is behind the store"
        case .closed: "the store is closed"
        case .outOfOrder(let expected, let found): "revision \(found) cannot follow: \(expected) is next"
        case .duplicateBatch(let batch): "batch \(batch) was accepted before"
        case .outsideScope: "the change is outside the caller's scope"
        case .alreadyExists: "it exists already"
        case .notFound: "it does not exist"
        case .invalid(let reason): reason
        }
    }
}

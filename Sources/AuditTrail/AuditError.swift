import DurableFiles
import Glibc

/// Why the audit log cannot do what it is asked.
package enum AuditError: FileFailure, Sendable, Hashable {
    /// The operating system refused; `code` is its `errno`.
    case system(operation: String, code: Int32)
    /// Another process has the log open.
    case inUse
    /// `audit.key` is missing beside a log, has not 32 bytes, or may be read by others than its owner.
    case badKey(reason: String)
    /// The log was changed by somebody else: run the verification.
    case altered(AuditProblem)
    /// An earlier `fsync` failed, so that nothing more can be promised until the server is restarted.
    case broken
    case closed
    /// A cursor that this log did not give to this partner.
    case badCursor
    /// A segment cannot be moved away: another file of its name is in the archive.
    case notArchived(file: String)
    /// The archive is the folder of the log itself.
    case archiveIsLog
    /// Of a chain in a store: it cannot be reached just now, or had another chain in mind.
    case unavailable(String)
    /// Of a chain in a store: there is no room.
    case full
}

extension AuditError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .system(let operation, let code): "audit trail: \(operation): \(String(cString: strerror(code)))"
        case .inUse: "audit trail: another process has it open"
        case .badKey(let reason): "audit trail: audit.key \(reason)"
        case .altered(let problem): "audit trail: \(problem)"
        case .broken: "audit trail: an earlier write did not reach the disk; restart the server"
        case .closed: "audit trail: closed"
        case .badCursor: "audit trail: no such place"
        case .notArchived(let file): "audit trail: the archive has another \(file)"
        case .archiveIsLog: "audit trail: the archive must be another folder than the log's"
        case .unavailable(let reason): "audit trail: \(reason)"
        case .full: "audit trail: the store has no room left on its disk"
        }
    }
}

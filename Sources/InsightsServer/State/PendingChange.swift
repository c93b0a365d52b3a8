import AuditTrail
import Authentication
import Datastore
import InsightsCore
import LicenseModel
import Tenancy

/// A change other than a batch, on its way to the writer.
struct PendingChange: Sendable {
    enum Kind: Sendable {
        /// Of the scope's partner. Whether the caller still may is asked again when it is made: the change before may
        /// have removed the caller.
        case principal(PrincipalChange, PartnerScope, by: AuthenticatedCaller)
        case createPartner(PartnerRecord, first: PrincipalRecord, OperatorGrant)
        case setPartner(PartnerID, disabled: Bool, OperatorGrant)
        case erase(UserID, of: CustomerID, replacement: UserID, OperatorGrant)
    }

    let kind: Kind
    /// What goes on record.
    let event: AuditEvent
    /// False once nobody waits for the answer any more: what was not begun then is not made.
    let isWanted: @Sendable () -> Bool
    let reply: @Sendable (Result<MadeChange, WriteFailure>) -> Void

    /// In whose line it waits; nil is the operator.
    var partner: PartnerID? {
        if case .principal(_, let scope, _) = kind { scope.partner } else { nil }
    }

    var isErasure: Bool {
        if case .erase = kind { true } else { false }
    }
}

/// A change that was made, or that had nothing to change.
struct MadeChange: Sendable {
    /// The principal as it is now; nil when it was deleted, and for changes of something else.
    var principal: PrincipalRecord?
    /// Of the facts, once the change was made.
    var revision: Revision
    /// Other servers on the store that may still answer without the change.
    var serversPending = 0
}

/// Why a change was not made.
enum WriteFailure: Error, Sendable {
    /// The batch id was used before with other content.
    case batchChanged
    case directory(DirectoryError)
    case datastore(DatastoreError)
    /// The audit trail cannot be written, so nothing may change.
    case auditUnavailable
    case noSuchUser
    /// The caller was removed, or lost the permission, while the change waited.
    case standing(StandingFailure)
    /// The server is shutting down.
    case stopped

    /// The call was refused, which is a record of its own kind; nothing was about to change.
    var isRefusal: Bool {
        if case .standing = self { true } else { false }
    }
}

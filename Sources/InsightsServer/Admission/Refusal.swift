import Authentication
import Datastore
import InsightsAPI
import LicenseModel
import RPCEngine
import Tenancy

/// The statuses of this server's own methods that callers get, with their machine-readable reasons; health and
/// reflection word theirs as gRPC says. None has anything of the store, of paths or of other partners in it.
enum Refusal {
    static func make(_ code: RPCStatus.Code, _ message: String, _ details: [StatusDetail]) -> RPCStatus {
        RPCStatus(
            code, message,
            details: StatusDetails.serialized(code: Int32(code.rawValue), message: message, details: details))
    }

    // MARK: Who and whether

    static func unauthenticated(_ failure: AuthenticationFailure) -> RPCStatus {
        switch failure.reason {
        case .missing: credentialMissing
        case .invalid: credentialInvalid
        case .expired: credentialExpired
        }
    }

    private static let credentialMissing = credential(.missing)
    private static let credentialInvalid = credential(.invalid)
    private static let credentialExpired = credential(.expired)

    private static func credential(_ reason: AuthenticationFailure.Reason) -> RPCStatus {
        make(.unauthenticated, reason.text, [.errorInfo(reason: reason.rawValue)])
    }

    static func roleLacks(_ refusal: AccessRefusal) -> RPCStatus {
        let roles = refusal.sufficientRoles.map(\.tokenName).joined(separator: ",")
        let who = roles.isEmpty ? "only the operator has it" : "roles that have it: \(roles)"
        return make(
            .permissionDenied, "the caller lacks the permission \(refusal.permission.name); \(who)",
            [
                .errorInfo(
                    reason: "ROLE_LACKS_PERMISSION",
                    metadata: ["permission": refusal.permission.name, "roles": roles])
            ])
    }

    static func standing(_ failure: StandingFailure) -> RPCStatus {
        switch failure {
        case .unauthenticated(let failure): unauthenticated(failure)
        case .denied(let refusal): roleLacks(refusal)
        }
    }

    /// A method that the pipeline knows no permission for. Cannot happen in a server that started.
    static let noPermissionDeclared = RPCStatus(.permissionDenied, "the method declares no permission")

    // MARK: What was asked

    /// In the words of the engine, which ends such a call itself unless it is busy.
    static let deadlinePassed = RPCStatus(.deadlineExceeded, "deadline exceeded")

    /// The same bytes whether the customer is another partner's or never existed.
    static let customerNotFound = make(
        .notFound, "no such customer", [.errorInfo(reason: "CUSTOMER_NOT_FOUND")])

    static let principalNotFound = make(
        .notFound, "no such principal", [.errorInfo(reason: "PRINCIPAL_NOT_FOUND")])

    static let partnerNotFound = make(
        .notFound, "no such partner", [.errorInfo(reason: "PARTNER_NOT_FOUND")])

    static let userNotFound = make(.notFound, "no such user", [.errorInfo(reason: "USER_NOT_FOUND")])

    static func badField(_ field: String, _ reason: String) -> RPCStatus {
        make(
            .invalidArgument, "\(field) \(reason)",
            [.badRequest([.init(field: field, description: reason)])])
    }

    static func badField(_ error: FieldError) -> RPCStatus {
        badField(error.field, error.reason)
    }

    /// Bytes that are no message of the method.
    static func malformed(_ message: String) -> RPCStatus {
        make(.invalidArgument, "the message is no \(message)", [.errorInfo(reason: "MALFORMED_MESSAGE")])
    }

    // MARK: The server itself

    static let shuttingDown = make(
        .unavailable, "the server is shutting down",
        [.errorInfo(reason: "SHUTTING_DOWN"), .retryInfo(milliseconds: 1_000)])

    static let storeUnavailable = make(
        .unavailable, "the store cannot be reached",
        [.errorInfo(reason: "STORE_UNAVAILABLE"), .retryInfo(milliseconds: 1_000)])

    /// Another server may be ahead by more than may be.
    static let stale = make(
        .unavailable, "the server has lost touch with the store, so that what it knows may be out of date",
        [.errorInfo(reason: "STORE_UNAVAILABLE"), .retryInfo(milliseconds: 1_000)])

    /// The facts that the caller has to see are not here yet.
    static let revisionNotHere = make(
        .unavailable, "the server has not seen the revision of min_revision yet",
        [.errorInfo(reason: "REVISION_NOT_HERE"), .retryInfo(milliseconds: 1_000)])

    /// Facts that nobody has seen.
    static let revisionOfTheFuture = make(
        .outOfRange, "resume is a revision that the server has not seen",
        [.errorInfo(reason: "REVISION_NOT_HERE")])

    static let auditUnavailable = make(
        .unavailable, "the audit trail cannot be written, so nothing is changed and nobody is named",
        [.errorInfo(reason: "AUDIT_UNAVAILABLE"), .retryInfo(milliseconds: 1_000)])

    static let batchChanged = make(
        .alreadyExists, "the batch id was used before with other content", [.errorInfo(reason: "BATCH_CHANGED")])

    static func datastore(_ error: DatastoreError) -> RPCStatus {
        error == .full ? storeFull : storeUnavailable
    }

    static func directory(_ error: DirectoryError, path: String) -> RPCStatus {
        switch error {
        case .invalid(let field, let reason): badField("\(path).\(field)", reason)
        case .notFound: principalNotFound
        case .alreadyExists: make(.alreadyExists, "the id is taken", [.errorInfo(reason: "ID_TAKEN")])
        case .lastAdmin:
            make(
                .failedPrecondition, "the partner would be left without an enabled user management admin",
                [.errorInfo(reason: "LAST_USER_MANAGEMENT_ADMIN")])
        case .full(let limit):
            directoryFull(limit: limit)
        case .stale: storeUnavailable
        }
    }

    /// A failed change other than a batch's.
    static func write(_ failure: WriteFailure, path: String) -> RPCStatus {
        switch failure {
        case .batchChanged: batchChanged
        case .directory(let error): directory(error, path: path)
        case .datastore(let error): datastore(error)
        case .auditUnavailable: auditUnavailable
        case .noSuchUser: userNotFound
        case .standing(let failure): standing(failure)
        case .stopped: shuttingDown
        }
    }
}

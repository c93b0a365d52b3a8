import Tenancy

/// What kind of thing an audit record tells of.
public enum AuditKind: String, Sendable, Hashable, CaseIterable {
    /// A call that read.
    case read
    /// A call that was let through and changes something.
    case change
    /// A call that the role table or the rate limit refused.
    case denied
    /// A credential that does not do.
    case unauthenticated
    /// Written by the log itself: what a crash left unfinished was cut off.
    case recovered
    /// Written by the log itself: `count` events could not be written while its disk was out of order.
    case lost
}

/// Something to put on record.
public struct AuditEvent: Sendable, Hashable {
    /// Bound of a method name, in bytes; a longer one is cut.
    public static let maximumMethodBytes = 256

    public var time: Timestamp
    /// Principal id or operator name; empty when nobody was authenticated.
    public var principal: String
    /// The caller's partner, whose trail the event belongs to; nil for the operator and for unknown callers.
    public var partner: PartnerID?
    /// Full method name as the caller wrote it.
    public var method: String
    public var isAllowed: Bool
    /// gRPC status code of the answer.
    public var code: Int32
    /// Revision of the facts when the call was answered.
    public var revision: UInt64
    /// The customer that the call named. Only a keyed hash of it is written.
    public var customer: CustomerID?
    public var kind: AuditKind
    /// How many events the record stands for; above 1 only for `lost`.
    var count: UInt64 = 1

    public init(
        time: Timestamp, principal: String, partner: PartnerID?, method: String, isAllowed: Bool, code: Int32,
        revision: UInt64, customer: CustomerID? = nil, kind: AuditKind
    ) {
        self.time = time
        self.principal = principal
        self.partner = partner
        self.method = method
        self.isAllowed = isAllowed
        self.code = code
        self.revision = revision
        self.customer = customer
        self.kind = kind
    }
}

/// One record as it stands in the log.
public struct AuditRecord: Sendable, Hashable {
    /// Position in the chain of the whole server, from 1.
    public var sequence: UInt64
    public var time: Timestamp
    public var principal: String
    /// Empty for the operator and for unknown callers.
    public var partner: String
    public var method: String
    public var isAllowed: Bool
    public var code: Int32
    public var revision: UInt64
    /// HMAC-SHA256 of the customer id, 64 hex digits; empty when the call named none.
    public var customerHash: String
    public var kind: String
    public var count: UInt64
}

/// Why the audit log cannot do what it is asked.
public enum AuditError: Error, Sendable, Hashable {
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
}

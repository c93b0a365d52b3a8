import LogLines
import Tenancy

/// What kind of thing an audit record tells of.
package enum AuditKind: String, Sendable, Hashable, CaseIterable {
    /// A call that read.
    case read
    /// A call that was let through to change something, with the status it ended with.
    case change
    /// A call that the role table refused.
    case denied
    /// A credential that does not do.
    case unauthenticated
    /// `count` refused credentials that came too fast to be recorded singly.
    case refusals
    /// The operator went on with a store that lacks acknowledged changes, or is another one; `revision` is the store's.
    case olderStore
    /// Written by the log itself: what a crash left unfinished was cut off.
    case recovered
    /// Written by the log itself: `count` events could not be written while its disk was out of order.
    case lost
    /// Written by the log itself, of stores that several servers share: the end of another chain, so that it cannot be
    /// cut off unnoticed. `method` names the chain, `count` is the sequence of its last record, `customerHash` that
    /// record's code.
    case link
}

/// Something to put on record.
package struct AuditEvent: Sendable, Hashable {
    /// Bound of a method name, in bytes; a longer one is cut.
    package static let maximumMethodBytes = 256

    package var time: Timestamp
    /// Principal id or operator name; empty when nobody was authenticated.
    package var principal: String
    /// Whether the operator called, who has no partner.
    package var isOperator: Bool
    /// Whose trail the event belongs to: the caller's partner, or the one whose access the operator changed. Nil for
    /// everything else that the operator does and for unknown callers.
    package var partner: PartnerID?
    /// Full method name as the caller wrote it.
    package var method: String
    package var isAllowed: Bool
    /// gRPC status code of the answer.
    package var code: Int32
    /// Revision of the facts when the call was answered.
    package var revision: UInt64
    /// The customer that the call named. Only a keyed hash of it is written.
    package var customer: CustomerID?
    package var kind: AuditKind
    /// How many events the record stands for; above 1 only for `refusals` and `lost`.
    package var count: UInt64 = 1

    package init(
        time: Timestamp, principal: String, isOperator: Bool = false, partner: PartnerID?, method: String,
        isAllowed: Bool, code: Int32, revision: UInt64, customer: CustomerID? = nil, kind: AuditKind
    ) {
        self.time = time
        self.principal = principal
        self.isOperator = isOperator
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
package struct AuditRecord: Sendable, Hashable {
    /// Position in the chain of the whole server, from 1; 0 before it is written.
    package var sequence: UInt64
    package var time: Timestamp
    package var principal: String
    package var isOperator: Bool
    /// Whose trail it belongs to; empty for none.
    package var partner: String
    package var method: String
    package var isAllowed: Bool
    package var code: Int32
    package var revision: UInt64
    /// HMAC-SHA256 of the customer id, 64 hex digits; empty when the call named none.
    package var customerHash: String
    package var kind: String
    package var count: UInt64
    /// Ties the record of a change to what was noted before the change was made; empty for everything else.
    package var change: String
}

extension AuditEvent {
    func record(key: AuditKey, change: String = "") -> AuditRecord {
        AuditRecord(
            sequence: 0, time: time, principal: principal, isOperator: isOperator, partner: partner?.text ?? "",
            method: String(method.prefixOf(utf8Bytes: Self.maximumMethodBytes)), isAllowed: isAllowed, code: code,
            revision: revision, customerHash: customer.map { key.hash(customer: $0.text) } ?? "",
            kind: kind.rawValue, count: count, change: change)
    }
}

extension String {
    /// As many whole scalars as fit.
    fileprivate func prefixOf(utf8Bytes limit: Int) -> Substring.UnicodeScalarView {
        guard utf8.count > limit else { return unicodeScalars[...] }
        var end = utf8.index(utf8.startIndex, offsetBy: limit)
        while end > startIndex, end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return unicodeScalars[..<end]
    }
}

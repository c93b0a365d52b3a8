import RPCEngine
import Tenancy

/// What the pipeline learned and decided about one call; travels with it from the headers to the audit trail. Belongs
/// to the call's event loop.
final class CallRecord {
    /// Nil for methods that need no credential, and for refused credentials.
    var caller: Caller?
    /// Nil means that nothing was granted.
    var grant: AccessGrant?
    /// What was granted.
    var permission: Permission?
    /// Whether the pipeline counts the call among the partner's exports under way.
    var holdsExportSlot = false
    /// The partner's rate was exceeded.
    var isRateRefused = false
    /// Set by methods that name a customer, for the audit trail.
    var customer: CustomerID?
    /// Set by methods whose change or read goes to the audit trail by itself.
    var isAudited = false
    /// Monotonic nanoseconds up to which the call waits for the revision that it asks for; nil unless it waits.
    var revisionWaitEnds: UInt64?
    /// The call is part of another one, in whose turn it is, and waits for nothing.
    var isLocal = false
    /// Set by streams that go on record when the call is over.
    var onEnd: (@Sendable (RPCStatus.Code) -> Void)?
}

extension CallContext {
    var record: CallRecord? { attachment as? CallRecord }

    /// The partner's book that the call may read. Nothing granted means refused.
    func partnerScope() throws(RPCStatus) -> PartnerScope {
        guard let scope = record?.grant?.scope else { throw Refusal.noPermissionDeclared }
        return scope
    }

    /// The same, narrowed to what the request asks for.
    func partnerScope(_ reach: LicenseReach) throws(RPCStatus) -> PartnerScope {
        let scope = try partnerScope()
        return reach == .own ? scope.narrowedToOwn() : scope
    }

    func operatorGrant() throws(RPCStatus) -> OperatorGrant {
        guard let grant = record?.grant?.operatorGrant else { throw Refusal.noPermissionDeclared }
        return grant
    }
}

import Synchronization
import Tenancy

/// A change of one partner's principals, asked for by that partner.
public enum PrincipalChange: Sendable, Hashable {
    case create(PrincipalRecord)
    case update(PrincipalID, PrincipalUpdate)
    case delete(PrincipalID)
}

/// What a store must remember of one change: the whole new row, or that it is gone.
public enum AccessChange: Sendable, Hashable {
    case partnerCreated(PartnerID, first: PrincipalRecord)
    case partnerUpdated(PartnerID, disabled: Bool)
    case principalStored(PartnerID, PrincipalRecord)
    case principalDeleted(PartnerID, PrincipalID)

    public var partner: PartnerID {
        switch self {
        case .partnerCreated(let partner, _), .partnerUpdated(let partner, _), .principalStored(let partner, _),
            .principalDeleted(let partner, _):
            partner
        }
    }

    /// The principal as it is after the change; nil when deleted, and for changes of a partner.
    public var record: PrincipalRecord? {
        switch self {
        case .partnerCreated(_, let record), .principalStored(_, let record): record
        case .principalDeleted, .partnerUpdated: nil
        }
    }
}

/// A validated change that is not visible yet: persist `change`, then publish.
public struct PreparedAccessChange: Sendable {
    public let change: AccessChange
    /// The directory with the change, and with the changes that it was prepared after.
    public let snapshot: DirectorySnapshot
    /// False when everything is as it was: there is nothing to persist or to publish.
    public let changesSomething: Bool
    /// The generation that the change was prepared on.
    let base: UInt64
}

/// Who is registered, and with which roles: the in-memory registry that every call is checked against.
///
/// Readers see immutable snapshots. Changes go in two steps so that the single writer can make one durable before
/// anybody sees it: `prepare` validates, `publish` shows.
public final class PrincipalDirectory: Sendable {
    private let current: Mutex<DirectorySnapshot>
    private let published: Atomic<UInt64>

    public init(_ snapshot: DirectorySnapshot = .empty) {
        current = Mutex(snapshot)
        published = Atomic(snapshot.generation)
    }

    /// Changes with every access change. What was derived from a snapshot holds as long as this equals the
    /// snapshot's generation: one atomic load.
    public var generation: UInt64 { published.load(ordering: .acquiring) }

    public var snapshot: DirectorySnapshot { current.withLock { $0 } }

    /// Validates the registration of a partner with its first principal, who becomes a user management admin
    /// besides the roles given.
    ///
    /// - Parameter earlier: a prepared change that is published together with this one, by publishing this one.
    public func prepareCreatePartner(
        _ partner: PartnerID, first: PrincipalRecord, by grant: OperatorGrant,
        after earlier: PreparedAccessChange? = nil
    ) throws(DirectoryError) -> PreparedAccessChange {
        if partner.text == "." || partner.text == ".." {
            throw .invalid(field: "partner_id", reason: "may not be . or ..")
        }
        try first.validate()
        if first.isDisabled { throw .invalid(field: "disabled", reason: "must be false for the first principal") }
        var admin = first
        admin.roles = RoleSet(first.roles.roles + [.userManagementAdmin])
        let base = earlier?.snapshot ?? snapshot
        return PreparedAccessChange(
            change: .partnerCreated(partner, first: admin),
            snapshot: try base.creatingPartner(partner, first: admin), changesSomething: true,
            base: earlier?.base ?? base.generation)
    }

    /// Validates that a partner is disabled, with all its principals and tokens, or enabled again.
    ///
    /// - Parameter earlier: a prepared change that is published together with this one, by publishing this one.
    public func prepareUpdatePartner(
        _ partner: PartnerID, disabled: Bool, by grant: OperatorGrant, after earlier: PreparedAccessChange? = nil
    ) throws(DirectoryError) -> PreparedAccessChange {
        let base = earlier?.snapshot ?? snapshot
        let changesSomething = base.isDisabled(partner) != disabled
        let next = try base.settingPartner(partner, disabled: disabled)
        return PreparedAccessChange(
            change: .partnerUpdated(partner, disabled: disabled), snapshot: changesSomething ? next : base,
            changesSomething: changesSomething, base: earlier?.base ?? base.generation)
    }

    /// Validates a change in the scope's partner.
    ///
    /// - Parameter earlier: a prepared change that is published together with this one, by publishing this one.
    public func prepare(
        _ change: PrincipalChange, in scope: PartnerScope, after earlier: PreparedAccessChange? = nil
    ) throws(DirectoryError) -> PreparedAccessChange {
        let base = earlier?.snapshot ?? snapshot
        var changesSomething = true
        let partner = scope.partner
        let next: DirectorySnapshot
        let row: AccessChange
        switch change {
        case .create(let record):
            try record.validate()
            next = try base.creatingPrincipal(record, of: partner)
            row = .principalStored(partner, record)
        case .update(let principal, let update):
            guard let before = base.record(principal, of: partner) else { throw .notFound }
            let record = PrincipalRecord(
                principal: principal, displayName: update.displayName ?? before.displayName,
                roles: update.roles ?? before.roles, isDisabled: update.isDisabled ?? before.isDisabled)
            try record.validate()
            changesSomething = record != before
            next = changesSomething ? try base.storing(record, of: partner) : base
            row = .principalStored(partner, record)
        case .delete(let principal):
            next = try base.deletingPrincipal(principal, of: partner)
            row = .principalDeleted(partner, principal)
        }
        return PreparedAccessChange(
            change: row, snapshot: next, changesSomething: changesSomething, base: earlier?.base ?? base.generation)
    }

    /// Shows a prepared change to every reader. Throws `.stale` when it was not prepared on the current snapshot.
    public func publish(_ prepared: PreparedAccessChange) throws(DirectoryError) {
        let fresh = current.withLock { snapshot -> Bool in
            guard snapshot.generation == prepared.base else { return false }
            snapshot = prepared.snapshot
            // After the snapshot and under its lock: whoever sees the new number can only read the new snapshot.
            published.store(prepared.snapshot.generation, ordering: .releasing)
            return true
        }
        if !fresh { throw .stale }
    }
}

import Synchronization
import Tenancy

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
        _ partner: PartnerRecord, first: PrincipalRecord, by grant: OperatorGrant,
        after earlier: PreparedAccessChange? = nil
    ) throws(DirectoryError) -> PreparedAccessChange {
        try Self.require(first, of: partner.id)
        var admin = try first.checked()
        if first.isDisabled { throw .invalid(field: "disabled", reason: "must be false for the first principal") }
        admin.roles.formUnion(RoleSet([.userManagementAdmin]))
        let base = earlier?.snapshot ?? snapshot
        return PreparedAccessChange(
            change: .createPartner(partner, first: admin),
            snapshot: try base.creatingPartner(partner.id, first: admin), changesSomething: true,
            base: earlier?.base ?? base.generation)
    }

    /// Validates that a partner is disabled, with all its principals and tokens, or enabled again.
    ///
    /// - Parameter earlier: a prepared change that is published together with this one, by publishing this one.
    public func prepareUpdatePartner(
        _ partner: PartnerID, isDisabled: Bool, by grant: OperatorGrant, after earlier: PreparedAccessChange? = nil
    ) throws(DirectoryError) -> PreparedAccessChange {
        let base = earlier?.snapshot ?? snapshot
        let changesSomething = base.isDisabled(partner) != isDisabled
        let next = try base.settingPartner(partner, disabled: isDisabled)
        return PreparedAccessChange(
            change: .updatePartner(partner, isDisabled: isDisabled), snapshot: changesSomething ? next : base,
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
        case .create(let asked):
            try Self.require(asked, of: partner)
            let record = try asked.checked()
            next = try base.creatingPrincipal(record, of: partner)
            row = .createPrincipal(record)
        case .update(let principal, let update):
            guard let before = base.record(principal, of: partner) else { throw .notFound }
            let record = try update.applied(to: before).checked()
            changesSomething = record != before
            next = changesSomething ? try base.storing(record, of: partner) : base
            row = .updatePrincipal(record)
        case .delete(let principal):
            next = try base.deletingPrincipal(principal, of: partner)
            row = .deletePrincipal(partner, principal)
        }
        return PreparedAccessChange(
            change: row, snapshot: next, changesSomething: changesSomething, base: earlier?.base ?? base.generation)
    }

    private static func require(_ record: PrincipalRecord, of partner: PartnerID) throws(DirectoryError) {
        guard record.partner == partner else {
            throw .invalid(field: "partner_id", reason: "must be empty or the partner itself")
        }
    }

    /// Shows what others changed to every reader.
    public func replace(_ changed: [PartnerAccess]) {
        if changed.isEmpty { return }
        show { $0.replacing(changed) }
    }

    /// Shows everybody as the store has them now.
    public func replace(all read: DirectorySnapshot) {
        show { $0.replaced(by: read) }
    }

    private func show(_ next: (DirectorySnapshot) -> DirectorySnapshot) {
        current.withLock { snapshot in
            snapshot = next(snapshot)
            published.store(snapshot.generation, ordering: .releasing)
        }
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

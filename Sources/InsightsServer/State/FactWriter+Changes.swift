import Authentication
import Datastore
import Dispatch
import InsightsCore
import LicenseModel
import Synchronization
import Tenancy

/// Changes other than batches: in groups, each group durable and then visible in one step.
extension FactWriter {
    /// Makes a group of changes in their order, once it is their turn, and returns the outcome of each: a change that
    /// fails fails alone. Blocks; not to be called on the writer.
    func make(_ group: [PendingChange]) -> [Result<MadeChange, WriteFailure>] {
        let results = Mutex<[Result<MadeChange, WriteFailure>]>([])
        let done = DispatchSemaphore(value: 0)
        performChange {
            let made = self.makeNow(group)
            results.withLock { $0 = made }
            done.signal()
        } stopped: {
            results.withLock { $0 = group.map { _ in .failure(.stopped) } }
            done.signal()
        }
        done.wait()
        return results.withLock { $0 }
    }

    private func makeNow(_ group: [PendingChange]) -> [Result<MadeChange, WriteFailure>] {
        var results: [Result<MadeChange, WriteFailure>] = []
        var rest = group[...]
        while let first = rest.first {
            if case .erase(let user, let customer, let replacement, let grant) = first.kind {
                // Folds the log: a transaction of its own.
                results.append(
                    Result { () throws(WriteFailure) in
                        let revision = try erase(user: user, of: customer, replacement: replacement, for: grant)
                        return MadeChange(principal: nil, revision: revision)
                    })
                rest = rest.dropFirst()
            } else {
                let together = rest.prefix { !$0.isErasure }
                rest = rest.dropFirst(together.count)
                results += makeTogether(Array(together))
            }
        }
        return results
    }

    private func makeTogether(_ changes: [PendingChange]) -> [Result<MadeChange, WriteFailure>] {
        var draft = AccessDraft(core: published.load().core, directory: directory, authenticator: authenticator)
        let results = changes.map { change in
            Result { () throws(WriteFailure) in try draft.add(change.kind) }
        }
        // Refused, or without anything to change: no transaction.
        guard !draft.saves.isEmpty else { return results }
        do throws(DatastoreError) {
            try store.save(draft.saves)
        } catch {
            if changes.count > 1, error.concernsOneChange { return changes.flatMap { makeTogether([$0]) } }
            onFailure(error)
            // Also those that were refused: what they were refused for may not have happened.
            return changes.map { _ in .failure(.datastore(error)) }
        }
        if draft.core.revision != published.load().revision {
            published.publish(draft.core)
            folding.note(draft.saves.compactMap(\.entry))
        }
        do throws(DirectoryError) {
            if let last = draft.prepared { try directory.publish(last) }
            return results
        } catch {
            return changes.map { _ in .failure(.directory(error)) }
        }
    }

    /// Replaces a person by an anonymous one in core and store. On the writer.
    private func erase(
        user: UserID, of customer: CustomerID, replacement: UserID, for grant: OperatorGrant
    ) throws(WriteFailure) -> Revision {
        var candidate = published.load().core
        let revision = candidate.revision.next
        let ids = candidate.erase(user: user, of: customer, replacement: replacement, revision: revision)
        guard let ids else { throw .noSuchUser }
        // In pieces, so that the transaction of the erasure has little more than the person's own row. It has all that
        // a piece which failed left behind.
        folding.complete()
        candidate = published.load().core
        _ = candidate.erase(user: user, of: customer, replacement: replacement, revision: revision)
        var rows = candidate.takeDirtyStates().map { StateRow(key: $0.key, body: $0.body) }
        if folding.isMarked { rows.append(StateRow(key: StateFold.marker.key, body: nil)) }
        do throws(DatastoreError) {
            try store.erase(Erasure(of: ids, revision: revision, states: rows), for: grant)
        } catch {
            onFailure(error)
            throw .datastore(error)
        }
        published.publish(candidate)
        published.shelf.forget(before: revision)
        folding.noteFolded(through: revision)
        return revision
    }
}

/// Changes of access checked one on top of the other, not durable and not visible yet.
private struct AccessDraft {
    var core: InsightsCore
    let directory: PrincipalDirectory
    let authenticator: Authenticator
    /// The last change that changes something; it has those before.
    private(set) var prepared: PreparedAccessChange?
    private(set) var saves: [AccessSave] = []

    init(core: InsightsCore, directory: PrincipalDirectory, authenticator: Authenticator) {
        self.core = core
        self.directory = directory
        self.authenticator = authenticator
    }

    mutating func add(_ kind: PendingChange.Kind) throws(WriteFailure) -> MadeChange {
        switch kind {
        case .principal(let change, let scope, let caller):
            try requireManager(caller)
            let next = try preparing { () throws(DirectoryError) in
                try directory.prepare(change, in: scope, after: prepared)
            }
            if next.changesSomething {
                saves.append(AccessSave(next.change, entry: nil, for: .partner(scope)))
                prepared = next
            }
            return MadeChange(principal: next.change.principal, revision: core.revision)
        case .createPartner(let partner, let first, let grant):
            let next = try preparing { () throws(DirectoryError) in
                try directory.prepareCreatePartner(partner, first: first, by: grant, after: prepared)
            }
            core.advance(to: core.revision.next)
            saves.append(
                AccessSave(
                    next.change, entry: .partnerCreated(revision: core.revision), for: .operator(grant)))
            prepared = next
            return MadeChange(principal: next.change.principal, revision: core.revision)
        case .setPartner(let partner, let disabled, let grant):
            let next = try preparing { () throws(DirectoryError) in
                try directory.prepareUpdatePartner(partner, isDisabled: disabled, by: grant, after: prepared)
            }
            if next.changesSomething {
                saves.append(AccessSave(next.change, entry: nil, for: .operator(grant)))
                prepared = next
            }
            return MadeChange(principal: nil, revision: core.revision)
        case .erase:
            throw .noSuchUser
        }
    }

    /// The change before may have removed the caller, or taken its role.
    private func requireManager(_ caller: AuthenticatedCaller) throws(WriteFailure) {
        do throws(StandingFailure) {
            try authenticator.requireStanding(of: caller, for: .managePrincipals, in: prepared?.snapshot)
        } catch {
            throw .standing(error)
        }
    }

    private func preparing(
        _ body: () throws(DirectoryError) -> PreparedAccessChange
    ) throws(WriteFailure) -> PreparedAccessChange {
        do {
            return try body()
        } catch {
            throw .directory(error)
        }
    }
}

extension DatastoreError {
    /// Whether a group failed for one of its changes, so that the others do without it. Nothing was written then.
    fileprivate var concernsOneChange: Bool {
        switch self {
        case .outsideScope, .alreadyExists, .notFound, .invalid: true
        default: false
        }
    }
}

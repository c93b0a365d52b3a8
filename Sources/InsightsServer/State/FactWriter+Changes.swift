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
        var results: [Result<MadeChange, WriteFailure>] = []
        var prepared: PreparedAccessChange?
        func drafted(on core: InsightsCore) -> AccessDraft {
            var draft = AccessDraft(revision: core.revision, directory: directory, authenticator: authenticator)
            results = changes.map { change in
                Result { () throws(WriteFailure) in try draft.add(change.kind) }
            }
            return draft
        }
        // Nobody else writes here, and the store is not asked for nothing.
        if !store.isShared, drafted(on: published.load().core).saves.isEmpty { return results }
        do throws(DatastoreError) {
            _ = try takeTurn { (core, news) throws(DatastoreError) in
                let draft = drafted(on: core)
                prepared = draft.prepared
                // Refused, or without anything to change: nothing is written.
                return Turn(draft.revision, access: draft.saves)
            } whenDurable: { core, revision in
                if revision > core.revision { core.advance(to: revision) }
            }
        } catch {
            if changes.count > 1, error.concernsOneChange { return changes.flatMap { makeTogether([$0]) } }
            onFailure(error)
            // Also those that were refused: what they were refused for may not have happened.
            return changes.map { _ in .failure(.datastore(error)) }
        }
        do throws(DirectoryError) {
            if let prepared { try directory.publish(prepared) }
            return results
        } catch {
            return changes.map { _ in .failure(.directory(error)) }
        }
    }

    /// Replaces a person by an anonymous one in core and store. On the writer.
    private func erase(
        user: UserID, of customer: CustomerID, replacement: UserID, for grant: OperatorGrant
    ) throws(WriteFailure) -> Revision {
        if !store.isShared {
            // Before everything is folded for nobody.
            var probe = published.load().core
            let found = probe.erase(user: user, of: customer, replacement: replacement, revision: probe.revision.next)
            guard found != nil else { throw .noSuchUser }
        }
        folding.prepareErasure(at: position.withLock { $0 })
        let made: Revision?
        do throws(DatastoreError) {
            var erased: InsightsCore?
            made = try takeTurn(for: grant) { (core, news) throws(DatastoreError) in
                // Of an earlier try.
                erased = nil
                var candidate = core
                let revision = news.nextRevision
                let person = candidate.erase(user: user, of: customer, replacement: replacement, revision: revision)
                guard let person else { return Turn(nil) }
                let (bucket, rows) = folding.takeErasureRows(of: customer, from: &candidate)
                erased = candidate
                // Nobody follows a store that is not shared.
                let body = store.isShared ? person.place.bytes : []
                let erasure = Erasure(
                    of: person.users, formerUsers: person.formerUsers, entry: .erasure(revision: revision, body: body),
                    bucket: bucket, states: rows
                ) { body in try LoggedFacts(body).withdrawing(customer)?.bytes }
                return Turn(revision, erasure: erasure)
            } whenDurable: { core, _ in
                if let erased { core = erased }
            }
        } catch {
            onFailure(error)
            throw .datastore(error)
        }
        guard let made else { throw .noSuchUser }
        folding.noteErased(through: made)
        return made
    }
}

/// Changes of access checked one on top of the other, not durable and not visible yet.
private struct AccessDraft {
    /// With the partners that were created.
    private(set) var revision: Revision
    let directory: PrincipalDirectory
    let authenticator: Authenticator
    /// The last change that changes something; it has those before.
    private(set) var prepared: PreparedAccessChange?
    private(set) var saves: [AccessSave] = []

    init(revision: Revision, directory: PrincipalDirectory, authenticator: Authenticator) {
        self.revision = revision
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
            return MadeChange(principal: next.change.principal, revision: revision)
        case .createPartner(let partner, let first, let grant):
            let next = try preparing { () throws(DirectoryError) in
                try directory.prepareCreatePartner(partner, first: first, by: grant, after: prepared)
            }
            revision = revision.next
            saves.append(
                AccessSave(next.change, entry: .partnerCreated(revision: revision), for: .operator(grant)))
            prepared = next
            return MadeChange(principal: next.change.principal, revision: revision)
        case .setPartner(let partner, let disabled, let grant):
            let next = try preparing { () throws(DirectoryError) in
                try directory.prepareUpdatePartner(partner, isDisabled: disabled, by: grant, after: prepared)
            }
            if next.changesSomething {
                saves.append(AccessSave(next.change, entry: nil, for: .operator(grant)))
                prepared = next
            }
            return MadeChange(principal: nil, revision: revision)
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

import Datastore
import LicenseModel
import Tenancy

extension ConformanceCheck {
    func turnsTellWhatWasAcceptedBefore(_ harness: DatastoreHarness) throws {
        var store = try harness.make()
        let entries = try SampleBatches.entries(1...8)
        try store.commit(entries)
        let asked = try (5...12).map { try BatchID("batch-\($0)") }
        for isFolded in [false, true] {
            if isFolded { try store.fold(through: Revision(number: 8), states: []) }
            var calls = 0
            let outcome = try store.turn(after: store.position, batches: asked, for: try Grants.operator()) { news in
                calls += 1
                return Turn(news.receipts)
            }
            try require(calls == 1, "the turn was decided \(calls) times")
            let expected = entries[4...].compactMap(\.receipt)
            try require(Set(outcome.value.values) == Set(expected), "the receipts differ")
            try require(outcome.value.allSatisfy { $0.key == $0.value.batch }, "a receipt is of another batch")
            try require(outcome.position == store.position, "the position differs")
            store = try harness.reopen(store)
        }
        try store.close()
    }

    /// What the caller throws comes through, and what a turn must not be is refused whole.
    func turnsThatThrowLeaveNothing(_ harness: DatastoreHarness) throws {
        var store = try harness.make()
        try store.commit(try SampleBatches.entries(1...3))
        let (before, mark) = (try Recovered(store), store.mark)
        try requireRefusal(.unavailable("not today")) {
            _ = try store.turn(after: store.position, batches: [], for: try Grants.operator()) {
                (_) throws(DatastoreError) -> Turn<Int> in throw .unavailable("not today")
            }
        }
        let gap = [try SampleBatches.entry(4), try SampleBatches.entry(6)]
        try requireRefusal(.outOfOrder(expected: Revision(number: 5), found: Revision(number: 6))) {
            try store.commit(gap)
        }
        for _ in 0..<2 {
            try require(try Recovered(store) == before && store.mark == mark, "a turn that threw left something")
            store = try harness.reopen(store)
        }
        try store.commit([try SampleBatches.entry(4)])
        try store.close()
    }

    private static func everything(
        after revision: Int64, partner name: String, _ last: AccessChange? = nil
    ) throws -> Turn<String> {
        let partner = try PartnerID(name)
        let created = AccessSave(
            .createPartner(PartnerRecord(id: partner, name: nil), first: try principal(name, "admin")),
            entry: .partnerCreated(revision: Revision(number: revision + 3)), for: .operator(try Grants.operator()))
        let scope = AccessGrant.partner(try Grants.scope(name))
        let zoe = AccessSave(.createPrincipal(try principal(name, "zoe")), entry: nil, for: scope)
        return Turn(
            name, batches: try SampleBatches.entries((revision + 1)...(revision + 2)),
            access: [created, zoe] + (last.map { [AccessSave($0, entry: nil, for: scope)] } ?? []),
            erasure: try PersonSample().erasure(revision: revision + 4, states: [StateRow(key: name, body: [1])]))
    }

    func turnsOfEverythingAreAllOrNone(_ harness: DatastoreHarness) throws {
        var store = try harness.make()
        let grant = try Grants.operator()
        func write(_ turn: Turn<String>) throws -> TurnOutcome<String> {
            try store.turn(after: store.position, batches: [], for: grant) { _ in turn }
        }
        let before = try Recovered(store)
        let ghost = AccessChange.deletePrincipal(try PartnerID("alpha"), try PrincipalID("ghost"))
        try requireRefusal(.notFound) { _ = try write(try Self.everything(after: 0, partner: "alpha", ghost)) }
        try require(try Recovered(store) == before, "a refused turn left something")
        try require(try store.loadAccess(for: grant).partners.isEmpty, "a refused turn left a partner")
        for (number, partner) in ["alpha", "beta"].enumerated() {
            let last = Int64(number) * 4
            let outcome = try write(try Self.everything(after: last, partner: partner))
            try require(outcome.value == partner, "the value differs")
            try require(outcome.position.revision == Revision(number: last + 4), "the turn made other revisions")
            store = try harness.reopen(store)
            let recovered = try Recovered(store)
            try require(recovered.revision == Revision(number: last + 4), "the revision differs")
            try require(recovered.folds[0] == Revision(number: last + 4), "the erasure folded nothing")
            try require(recovered.states.last == StateRow(key: partner, body: [1]), "the rows differ")
            let access = try store.loadAccess(for: grant)
            try require(access.partners.count == number + 1 && access.principals.count == 2 * number + 2, "access")
        }
        try store.close()
    }

    func emptyTurnsWriteNothing(_ harness: DatastoreHarness) throws {
        let store = try harness.make()
        try store.commit(try SampleBatches.entries(1...2))
        let (before, mark) = (try Recovered(store), store.mark)
        let outcome = try store.turn(after: store.position, batches: [], for: try Grants.operator()) { news in
            Turn(news.nextRevision)
        }
        try require(outcome.value == Revision(number: 3), "the next revision is \(outcome.value)")
        try require(outcome.position.revision == Revision(number: 2), "the position moved")
        try require(try Recovered(store) == before && store.mark == mark, "an empty turn wrote something")
        try requireNoNews(store)
        try store.close()
    }

    /// Of what was written through the store itself, changes of access too.
    private func requireNoNews(_ store: any LicenseDatastore) throws {
        let grant = try Grants.operator()
        let partner = PartnerRecord(id: try PartnerID("alpha"), name: nil)
        let created = AccessChange.createPartner(partner, first: try Self.principal("alpha", "admin"))
        try store.save(created, entry: .partnerCreated(revision: store.revision.next), for: .operator(grant))
        let news = try store.turn(after: store.position, batches: [], for: grant) { news in Turn(news.log) }.value
        try require(news.isEmpty && news.isComplete, "own changes are told as news")
    }

    /// Of a store with another history, or of what comes later.
    func positionsOfAnotherLogAreTold(_ harness: DatastoreHarness) throws {
        let store = try harness.make()
        let grant = try Grants.operator()
        try store.commit(try SampleBatches.entries(1...2))
        let ahead = LogPosition(revision: Revision(number: 3))
        try requireRefusal(.diverged(at: ahead.revision)) {
            _ = try store.turn(after: ahead, batches: [], for: grant) { _ in Turn(1) }
        }
        try requireRefusal(.diverged(at: ahead.revision)) { _ = try store.news(after: ahead, limit: 10, for: grant) }
        let other = LogPosition(
            revision: Revision(number: 2), generation: store.position.generation, digest: [1, 2, 3])
        if store.isShared {
            try requireRefusal(.diverged(at: other.revision)) {
                _ = try store.turn(after: other, batches: [], for: grant) { _ in Turn(1) }
            }
            try requireRefusal(.diverged(at: other.revision)) {
                _ = try store.news(after: other, limit: 10, for: grant)
            }
        }
        try require(try store.news(after: store.position, limit: 10, for: grant).isEmpty, "there are news")
        try store.commit([try SampleBatches.entry(3)])
        try store.close()
    }
}

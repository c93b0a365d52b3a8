import Authentication
import Datastore
import Dispatch
import Foundation
import LicenseModel
import Synchronization
import Tenancy
import Testing

@testable import InsightsServer

/// Changes take turns, are bounded, and share what they wait for.
@Suite(.timeLimit(.minutes(1))) struct ChangeQueueTests {
    /// Holds the first transaction of changes up until it is opened.
    private struct Gate {
        let began = DispatchSemaphore(value: 0)
        private let opened = DispatchSemaphore(value: 0)

        init(_ house: WriterHouse) {
            let (began, opened, once) = (began, opened, Once())
            house.store.beforeSave.withLock { body in
                body = {
                    guard once.take() else { return }
                    began.signal()
                    opened.wait()
                }
            }
        }

        func open() { opened.signal() }
    }

    private func rename(_ name: String, to display: String) throws -> PrincipalChange {
        .update(try PrincipalID(name), PrincipalUpdate(displayName: display))
    }

    @Test func aFloodIsBoundedAndWaitsBehindItselfAlone() throws {
        let house = try WriterHouse()
        try house.register("A", admins: ["alice"])
        try house.register("B", admins: ["bob"])
        let (alice, bob) = (try house.caller("alice", of: "A"), try house.caller("bob", of: "B"))
        let gate = Gate(house)
        let before = house.store.saves.count
        try house.submit("first", rename("alice", to: "0"), by: alice)
        gate.began.wait()
        var taken = 0
        for number in 1...100 {
            switch try house.submit("a\(number)", rename("alice", to: "\(number)"), by: alice) {
            case .taken: taken += 1
            case .full(let limit): #expect(limit == 32)
            case .stopped: Issue.record("stopped")
            }
        }
        #expect(taken == 32)
        guard case .taken = try house.submit("b", rename("bob", to: "b"), by: bob) else {
            Issue.record("another partner is refused")
            return
        }
        gate.open()
        let order = house.wait(34)
        // Its turn comes after one change of the other line, not after thirty-two.
        #expect(order.suffix(34).prefix(3) == ["first", "a1", "b"])
        #expect(order.suffix(31) == (2...32).map { "a\($0)" }[...])
        #expect(Array(house.store.saves[before...]) == [1, 33], "one transaction for all that waited")
        let now = house.directory.snapshot.principal(try PrincipalID("alice"), in: try auditScope("A"))
        #expect(now?.displayName == "32")
    }

    @Test func aFullGroupHasEverybodysNextChange() throws {
        let house = try WriterHouse(limit: 1_000)
        try house.register("A", admins: ["alice"])
        for number in 0..<9 { try house.register("P\(number)", admins: ["x"]) }
        let alice = try house.caller("alice", of: "A")
        let gate = Gate(house)
        let before = house.store.saves.count
        try house.submit("first", rename("alice", to: "0"), by: alice)
        gate.began.wait()
        for number in 1...500 { try house.submit("a\(number)", rename("alice", to: "\(number)"), by: alice) }
        for number in 0..<9 {
            try house.submit("p\(number)", rename("x", to: "y"), by: house.caller("x", of: "P\(number)"))
        }
        gate.open()
        let order = house.wait(510).suffix(510)
        let places = try (0..<9).map { try #require(order.dropFirst().firstIndex(of: "p\($0)")) - order.startIndex }
        #expect(places.allSatisfy { $0 <= ChangeQueue.groupSize })
        #expect(house.store.saves[before...].allSatisfy { $0 <= ChangeQueue.groupSize })
        #expect(house.store.saves.count - before == 1 + (509 + 63) / 64)
    }

    @Test func aGroupSharesTwoSyncsOfTheTrail() throws {
        let house = try WriterHouse()
        try house.register("A", admins: ["alice"])
        let alice = try house.caller("alice", of: "A")
        let gate = Gate(house)
        let syncs = Sum()
        try house.submit("first", rename("alice", to: "0"), by: alice)
        gate.began.wait()
        for number in 1...32 { try house.submit("a\(number)", rename("alice", to: "\(number)"), by: alice) }
        house.plan.fail { _, operation in
            if operation == .sync { syncs.add(1) }
            return nil
        }
        gate.open()
        _ = house.wait(33)
        // The end of the first one, then beginning and end of the group.
        #expect(syncs.total == 3)
        let records = try house.records().suffix(33)
        #expect(records.map(\.principal) == ["first"] + (1...32).map { "a\($0)" })
        #expect(records.allSatisfy { $0.code == 0 })
        #expect(house.log.status.changesUnderWay == 0)
    }

    @Test func whatChangesNothingIsOnRecordWithoutATransaction() throws {
        let house = try WriterHouse()
        try house.register("A", admins: ["alice", "second"])
        let alice = try house.caller("alice", of: "A")
        let (before, generation) = (house.store.saves.count, house.directory.generation)
        let same = PrincipalUpdate(displayName: "", roles: RoleSet([.userManagementAdmin]), isDisabled: false)
        for number in 0..<5 {
            try house.submit("same \(number)", .update(try PrincipalID("second"), same), by: alice)
        }
        _ = house.wait(5)
        for number in 0..<5 {
            #expect(try house.answer("same \(number)")?.get().principal?.id == PrincipalID("second"))
        }
        #expect(house.store.saves.count == before)
        #expect(house.directory.generation == generation, "nobody has to be authenticated again")
        #expect(try house.records().suffix(5).map(\.principal) == (0..<5).map { "same \($0)" })
        // And a real one afterwards is one.
        try house.submit("real", rename("second", to: "2"), by: alice)
        _ = house.wait(1)
        #expect(house.store.saves.count == before + 1 && house.directory.generation == generation + 1)
    }

    @Test func whatFailsInAGroupFailsAlone() throws {
        let house = try WriterHouse()
        try house.register("A", admins: ["alice"])
        let alice = try house.caller("alice", of: "A")
        // In the store and not in the directory, so that the whole transaction fails.
        let odd = try WriterHouse.admin("odd")
        try house.store.inner.save(.createPrincipal(odd), entry: nil, for: .partner(auditScope("A")))
        let gate = Gate(house)
        try house.submit("first", rename("alice", to: "0"), by: alice)
        gate.began.wait()
        try house.submit("x", .create(WriterHouse.admin("x")), by: alice)
        try house.submit("odd", .create(WriterHouse.admin("odd")), by: alice)
        try house.submit("again", .create(WriterHouse.admin("x")), by: alice)
        try house.submit("gone", .delete(PrincipalID("nobody")), by: alice)
        try house.submit("y", .create(WriterHouse.admin("y")), by: alice)
        gate.open()
        _ = house.wait(6)
        func failure(_ name: String) -> WriteFailure? {
            guard case .failure(let failure) = house.answer(name) else { return nil }
            return failure
        }
        #expect(failure("x") == nil && failure("y") == nil)
        guard case .datastore(.alreadyExists) = failure("odd"), case .directory(.alreadyExists) = failure("again"),
            case .directory(.notFound) = failure("gone")
        else {
            Issue.record("\(String(describing: failure("odd"))), \(String(describing: failure("again")))")
            return
        }
        #expect(try house.storedPrincipals(of: "A") == ["alice", "odd", "x", "y"])
        let shown = try house.directory.snapshot.principals(in: auditScope("A")).map(\.id.text)
        #expect(shown == ["alice", "x", "y"])
        #expect(try house.records().suffix(6).map(\.code) == [0, 0, 14, 6, 5, 0])
    }

    /// One removes the other in the same group: the other's change is refused, and the trail has no change of it.
    @Test func whoIsRemovedInAGroupChangesNothingBehindIt() throws {
        let house = try WriterHouse()
        try house.register("A", admins: ["alice", "x", "y"])
        let (alice, x, y) = (
            try house.caller("alice", of: "A"), try house.caller("x", of: "A"), try house.caller("y", of: "A")
        )
        let gate = Gate(house)
        try house.submit("first", rename("alice", to: "0"), by: alice)
        gate.began.wait()
        try house.submit("x removes y", .update(PrincipalID("y"), PrincipalUpdate(isDisabled: true)), by: x)
        try house.submit("y removes x", .delete(PrincipalID("x")), by: y)
        try house.submit("x again", .update(PrincipalID("x"), PrincipalUpdate(roles: [])), by: x)
        try house.submit("x stripped", rename("x", to: "no"), by: x)
        gate.open()
        _ = house.wait(5)
        guard case .success = house.answer("x removes y"),
            case .failure(.standing(.unauthenticated)) = house.answer("y removes x"),
            case .success = house.answer("x again"),
            case .failure(.standing(.denied)) = house.answer("x stripped")
        else {
            Issue.record("\(String(describing: house.answer("y removes x")))")
            return
        }
        #expect(try house.records().suffix(3).map(\.principal) == ["first", "x removes y", "x again"])
        #expect(house.log.status.changesUnderWay == 0)
        #expect(try house.storedPrincipals(of: "A") == ["alice", "x", "y"])
    }

    @Test func partnersMadeInOneGroupHaveRevisionsOfTheirOwn() throws {
        let house = try WriterHouse()
        try house.register("A", admins: ["alice"])
        let gate = Gate(house)
        try house.submit("first", rename("alice", to: "0"), by: house.caller("alice", of: "A"))
        gate.began.wait()
        for number in 0..<5 {
            house.submit(
                "p\(number)",
                .createPartner(
                    PartnerRecord(id: try PartnerID("p\(number % 4)"), name: "n"),
                    first: try WriterHouse.admin("x", of: "p\(number % 4)"), house.operator))
        }
        // Batches go on while a group of changes is held up only by the writer's own turn.
        gate.open()
        _ = house.wait(6)
        let revisions = (0..<4).map { try? house.answer("p\($0)")?.get().revision.number }
        #expect(revisions == [2, 3, 4, 5])
        guard case .failure(.directory(.alreadyExists)) = house.answer("p4") else {
            Issue.record("made twice")
            return
        }
        #expect(house.published.load().revision.number == 5 && house.store.revision.number == 5)
        #expect(try house.records().suffix(5).map(\.revision) == [2, 3, 4, 5, 5])
        #expect(try house.feed("b", []).revision.number == 6)
        let recovered = try RecoveredState(from: house.store.inner.reopened())
        #expect(recovered.directory.partnerCount == 5)
    }

    @Test func withoutATrailNothingIsMade() throws {
        let house = try WriterHouse()
        try house.register("A", admins: ["alice"])
        let before = house.store.saves.count
        house.plan.fail { _, operation in operation == .append ? 28 : nil }
        try house.submit("refused", rename("alice", to: "0"), by: house.caller("alice", of: "A"))
        _ = house.wait(1)
        guard case .failure(.auditUnavailable) = house.answer("refused") else {
            Issue.record("made without a note")
            return
        }
        #expect(house.store.saves.count == before)
    }

    @Test func stoppingFinishesWhatIsUnderWayAndRefusesTheRest() throws {
        let house = try WriterHouse()
        try house.register("A", admins: ["alice"])
        let alice = try house.caller("alice", of: "A")
        let gate = Gate(house)
        try house.submit("first", rename("alice", to: "0"), by: alice)
        gate.began.wait()
        for number in 1...20 { try house.submit("a\(number)", rename("alice", to: "\(number)"), by: alice) }
        DispatchQueue.global().async { gate.open() }
        house.changes.stop()
        house.writer.stop(folding: .zero)
        // Everybody is answered, and who is told that a change was made finds it durable.
        #expect(house.wait(21).count == 22)
        guard case .success = house.answer("first") else {
            Issue.record("what was under way was not finished")
            return
        }
        var made = "0"
        for number in 1...20 {
            switch house.answer("a\(number)") {
            case .success: made = "\(number)"
            case .failure(.stopped): break
            case let other: Issue.record("\(number): \(String(describing: other))")
            }
        }
        let stored = try RecoveredState(from: house.store.inner.reopened()).directory
        let scope = try auditScope("A")
        #expect(stored.principals(in: scope).map(\.displayName) == [made])
        guard case .stopped = try house.submit("late", rename("alice", to: "l"), by: alice) else {
            Issue.record("taken after the end")
            return
        }
    }
}

/// True once.
private final class Once: Sendable {
    private let state = Atomic(true)

    func take() -> Bool { state.exchange(false, ordering: .relaxed) }
}

private final class Sum: Sendable {
    private let value = Atomic(0)

    var total: Int { value.load(ordering: .sequentiallyConsistent) }

    func add(_ number: Int) { value.add(number, ordering: .sequentiallyConsistent) }
}

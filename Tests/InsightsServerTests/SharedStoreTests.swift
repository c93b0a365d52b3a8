import Datastore
import DatastoreConformance
import LicenseModel
import Tenancy
import Testing

@testable import InsightsServer

/// What a server makes of answers that are lost, and of a history that turns out to be another.
@Suite(.timeLimit(.minutes(1))) struct SharedStoreTests {
    private func user(_ name: String) throws -> Fact {
        .user(UserFact(customer: try CustomerID("C"), user: try UserID(name), displayName: name))
    }

    private func houses() throws -> [WriterHouse] {
        let inner = InMemoryDatastore.shared()
        return try (0..<2).map { _ in try WriterHouse(store: WatchedStore(.connected(to: inner))) }
    }

    private func people(_ house: WriterHouse) -> [String] {
        (house.published.load().core.peopleByPlace["C"] ?? []).compactMap {
            $0.split(separator: " ").first.map(String.init)
        }
    }

    /// The batch is accepted once, whether it was written or not, and whoever sent it is told so.
    @Test(arguments: [InMemoryDatastore.LostAnswer.written, .notWritten])
    func aBatchInDoubtIsSettledByTheNextTurn(_ lost: InMemoryDatastore.LostAnswer) throws {
        let houses = try houses()
        try houses[1].feed("before", [user("a")])
        houses[0].store.inner.loseNextAnswer(lost)
        let acceptance = try houses[0].feed("doubtful", [user("b")])
        #expect(acceptance.revision.number == 2)
        let again = try houses[1].feed("doubtful", [user("b")])
        #expect(again.revision.number == 2 && again.effects == nil)
        #expect(people(houses[0]) == ["a", "b"] && people(houses[1]) == ["a", "b"])
        #expect(houses[0].published.load().revision.number == 2)
    }

    /// Nothing is acknowledged while the store is away, and nothing is lost of what it had before.
    @Test func aBatchInDoubtIsNotAcknowledgedWhileTheStoreIsAway() throws {
        let houses = try houses()
        houses[0].store.inner.loseNextAnswer(.written, thenFail: .unavailable("away"))
        #expect { try houses[0].feed("doubtful", [user("a")]) } throws: { error in
            if case .datastore(.unavailable)? = error as? WriteFailure { true } else { false }
        }
        #expect(people(houses[0]) == [])
        houses[0].store.inner.fail(with: nil)
        let again = try houses[0].feed("doubtful", [user("a")])
        #expect(again.revision.number == 1 && again.effects == nil && people(houses[0]) == ["a"])
    }

    /// An entry that one server saw was answered to nobody, and another takes its revision.
    @Test func aBatchThatAFailoverLostIsGivenUp() throws {
        let houses = try houses()
        try houses[0].feed("kept", [user("a")])
        try houses[1].writer.follow()
        let standby = houses[0].store.inner.standby()
        houses[0].store.inner.loseNextAnswer(.written, thenFail: .unavailable("away"))
        #expect(throws: WriteFailure.self) { try houses[0].feed("lost", [user("b")]) }
        try houses[1].writer.follow()
        #expect(people(houses[1]) == ["a", "b"])
        houses[0].store.inner.failOver(to: standby)
        houses[0].store.inner.fail(with: nil)
        #expect(try houses[0].feed("instead", [user("c")]).revision.number == 2)
        try houses[1].writer.follow()
        #expect(people(houses[1]) == ["a", "c"] && houses[1].published.load().core.history == 1)
        // Its id was never used.
        #expect(try houses[1].feed("lost", [user("b")]).revision.number == 3)
    }

    /// The same with a change that makes no revision, and another that takes its generation.
    @Test func aChangeOfAccessThatAFailoverLostIsGivenUp() throws {
        let houses = try houses()
        try houses[0].register("A", admins: ["ann", "bob"])
        try houses[1].writer.follow()
        let partner = try PartnerID("A")
        let standby = houses[0].store.inner.standby()
        houses[0].store.inner.loseNextAnswer(.written, thenFail: .unavailable("away"))
        houses[0].submit("disable", .setPartner(partner, disabled: true, houses[0].operator))
        _ = houses[0].wait(1)
        try houses[1].writer.follow()
        #expect(houses[1].directory.snapshot.isDisabled(partner))
        houses[0].store.inner.failOver(to: standby)
        houses[0].store.inner.fail(with: nil)
        try houses[0].submit("carl", .create(WriterHouse.admin("carl")), by: houses[0].caller("ann", of: "A"))
        _ = houses[0].wait(1)
        try houses[1].writer.follow()
        #expect(!houses[1].directory.snapshot.isDisabled(partner))
        let scope = try Grants.scope("A")
        let principals = houses[1].directory.snapshot.principals(in: scope)
        #expect(principals.map(\.id.text) == ["ann", "bob", "carl"])
        #expect(principals == houses[0].directory.snapshot.principals(in: scope))
    }
}

import Datastore
import DatastoreConformance
import LicenseModel
import Tenancy
import Testing

@testable import DatastorePostgres

extension PostgresTests {
    /// What servers find after a failover that was not of entries.
    @Suite struct LostFoldTests {
        private static let takenBack = "UPDATE insights.bucket SET folded_through = 0, rows = 0, sum = 0"

        private func at(_ revision: Int64) -> LogPosition { LogPosition(revision: Revision(number: revision)) }

        /// Whoever was told of a fold has forgotten what was in it; on top of an older one nothing fits.
        @Test func nothingIsFoldedOnTopOfALostFold() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            let (store, other) = (try cluster.open(database), try cluster.open(database))
            try store.commit([try SampleBatches.entry(1), try SampleBatches.entry(2)])
            #expect(try store.foldBucket(7, through: at(1), states: [StateRow(key: "a", body: [1])]))
            #expect(try other.folds()[7] == Revision(number: 1))
            try cluster.run(Self.takenBack, "DELETE FROM insights.state", in: database)
            for each in [store, other] {
                let row = [StateRow(key: "b", body: [2])]
                try requireRefusal(.diverged(at: .none)) { _ = try each.foldBucket(7, through: at(2), states: row) }
                // Until everything is read anew.
                let refusal = #expect(throws: DatastoreError.self) {
                    _ = try each.news(after: each.position, limit: 10, for: try Grants.operator())
                }
                #expect(refusal == .diverged(at: each.position.revision))
            }
            #expect(try Recovered(store).states.isEmpty)
            #expect(try store.folds()[7] == .none)
            let rows = [StateRow(key: "a", body: [1]), StateRow(key: "b", body: [2])]
            #expect(try store.foldBucket(7, through: at(2), states: rows))
            for each in [store, other] { try each.close() }
        }

        /// Reading anew heals a server under which another history was begun.
        @Test func anotherHistoryIsReadAnew() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            let (store, other) = (try cluster.open(database), try cluster.open(database))
            try store.commit([try SampleBatches.entry(1)])
            try other.beginHistory()
            try requireRefusal(.diverged(at: Revision(number: 1))) { try store.commit([try SampleBatches.entry(2)]) }
            _ = try Recovered(store)
            #expect(store.mark.store == other.mark.store)
            try store.commit([try SampleBatches.entry(2)])
            for each in [store, other] { try each.close() }
        }

        /// A body that names the person by an id that is another's by now.
        @Test func formerIdsAreSearchedFor() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            let store = try cluster.open(database)
            let person = try PersonSample()
            try store.commit([try person.entry(1, facts: try person.before)])
            let customer = person.customer
            try store.erase(
                Erasure(
                    of: [try UserID("somebody.new")], formerUsers: [person.user],
                    entry: .erasure(revision: Revision(number: 2)), bucket: StateBuckets.bucket(of: customer),
                    states: []
                ) { try LoggedFacts($0).withdrawing(customer)?.bytes })
            let sql = "SELECT count(*) FROM insights.body WHERE position('\(person.user.text)'::bytea IN facts) > 0"
            #expect(try cluster.run(sql, in: database).firstNumber == 0)
            try store.close()
        }
    }
}

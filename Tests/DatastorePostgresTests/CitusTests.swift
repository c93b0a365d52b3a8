import Datastore
import DatastoreConformance
import Foundation
import LicenseModel
import Tenancy
import Testing

@testable import DatastorePostgres

/// Servers run under a role whose statements fail as soon as one concerns several shards.
extension CitusTests {
    @Suite struct ConformanceTests {
        private func harness() throws -> DatastoreHarness {
            let cluster = try CitusTests.cluster
            return .postgres(makeDatabase: { try cluster.makeDatabase() }, open: { try cluster.open($0) }) {
                try cluster.run($0, in: $1)
            }
        }

        @Test(arguments: ConformanceCheck.allCases)
        func one(_ check: ConformanceCheck) throws {
            try check.run(on: try harness())
        }

        @Test(arguments: SharedConformanceCheck.allCases)
        func several(_ check: SharedConformanceCheck) throws {
            try check.run(on: try harness())
        }
    }

    @Suite struct PlacementTests {
        private func rows(_ person: PersonSample) -> [StateRow] {
            [StateRow(key: "users/a", body: Array(person.user.text.utf8))]
        }

        @Test func theStateIsOnWorkersAndTheRestIsNot() throws {
            let cluster = try CitusTests.cluster
            let database = try cluster.makeDatabase()
            let store = try cluster.open(database)
            #expect(store.isDistributed)
            try store.commit([try SampleBatches.entry(1)])
            try store.fold(through: Revision(number: 1), states: [StateRow(key: "all", body: [1])])
            let distributed = try cluster.run(
                "SELECT string_agg(logicalrelid::text, ' ' ORDER BY logicalrelid::text) FROM pg_dist_partition",
                in: database)
            #expect(distributed.firstText == "insights.bucket insights.state")
            let colocated = try cluster.run(
                "SELECT count(DISTINCT colocationid), count(DISTINCT partkey) FROM pg_dist_partition", in: database)
            #expect(colocated.firstNumber == 1)
            // Nothing was left behind when the tables were distributed.
            let local = try cluster.run("SELECT pg_relation_size('insights.bucket')", in: database)
            #expect(local.firstNumber == 0)
            // Migrating again changes nothing, and gives back rights.
            try cluster.run("REVOKE SELECT ON insights.state FROM insights_server", in: database)
            let again = try PostgresMigration.migrate(try cluster.conninfo(database), onCitus: true)
            #expect(again.before == again.after)
            _ = try PostgresMigration.migrate(try cluster.conninfo(database))
            #expect(try Recovered(store).states == [StateRow(key: "all", body: [1])])
            try store.close()
        }

        @Test func aStoreThatIsThereIsNotDistributed() throws {
            let cluster = try CitusTests.cluster
            let database = try cluster.makeDatabase(onCitus: false)
            let error = #expect(throws: DatastoreError.self) {
                _ = try PostgresMigration.migrate(try cluster.conninfo(database), onCitus: true)
            }
            #expect(error?.description.contains("copy-store") == true)
            let store = try cluster.open(database)
            #expect(!store.isDistributed)
            try store.close()
        }

        /// A transaction of several places would be prepared in each of them first, and leave a record of that.
        @Test func nothingIsPreparedInTwoPlaces() throws {
            let cluster = try CitusTests.cluster
            let database = try cluster.makeDatabase()
            let prepared = "SELECT count(*) FROM pg_catalog.pg_dist_transaction"
            let before = try cluster.run(prepared, in: database).firstNumber
            let store = try cluster.open(database)
            let person = try PersonSample()
            try store.commit([try person.entry(1, facts: try person.before), try SampleBatches.entry(2)])
            let bucket = StateBuckets.bucket(of: person.customer)
            try store.fold(through: Revision(number: 1), states: [])
            #expect(
                try store.foldBucket(
                    bucket, through: LogPosition(revision: Revision(number: 2)), states: rows(person)))
            let customer = person.customer
            try store.erase(
                Erasure(
                    of: [person.user], entry: .erasure(revision: Revision(number: 3)), bucket: bucket,
                    states: [StateRow(key: "users/a", body: [1])]
                ) { try LoggedFacts($0).withdrawing(customer)?.bytes })
            _ = try (store.folds(), store.statistics(), Recovered(store))
            store.dropLog(minutes: 0, always: true)
            #expect(try (cluster.run(prepared, in: database).firstNumber ?? 0) <= (before ?? 0))
            try store.close()
        }

        /// After the entry another server may fold the bucket further, or not have come to it yet.
        @Test(arguments: [false, true]) func erasuresAreInFourPieces(_ isFoldedMeanwhile: Bool) throws {
            let cluster = try CitusTests.cluster
            let database = try cluster.makeDatabase()
            let (store, other) = (try cluster.open(database), try cluster.open(database))
            let person = try PersonSample()
            let (bucket, customer) = (StateBuckets.bucket(of: person.customer), person.customer)
            try store.commit([try person.entry(1, facts: try person.before)])
            #expect(
                try store.foldBucket(
                    bucket, through: LogPosition(revision: Revision(number: 1)), states: rows(person)))
            let moved = [StateRow(key: "users/a", body: [2])]
            if isFoldedMeanwhile {
                // The row is locked until the other one is done.
                try cluster.run(
                    """
                    UPDATE insights.bucket SET folded_through = 4, sum = \
                    \(RowChecksum.state(key: "users/a", content: [2])) WHERE bucket = \(bucket)
                    """,
                    """
                    UPDATE insights.state SET content = '\\x02', checksum = \
                    \(RowChecksum.state(key: "users/a", content: [2])) WHERE bucket = \(bucket)
                    """, in: database)
            }
            try store.erase(
                Erasure(
                    of: [person.user], entry: .erasure(revision: Revision(number: 2)), bucket: bucket,
                    states: [StateRow(key: "users/a", body: [1])]
                ) { try LoggedFacts($0).withdrawing(customer)?.bytes })
            #expect(try store.statistics().erasurePending)
            let sql = "SELECT count(*) FROM insights.body WHERE position('\(person.user.text)'::bytea IN facts) > 0"
            #expect(try cluster.run(sql, in: database).firstNumber == 0)
            if isFoldedMeanwhile {
                try cluster.run("UPDATE insights.bucket SET folded_through = 2 WHERE bucket = \(bucket)", in: database)
            }
            let read = try Recovered(other)
            #expect(read.folds[bucket].number == 2)
            #expect(read.states == (isFoldedMeanwhile ? moved : [StateRow(key: "users/a", body: [1])]))
            for user in [nil, "one_owner"] {
                let report = try PostgresMaintenance.run(try cluster.conninfo(database, user: user))
                #expect(report.rewritten == (user == nil ? 1 : 0))
            }
            #expect(try !store.statistics().erasurePending)
            #expect(try Recovered(other).states == read.states)
            for each in [store, other] { try each.close() }
        }

        @Test func rowsThatCannotBeWrittenLeaveTheEntry() throws {
            let cluster = try CitusTests.cluster
            let database = try cluster.makeDatabase()
            let (store, other) = (try cluster.open(database), try cluster.open(database))
            let person = try PersonSample()
            let bucket = StateBuckets.bucket(of: person.customer)
            try store.commit([try person.entry(1, facts: try person.before)])
            // The bucket can be marked, and has no row.
            try cluster.run("REVOKE INSERT ON insights.state FROM insights_server", in: database)
            let error = #expect(throws: DatastoreError.self) {
                try store.erase(
                    Erasure(
                        of: [person.user], entry: .erasure(revision: Revision(number: 2)), bucket: bucket,
                        states: rows(person)
                    ) { _ in nil })
            }
            guard case .inDoubt = error else { throw ConformanceFailure("refused with \(String(describing: error))") }
            #expect(try other.statistics().erasurePending)
            // It is among the news of whoever has not applied it, its author too.
            for each in [store, other] {
                let news = try each.news(
                    after: LogPosition(revision: Revision(number: 1)), limit: 10, for: try Grants.operator())
                #expect(news.entries.map(\.kind) == [.erasure])
            }
            for each in [store, other] { try each.close() }
        }
    }

    @Suite struct CopyTests {
        private func fill(_ database: String, finish: Bool) throws {
            try PostgresDatastore.fill(try CitusTests.cluster.conninfo(database, user: "one_server")) { store in
                try store.add([try SampleBatches.entry(1), try SampleBatches.entry(2)])
                for bucket in [3, 200] {
                    try store.add((0..<70).map { StateRow(key: "k\($0)", body: [UInt8(bucket)]) }, to: bucket)
                    try store.add([StateRow(key: "z", body: [1])], to: bucket)
                }
                try store.add(AccessRegistry(partners: [], principals: []))
                guard finish else { throw ConformanceFailure("enough") }
                try store.finish(
                    StoreMark(store: StoreID.random(), changes: 2, revision: Revision(number: 2)))
            }
        }

        /// What a copy left behind that was not finished is no part of the next one.
        @Test func aCopyIsThereWhenItIsWhole() throws {
            let cluster = try CitusTests.cluster
            let database = try cluster.makeDatabase()
            #expect(throws: ConformanceFailure.self) { try fill(database, finish: false) }
            let empty = try cluster.open(database)
            #expect(try Recovered(empty).log.isEmpty && empty.revision == .none)
            try empty.close()
            try cluster.run(
                "INSERT INTO insights.state (bucket, key, checksum, content) VALUES (200, 'odd', 1, '')",
                "UPDATE insights.bucket SET rows = 72 WHERE bucket = 200", in: database)
            try fill(database, finish: true)
            let store = try cluster.open(database)
            let read = try Recovered(store)
            #expect(read.folds == BucketFolds(count: StateBuckets.count, through: Revision(number: 2)))
            #expect(read.states.count == 142 && read.log.isEmpty && read.revision.number == 2)
            try store.close()
            let error = #expect(throws: DatastoreError.self) { try fill(database, finish: true) }
            #expect(error?.description.contains("not empty") == true)
        }
    }
}

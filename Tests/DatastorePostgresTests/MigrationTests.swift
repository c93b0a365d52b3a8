import Datastore
import DatastoreConformance
import Foundation
import Synchronization
import Testing

@testable import DatastorePostgres

extension PostgresTests {
    @Suite struct MigrationTests {
        private func migrate(
            _ database: String, finish: Bool = false, user: String = "postgres", steps: [PostgresMigration.Step]? = nil,
            format: Int32 = Schema.format
        ) throws -> PostgresMigration.Report {
            try PostgresMigration.migrate(
                try PostgresTests.cluster.conninfo(database, user: user), finish: finish,
                steps: steps ?? PostgresMigration.steps, format: format)
        }

        @Test func repeatedMigrationsChangeNothing() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase(empty: true)
            try requireRefusal(.invalid("there is no store in the database: run migrate first")) {
                _ = try cluster.open(database)
            }
            #expect(try migrate(database) == .init(before: nil, after: 1, format: 1))
            let id = try cluster.open(database).mark.store
            for finish in [false, true, true] {
                #expect(try migrate(database, finish: finish) == .init(before: 1, after: 1, format: 1))
            }
            #expect(try cluster.open(database).mark.store == id)
        }

        @Test func twoAtOnce() throws {
            let database = try PostgresTests.cluster.makeDatabase(empty: true)
            let failures = Mutex<[String]>([])
            DispatchQueue.concurrentPerform(iterations: 3) { _ in
                do {
                    _ = try migrate(database)
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
            #expect(failures.withLock { $0 } == [])
            #expect(
                try PostgresTests.cluster.run("SELECT count(*) FROM insights.migration", in: database).firstNumber == 1)
        }

        @Test func anOwnerWhoIsNoAdministrator() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase(empty: true)
            for user in ["one_owner", "stranger", "one_server"] {
                try requireRefusal(.notAccessible("its user may not make the schema insights")) {
                    _ = try migrate(database, user: user)
                }
            }
            try cluster.run("GRANT CREATE ON DATABASE \(database) TO insights_owner")
            #expect(try migrate(database, user: "one_owner").before == nil)
            #expect(try migrate(database, user: "one_owner").before == 1)
            for user in ["stranger", "one_server"] {
                try requireRefusal(.notAccessible("its user may not become insights_owner")) {
                    _ = try migrate(database, user: user)
                }
            }
            try cluster.open(database).close()
        }

        @Test func rolesThatAreMissing() throws {
            let cluster = try #require(PostgresCluster())
            try cluster.run("DROP OWNED BY insights_auditor", in: "prepared")
            try cluster.run("DROP ROLE insights_auditor")
            let database = try cluster.makeDatabase(empty: true)
            try cluster.run("GRANT CREATE ON DATABASE \(database) TO insights_owner")
            try requireRefusal(.notAccessible("its user may not make the role insights_auditor")) {
                _ = try PostgresMigration.migrate(try cluster.conninfo(database, user: "one_owner"))
            }
            #expect(try PostgresMigration.migrate(try cluster.conninfo(database)).after == 1)
        }

        private static let second = PostgresMigration.Step(
            version: 2, oldest: 1, expand: ["CREATE TABLE insights.later (a int)"],
            contract: ["DROP TABLE insights.later"])
        private static let third = PostgresMigration.Step(
            version: 3, oldest: 3, expand: ["CREATE TABLE insights.last (a int)"], contract: [])

        private func tables(_ database: String) throws -> Int64? {
            try PostgresTests.cluster.run(
                "SELECT count(*) FROM pg_tables WHERE schemaname = 'insights' AND tablename IN ('later', 'last')",
                in: database
            ).firstNumber
        }

        /// What a newer program added is no hindrance until it says so.
        @Test func expandDeployContract() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            let steps = PostgresMigration.steps + [Self.second]
            #expect(try migrate(database, steps: steps) == .init(before: 1, after: 2, format: 1))
            #expect(try tables(database) == 1)
            let old = try cluster.open(database)
            try old.beat(applied: old.position)
            try requireRefusal(.invalid("server a server is too old for what is to be finished")) {
                _ = try migrate(database, finish: true, steps: steps, format: 2)
            }
            #expect(try tables(database) == 1)
            try requireRefusal(.schemaTooNew) { _ = try migrate(database) }
            try old.close()
            #expect(
                try migrate(database, finish: true, steps: steps, format: 2) == .init(before: 2, after: 2, format: 2))
            #expect(try tables(database) == 0)
            try requireRefusal(.schemaTooNew) { _ = try cluster.open(database) }
            // Done once.
            #expect(try migrate(database, finish: true, steps: steps, format: 2).format == 2)
        }

        /// A rolling update: old servers write, follow and start while the schema has more than they know and a newer
        /// server is on the store. What is written stays theirs until the last of them is gone.
        @Test func oldServersGoOnBesideANewerOne() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            let steps = PostgresMigration.steps + [Self.second]
            let old = try cluster.open(database)
            try old.beat(applied: old.position)
            try old.commit([SampleBatches.entry(1)])
            #expect(try migrate(database, steps: steps) == .init(before: 1, after: 2, format: 1))
            try cluster.run(
                "INSERT INTO insights.server (id, name, version, format_max) VALUES (99, 'newer', '2', 2)",
                in: database)
            for number in Int64(2)...20 { try old.commit([SampleBatches.entry(number)]) }
            let again = try cluster.open(database)
            #expect(again.revision.number == 20)
            try again.beat(applied: again.position)
            try again.commit([SampleBatches.entry(21)])
            #expect(try old.news(after: old.position, limit: 9, for: Grants.operator()).entries.count == 1)
            #expect(try old.foldBucket(0, through: old.position, states: []))
            for leaving in [old, again] {
                #expect(throws: DatastoreError.self) {
                    try migrate(database, finish: true, steps: steps, format: 2)
                }
                try leaving.close()
            }
            #expect(
                try migrate(database, finish: true, steps: steps, format: 2) == .init(before: 2, after: 2, format: 2))
            try requireRefusal(.schemaTooNew) { _ = try cluster.open(database) }
        }

        @Test func schemasThatAreTooNewOrTooOld() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            let store = try cluster.open(database)
            let steps = PostgresMigration.steps + [Self.second, Self.third]
            #expect(try migrate(database, steps: steps).after == 3)
            try requireRefusal(.schemaTooNew) { _ = try cluster.open(database) }
            try store.close()
            try cluster.run("UPDATE insights.migration SET version = version - 1, oldest = 0", in: database)
            try cluster.run("DELETE FROM insights.migration WHERE version > 0", in: database)
            try requireRefusal(.invalid("an older version of this program made the schema: run migrate first")) {
                _ = try cluster.open(database)
            }
        }

        @Test func unsafeDatabasesAreRefused() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            for (setting, name) in [("fsync", "fsync"), ("full_page_writes", "full_page_writes")] {
                try cluster.with([setting: "off"]) {
                    try requireRefusal(
                        .notAccessible("its setting \(name) is off: what is acknowledged could be lost")
                    ) { _ = try cluster.open(database) }
                }
            }
            let store = try cluster.open(database)
            #expect(store.remarks == ["the database has no synchronous standby: its disk is the only copy"])
            try store.close()
            try requireRefusal(.notAccessible("it has no synchronous standby (synchronous_standby_names)")) {
                _ = try cluster.open(database) { $0.requiresStandby = true }
            }
            try cluster.with(["synchronous_standby_names": "nobody"]) {
                let store = try cluster.open(database) { $0.requiresStandby = true }
                #expect(store.remarks.isEmpty)
                try store.close()
            }
        }
    }
}

import Datastore
import DatastoreConformance
import Foundation
import LicenseModel
import Synchronization
import Tenancy
import Testing

@testable import DatastorePostgres

extension PostgresTests {
    @Suite struct ErasureTests {
        /// Files of the database that have the bytes, without its log of changes.
        private func files(of cluster: PostgresCluster, _ database: String, containing text: String) throws -> [String]
        {
            let number =
                try cluster.run(
                    "CHECKPOINT", "SELECT oid::bigint FROM pg_database WHERE datname = '\(database)'"
                ).firstNumber ?? 0
            let folder = "\(cluster.folder)/data/base/\(number)"
            let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            return try names.filter { name in
                try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")).range(of: Data(text.utf8)) != nil
            }
        }

        @Test(.enabled(if: getuid() == 0, "the files of the database are not ours to read"))
        func noFileHasTheBytes() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            let store = try cluster.open(database)
            let (person, other) = (try PersonSample(), try PersonSample(number: 2))
            let bucket = StateBuckets.bucket(of: person.customer)
            let (name, otherName) = (person.user.text, other.user.text)
            try store.commit([
                try person.entry(1, facts: try person.before), try other.entry(2, facts: try other.before),
            ])
            #expect(
                try store.foldBucket(
                    bucket, through: LogPosition(revision: Revision(number: 2)),
                    states: [
                        StateRow(key: "users/a", body: Array(name.utf8)),
                        StateRow(key: "users/b", body: Array(otherName.utf8)),
                    ]))
            try #require(try files(of: cluster, database, containing: name).count >= 2)
            let customer = person.customer
            try store.erase(
                Erasure(
                    of: [person.user], entry: .erasure(revision: Revision(number: 3)), bucket: bucket,
                    states: [StateRow(key: "users/a", body: [1])]
                ) { try LoggedFacts($0).withdrawing(customer)?.bytes })
            #expect(try store.statistics().erasurePending)
            let sql = "SELECT count(*) FROM insights.body WHERE position('\(name)'::bytea IN facts) > 0"
            #expect(try cluster.run(sql, in: database).firstNumber == 0)
            // The log's part was left by the erasure, and is emptied once it is folded.
            for number in 0..<StateBuckets.count {
                _ = try store.foldBucket(number, through: LogPosition(revision: Revision(number: 3)), states: [])
            }
            store.dropLog(minutes: 0, always: true)
            let report = try PostgresMaintenance.run(try cluster.conninfo(database, user: "one_owner"))
            #expect(report.rewritten == 1)
            #expect(try files(of: cluster, database, containing: name) == [])
            #expect(try !files(of: cluster, database, containing: otherName).isEmpty, "this test sees nothing")
            #expect(try !store.statistics().erasurePending)
            #expect(try PostgresMaintenance.run(try cluster.conninfo(database, user: "one_owner")).rewritten == 0)
            let rows = [StateRow(key: "users/a", body: [1]), StateRow(key: "users/b", body: Array(otherName.utf8))]
            #expect(try Recovered(store).states == rows)
            try store.close()
        }

        /// A short id is in many bodies that do not name the person.
        @Test func bodiesAreSearchedInPages() throws {
            let database = try PostgresTests.cluster.makeDatabase()
            let store = try PostgresTests.cluster.open(database)
            let person = try PersonSample()
            var large = [UInt8](repeating: 7, count: 20 << 20)
            large.replaceSubrange(100..<101, with: Array("a".utf8))
            for number in 1...3 {
                let id = try BatchID("large-\(number)")
                let entry = LogEntry.batch(
                    id, revision: Revision(number: Int64(number)), accepted: 0,
                    digest: try SampleBatches.digest(1), body: large)
                try store.commit([entry])
            }
            try store.commit([try person.entry(4, facts: try person.before)])
            let customer = person.customer
            let seen = Mutex<[Int]>([])
            try store.erase(
                Erasure(
                    of: [try UserID("a"), person.user], entry: .erasure(revision: Revision(number: 5)), states: []
                ) { body in
                    seen.withLock { $0.append(body.count) }
                    return body.count > 1 << 20 ? nil : try LoggedFacts(body).withdrawing(customer)?.bytes
                })
            #expect(seen.withLock { $0.count } == 4)
            let log = try Recovered(store).log
            #expect(log.prefix(3).allSatisfy { $0.body == large })
            #expect(try LoggedFacts(log[3].body).withdrawn == [StateBuckets.bucket(of: customer)])
            try store.close()
        }

        @Test func onlyTheOwnerMaintains() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            try requireRefusal(.notAccessible("its user may not become insights_owner")) {
                _ = try PostgresMaintenance.run(try cluster.conninfo(database, user: "one_server"))
            }
        }
    }

    /// Parts of the log, left after a while and emptied as a whole.
    @Suite struct LogSlotTests {
        private func slots(_ database: String) throws -> [String] {
            try PostgresTests.cluster.run(
                "SELECT string_agg(slot || ':' || revision, ' ' ORDER BY revision) FROM insights.body", in: database
            ).map { try $0.optionalText(0) ?? "" }
        }

        private func age(_ database: String) throws {
            try PostgresTests.cluster.run(
                "UPDATE insights.log_slot SET since = now() - interval '16 minutes'", in: database)
        }

        @Test func slotsAreLeftAndEmptied() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            let store = try cluster.open(database)
            for number in 1...3 {
                try store.commit([try SampleBatches.entry(Int64(number))])
                try age(database)
            }
            #expect(try slots(database) == ["0:1 1:2 2:3"])
            // Not folded, not old enough, followed by somebody who is not as far: nothing is dropped.
            store.dropLog(minutes: 0, always: true)
            try store.fold(through: Revision(number: 2), states: [])
            #expect(try slots(database) == ["0:1 1:2 2:3"])
            let slow = try cluster.open(database)
            try slow.beat(applied: LogPosition(revision: Revision(number: 1)))
            store.dropLog(minutes: 0, always: true)
            #expect(try slots(database) == ["1:2 2:3"])
            // Somebody who is dead is not waited for.
            try cluster.run("UPDATE insights.server SET seen = now() - interval '61 seconds'", in: database)
            store.dropLog(minutes: 0, always: true)
            #expect(try slots(database) == ["2:3"])
            // The one that is written to stays.
            try store.fold(through: Revision(number: 3), states: [])
            store.dropLog(minutes: 0, always: true)
            #expect(try slots(database) == ["2:3"])
            // By itself after a fold, once it is old enough.
            try cluster.run("UPDATE insights.entry SET at = at - interval '16 minutes'", in: database)
            try store.commit([try SampleBatches.entry(4)])
            try store.fold(through: Revision(number: 4), states: [])
            #expect(try slots(database) == ["3:4"])
            for each in [store, slow] { try each.close() }
        }

        /// When all are full the last one is written on.
        @Test func aLogThatIsNotFolded() throws {
            let database = try PostgresTests.cluster.makeDatabase()
            let store = try PostgresTests.cluster.open(database)
            for number in 1...10 {
                try store.commit([try SampleBatches.entry(Int64(number))])
                try age(database)
            }
            #expect(try slots(database) == ["0:1 1:2 2:3 3:4 4:5 5:6 6:7 7:8 7:9 7:10"])
            #expect(try Recovered(store).log.count == 10)
            try store.close()
        }

        /// A reader of a part keeps it from being emptied, for now.
        @Test func readersAreNotDisturbed() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            let store = try cluster.open(database)
            try store.commit([try SampleBatches.entry(1)])
            try age(database)
            try store.commit([try SampleBatches.entry(2)])
            try store.fold(through: Revision(number: 2), states: [])
            let reader = try Connection.open(try cluster.conninfo(database), for: .migrating)
            let read = Statement(to: "run a test", "SELECT FROM insights.body")
            _ = try reader.exchange([Command(.beginReading), Command(read)])
            let start = ContinuousClock.now
            store.dropLog(minutes: 0, always: true)
            #expect(ContinuousClock.now - start < .seconds(4))
            #expect(try slots(database) == ["0:1 1:2"])
            _ = try reader.exchange([Command(.rollback)])
            store.dropLog(minutes: 0, always: true)
            #expect(try slots(database) == ["1:2"])
            try store.close()
        }
    }
}

import Datastore
import DatastoreConformance
import LicenseModel
import Tenancy
import Testing

@testable import DatastorePostgres

extension PostgresTests {
    @Suite struct RecoveryTests {
        /// A standby may lack what was acknowledged: a server does not begin with what it says. Copies may.
        @Test func aServerReadsBackWhatMayBeWritten() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            let store = try cluster.open(database)
            try store.commit([try SampleBatches.entry(1)])
            try cluster.run("ALTER DATABASE \(database) SET default_transaction_read_only = on")
            let error = #expect(throws: DatastoreError.self) { try Recovered(store) }
            guard case .unavailable = error else { throw ConformanceFailure("\(error?.description ?? "not refused")") }
            try PostgresDatastore.inspect(try cluster.conninfo(database, user: "one_reader")) { copied in
                let grant = try Grants.operator()
                let position = try copied.recover(for: grant, readers: 2) { _ in
                } entry: { _ in
                }
                #expect(position.revision.number == 1)
            }
            try cluster.run("ALTER DATABASE \(database) RESET default_transaction_read_only")
            #expect(try Recovered(store).revision.number == 1)
            try store.close()
        }

        /// A bucket that is folded further than the log goes is of another history than the log.
        @Test func bucketsBeyondTheLogAreTold() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            let store = try cluster.open(database)
            try store.commit([try SampleBatches.entry(1)])
            try cluster.run("UPDATE insights.bucket SET folded_through = 2 WHERE bucket = 9", in: database)
            try requireRefusal(.diverged(at: Revision(number: 2))) { _ = try Recovered(store) }
            try store.close()
        }
    }
}

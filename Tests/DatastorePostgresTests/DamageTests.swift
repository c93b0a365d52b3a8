import Datastore
import DatastoreConformance
import Foundation
import LicenseModel
import Tenancy
import Testing

@testable import DatastorePostgres

extension PostgresTests {
    /// Rows that are not what was written are told when they are read back.
    @Suite struct DamageTests {
        private func makeStore(_ database: String) throws {
            let store = try PostgresTests.cluster.open(database)
            try store.commit(try SampleBatches.entries(1...6))
            try store.save(
                .createPartner(
                    PartnerRecord(id: try PartnerID("alpha"), name: "Alpha"),
                    first: try ConformanceCheck.principal("alpha", "admin")),
                entry: .partnerCreated(revision: store.revision.next), for: .operator(try Grants.operator()))
            for bucket in 0..<256 {
                let rows = (0..<3).map { StateRow(key: "row/\($0)", body: [UInt8($0), UInt8(bucket)]) }
                _ = try store.foldBucket(
                    bucket, through: LogPosition(revision: Revision(number: 3)), states: bucket % 100 == 7 ? rows : [])
            }
            try store.close()
        }

        @Test(arguments: [
            ("UPDATE insights.state SET content = 'x' WHERE bucket = 7 AND key = 'row/1'", "checksum of a state row"),
            ("UPDATE insights.state SET key = 'row/9' WHERE bucket = 7 AND key = 'row/1'", "checksum of a state row"),
            ("UPDATE insights.state SET bucket = 8 WHERE bucket = 7 AND key = 'row/1'", "rows of bucket 7"),
            ("DELETE FROM insights.state WHERE bucket = 107 AND key = 'row/1'", "rows of bucket 107"),
            ("DELETE FROM insights.bucket WHERE bucket = 9", "buckets of the state are missing"),
            ("UPDATE insights.entry SET accepted = 1 WHERE revision = 5", "entry 5 of the log"),
            ("UPDATE insights.entry SET batch = 'other' WHERE revision = 2", "entry 2 of the log"),
            ("DELETE FROM insights.entry WHERE revision = 2", "entries of the log are missing"),
            ("DELETE FROM insights.entry WHERE revision = 5", "entries of the log are missing"),
            ("UPDATE insights.body SET facts = 'x' WHERE revision = 5", "the facts of revision 5"),
            ("DELETE FROM insights.body WHERE revision = 5", "the history diverged"),
            ("UPDATE insights.partner SET disabled = true", "a partner is not"),
            ("UPDATE insights.principal SET roles = 7", "a principal is not"),
            ("UPDATE insights.principal SET roles = 700", "a principal is incomplete"),
        ])
        func found(_ damage: String, _ words: String) throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            try makeStore(database)
            func readBack() throws {
                try PostgresDatastore.inspect(try cluster.conninfo(database, user: "one_reader")) { store in
                    let grant = try Grants.operator()
                    let position = try store.recover(for: grant, bucket: { _, _ in }, state: { _ in }, entry: { _ in })
                    try require(position.revision == store.mark.revision, "another revision")
                    _ = try store.loadAccess(for: grant)
                }
            }
            try readBack()
            try cluster.run(damage, in: database)
            let error = #expect(throws: DatastoreError.self) { try readBack() }
            #expect(error?.description.contains(words) == true, "\(String(describing: error))")
        }
    }
}

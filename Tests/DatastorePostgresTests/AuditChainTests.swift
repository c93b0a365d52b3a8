import Datastore
import DatastoreConformance
import Foundation
import Testing

@testable import DatastorePostgres

extension PostgresTests {
    /// Whose an audit chain is, as sessions end.
    @Suite struct AuditChainTests {
        private func row(_ sequence: Int64, in chain: Int32) -> AuditRow {
            AuditRow(chain: chain, sequence: sequence, partner: nil, time: 1_700_000_000_000, line: Array("x".utf8))
        }

        @Test func aChainIsOneServersUntilItsSessionEnds() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            let (one, other) = (try cluster.open(database), try cluster.open(database))
            let (first, second) = (try #require(one.audit), try #require(other.audit))
            #expect(try first.openChain(preferring: nil, isDoubtful: false).chain == 1)
            #expect(try second.openChain(preferring: 1, isDoubtful: false).chain == 2)
            try first.append([row(1, in: 1)], ending: [], requiresNotes: false)
            try second.append([row(1, in: 2)], ending: [], requiresNotes: false)
            try endHolders(cluster, database)
            #expect(throws: DatastoreError.diverged(at: .none)) {
                try first.append([row(2, in: 1)], ending: [], requiresNotes: false)
            }
            #expect(throws: DatastoreError.diverged(at: .none)) { try second.checkChain() }
            // The other one was quicker: the session in which something was in doubt is over all the same.
            #expect(try second.openChain(preferring: 1, isDoubtful: false).chain == 1)
            #expect(try first.openChain(preferring: 1, isDoubtful: true).chain == 2)
            try other.close()
            #expect(try first.openChain(preferring: 1, isDoubtful: true).end == [row(1, in: 1)])
            #expect(try first.noted().isEmpty)
            try one.close()
        }

        /// The connection is lost, and what it was sent last is not done yet.
        @Test func nothingIsOpenedWhileTheOldSessionGoesOn() throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            let store = try cluster.open(database)
            defer { try? store.close() }
            let audit = try #require(store.audit as? PostgresAudit)
            #expect(try audit.openChain(preferring: nil, isDoubtful: false).chain == 1)
            let old = audit.loseConnection()
            #expect(throws: DatastoreError.self) { try audit.openChain(preferring: 1, isDoubtful: true) }
            withExtendedLifetime(old) {}
        }

        private func endHolders(_ cluster: PostgresCluster, _ database: String) throws {
            let held = """
                FROM pg_locks WHERE locktype = 'advisory' AND classid = 578341291
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                """
            try cluster.run("SELECT pg_terminate_backend(pid) \(held)", in: database)
            let count = "SELECT count(*) \(held)"
            for _ in 0..<1_000 where try cluster.run(count, in: database).firstNumber != 0 { usleep(10_000) }
        }
    }
}

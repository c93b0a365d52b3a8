import Datastore
import DatastoreConformance
import Foundation
import LicenseModel
import Tenancy
import Testing

@testable import DatastorePostgres

extension PostgresTests {
    @Suite struct RoleTests {
        /// What one server does in its life.
        private func useEverything(_ store: PostgresDatastore) throws {
            let grant = try Grants.operator()
            let alpha = try PartnerID("alpha")
            func turn(_ body: (TurnNews) throws(DatastoreError) -> Turn<Int>) throws {
                _ = try store.turn(after: store.position, batches: [], for: grant, body)
            }
            let first = try ConformanceCheck.principal("alpha", "admin")
            let second = try ConformanceCheck.principal("alpha", "second")
            let scope = AccessGrant.partner(try Grants.scope("alpha"))
            let person = try PersonSample()
            let entry = try person.entry(1, facts: try person.before)
            try turn { _ in Turn(0, batches: [entry]) }
            try turn { news in
                Turn(
                    0,
                    access: [
                        AccessSave(
                            .createPartner(PartnerRecord(id: alpha, name: nil), first: first),
                            entry: .partnerCreated(revision: news.nextRevision), for: .operator(grant))
                    ])
            }
            try turn { _ in
                Turn(
                    0, access: [AccessSave(.updatePartner(alpha, isDisabled: true), entry: nil, for: .operator(grant))])
            }
            for change in [
                AccessChange.createPrincipal(second), .updatePrincipal(second), .deletePrincipal(alpha, second.id),
            ] {
                try turn { _ in Turn(0, access: [AccessSave(change, entry: nil, for: scope)]) }
            }
            for row in [StateRow(key: "k", body: [1]), StateRow(key: "k", body: [2]), StateRow(key: "k", body: nil)] {
                let folds = try store.folds()
                _ = try store.foldBucket(7, through: LogPosition(revision: folds[7].next), states: [row])
                if folds[7].next >= store.revision {
                    let next = try SampleBatches.entry(store.revision.number + 1)
                    try turn { _ in Turn(0, batches: [next]) }
                }
            }
            try turn { news in
                Turn(
                    0,
                    erasure: Erasure(of: [person.user], entry: .erasure(revision: news.nextRevision), states: []) { _ in
                        [1]
                    })
            }
            for _ in 0..<2 { try store.beat(applied: store.position) }
            _ = try store.news(after: .none, limit: 100, for: grant)
            _ = try store.receipt(of: try BatchID("batch-1"), for: grant)
            _ = try store.loadAccess(for: grant)
            _ = try store.statistics()
            _ = try store.members()
        }

        /// Each right that a server has is needed, and when it is missing one clear line says what for.
        @Test(arguments: [
            ("USAGE ON SCHEMA insights", "read the version of the schema"),
            ("SELECT ON insights.migration", "read the version of the schema"),
            ("SELECT ON insights.store", "read the store"), ("SELECT ON insights.entry", "read the log"),
            ("SELECT ON insights.access_change", "read changes of access"),
            ("UPDATE (id, keys_check) ON insights.store", "take its turn of writing"),
            ("SELECT ON insights.log_slot", "read the log"), ("SELECT ON insights.body", "read the log"),
            ("INSERT ON insights.entry", "write the log"), ("INSERT ON insights.body", "write the log"),
            ("UPDATE ON insights.body", "rewrite the log"), ("SELECT ON insights.partner", "read who may call"),
            ("SELECT ON insights.principal", "read who may call"),
            ("INSERT ON insights.partner", "change who may call"),
            ("UPDATE ON insights.partner", "change who may call"),
            ("INSERT ON insights.principal", "change who may call"),
            ("UPDATE ON insights.principal", "change who may call"),
            ("DELETE ON insights.principal", "change who may call"),
            ("INSERT ON insights.access_change", "note changes of access"),
            ("SELECT ON insights.bucket", "read folded state"), ("UPDATE ON insights.bucket", "fold the state"),
            ("SELECT ON insights.state", "fold the state"), ("INSERT ON insights.state", "fold the state"),
            ("UPDATE ON insights.state", "fold the state"), ("DELETE ON insights.state", "fold the state"),
            ("SELECT ON insights.server", "register a server"), ("INSERT ON insights.server", "register a server"),
            ("UPDATE ON insights.server", "tell that it lives"),
            ("UPDATE ON insights.log_slot", "begin another part of the log"),
        ])
        func everyRightIsNeeded(_ right: String, _ purpose: String) throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            // The first body is in a part that is to be left.
            try cluster.run("UPDATE insights.log_slot SET since = '2000-01-01'", in: database)
            try cluster.run("REVOKE \(right) FROM insights_server", in: database)
            try requireRefusal(.notAccessible("its user may not \(purpose)")) {
                let store = try cluster.open(database)
                defer { try? store.close() }
                try useEverything(store)
            }
            // Another migration gives it back.
            _ = try PostgresMigration.migrate(try cluster.conninfo(database))
            try cluster.run("DELETE FROM insights.entry", "DELETE FROM insights.body", in: database)
            try cluster.run(
                "DELETE FROM insights.partner", "DELETE FROM insights.principal",
                "DELETE FROM insights.access_change", "UPDATE insights.bucket SET folded_through = 0", in: database)
            let store = try cluster.open(database)
            try useEverything(store)
            try store.close()
        }

        private func run(_ sql: String..., as user: String, in database: String) throws -> Rows {
            let connection = try Connection.open(
                try PostgresTests.cluster.conninfo(database, user: user), for: .migrating)
            var last = Rows()
            for sql in sql { last = try connection.exchange([Command(Statement(to: "run a test", sql))])[0] }
            return last
        }

        private func isRefused(_ body: () throws -> Void) -> Bool {
            do {
                try body()
                return false
            } catch let failure as PostgresFailure {
                guard case .refused(let refusal) = failure else { return false }
                return refusal.state == .insufficientPrivilege
            } catch {
                return false
            }
        }

        @Test func serversChangeNothingThatStays() throws {
            let database = try PostgresTests.cluster.makeDatabase()
            for sql in [
                "UPDATE insights.entry SET accepted = 0", "DELETE FROM insights.entry", "TRUNCATE insights.entry",
                "UPDATE insights.audit SET line = ''", "DELETE FROM insights.audit",
                "DELETE FROM insights.access_change", "DELETE FROM insights.store",
                "UPDATE insights.store SET format = 2",
                "INSERT INTO insights.migration VALUES (9, 9)", "CREATE TABLE insights.mine (a int)",
                "ALTER TABLE insights.entry DISABLE ROW LEVEL SECURITY", "DROP TABLE insights.entry",
                "TRUNCATE insights.state", "DELETE FROM insights.bucket",
            ] {
                let refused = isRefused { _ = try run(sql, as: "one_server", in: database) }
                let owned = isRefused { _ = try run(sql, as: "stranger", in: database) }
                #expect(refused && owned, "\(sql)")
            }
        }

        @Test func readersReadAndAuditorsReadAudit() throws {
            let database = try PostgresTests.cluster.makeDatabase()
            for table in ["store", "entry", "body", "state", "partner", "principal", "audit", "server"] {
                _ = try run("SELECT FROM insights.\(table)", as: "one_reader", in: database)
                let refused = isRefused { _ = try run("DELETE FROM insights.\(table)", as: "one_reader", in: database) }
                #expect(refused, "\(table)")
                let seen = !isRefused { _ = try run("SELECT FROM insights.\(table)", as: "one_auditor", in: database) }
                #expect(seen == (table == "audit"), "\(table)")
            }
            try requireRefusal(.notAccessible("its user may not take its turn of writing")) {
                let store = try PostgresTests.cluster.open(database, user: "one_reader")
                _ = try store.turn(after: store.position, batches: [], for: try Grants.operator()) { _ in Turn(0) }
            }
            try requireRefusal(.notAccessible("its user may not read the version of the schema")) {
                _ = try PostgresTests.cluster.open(database, user: "stranger")
            }
        }

        /// A query that is for one partner and forgets to say for which sees nobody.
        @Test(arguments: ["principal", "audit"])
        func withoutAScopeThereAreNoRows(_ table: String) throws {
            let cluster = try PostgresTests.cluster
            let database = try cluster.makeDatabase()
            for partner in ["alpha", "beta"] {
                try cluster.run(
                    table == "audit"
                        ? "INSERT INTO insights.audit VALUES (1, \(partner.utf8.count), '\(partner)', now(), 'line')"
                        : "INSERT INTO insights.principal VALUES ('\(partner)', 'admin', 'Admin', 1, false, 0)",
                    in: database)
            }
            let count = "SELECT count(*) FROM insights.\(table)"
            func seen(_ before: String...) throws -> Int64? {
                let connection = try Connection.open(
                    try cluster.conninfo(database, user: "one_server"), for: .reading)
                let commands = ["BEGIN"] + before + [count]
                return try connection.exchange(commands.map { Command(Statement(to: "run a test", $0)) }).last?
                    .firstNumber
            }
            let become = "SET LOCAL ROLE insights_partner"
            #expect(try seen() == 2, "a server reads everybody's")
            #expect(try seen(become) == 0)
            #expect(try seen(become, "SET LOCAL insights.partner = ''") == 0)
            #expect(try seen(become, "SET LOCAL insights.partner = 'alpha'") == 1)
            #expect(try seen("SET LOCAL insights.partner = 'alpha'") == 2)
            for sql in ["SELECT FROM insights.entry", "SELECT FROM insights.state", "SELECT FROM insights.partner"] {
                #expect(isRefused { _ = try run("SET ROLE insights_partner", sql, as: "one_server", in: database) })
            }
        }
    }
}

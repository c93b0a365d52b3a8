import Datastore
import DatastoreConformance
import Foundation
import Testing

@testable import DatastorePostgres

extension PostgresTests {
    @Suite struct ConnectionTests {
        private func open(_ purpose: Session.Purpose = .writing, user: String = "postgres") throws -> Connection {
            try Connection.open(try PostgresTests.cluster.conninfo("postgres", user: user), for: purpose)
        }

        private func command(_ sql: String, _ parameters: [Parameter] = []) -> Command {
            Command(Statement(to: "run a test", sql), parameters)
        }

        @Test func valuesComeBack() throws {
            let connection = try open()
            let long = [UInt8](repeating: 7, count: 3 << 20)
            let row = try connection.exchange([
                command(
                    "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 5::int",
                    [
                        .smallint(-2), .bigint(.min), .optionalBigint(nil), .boolean(true), .text("é'\"\\"),
                        .optionalText(nil), .bytes([0, 255]), .uuid(high: .max, low: 1), .bytes([]), .bytes(long),
                    ])
            ])[0].only()
            #expect(try row.smallint(0) == -2)
            #expect(try row.bigint(1) == .min)
            #expect(try row.optionalBigint(2) == nil)
            #expect(try row.boolean(3))
            #expect(try row.text(4) == "é'\"\\")
            #expect(try row.optionalText(5) == nil)
            #expect(try row.bytes(6) == [0, 255])
            let id = try row.uuid(7)
            #expect(id.high == .max && id.low == 1)
            #expect(try row.bytes(8) == [])
            #expect(try row.bytes(9) == long)
            #expect(try row.integer(10) == 5)
            #expect(throws: PostgresFailure.malformed) { try row.bigint(0) }
            #expect(throws: PostgresFailure.malformed) { try row.bigint(2) }
            #expect(throws: PostgresFailure.malformed) { try row.text(6) }
            #expect(throws: PostgresFailure.malformed) { try row.text(11) }
        }

        @Test func listsComeBackInOrder() throws {
            let sql = """
                SELECT n, t, b, s FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS x (n, t, b, s, place) ORDER BY place
                """
            let rows = try open().exchange([
                command(
                    sql,
                    [
                        .bigints([1, nil, 3]), .texts(["a", nil, ""]), .byteStrings([nil, [], [9]]),
                        .smallints([4, 5, 6]),
                    ]), command("SELECT count(*) FROM unnest($1)", [.texts([])]),
            ])
            #expect(rows[0].count == 3)
            #expect(try rows[0].map { try $0.optionalBigint(0) } == [1, nil, 3])
            #expect(try rows[0].map { try $0.optionalText(1) } == ["a", nil, ""])
            #expect(try rows[0].map { try $0.optionalBytes(2) } == [nil, [], [9]])
            #expect(try rows[0].map { try $0.smallint(3) } == [4, 5, 6])
            #expect(rows[1].firstNumber == 0)
        }

        /// After one that is refused nothing runs, and the connection goes on.
        @Test func refusedStatementsEndTheirRoundTrip() throws {
            let connection = try open()
            let refused = #expect(throws: PostgresFailure.self) {
                try connection.exchange([
                    command("SELECT 1"), Command(Statement("divide", to: "divide", "SELECT 1 / $1"), [.bigint(0)]),
                    Command(Statement("later", to: "run later", "SELECT pg_notify('x', '')")),
                ])
            }
            guard case .refused(let refusal) = refused else {
                Issue.record("\(String(describing: refused))")
                return
            }
            #expect(refusal.state.description == "22012" && refusal.purpose == "divide")
            // Prepared before the error, or not: both run now.
            let divide = Statement("divide", to: "divide", "SELECT 1 / $1")
            let later = Statement("later", to: "run later", "SELECT 2::bigint")
            let answers = try connection.exchange([Command(divide, [.bigint(1)]), Command(later), Command(later)])
            #expect(answers.map(\.firstNumber) == [1, 2, 2])
        }

        @Test func constraintsAreNamed() throws {
            let connection = try open()
            do {
                _ = try connection.exchange([
                    command("CREATE TEMPORARY TABLE t (a int CONSTRAINT only_one CHECK (a = 1))"),
                    command("INSERT INTO t VALUES (2)"),
                ])
                Issue.record("accepted")
            } catch .refused(let refusal) {
                #expect(refusal.constraint == "only_one")
            }
        }

        @Test func answersHaveADeadline() throws {
            let connection = try open()
            let start = ContinuousClock.now
            #expect(throws: PostgresFailure.lost(nil)) {
                try connection.exchange([command("SELECT pg_sleep(20)")], within: .milliseconds(200))
            }
            #expect(ContinuousClock.now - start < .seconds(5))
            #expect(!connection.isUsable)
            #expect(throws: PostgresFailure.lost(nil)) { try connection.exchange([command("SELECT 1")]) }
        }

        @Test func terminatedConnectionsSayWhy() throws {
            let connection = try open()
            let number = try connection.exchange([command("SELECT pg_backend_pid()::bigint")])[0].firstNumber ?? 0
            try PostgresTests.cluster.run("SELECT pg_terminate_backend(\(number))")
            #expect(throws: PostgresFailure.lost(.adminShutdown)) { try connection.exchange([command("SELECT 1")]) }
            #expect(!connection.isUsable)
        }

        @Test func commitsThatRollBackAreNone() throws {
            let connection = try open()
            // Outside a transaction COMMIT warns.
            #expect(throws: PostgresFailure.unconfirmed) { try connection.commit([command("SELECT 1")]) }
            _ = try connection.exchange([Command(.begin)])
            #expect(throws: PostgresFailure.self) { try connection.exchange([command("SELECT 1 / 0")]) }
            // Of a failed transaction it says ROLLBACK, without an error.
            #expect(throws: PostgresFailure.malformed) { try connection.commit([]) }
            _ = try connection.exchange([Command(.begin)])
            try connection.commit([command("SELECT 1")])
        }

        @Test func sessionsAreSetUp() throws {
            try PostgresTests.cluster.run(
                "ALTER ROLE one_server SET synchronous_commit = off",
                "ALTER ROLE one_server SET default_transaction_isolation = serializable")
            let connection = try Connection.open(
                try PostgresTests.cluster.conninfo("prepared", user: "one_server"), for: .writing)
            try PostgresTests.cluster.run("ALTER ROLE one_server RESET ALL")
            for (name, value) in [
                ("synchronous_commit", "on"), ("transaction_isolation", "read committed"), ("jit", "off"),
                ("enable_seqscan", "off"), ("lock_timeout", "5s"),
                ("statement_timeout", "15s"), ("idle_in_transaction_session_timeout", "5s"),
                ("client_encoding", "UTF8"),
            ] {
                let found = try connection.exchange([command("SELECT current_setting('\(name)')")])[0].firstText
                #expect(found == value, "\(name)")
            }
        }

        @Test func notificationsWake() throws {
            let connection = try open()
            _ = try connection.exchange([command("LISTEN insights")])
            #expect(try !connection.waitForNotification(.milliseconds(20)))
            try PostgresTests.cluster.run("SELECT pg_notify('insights', '1')", "SELECT pg_notify('insights', '2')")
            #expect(try connection.waitForNotification(.seconds(5)))
        }

        @Test func refusedConnectionsSayWhyInOneLine() throws {
            let cluster = try PostgresTests.cluster
            let password = "host=127.0.0.1 port=\(cluster.port) dbname=postgres user=asked_for_password passfile="
            let passfile = cluster.folder + ".pass"
            defer { try? FileManager.default.removeItem(atPath: passfile) }
            try Data("*:*:*:*:another secret word\n".utf8).write(to: URL(fileURLWithPath: passfile))
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: passfile)
            for (text, error) in [
                (cluster.text("none"), DatastoreError.notAccessible("its database does not exist")),
                (cluster.text("postgres", user: "none"), .notAccessible("its user or password was refused")),
                ("host=127.0.0.1 port=1 connect_timeout=2", .unavailable("it does not answer")),
                ("host=\(cluster.folder)/none", .unavailable("it does not answer")),
                (password + "nothing", .notAccessible("it asks for a password, and the password file has none")),
                (password + passfile, .notAccessible("its user or password was refused")),
                ("service=none", .notAccessible("its service is not in the service file")),
                ("host=127.0.0.1 port=0", .invalid("the name of the store has a value that is not allowed")),
            ] {
                try requireRefusal(error) { _ = try Connection.open(try Conninfo(text), for: .writing) }
            }
            try Data("*:*:*:*:a very secret word\n".utf8).write(to: URL(fileURLWithPath: passfile))
            #expect(try Connection.open(try Conninfo(password + passfile), for: .writing).isUsable)
        }

        /// The first host that answers and may be written to.
        @Test func severalHosts() throws {
            let cluster = try PostgresTests.cluster
            let hosts =
                "host=127.0.0.1,/nowhere,\(cluster.folder) port=1,2,\(cluster.port) dbname=postgres user=postgres"
            #expect(try Connection.open(try Conninfo(hosts), for: .writing).isUsable)
            try cluster.run("ALTER DATABASE prepared SET default_transaction_read_only = on")
            defer { _ = try? cluster.run("ALTER DATABASE prepared RESET default_transaction_read_only") }
            let text = cluster.text("prepared", user: "one_server")
            try requireRefusal(.unavailable("it accepts no changes: a standby, or read-only")) {
                _ = try Connection.open(try Conninfo(text), for: .writing)
            }
            #expect(try Connection.open(try Conninfo(text), for: .reading).isUsable)
        }
    }
}

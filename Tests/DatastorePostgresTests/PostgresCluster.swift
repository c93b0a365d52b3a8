import Datastore
import Foundation
import Synchronization
import Testing

@testable import DatastorePostgres

/// A PostgreSQL of this process's own; ends with it, however it ends, because the script behind it reads a pipe.
final class PostgresCluster: Sendable {
    /// The one that tests share which do not disturb it. Nil where there is no PostgreSQL.
    static let shared: PostgresCluster? = {
        let cluster = PostgresCluster()
        if cluster == nil { print("no PostgreSQL here (Tests/install.sh test): its tests are skipped") }
        return cluster
    }()

    private let orders: FileHandle
    private let answers: Mutex<FileHandle>
    let folder: String
    let port: Int
    private let made = Atomic<Int>(0)

    init?() {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("postgres.sh")
        let process = Process()
        process.executableURL = script
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        guard (try? process.run()) != nil else { return nil }
        // Only the script's ends are left to it, so that the pipe ends with this process.
        orders = input.fileHandleForWriting
        let words = Self.line(of: output.fileHandleForReading).split(separator: " ").map(String.init)
        guard words.count == 3, words[0] == "ready", let port = Int(words[2]) else { return nil }
        answers = Mutex(output.fileHandleForReading)
        folder = words[1]
        self.port = port
        do {
            try prepare()
        } catch {
            Issue.record("the cluster cannot be prepared: \(error)")
            return nil
        }
    }

    private static func line(of file: FileHandle) -> String {
        var text = ""
        while true {
            guard let byte = try? file.read(upToCount: 1), let first = byte.first, first != 0x0A else { return text }
            text.unicodeScalars.append(Unicode.Scalar(first))
        }
    }

    /// `stop` as if the power went, or `start`.
    func order(_ word: String) throws {
        answers.withLock { answers in
            orders.write(Data("\(word)\n".utf8))
            _ = Self.line(of: answers)
        }
    }

    /// Logins, and a database to copy.
    private func prepare() throws {
        try run("CREATE DATABASE prepared")
        _ = try PostgresMigration.migrate(try conninfo("prepared"))
        try run("CREATE ROLE one_server LOGIN IN ROLE insights_server")
        try run("CREATE ROLE one_reader LOGIN IN ROLE insights_reader")
        try run("CREATE ROLE one_owner LOGIN IN ROLE insights_owner")
        try run("CREATE ROLE one_auditor LOGIN IN ROLE insights_auditor")
        try run("CREATE ROLE stranger LOGIN")
        try run("CREATE ROLE asked_for_password LOGIN PASSWORD 'a very secret word'")
    }

    func text(_ database: String, user: String = "postgres") -> String {
        "host=\(folder) port=\(port) dbname=\(database) user=\(user)"
    }

    func conninfo(_ database: String, user: String = "postgres") throws -> Conninfo {
        try Conninfo(text(database, user: user))
    }

    /// A new database with the schema, or an empty one.
    func makeDatabase(empty: Bool = false) throws -> String {
        let name = "test_\(made.wrappingAdd(1, ordering: .relaxed).newValue)"
        try run("CREATE DATABASE \(name)" + (empty ? "" : " TEMPLATE prepared"))
        return name
    }

    /// Runs statements as the administrator, each by itself, and returns what the last answered.
    @discardableResult
    func run(_ statements: String..., in database: String = "postgres") throws -> Rows {
        let connection = try Connection.open(try conninfo(database), for: .migrating)
        var last = Rows()
        for sql in statements {
            last = try connection.exchange([Command(Statement(to: "run a test", sql))], within: .seconds(120))[0]
        }
        return last
    }

    /// Runs `body` with settings of the whole cluster changed.
    func with(_ settings: [String: String], _ body: () throws -> Void) throws {
        for (name, value) in settings { try run("ALTER SYSTEM SET \(name) = '\(value)'") }
        try run("SELECT pg_reload_conf()")
        defer {
            do {
                for name in settings.keys { try run("SET synchronous_commit = local", "ALTER SYSTEM RESET \(name)") }
                try run("SELECT pg_reload_conf()")
                try waitUntilCommitsWait(false)
            } catch {
                Issue.record("the settings are not back: \(error)")
            }
        }
        try waitUntilCommitsWait(settings["synchronous_standby_names"] != nil)
        try body()
    }

    /// The processes of the server read their settings when they come to it.
    private func waitUntilCommitsWait(_ expected: Bool) throws {
        let write = Statement(to: "run a test", "SELECT pg_logical_emit_message(true, 'test', '')")
        // One of them may be writing everything to a busy disk: it is waited for, and looks at the settings then.
        try run("SET synchronous_commit = local", "CHECKPOINT")
        for _ in 0..<1_200 {
            let connection = try Connection.open(try conninfo("postgres"), for: .migrating)
            let waits = (try? connection.exchange([Command(write)], within: .milliseconds(500))) == nil
            if waits == expected { return Thread.sleep(forTimeInterval: 0.2) }
            Thread.sleep(forTimeInterval: 0.05)
        }
        Issue.record("the settings are not in force")
    }
}

/// Tests that need a PostgreSQL, one after the other: some change what holds for the whole cluster.
@Suite(.serialized, .enabled(if: PostgresCluster.shared != nil, "there is no PostgreSQL: Tests/install.sh test"))
struct PostgresTests {
    static var cluster: PostgresCluster {
        get throws { try #require(PostgresCluster.shared) }
    }
}

extension Rows {
    var firstText: String? { try? first?.text(0) }
    var firstNumber: Int64? { try? first?.bigint(0) }
}

import Datastore
import Foundation
import Synchronization
import Testing

@testable import DatastorePostgres

/// The Citus that `INSIGHTS_TEST_CITUS` names, by the connection string of an administrator of its coordinator: one
/// to which nothing else belongs, with workers that let that user in likewise. Nothing of Citus is part of this
/// repository.
final class CitusCluster: Sendable {
    /// Nil where none is named.
    static let shared: CitusCluster? = {
        guard let text = ProcessInfo.processInfo.environment["INSIGHTS_TEST_CITUS"] else { return nil }
        do {
            return try CitusCluster(text)
        } catch {
            Issue.record("the Citus cannot be prepared: \(error)")
            return nil
        }
    }()

    /// A server may run no statement that concerns several shards.
    private static let strict = "ALTER ROLE one_server SET citus.multi_task_query_log_level = 'error'"

    private let text: String
    private let workers: [(host: String, port: Int64)]
    private let made = Atomic<Int>(0)

    private init(_ text: String) throws {
        self.text = text
        let nodes = try Self.run(
            ["SELECT nodename::text, nodeport::bigint FROM pg_dist_node WHERE groupid > 0 ORDER BY groupid"], text)
        workers = try nodes.map { (try $0.text(0), try $0.bigint(1)) }
        guard !workers.isEmpty else { throw DatastoreError.invalid("it has no workers") }
        _ = try makeDatabase()
        for (login, role) in [("one_server", "server"), ("one_reader", "reader"), ("one_owner", "owner")] {
            let known = try run("SELECT count(*) FROM pg_roles WHERE rolname = '\(login)'")
            if known.firstNumber == 0 { try run("CREATE ROLE \(login) LOGIN IN ROLE insights_\(role)") }
        }
        try run(Self.strict)
    }

    @discardableResult
    private static func run(_ statements: [String], _ text: String) throws -> Rows {
        let connection = try Connection.open(try Conninfo(text), for: .migrating)
        var last = Rows()
        for sql in statements {
            last = try connection.exchange([Command(Statement(to: "run a test", sql))], within: .seconds(120))[0]
        }
        return last
    }

    func text(_ database: String, user: String? = nil, worker: Int? = nil) -> String {
        // Of a word that comes twice the last counts.
        let place = worker.map { " host=\(workers[$0].host) port=\(workers[$0].port)" } ?? ""
        return "\(text) dbname=\(database)" + (user.map { " user=\($0)" } ?? "") + place
    }

    func conninfo(_ database: String, user: String? = nil) throws -> Conninfo {
        try Conninfo(text(database, user: user))
    }

    @discardableResult
    func run(_ statements: String..., in database: String? = nil) throws -> Rows {
        try Self.run(statements, database.map { text($0) } ?? text)
    }

    /// A database with an empty store. There are a few of them, because each takes a process on every node.
    func makeDatabase(onCitus: Bool = true) throws -> String {
        let name = "insights_test_\(made.wrappingAdd(1, ordering: .relaxed).newValue % 6)"
        let isThere = try run("SELECT count(*) FROM pg_database WHERE datname = '\(name)'").firstNumber == 1
        if !isThere {
            try Self.run(["CREATE DATABASE \(name)"], text)
            try Self.run(["CREATE EXTENSION citus"], text(name))
            for worker in workers.indices {
                let other = self.text("postgres", worker: worker)
                let known = try Self.run(["SELECT count(*) FROM pg_database WHERE datname = '\(name)'"], other)
                if known.firstNumber == 0 { try Self.run(["CREATE DATABASE \(name)"], other) }
                try Self.run(["CREATE EXTENSION IF NOT EXISTS citus"], text(name, worker: worker))
            }
            let coordinator = try run("SELECT nodename::text, nodeport::bigint FROM pg_dist_node WHERE groupid = 0")
            for row in coordinator {
                try run("SELECT citus_set_coordinator_host('\(row.text(0))', \(row.bigint(1)))", in: name)
            }
            for worker in workers { try run("SELECT citus_add_node('\(worker.host)', \(worker.port))", in: name) }
        }
        try run("DROP SCHEMA IF EXISTS insights CASCADE", in: name)
        _ = try PostgresMigration.migrate(try conninfo(name), onCitus: onCitus)
        return name
    }

    func open(_ database: String) throws -> PostgresDatastore {
        try PostgresDatastore.open(
            try conninfo(database, user: "one_server"), PostgresDatastore.Options(name: "a server", version: "1.0"))
    }
}

/// Tests that need a Citus, one after the other.
@Suite(
    .serialized,
    .enabled(if: CitusCluster.shared != nil, "INSIGHTS_TEST_CITUS names no coordinator of a Citus with workers"))
struct CitusTests {
    static var cluster: CitusCluster {
        get throws { try #require(CitusCluster.shared) }
    }
}

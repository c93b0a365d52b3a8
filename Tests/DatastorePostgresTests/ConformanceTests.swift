import Datastore
import DatastoreConformance
import Testing

@testable import DatastorePostgres

extension PostgresTests {
    @Suite struct ConformanceTests {
        private func harness() throws -> DatastoreHarness {
            let cluster = try PostgresTests.cluster
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
}

extension DatastoreHarness {
    /// Stores in databases of a cluster, a new one for each that is made.
    static func postgres(
        makeDatabase: @escaping () throws -> String, open: @escaping (String) throws -> PostgresDatastore,
        run: @escaping (_ statement: String, _ database: String) throws -> Void
    ) -> DatastoreHarness {
        var database = ""
        return DatastoreHarness(
            make: {
                database = try makeDatabase()
                return try open(database)
            },
            reopen: { store in
                try store.close()
                return try open(database)
            },
            connect: { _ in try open(database) },
            dropLog: { store in
                // As if the part that is written to were left long ago.
                try run("UPDATE insights.log_slot SET current = (current + 1) % 8", database)
                (store as? PostgresDatastore)?.dropLog(minutes: 0, always: true)
            })
    }
}

extension PostgresCluster {
    func open(
        _ database: String, user: String = "one_server", _ change: (inout PostgresDatastore.Options) -> Void = { _ in }
    ) throws -> PostgresDatastore {
        var options = PostgresDatastore.Options(name: "a server", version: "1.0")
        change(&options)
        return try PostgresDatastore.open(try conninfo(database, user: user), options)
    }
}

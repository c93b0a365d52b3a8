import Datastore
import DatastoreConformance
import Testing

@testable import DatastorePostgres

extension PostgresTests {
    @Suite struct ConformanceTests {
        private func harness() throws -> DatastoreHarness {
            let cluster = try PostgresTests.cluster
            var database = ""
            func open() throws -> PostgresDatastore { try cluster.open(database) }
            return DatastoreHarness(
                make: {
                    database = try cluster.makeDatabase()
                    return try open()
                },
                reopen: { store in
                    try store.close()
                    return try open()
                },
                connect: { _ in try open() },
                dropLog: { store in
                    // As if the part that is written to were left long ago.
                    try cluster.run("UPDATE insights.log_slot SET current = (current + 1) % 8", in: database)
                    (store as? PostgresDatastore)?.dropLog(minutes: 0, always: true)
                })
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

extension PostgresCluster {
    func open(
        _ database: String, user: String = "one_server", _ change: (inout PostgresDatastore.Options) -> Void = { _ in }
    ) throws -> PostgresDatastore {
        var options = PostgresDatastore.Options(name: "a server", version: "1.0")
        change(&options)
        return try PostgresDatastore.open(try conninfo(database, user: user), options)
    }
}

import Datastore
import DatastoreConformance
import DatastoreSQLite
import Testing

@Suite struct ConformanceTests {
    @Test(arguments: ConformanceCheck.allCases)
    func memory(_ check: ConformanceCheck) throws {
        let harness = DatastoreHarness(
            make: { InMemoryDatastore() },
            reopen: { store in
                guard let store = store as? InMemoryDatastore else { throw ConformanceFailure("another engine") }
                return store.reopened()
            })
        try check.run(on: harness)
    }

    private func sharedMemory() -> DatastoreHarness {
        func memory(_ store: any LicenseDatastore) throws -> InMemoryDatastore {
            guard let store = store as? InMemoryDatastore else { throw ConformanceFailure("another engine") }
            return store
        }
        return DatastoreHarness(
            make: { InMemoryDatastore.shared() },
            reopen: { store in
                try store.close()
                return try memory(store).reopened()
            },
            connect: { InMemoryDatastore.connected(to: try memory($0)) },
            dropLog: { try memory($0).dropLog() })
    }

    @Test(arguments: ConformanceCheck.allCases)
    func sharedMemory(_ check: ConformanceCheck) throws {
        try check.run(on: sharedMemory())
    }

    @Test(arguments: SharedConformanceCheck.allCases)
    func severalOnSharedMemory(_ check: SharedConformanceCheck) throws {
        try check.run(on: sharedMemory())
    }

    @Test(arguments: ConformanceCheck.allCases)
    func sqlite(_ check: ConformanceCheck) throws {
        let folder = try StoreFolder()
        var made = 0
        let harness = DatastoreHarness(
            make: {
                made += 1
                return try SQLiteDatastore.open(path: folder.file("\(made).db"))
            },
            reopen: { store in
                try store.close()
                return try SQLiteDatastore.open(path: folder.file("\(made).db"))
            })
        try check.run(on: harness)
    }
}

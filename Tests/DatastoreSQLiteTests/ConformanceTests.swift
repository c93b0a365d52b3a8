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

import Datastore
import DatastoreConformance
import DatastoreSQLite
import Foundation
import GRDB
import LicenseModel
import Tenancy
import Testing

@Suite struct OpeningTests {
    private func openRefused(_ error: DatastoreError, _ path: String) throws {
        try requireRefusal(error) { try SQLiteDatastore.open(path: path).close() }
    }

    private func makeStore(_ folder: StoreFolder, batches: Int64 = 3) throws {
        let store = try SQLiteDatastore.open(path: folder.store)
        if batches > 0 { try store.commit(try SampleBatches.entries(1...batches)) }
        try store.close()
    }

    @Test func newFilesAreTheOwnersAlone() throws {
        let folder = try StoreFolder()
        let store = try SQLiteDatastore.open(path: folder.store)
        try store.commit([try SampleBatches.entry(1)])
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(names == ["insights.db", "insights.db-shm", "insights.db-wal", "insights.db.lock"])
        for name in names {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.file(name))
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
        }
        try store.close()
    }

    @Test func oneServerAtATime() throws {
        let folder = try StoreFolder()
        let store = try SQLiteDatastore.open(path: folder.store)
        try openRefused(.inUse, folder.store)
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("link.db"), withDestinationPath: folder.store)
        try openRefused(.inUse, folder.file("link.db"))
        try store.commit([try SampleBatches.entry(1)])
        try store.close()
        let again = try SQLiteDatastore.open(path: folder.file("link.db"))
        #expect(again.revision == Revision(number: 1))
        try again.close()
    }

    @Test func anotherProcessKeepsTheStore() throws {
        let folder = try StoreFolder()
        let process = Process()
        process.executableURL = builtProgram("StoreCrashWriter")
        process.arguments = [folder.store, "hold"]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        #expect(String(decoding: output.fileHandleForReading.availableData, as: UTF8.self) == "open\n")
        try openRefused(.inUse, folder.store)
        try SQLiteDatastore.copy(storeAt: folder.store, to: folder.file("copy"))
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        try SQLiteDatastore.open(path: folder.store).close()
    }

    @Test func newerSchemasAreRefused() throws {
        let folder = try StoreFolder()
        try makeStore(folder)
        let queue = try DatabaseQueue(path: folder.store)
        try queue.write { try $0.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('9 later')") }
        try queue.close()
        let before = try Data(contentsOf: URL(fileURLWithPath: folder.store))
        try openRefused(.schemaTooNew, folder.store)
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.store)) == before)
    }

    @Test func otherFilesAreRefusedAndKept() throws {
        let folder = try StoreFolder()
        let queue = try DatabaseQueue(path: folder.store)
        try queue.write { try $0.execute(sql: "CREATE TABLE mine (id INTEGER)") }
        try queue.close()
        try openRefused(.notAStore, folder.store)
        for content in ["not a database", String(repeating: "long text ", count: 2_000)] {
            let path = folder.file("text-\(content.count)")
            try Data(content.utf8).write(to: URL(fileURLWithPath: path))
            try openRefused(.notAStore, path)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(content.utf8))
        }
        try openRefused(.notAccessible("its folder does not exist"), folder.file("none/insights.db"))
        try FileManager.default.createDirectory(atPath: folder.file("dir"), withIntermediateDirectories: false)
        #expect(throws: DatastoreError.self) { try SQLiteDatastore.open(path: folder.file("dir")) }
    }

    @Test func lostFilesAreNoNewStores() throws {
        let folder = try StoreFolder()
        try Data().write(to: URL(fileURLWithPath: folder.store))
        try openRefused(.corrupt("its file is empty"), folder.store)
        try FileManager.default.removeItem(atPath: folder.store)
        try Data([1]).write(to: URL(fileURLWithPath: folder.store + "-wal"))
        try openRefused(.corrupt("its main file is missing, its log is there"), folder.store)
        try FileManager.default.removeItem(atPath: folder.store + "-wal")
        // What an interrupted creation leaves is removed.
        try Data([1]).write(to: URL(fileURLWithPath: folder.store + ".partial"))
        try makeStore(folder)
        #expect(!FileManager.default.fileExists(atPath: folder.store + ".partial"))
    }

    @Test func messagesAreOneLineWithoutPaths() throws {
        let errors: [DatastoreError] = [
            .unavailable("r"), .full, .corrupt("r"), .schemaTooNew, .notAStore, .inUse, .notAccessible("r"),
            .stopped("r"), .closed, .outOfOrder(expected: .none, found: .none),
            .duplicateBatch(try BatchID("b")), .outsideScope, .alreadyExists, .notFound, .invalid("r"),
        ]
        for error in errors {
            let text = error.description
            #expect(!text.isEmpty && !text.contains("\n") && !text.contains("/") && !text.contains("SELECT"))
        }
    }
}

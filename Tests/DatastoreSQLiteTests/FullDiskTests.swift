import Datastore
import DatastoreConformance
import DatastoreSQLite
import Foundation
import LicenseModel
import Tenancy
import Testing

/// A small file system of its own, where the machine permits to mount one.
final class SmallDisk {
    let path: String
    private let folder: StoreFolder

    init?(kilobytes: Int) throws {
        folder = try StoreFolder()
        path = folder.path
        guard Self.run("mount", "-t", "tmpfs", "-o", "size=\(kilobytes)k", "tmpfs", path) else { return nil }
    }

    deinit {
        _ = Self.run("umount", "-l", path)
    }

    static let isPermitted: Bool = (try? SmallDisk(kilobytes: 64)) != nil

    private static func run(_ arguments: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}

@Suite struct FullDiskTests {
    @Test(.enabled(if: SmallDisk.isPermitted, "mounting a small file system is not permitted here"))
    func fullDisksRefuseAndRecover() throws {
        let disk = try #require(try SmallDisk(kilobytes: 1_024))
        let ballast = disk.path + "/ballast"
        let path = disk.path + "/insights.db"
        try Data(repeating: 1, count: 300_000).write(to: URL(fileURLWithPath: ballast))
        var store = try SQLiteDatastore.open(path: path)
        var number: Int64 = 0
        let refusal = #expect(throws: DatastoreError.self) {
            while number < 10_000 {
                try store.commit([try SampleBatches.entry(number + 1, facts: 60)])
                number += 1
            }
        }
        #expect(refusal == .full)
        #expect(number > 3)
        let written = try (1...number).map { try SampleBatches.entry($0, facts: 60) }
        #expect(try Recovered(store).log == written, "reads go on and see what was acknowledged")
        try requireRefusal(.full) { try store.commit([try SampleBatches.entry(number + 1, facts: 60)]) }
        try store.health()
        try FileManager.default.removeItem(atPath: ballast)
        try store.commit([try SampleBatches.entry(number + 1, facts: 60)])
        try store.close()
        store = try SQLiteDatastore.open(path: path)
        #expect(try Recovered(store).log == written + [try SampleBatches.entry(number + 1, facts: 60)])
        try store.close()
    }

    @Test(.enabled(if: SmallDisk.isPermitted, "mounting a small file system is not permitted here"))
    func aDiskThatIsFullFromTheStart() throws {
        let disk = try #require(try SmallDisk(kilobytes: 16))
        try Data(repeating: 1, count: 12_000).write(to: URL(fileURLWithPath: disk.path + "/ballast"))
        let path = disk.path + "/insights.db"
        try requireRefusal(.full) { try SQLiteDatastore.open(path: path).close() }
        #expect(!FileManager.default.fileExists(atPath: path), "no half a store has the name")
    }
}

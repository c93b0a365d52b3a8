import Datastore
import DatastoreConformance
import DatastoreSQLite
import Foundation

/// A folder of a test, removed with the value.
final class StoreFolder: Sendable {
    let path: String

    init(in parent: String = NSTemporaryDirectory()) throws {
        let name = "store-\(UInt64.random(in: 0...UInt64.max))"
        path = URL(fileURLWithPath: parent).appendingPathComponent(name).path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    var store: String { path + "/insights.db" }

    func file(_ name: String) -> String { path + "/" + name }

    /// The files of the folder that have the bytes.
    func filesContaining(_ text: String) throws -> [String] {
        let pattern = Data(text.utf8)
        return try FileManager.default.contentsOfDirectory(atPath: path).filter { name in
            try Data(contentsOf: URL(fileURLWithPath: file(name))).range(of: pattern) != nil
        }.sorted()
    }
}

/// A program of the package beside the running tests.
func builtProgram(_ name: String) -> URL {
    URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appendingPathComponent(name)
}

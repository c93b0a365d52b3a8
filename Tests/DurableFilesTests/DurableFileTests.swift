import DurableFiles
import Foundation
import Testing

/// A file that takes the place of another one.
struct DurableFileTests {
    private enum Refusal: FileFailure, Equatable {
        case system(operation: String, code: Int32)
        case inUse
    }

    private typealias File = DurableFile<Refusal>

    /// A folder that goes with this object.
    private final class Folder {
        let path: String

        init() throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "durable-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            path = folder.path
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        func file(_ name: String) -> String { "\(path)/\(name)" }

        func text(_ name: String) throws -> String { try String(contentsOfFile: file(name), encoding: .utf8) }

        func mode(_ name: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: file(name))[.posixPermissions] as? Int
        }

        var names: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() } }
    }

    @Test func theModeIsTheOneThatIsWanted() throws {
        let folder = try Folder()
        let path = folder.file("x")
        // One of a process that ended in the middle, and an old one, whose modes are no longer wanted.
        try Data("left over, and longer".utf8).write(to: URL(filePath: path + ".new"))
        for name in ["x", "x.new"] where FileManager.default.fileExists(atPath: folder.file(name)) {
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: folder.file(name))
        }
        try File.replace(path, with: Array("one".utf8))
        #expect(try folder.mode("x") == 0o600)
        // More than the mask of a careful process lets through.
        try File.replace(path, with: Array("two".utf8), mode: 0o666)
        #expect(try folder.mode("x") == 0o666)
        try File.replace(path, with: Array("three".utf8))
        #expect(try folder.mode("x") == 0o600)
        #expect(try folder.text("x") == "three")
        #expect(try folder.names == ["x"])
    }

    @Test func theOldOneStaysWhenTheNewOneGetsNoPlace() throws {
        let folder = try Folder()
        try FileManager.default.createDirectory(atPath: folder.file("x/inside"), withIntermediateDirectories: true)
        #expect(throws: Refusal.system(operation: "rename x", code: EISDIR)) {
            try File.replace(folder.file("x"), with: [1])
        }
        // Nothing is left beside it.
        #expect(try folder.names == ["x"])
        #expect(throws: Refusal.system(operation: "open y.new", code: ENOENT)) {
            try File.replace(folder.file("none/y"), with: [1])
        }
    }

    @Test func aFileFromAnother() throws {
        let folder = try Folder()
        // More than one piece.
        let bytes = (0..<3 << 20).map { UInt8(truncatingIfNeeded: $0 / 977) }
        try File.replace(folder.file("a"), with: bytes, mode: 0o644)
        let source = try #require(try File.openExisting(folder.file("a")))
        try File.replace(folder.file("b"), from: source)
        #expect(try Data(contentsOf: URL(filePath: folder.file("b"))) == Data(bytes))
        #expect(try folder.mode("b") == 0o600)
    }

    /// A reader that never pauses finds the one or the other.
    @Test func readersSeeAllOrNothing() async throws {
        let folder = try Folder()
        let path = folder.file("x")
        let texts = ["a", "b"].map { String(repeating: $0, count: 200_000) }
        try File.replace(path, with: Array(texts[0].utf8))
        let reader = Task.detached {
            var seen = 0
            while !Task.isCancelled {
                guard let text = try? String(contentsOfFile: path, encoding: .utf8), texts.contains(text) else {
                    return -1
                }
                seen += 1
            }
            return seen
        }
        for number in 0..<60 { try File.replace(path, with: Array(texts[number % 2].utf8)) }
        reader.cancel()
        #expect(await reader.value > 0)
    }
}

import Foundation
import ImportFormats
import Testing

@testable import GraphSync

struct AnswerFileTests {
    private struct Cut: Error {}

    private func write(_ text: String, to file: AnswerFile, thenFail: Bool = false) async throws {
        try await file.write { piece in
            try piece(Array(text.utf8))
            if thenFail { throw Cut() }
        }
    }

    @Test func keptFilesArePrivateAndWhole() async throws {
        let folder = try TemporaryFolder()
        do {
            let answers = try AnswerFolder(keptIn: folder.file("kept"), customer: "a/b")
            let file = answers.file("users-1.json")
            try await write("a long first answer", to: file)
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file.path)
            try await write("again", to: file)
            #expect(try String(contentsOfFile: file.path, encoding: .utf8) == "again")
            #expect(file.input.name == "users-1.json")
        }
        #expect(try folder.mode("kept") == 0o700)
        #expect(try folder.mode("kept/=612f62") == 0o700)
        #expect(try folder.mode("kept/=612f62/users-1.json") == 0o600)
    }

    @Test func halfAnAnswerIsNone() async throws {
        let folder = try TemporaryFolder()
        let file = try AnswerFolder(keptIn: folder.path, customer: "c").file("users-1.json")
        await #expect(throws: Cut.self) { try await write("half", to: file, thenFail: true) }
        #expect(!FileManager.default.fileExists(atPath: file.path))
        // Nobody is led to another file.
        try folder.write("mine".utf8, to: "mine")
        try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: folder.file("mine"))
        await #expect(throws: SyncFailure.self) { try await write("other", to: file) }
        #expect(try String(contentsOfFile: folder.file("mine"), encoding: .utf8) == "mine")
    }

    @Test func olderPagesGo() async throws {
        let folder = try TemporaryFolder()
        let answers = try AnswerFolder(keptIn: folder.path, customer: "c")
        let names = ["users-2026-03-10-1.json", "users-2026-03-10-2.json", "users-2026-03-09-1.json", "usersx.json"]
        for name in names { try await write("x", to: answers.file(name)) }
        answers.removeOld("users-2026-03-10-")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.file("c")).sorted()
                == ["users-2026-03-09-1.json", "usersx.json"])
    }

    @Test func whatIsNotKeptGoesWithTheLastFile() async throws {
        var file: AnswerFile? = try AnswerFolder(temporaryIn: NSTemporaryDirectory()).file("users-1.json")
        let path = try #require(file?.path)
        try await write(#"{"value":[],"@odata.nextLink":"next"}"#, to: try #require(file))
        #expect(FileManager.default.fileExists(atPath: path))
        var input = file?.input
        file = nil
        // Whoever reads it still has it.
        #expect(try AnswerPage(try #require(input), as: .graphUsers).nextAddress == "next")
        input = nil
        #expect(!FileManager.default.fileExists(atPath: (path as NSString).deletingLastPathComponent))
    }

    @Test func namesOfAnyIdFit() {
        for count in 1...128 {
            for letter in ["x", "*"] {
                // With what is written beside it: `.json.new`.
                #expect(FileName.of(String(repeating: letter, count: count)).utf8.count <= 245)
            }
        }
    }
}

import DatastoreConformance
import Foundation
import Testing

@testable import GraphSync

struct SyncStateTests {
    private func example(_ customer: String) -> SyncState.Customer {
        var state = SyncState.Customer(customer)
        state.sent = [
            "catalog": .init(day: "2026-03-10", digest: "a-b-c-d"), "users": .init(day: "", digest: "\"\\\n"),
        ]
        state.relationshipStart = "2025-06-01"
        state.lastSuccess = 1_780_000_000
        return state
    }

    @Test func whatWasSavedIsLoaded() throws {
        let folder = try TemporaryFolder()
        do {
            let state = try SyncState(folder: folder.file("state"))
            #expect(state.load("c") == SyncState.Customer("c"))
            try state.save(example("c"))
            #expect(state.load("c") == example("c"))
            try state.save(SyncState.Customer("c"))
            #expect(state.load("c") == SyncState.Customer("c"))
            try state.save(example("c"))
        }
        #expect(try SyncState(folder: folder.file("state")).load("c") == example("c"))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.file("state")).sorted() == ["c.json", "lock"])
    }

    @Test func nobodyElseMayReadIt() throws {
        let folder = try TemporaryFolder()
        let state = try SyncState(folder: folder.file("state"))
        try state.save(example("c"))
        #expect(try folder.mode("state") == 0o700)
        #expect(try folder.mode("state/c.json") == 0o600)
        #expect(try folder.mode("state/lock") == 0o600)
    }

    @Test func whatIsDamagedIsNothing() throws {
        let folder = try TemporaryFolder()
        let state = try SyncState(folder: folder.file("state"))
        try state.save(example("c"))
        let good = try [UInt8](Data(contentsOf: URL(filePath: folder.file("state/c.json"))))
        var seed = SeededGenerator(seed: 5)
        for count in 0..<good.count {
            try folder.write(good.prefix(count), to: "state/c.json")
            #expect(state.load("c") == SyncState.Customer("c"), "\(count)")
        }
        for _ in 0..<500 {
            var bytes = good
            let place = Int.random(in: 0..<bytes.count, using: &seed)
            bytes[place] = UInt8.random(in: .min ... .max, using: &seed)
            try folder.write(bytes, to: "state/c.json")
            // As it can be read, or nothing of it.
            let loaded = state.load("c")
            let read = try? JSONDecoder().decode(SyncState.Customer.self, from: Data(bytes))
            #expect(loaded == (read?.customer == "c" ? read : SyncState.Customer("c")))
        }
        let other = Array(
            String(decoding: good, as: UTF8.self).replacing(#""customer":"c""#, with: #""customer":"d""#).utf8)
        for bytes in [[], Array("[]".utf8), Array(#"{"customer":"c","sent":7}"#.utf8), other] {
            try folder.write(bytes, to: "state/c.json")
            #expect(state.load("c") == SyncState.Customer("c"))
        }
        // Too large to be one of ours.
        try folder.write(good + [UInt8](repeating: UInt8(ascii: " "), count: 1 << 20), to: "state/c.json")
        #expect(state.load("c") == SyncState.Customer("c"))
        try FileManager.default.removeItem(atPath: folder.file("state/c.json"))
        try FileManager.default.createDirectory(atPath: folder.file("state/c.json"), withIntermediateDirectories: true)
        #expect(state.load("c") == SyncState.Customer("c"))
        #expect(throws: SyncFailure("the state of “c” cannot be written to “\(folder.file("state"))”")) {
            try state.save(example("c"))
        }
    }

    @Test func everyIdHasItsOwnFile() throws {
        let folder = try TemporaryFolder()
        let state = try SyncState(folder: folder.file("state"))
        let longest = String(repeating: "x", count: 127)
        let odd = [
            "aa", "A", ".", "..", ".a", "a.json", "lock", "a/b", "a%2Fb", "../a", "=61", "==", "=", "~", "a:b", "*",
            "\"",
            "\\", "|", "=612f62", longest + "x", longest + "y", longest + "/", longest + "*",
            String(repeating: "x", count: 100), String(repeating: "x", count: 101), String(repeating: "/", count: 32),
        ]
        // Everything that an id may have, alone and in the middle.
        let visible = (0x21...0x7E).map { "\(UnicodeScalar(UInt8($0)))" }
        let ids = Set(odd).union(visible).union(visible.map { "a\($0)b" })
        for id in ids { try state.save(example(id)) }
        for id in ids { #expect(state.load(id) == example(id), "\(id)") }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("state"))
        #expect(names.count == ids.count + 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["state"])
    }

    /// What a run that was killed has left goes with the next one, and not while that one runs.
    @Test func answersGoWithTheRun() throws {
        let folder = try TemporaryFolder()
        let left = folder.file("state/answers/x/users-1.json")
        func leave() throws {
            try FileManager.default.createDirectory(
                atPath: (left as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            try folder.write("people".utf8, to: "state/answers/x/users-1.json")
        }
        try leave()
        do {
            let state = try SyncState(folder: folder.file("state"))
            #expect(!FileManager.default.fileExists(atPath: state.answerFolder))
            try leave()
            #expect(throws: SyncFailure.self) { try SyncState(folder: folder.file("state")) }
            _ = try SyncState(folder: folder.file("state"), isReadOnly: true)
            #expect(FileManager.default.fileExists(atPath: left))
            try state.save(example("c"))
        }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.file("state")).sorted() == ["c.json", "lock"])
    }

    /// A run that sends nothing reads what is there, beside another one, and leaves nothing behind.
    @Test func whoeverSendsNothingLeavesNothing() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state")
        var works: [String] = []
        for _ in 0..<2 {
            let state = try SyncState(folder: path, isReadOnly: true)
            #expect(state.load("c") == SyncState.Customer("c"))
            works.append(state.answerFolder)
            let attributes = try FileManager.default.attributesOfItem(atPath: state.answerFolder)
            #expect(attributes[.posixPermissions] as? Int == 0o700)
            _ = try AnswerFolder(temporaryIn: state.answerFolder)
        }
        // Not one that somebody could have made before.
        #expect(works[0] != works[1])
        #expect(works.allSatisfy { !FileManager.default.fileExists(atPath: $0) })
        #expect(!FileManager.default.fileExists(atPath: path))
        let holder = try SyncState(folder: path)
        try holder.save(example("c"))
        #expect(try SyncState(folder: path, isReadOnly: true).load("c") == example("c"))
        #expect(throws: SyncFailure.self) { try SyncState(folder: path) }
    }

    @Test func oneHolderAtATime() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state")
        do {
            let holder = try SyncState(folder: path)
            let expected = SyncFailure("another synchronization uses the state folder “\(path)”")
            #expect(throws: expected) { try SyncState(folder: path) }
            try holder.save(example("c"))
        }
        _ = try SyncState(folder: path)
        #expect(throws: SyncFailure.self) { try SyncState(folder: folder.file("no/such/folder")) }
        try folder.write([], to: "file")
        #expect(throws: SyncFailure.self) { try SyncState(folder: folder.file("file")) }
    }
}

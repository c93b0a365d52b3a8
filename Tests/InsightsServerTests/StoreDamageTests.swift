import Datastore
import DatastoreConformance
import DatastoreSQLite
import Foundation
import LicenseModel
import Tenancy
import Testing

@testable import AuditTrail
@testable import InsightsServer

/// Bits flipped, bytes zeroed and files cut at random places of every file that a killed server leaves: the start is
/// refused, or everything is as it was.
@Suite struct StoreDamageTests {
    private static let tries = 2_000
    private let batches = (1...40).map { "batch-\($0)" }

    /// The files of a server that was killed: some of its changes are in the main file, others in the log beside it.
    private func killed() throws -> (files: [String: Data], contents: Contents) {
        let folder = try DataFolder()
        var source = RandomFacts(seed: 77)
        source.variety = 6
        var running = try folder.open()
        try running.createPartner("alpha")
        try running.createPrincipal("bob", of: "alpha")
        for id in batches[..<20] { try running.accept(id, try source.batch(count: 12)) }
        try running.fold()
        try running.createPartner("beta")
        for id in batches[20..<32] { try running.accept(id, try source.batch(count: 12)) }
        try running.fold()
        for id in batches[32..<35] { try running.accept(id, try source.batch(count: 12)) }
        try running.close()
        // From here on in the log alone; it has no page of the folded state.
        running = try folder.open()
        try running.createPrincipal("gone", of: "beta", disabled: true)
        for id in batches[35...] { try running.accept(id, try source.batch(count: 12)) }
        // A change under way, so that its note is there too.
        _ = try running.opened.auditLog.begin(try auditEvent(1))
        let files = try folder.files()
        try running.close()
        try folder.replace(with: files)
        let again = try folder.open()
        let contents = try again.contents(batches: batches)
        try again.close()
        return (files, contents)
    }

    /// Changes the bytes in one place; nil when they stay as they are.
    private func damaged(_ bytes: Data, _ random: inout SeededGenerator) -> (bytes: Data, what: String)? {
        guard !bytes.isEmpty else { return nil }
        var damaged = bytes
        let place = random.int(0...(bytes.count - 1))
        let what: String
        switch random.int(0...4) {
        case 0:
            damaged = bytes.prefix(place)
            what = "cut at \(place)"
        case 1:
            let end = min(bytes.count, place + [1, 16, 512, 4_096][random.int(0...3)])
            damaged.resetBytes(in: place..<end)
            what = "zeros from \(place) to \(end)"
        default:
            let bit = random.int(0...7)
            damaged[place] ^= 1 << UInt8(bit)
            what = "bit \(bit) of byte \(place)"
        }
        return damaged == bytes ? nil : (damaged, what)
    }

    @Test(.timeLimit(.minutes(10))) func damageIsRefusedOrWithoutEffect() throws {
        let (files, contents) = try killed()
        #expect(contents.receipts.allSatisfy { $0 != nil } && contents.access.principals.count == 4)
        // Half of the tries in the store, the others in the small files beside it.
        var names = ["insights.sqlite", "insights.sqlite-wal", "insights.sqlite", "insights.sqlite-wal"]
        names += ["audit.jsonl", "audit.anchor", "audit.pending", "store.head", "page-token.key"]
        #expect(Set(files.keys) == Set(names + ["audit.key"]), "\(files.keys.sorted())")
        names.append("audit.key")
        var random = SeededGenerator(seed: 2_000)
        var refused: [String: Int] = [:]
        var equal: [String: Int] = [:]
        let folder = try DataFolder()
        var done = 0
        while done < Self.tries {
            let name = names[done % names.count]
            guard let (bytes, what) = damaged(files[name] ?? Data(), &random) else { continue }
            done += 1
            try folder.replace(with: files.merging([name: bytes]) { $1 })
            do {
                let running = try folder.open()
                defer { try? running.close() }
                let found = try running.contents(batches: batches)
                #expect(found == contents, "\(name): \(what)")
                equal[name, default: 0] += 1
            } catch {
                #expect(!"\(error)".contains("\n"), "\(name): \(what)")
                refused[name, default: 0] += 1
            }
        }
        // The test must be able to fail: damage is there, and most of it is noticed.
        for name in ["insights.sqlite", "insights.sqlite-wal", "audit.jsonl", "audit.anchor", "audit.key"] {
            #expect(refused[name, default: 0] > 30, "\(name): \(refused), \(equal)")
        }
    }
}

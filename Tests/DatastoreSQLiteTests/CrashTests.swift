import Datastore
import DatastoreConformance
import DatastoreSQLite
import Foundation
import LicenseModel
import Tenancy
import Testing

@Suite(.serialized) struct CrashTests {
    /// Kills a writing process at random moments. Whatever was acknowledged is there, once and in order.
    @Test(.timeLimit(.minutes(2))) func killedWritersLoseNothingAcknowledged() throws {
        let folder = try StoreFolder()
        var random = SeededGenerator(seed: 20_260_101)
        let clock = ContinuousClock()
        let deadline = clock.now.advanced(by: .seconds(45))
        var runs = 0
        var last: Int64 = 0
        while runs < 60, clock.now < deadline || runs < 50 {
            let killAfter = random.chance(15) ? random.int(0...15) : random.int(15...150)
            let acknowledged = try writeAndKill(folder, milliseconds: killAfter)
            let floor = max(acknowledged ?? last, last)
            last = try check(folder, floor: floor)
            runs += 1
        }
        #expect(runs >= 50)
        #expect(last > 100)
    }

    /// The last acknowledged revision that the writer printed before it was killed; nil when it got to none.
    private func writeAndKill(_ folder: StoreFolder, milliseconds: Int) throws -> Int64? {
        let process = Process()
        process.executableURL = builtProgram("StoreCrashWriter")
        process.arguments = [folder.store]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        Thread.sleep(forTimeInterval: Double(milliseconds) / 1_000)
        kill(process.processIdentifier, SIGKILL)
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationReason == .uncaughtSignal, "\(text)")
        // A line that was cut is no acknowledgement.
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        return lines.last.flatMap { Int64($0.dropFirst("ack ".count)) }
    }

    private func check(_ folder: StoreFolder, floor: Int64) throws -> Int64 {
        let store = try SQLiteDatastore.open(path: folder.store)
        defer { try? store.close() }
        let recovered = try Recovered(store)
        let last = recovered.revision.number
        #expect(last >= floor, "an acknowledged batch is missing")
        let folded = recovered.states.first?.body.flatMap { Int64(String(decoding: $0, as: UTF8.self)) } ?? 0
        let expected = folded < last ? try SampleBatches.entries((folded + 1)...last) : []
        #expect(recovered.log == expected, "the log differs from what was written")
        let grant = try Grants.operator()
        for number in 1..<(last + 1) {
            let receipt = try store.receipt(of: try BatchID("batch-\(number)"), for: grant)
            guard receipt?.revision.number == number else {
                Issue.record("batch \(number) has receipt \(String(describing: receipt))")
                break
            }
        }
        return last
    }

    /// A write error that is not a full disk leaves doubt: nothing is acknowledged until the store is opened again.
    @Test func failedWritesStopTheStore() throws {
        let folder = try StoreFolder()
        let text = try output(of: builtProgram("StoreCrashWriter"), [folder.store, "limit", "400000"])
        try checkStopped(text, reason: "its disk failed", syncs: nil)
    }

    private static let tracer = URL(fileURLWithPath: "/usr/bin/strace")

    /// Whether this machine lets a program trace another and change what its system calls answer.
    private static let isTracingPermitted: Bool = {
        let process = Process()
        process.executableURL = tracer
        process.arguments = ["-o", "/dev/null", "-e", "inject=fsync:error=EIO", "/bin/true"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()

    /// The disk does not confirm the 40th sync. After that the same sync may answer that all is well, and is not
    /// believed. Also shows that no commit is acknowledged without a sync of its own.
    @Test(.enabled(if: isTracingPermitted, "strace is not there or not permitted"))
    func unconfirmedSyncsStopTheStore() throws {
        let folder = try StoreFolder()
        let text = try output(
            of: Self.tracer,
            [
                "-f", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e",
                "inject=fsync,fdatasync:error=EIO:when=40..40", builtProgram("StoreCrashWriter").path, folder.store,
                "limit", "100000000000",
            ])
        try checkStopped(text, reason: "its disk did not confirm a write", syncs: 40)
    }

    private func output(of program: URL, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)")
        return text
    }

    private func checkStopped(_ text: String, reason: String, syncs: Int?) throws {
        let lines = text.split(separator: "\n").map(String.init)
        let acknowledged = lines.prefix { $0.hasPrefix("ack ") }.count
        #expect(acknowledged >= 3)
        if let syncs { #expect(acknowledged < syncs) }
        let rest = Array(lines.dropFirst(acknowledged))
        try #require(rest.count == 5, "\(rest)")
        let stopped = "the store takes no more changes until it is reopened: the store is unavailable: \(reason)"
        for (line, word) in zip(rest, ["failed", "refused", "health"]) { #expect(line.hasPrefix("\(word) \(stopped)")) }
        // The batch in doubt may be there or not; it was not acknowledged.
        let reopened = try #require(Int(rest[3].dropFirst("reopened ".count)))
        #expect(reopened == acknowledged || reopened == acknowledged + 1)
        #expect(rest[4] == "ack \(reopened + 1)")
    }
}

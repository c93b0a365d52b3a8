import Foundation
import Synchronization
import Tenancy
import Testing

@testable import AuditTrail
@testable import InsightsServer

/// What fails in the files of a log.
final class FaultPlan: Sendable {
    enum Operation: Sendable { case append, sync, truncate }

    private struct Plan {
        var calls = 0
        var failing: @Sendable (Int, Operation) -> Int32? = { _, _ in nil }
    }

    private let plan = Mutex(Plan())

    func fail(_ failing: @escaping @Sendable (Int, Operation) -> Int32?) {
        plan.withLock { $0 = Plan(calls: 0, failing: failing) }
    }

    func check(_ operation: Operation) throws(AuditError) {
        let code = plan.withLock { plan in
            plan.calls += 1
            return plan.failing(plan.calls, operation)
        }
        if let code { throw .system(operation: "injected", code: code) }
    }
}

/// A file whose operations fail on demand.
struct FaultyStorage: AuditStorage {
    let inner: any AuditStorage
    let plan: FaultPlan

    func size() throws(AuditError) -> Int { try inner.size() }
    func read(at offset: Int, count: Int) throws(AuditError) -> [UInt8] { try inner.read(at: offset, count: count) }

    func append(_ bytes: [UInt8]) throws(AuditError) {
        do throws(AuditError) {
            try plan.check(.append)
        } catch {
            // Half of it reaches the disk, as with a full one.
            try inner.append(Array(bytes.prefix(bytes.count / 2)))
            throw error
        }
        try inner.append(bytes)
    }

    func sync() throws(AuditError) {
        try plan.check(.sync)
        try inner.sync()
    }

    func truncate(to size: Int) throws(AuditError) {
        try plan.check(.truncate)
        try inner.truncate(to: size)
    }
}

@Suite struct AuditFaultTests {
    private let folder: AuditFolder

    init() throws {
        folder = try AuditFolder()
    }

    private func faultyLog(waiting: Int = 100, segmentBytes: Int = 1 << 20) throws -> (AuditLog, FaultPlan) {
        let plan = FaultPlan()
        var start = try AuditStart.open(folder: folder.path)
        start.maximumWaiting = waiting
        start.segmentBytes = segmentBytes
        start.wrap = { FaultyStorage(inner: $0, plan: plan) }
        return (try AuditLog(start), plan)
    }

    /// A disk that is full: what changes something is refused, nothing half-written stays, what only reads is kept
    /// and written when there is room again.
    @Test func fullDisk() throws {
        let (log, plan) = try faultyLog()
        try log.appendDurably(auditEvent(0))
        plan.fail { _, operation in operation == .append ? ENOSPC : nil }
        log.append(try auditEvent(1))
        for _ in 0..<3 {
            #expect(throws: AuditError.system(operation: "injected", code: ENOSPC)) {
                try log.appendDurably(auditEvent(2))
            }
        }
        #expect(log.status.failure != nil)
        #expect(try folder.verify().intactRecords == 1)
        #expect(try folder.verify().endsWithinRecord == false)
        plan.fail { _, _ in nil }
        try log.appendDurably(auditEvent(3))
        #expect(log.status.failure == nil)
        try log.close()
        #expect(try folder.verify() == AuditReport(intactRecords: 3, segments: 1))
        #expect(try folder.lines().map { $0.contains("ann1") } == [false, true, false])
    }

    /// The real thing: a log on a device without room.
    @Test func realFullDevice() throws {
        let path = folder.path + "/full"
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/full")
        let device = try AuditFile.openOrCreate(path)
        #expect(throws: AuditError.system(operation: "write", code: ENOSPC)) { try device.append([1, 2, 3]) }
    }

    /// After a failed fsync nothing may be acknowledged any more, even if the next one would succeed.
    @Test func failedSyncIsFinal() throws {
        let (log, plan) = try faultyLog()
        plan.fail { calls, operation in operation == .sync && calls <= 2 ? EIO : nil }
        #expect(throws: AuditError.system(operation: "injected", code: EIO)) { try log.appendDurably(auditEvent(0)) }
        for _ in 0..<3 { #expect(throws: AuditError.broken) { try log.appendDurably(auditEvent(1)) } }
        #expect(log.status.failure == .broken)
    }

    /// Fails the n-th call for every n: each acknowledged event is in the log, and the log is intact.
    @Test func everyCallFailsOnce() throws {
        for number in 1...14 {
            let place = try AuditFolder()
            let plan = FaultPlan()
            var start = try AuditStart.open(folder: place.path)
            start.wrap = { FaultyStorage(inner: $0, plan: plan) }
            let log = try AuditLog(start)
            plan.fail { calls, _ in calls == number ? EIO : nil }
            var acknowledged: [String] = []
            for event in 0..<6 where (try? log.appendDurably(auditEvent(event))) != nil {
                acknowledged.append("\"ann\(event)\"")
            }
            try? log.close()
            let lines = try place.lines()
            for name in acknowledged { #expect(lines.contains { $0.contains(name) }) }
            #expect(try place.verify().problem == nil)
        }
    }

    @Test func lossIsOnRecord() throws {
        let (log, plan) = try faultyLog()
        plan.fail { _, operation in operation == .append ? ENOSPC : nil }
        let event = try auditEvent(0)
        var kept = 0
        while kept < 1_000, log.append(event) { kept += 1 }
        #expect(kept == 100)
        for _ in 0..<9 { #expect(!log.append(event)) }
        #expect(log.status.lost == 10)
        plan.fail { _, _ in nil }
        try log.close()
        #expect(try folder.verify().problem == nil)
        let loss = try folder.lines().filter { $0.contains("\"kind\":\"lost\"") }
        #expect(loss.count == 1)
        #expect(loss.first?.contains("\"count\":10,") == true)
    }

    // MARK: Crashes

    @Test func unfinishedLineIsCutAndOnRecord() throws {
        try folder.filled(5)
        let whole = try Data(contentsOf: folder.log)
        let line = Data(try folder.lines()[4].utf8)
        for length in [1, 20, line.count - 1, line.count] {
            try (whole + line.prefix(length)).write(to: folder.log)
            #expect(try folder.verify().problem == nil)
            #expect(try folder.verify().endsWithinRecord)
            let log = try AuditLog(folder: folder.path)
            try log.appendDurably(auditEvent(6))
            try log.close()
            #expect(try folder.verify() == AuditReport(intactRecords: 7, segments: 1))
            #expect(try folder.lines()[5].contains("\"kind\":\"recovered\""))
            let damaged = AuditPaths(folder: folder.path).damaged(1, from: 6)
            #expect(try Data(contentsOf: URL(fileURLWithPath: damaged)) == line.prefix(length))
            // Back to the state before the crash.
            try whole.write(to: folder.log)
            try resetAnchor()
        }
    }

    /// Puts the anchor back that fits the five records.
    private func resetAnchor() throws {
        let key = try #require(try AuditKey.read(AuditPaths(folder: folder.path).key))
        let data = try Data(contentsOf: folder.log)
        let last = try #require(AuditLine(Array(try folder.lines()[4].utf8)[...]))
        let anchor = AuditAnchor(state: AuditChainState(sequence: 5, mac: last.mac), segment: 1, size: data.count)
        try Data(anchor.text(key)).write(to: folder.anchor)
    }

    /// Behind the anchor, too, only an unfinished last record is a crash's doing: a whole one may have been
    /// acknowledged.
    @Test func wholeRecordsAreNeverCut() throws {
        try folder.filled(5)
        let anchor = try Data(contentsOf: folder.anchor)
        let log = try AuditLog(folder: folder.path)
        for number in 5..<10 { log.append(try auditEvent(number)) }
        try log.close()
        try anchor.write(to: folder.anchor)
        let good = try Data(contentsOf: folder.log)
        let lines = try folder.lines()
        for bad in 5..<10 {
            var data = good
            let place = lines.prefix(bad).reduce(0) { $0 + $1.utf8.count + 1 }
            for offset in place..<(place + 100) { data[offset] = 0 }
            try data.write(to: folder.log)
            let problem = AuditProblem(.altered(sequence: UInt64(bad) + 1), file: "audit.jsonl", offset: place)
            #expect(throws: AuditError.altered(problem)) { try AuditLog(folder: folder.path) }
            #expect(try Data(contentsOf: folder.log) == data)
        }
        // A file that a power loss made longer without its last pages.
        try (good + Data(count: 20_000)).write(to: folder.log)
        let reopened = try AuditLog(folder: folder.path)
        #expect(reopened.status.records == 11)
        try reopened.close()
        #expect(try folder.verify() == AuditReport(intactRecords: 11, segments: 1))
    }

    /// A torn record that the anchor covers was acknowledged.
    @Test func acknowledgedRecordsAreNotRepaired() throws {
        try folder.filled(5)
        let whole = try Data(contentsOf: folder.log)
        try whole.dropLast(7).write(to: folder.log)
        let problem = try folder.problem(.truncated(firstMissing: 5, lastWritten: 5), before: 4)
        #expect(throws: AuditError.altered(problem)) { try AuditLog(folder: folder.path) }
    }
}

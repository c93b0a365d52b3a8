import Foundation
import Synchronization
import Tenancy
import Testing

@testable import InsightsServer

/// A file whose operations fail on demand.
final class FaultyStorage: AuditStorage {
    enum Operation: Sendable { case append, sync, truncate }
    struct Plan: Sendable {
        var calls = 0
        var failing: @Sendable (Int, Operation) -> Int32? = { _, _ in nil }
    }

    private let inner: any AuditStorage
    let plan = Mutex(Plan())

    init(_ inner: any AuditStorage) {
        self.inner = inner
    }

    func fail(_ failing: @escaping @Sendable (Int, Operation) -> Int32?) {
        plan.withLock { $0 = Plan(calls: 0, failing: failing) }
    }

    private func check(_ operation: Operation) throws(AuditError) {
        let code = plan.withLock { plan in
            plan.calls += 1
            return plan.failing(plan.calls, operation)
        }
        if let code { throw .system(operation: "injected", code: code) }
    }

    func unlock() { inner.unlock() }
    func size() throws(AuditError) -> Int { try inner.size() }
    func read(at offset: Int, count: Int) throws(AuditError) -> [UInt8] { try inner.read(at: offset, count: count) }

    func append(_ bytes: [UInt8]) throws(AuditError) {
        do throws(AuditError) {
            try check(.append)
        } catch {
            // Half of it reaches the disk, as with a full one.
            try inner.append(Array(bytes.prefix(bytes.count / 2)))
            throw error
        }
        try inner.append(bytes)
    }

    func sync() throws(AuditError) {
        try check(.sync)
        try inner.sync()
    }

    func truncate(to size: Int) throws(AuditError) {
        try check(.truncate)
        try inner.truncate(to: size)
    }
}

@Suite struct AuditFaultTests {
    private let folder: AuditFolder

    init() throws {
        folder = try AuditFolder()
    }

    private func faultyLog(waiting: Int = 100) throws -> (AuditLog, FaultyStorage) {
        var start = try AuditStart.open(folder: folder.path)
        start.maximumWaiting = waiting
        let storage = FaultyStorage(start.storage)
        start.storage = storage
        return (try AuditLog(start), storage)
    }

    /// A disk that is full: what changes something is refused, nothing half-written stays, what only reads is kept
    /// and written when there is room again.
    @Test func fullDisk() throws {
        let (log, storage) = try faultyLog()
        try log.appendDurably(auditEvent(0))
        storage.fail { _, operation in operation == .append ? ENOSPC : nil }
        log.append(try auditEvent(1))
        for _ in 0..<3 {
            #expect(throws: AuditError.system(operation: "injected", code: ENOSPC)) {
                try log.appendDurably(auditEvent(2))
            }
        }
        #expect(log.status.failure != nil)
        #expect(try folder.verify().intactRecords == 1)
        #expect(try folder.verify().endsWithinRecord == false)
        storage.fail { _, _ in nil }
        try log.appendDurably(auditEvent(3))
        #expect(log.status.failure == nil)
        try log.close()
        #expect(try folder.verify() == AuditReport(intactRecords: 3, problem: nil, endsWithinRecord: false))
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
        let (log, storage) = try faultyLog()
        storage.fail { calls, operation in operation == .sync && calls <= 2 ? EIO : nil }
        #expect(throws: AuditError.system(operation: "injected", code: EIO)) { try log.appendDurably(auditEvent(0)) }
        for _ in 0..<3 { #expect(throws: AuditError.broken) { try log.appendDurably(auditEvent(1)) } }
        #expect(log.status.failure == .broken)
    }

    /// Fails the n-th call for every n: each acknowledged event is in the log, and the log is intact.
    @Test func everyCallFailsOnce() throws {
        for number in 1...14 {
            let place = try AuditFolder()
            var start = try AuditStart.open(folder: place.path)
            let storage = FaultyStorage(start.storage)
            start.storage = storage
            let log = try AuditLog(start)
            storage.fail { calls, _ in calls == number ? EIO : nil }
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
        let (log, storage) = try faultyLog()
        storage.fail { _, operation in operation == .append ? ENOSPC : nil }
        let event = try auditEvent(0)
        var kept = 0
        while kept < 1_000, log.append(event) { kept += 1 }
        #expect(kept == 100)
        for _ in 0..<9 { #expect(!log.append(event)) }
        #expect(log.status.lost == 10)
        storage.fail { _, _ in nil }
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
            #expect(try folder.verify() == AuditReport(intactRecords: 7, problem: nil, endsWithinRecord: false))
            #expect(try folder.lines()[5].contains("\"kind\":\"recovered\""))
            let damaged = AuditPaths(folder: folder.path).damaged(from: 6)
            #expect(try Data(contentsOf: URL(fileURLWithPath: damaged)).suffix(length) == line.prefix(length))
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
        let anchor = AuditAnchor(sequence: 5, size: data.count, mac: last.mac)
        try Data(anchor.text(key)).write(to: folder.anchor)
    }

    /// Pages of zeros behind the anchor, as a power loss can leave them, and good records after them.
    @Test func damageBehindTheAnchorIsSetAside() throws {
        try folder.filled(5)
        let anchor = try Data(contentsOf: folder.anchor)
        let log = try AuditLog(folder: folder.path)
        for number in 5..<10 { log.append(try auditEvent(number)) }
        try log.close()
        try anchor.write(to: folder.anchor)
        var data = try Data(contentsOf: folder.log)
        let lines = try folder.lines()
        let sixth = lines.prefix(6).reduce(0) { $0 + $1.utf8.count + 1 }
        for place in sixth..<(sixth + 100) { data[place] = 0 }
        try data.write(to: folder.log)
        let reopened = try AuditLog(folder: folder.path)
        #expect(reopened.status.records == 7)
        try reopened.close()
        #expect(try folder.verify() == AuditReport(intactRecords: 7, problem: nil, endsWithinRecord: false))
        let kept = try Data(contentsOf: URL(fileURLWithPath: AuditPaths(folder: folder.path).damaged(from: 7)))
        #expect(kept == data.suffix(from: sixth))
    }
}

import Foundation
import Tenancy
import Testing

@testable import AuditTrail
@testable import InsightsServer
@testable import LogLines

/// A change has one record with its outcome, whatever happens between its beginning and its end.
@Suite struct AuditChangeTests {
    private let folder: AuditFolder

    init() throws {
        folder = try AuditFolder()
    }

    private func changeEvent(_ name: String) throws -> AuditEvent {
        AuditEvent(
            time: Timestamp(milliseconds: 1_700_000_000_000), principal: name, partner: try PartnerID("p1"),
            method: "/x.Y/Change", isAllowed: true, code: 0, revision: 7, customer: try CustomerID("c"), kind: .change)
    }

    private func records() throws -> [AuditRecord] {
        try folder.lines().map { try #require(AuditLine(Array($0.utf8)[...])).record }
    }

    @Test func oneRecordWithTheOutcome() throws {
        let log = try AuditLog(folder: folder.path)
        for (name, code) in [("done", Int32(0)), ("failed", 9)] {
            var change = try log.begin(changeEvent(name))
            #expect(try folder.lines().count == (code == 0 ? 0 : 1))
            #expect(log.status.changesUnderWay == 1)
            change.event.code = code
            try log.end(change)
        }
        #expect(log.status.changesUnderWay == 0)
        try log.close()
        #expect(try records().map(\.code) == [0, 9])
        #expect(try Data(contentsOf: folder.journal).isEmpty)
        #expect(try folder.verify() == AuditReport(intactRecords: 2, segments: 1))
    }

    /// kill -9 between the note and the record.
    @Test func whatWasLeftBehindIsOnRecordAsUnknown() throws {
        var log: AuditLog? = try AuditLog(folder: folder.path)
        let first = try #require(try log?.begin(changeEvent("first")))
        _ = try log?.begin(changeEvent("second"))
        try log?.end(first)
        let journal = try Data(contentsOf: folder.journal)
        #expect(journal.count { $0 == 0x0A } == 2)
        try log?.close()
        log = nil
        // As it was at the kill; the note of the first one outlived its record.
        try journal.write(to: folder.journal)
        #expect(try folder.verify().pendingChanges == 2)
        let reopened = try AuditLog(folder: folder.path)
        let found = try records()
        #expect(found.map(\.principal) == ["first", "second"])
        #expect(found.map(\.code) == [0, 2])
        #expect(found.map(\.sequence) == [1, 2])
        #expect(found[1].customerHash == found[0].customerHash)
        #expect(try reopened.page(in: auditScope("p1"), limit: 10).records.map(\.code) == [2, 0])
        #expect(try Data(contentsOf: folder.journal).isEmpty)
        try reopened.close()
        // And only once.
        try AuditLog(folder: folder.path).close()
        #expect(try folder.verify() == AuditReport(intactRecords: 2, segments: 1))
    }

    /// The note was cut short: it was never acknowledged, so the change was not made.
    @Test func anUnfinishedNoteIsNoChange() throws {
        let log = try AuditLog(folder: folder.path)
        _ = try log.begin(changeEvent("first"))
        let journal = try Data(contentsOf: folder.journal)
        try log.close()
        for length in [0, 1, 50, journal.count - 1] {
            try journal.prefix(length).write(to: folder.journal)
            try AuditLog(folder: folder.path).close()
            #expect(try folder.lines().isEmpty)
        }
        // A note that was changed is somebody's doing.
        var bad = journal
        bad[60] ^= 1
        try bad.write(to: folder.journal)
        let problem = AuditProblem(.journalAltered, file: "audit.pending")
        #expect(throws: AuditError.altered(problem)) { try AuditLog(folder: folder.path) }
        #expect(try folder.verify().problem == problem)
    }

    /// The note must be looked for through all segments written since.
    @Test func recordsOfLongChangesAreFoundInOlderSegments() throws {
        let log = try AuditLog(folder: folder.path, segmentBytes: 1_000)
        for number in 0..<10 { try log.appendDurably(auditEvent(number)) }
        let change = try log.begin(changeEvent("long"))
        let journal = try Data(contentsOf: folder.journal)
        try log.end(change)
        for number in 0..<30 { try log.appendDurably(auditEvent(number)) }
        try log.close()
        try journal.write(to: folder.journal)
        let reopened = try AuditLog(folder: folder.path, segmentBytes: 1_000)
        #expect(reopened.status.records == 41)
    }

    /// The disk takes the note but not the record: the change is made, later ones are refused, and the record follows
    /// when there is room again, without a restart.
    @Test func aRecordThatFindsNoRoomFollows() async throws {
        let plan = FaultPlan()
        var start = try AuditStart.open(folder: folder.path)
        start.wrap = { FaultyStorage(inner: $0, plan: plan) }
        let log = try AuditLog(start)
        let change = try log.begin(changeEvent("made"))
        plan.fail { _, operation in operation == .append ? ENOSPC : nil }
        #expect(throws: AuditError.self) { try log.end(change) }
        #expect(!log.isWritable)
        #expect(throws: AuditError.self) { try log.begin(changeEvent("refused")) }
        #expect(throws: AuditError.self) { try log.appendDurably(auditEvent(1)) }
        #expect(log.status.changesUnderWay == 1)
        plan.fail { _, _ in nil }
        for _ in 0..<500 where !log.isWritable { try await Task.sleep(for: .milliseconds(20)) }
        #expect(log.isWritable)
        #expect(log.status.changesUnderWay == 0)
        try log.close()
        #expect(try records().map(\.principal) == ["made"])
    }

    /// A full disk that refuses the note: nothing is changed, nothing is on record, and nothing stays behind.
    @Test func aNoteWithoutRoomRefusesTheChange() throws {
        let plan = FaultPlan()
        var start = try AuditStart.open(folder: folder.path)
        start.wrap = { FaultyStorage(inner: $0, plan: plan) }
        let log = try AuditLog(start)
        plan.fail { _, operation in operation == .append ? ENOSPC : nil }
        for _ in 0..<3 { #expect(throws: AuditError.self) { try log.begin(changeEvent("refused")) } }
        plan.fail { _, _ in nil }
        try log.end(log.begin(changeEvent("made")))
        try log.close()
        #expect(try records().map(\.principal) == ["made"])
        #expect(try folder.verify() == AuditReport(intactRecords: 1, segments: 1))
    }

    @Test func theJournalIsWrittenAnewWhenItGrows() throws {
        let log = try AuditLog(folder: folder.path)
        let open = try log.begin(changeEvent("open"))
        var event = try changeEvent("x")
        event.method = String(repeating: "m", count: 256)
        for _ in 0..<2_500 { try log.end(log.begin(event)) }
        let size = try Data(contentsOf: folder.journal).count
        #expect(size < 1_100_000)
        #expect(log.status.changesUnderWay == 1)
        try log.end(open)
        #expect(try Data(contentsOf: folder.journal).isEmpty)
        try log.close()
        #expect(try folder.verify().intactRecords == 2_501)
    }

    // MARK: Floods of refused credentials

    @Test func aFloodIsSummedUpWhenItEnds() {
        let second: UInt64 = 1_000_000_000
        let refusals = UnrecordedRefusals(RateLimit(perSecond: 50, burst: 100) ?? .standard)
        var now = 10 * second
        var recorded = 0
        for _ in 0..<500 {
            if refusals.mayRecord(now: now) {
                recorded += 1
            } else {
                #expect(refusals.count(now: now) == (recorded == 100 && refusals.total == 1))
            }
        }
        #expect(recorded == 100)
        #expect(refusals.take(now: now + second, atOnce: false) == .wait)
        now += 5 * second
        #expect(refusals.take(now: now, atOnce: false) == .summary(400))
        #expect(refusals.take(now: now, atOnce: true) == .none)
        // One that does not end is summed up every minute.
        for tick in 0..<100 {
            _ = refusals.count(now: now + UInt64(tick) * second)
            let sum = refusals.take(now: now + UInt64(tick) * second, atOnce: false)
            #expect(sum == (tick == 60 ? .summary(61) : .wait))
        }
        #expect(refusals.total == 500)
    }
}

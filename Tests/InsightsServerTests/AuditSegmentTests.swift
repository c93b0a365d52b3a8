import Foundation
import Tenancy
import Testing

@testable import AuditTrail
@testable import InsightsServer

/// The log cut into segments: nothing may be taken out, changed or moved between files either.
@Suite struct AuditSegmentTests {
    private let folder: AuditFolder

    init() throws {
        folder = try AuditFolder()
    }

    /// A log of many segments, each with the records of one flush and a little more.
    @discardableResult
    private func filled(_ count: Int = 60, in place: AuditFolder? = nil) throws -> Int {
        let place = place ?? folder
        let log = try AuditLog(folder: place.path, segmentBytes: 2_000)
        for number in 0..<count { try log.appendDurably(auditEvent(number)) }
        try log.close()
        return try AuditPaths(folder: place.path).segments().count
    }

    private func texts() throws -> [Int: Data] {
        var texts: [Int: Data] = [:]
        for number in try AuditPaths(folder: folder.path).segments() {
            texts[number] = try Data(contentsOf: folder.segment(number))
        }
        return texts
    }

    private func restore(_ texts: [Int: Data]) throws {
        for number in try AuditPaths(folder: folder.path).segments() {
            try FileManager.default.removeItem(at: folder.segment(number))
        }
        for (number, text) in texts { try text.write(to: folder.segment(number)) }
    }

    @Test func segmentsMakeOneChain() throws {
        let segments = try filled()
        #expect(segments >= 10)
        #expect(try folder.verify() == AuditReport(intactRecords: 60, segments: segments))
        for (number, text) in try texts() {
            #expect(text.count < 4_000)
            let first = String(decoding: text.prefix { $0 != 0x0A }, as: UTF8.self)
            #expect(number == 1 || first.hasPrefix("{\"segment\":\(number),"))
        }
        let log = try AuditLog(folder: folder.path, segmentBytes: 2_000)
        #expect(log.status.records == 60)
        for number in 60..<70 { try log.appendDurably(auditEvent(number)) }
        // A page goes from file to file.
        let page = try log.page(in: auditScope("p1"), limit: 1_000)
        #expect(page.records.map(\.principal) == (0..<70).filter { $0 % 3 == 0 }.reversed().map { "ann\($0)" })
        #expect(page.total == 24)
        try log.close()
        #expect(try folder.verify().intactRecords == 70)
    }

    @Test func pagesWalkSegmentsAtAnyPageSize() throws {
        try filled()
        let log = try AuditLog(folder: folder.path)
        for size in [1, 7, 1_000] {
            var names: [String] = []
            var cursor: AuditCursor?
            repeat {
                let page = try log.page(in: auditScope("p2"), from: cursor, limit: size)
                names += page.records.map(\.principal)
                cursor = page.next
            } while cursor != nil
            #expect(names == (0..<60).filter { $0 % 3 == 1 }.reversed().map { "ann\($0)" })
        }
    }

    /// L6 of the trust plan: every way to falsify, over segments; counts what is found.
    @Test func everyFalsificationIsFound() throws {
        let segments = try filled()
        let other = try AuditFolder()
        try filled(in: other)
        let good = try texts()
        var tried = 0
        var missed: [String] = []
        var random = SystemSeeded(state: 23)
        func attempt(_ name: String, _ change: (inout [Int: Data]) throws -> Void) throws {
            var bad = good
            try change(&bad)
            guard bad != good else { return }
            try restore(bad)
            tried += 1
            let report = try folder.verify()
            if report.problem == nil { missed.append(name) }
        }
        func lines(_ data: Data) -> [Data] {
            data.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast().map { $0 + [0x0A] }
        }
        for _ in 0..<300 {
            let number = Int.random(in: 1...segments, using: &random)
            try attempt("bit of \(number)") { bad in
                let place = Int.random(in: 0..<(good[number]?.count ?? 1), using: &random)
                bad[number]?[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
        }
        for number in 1...segments {
            try attempt("remove \(number)") { $0[number] = nil }
            try attempt("empty \(number)") { $0[number] = Data() }
            try attempt("another log's \(number)") {
                $0[number] = try Data(contentsOf: other.segment(number))
            }
            try attempt("swap \(number)") { bad in
                let partner = number % segments + 1
                (bad[number], bad[partner]) = (bad[partner], bad[number])
            }
            let all = lines(good[number] ?? Data())
            for index in all.indices {
                try attempt("delete line \(index) of \(number)") { bad in
                    bad[number] = Data(all.enumerated().filter { $0.offset != index }.flatMap(\.element))
                }
                try attempt("double line \(index) of \(number)") { bad in
                    bad[number] = Data((all[...index] + all[index...]).joined())
                }
                try attempt("cut \(number) before line \(index)") { bad in
                    bad[number] = Data(all[..<index].joined())
                }
                if index > 0 {
                    try attempt("swap line \(index) of \(number)") { bad in
                        var lines = all
                        lines.swapAt(index - 1, index)
                        bad[number] = Data(lines.joined())
                    }
                }
            }
        }
        try attempt("remove the oldest two") { bad in (bad[1], bad[2]) = (nil, nil) }
        try attempt("remove the newest two") { bad in (bad[segments], bad[segments - 1]) = (nil, nil) }
        try attempt("remove all") { $0 = [:] }
        #expect(missed.isEmpty)
        #expect(tried > 650)
        try restore(good)
        #expect(try folder.complaint() == nil)
    }

    @Test func namesTheMissingSegment() throws {
        let segments = try filled()
        let good = try texts()
        let whole = try AuditSegmentHeads(folder)
        try FileManager.default.removeItem(at: folder.segment(3))
        let (first, last) = (whole.after[3]! + 1, whole.after[4]!)
        let expected = "audit-000003.jsonl, byte 0: the file is missing: records \(first) to \(last) are gone"
        #expect(try folder.complaint() == expected)
        #expect(throws: AuditError.self) { try AuditLog(folder: folder.path) }
        try restore(good)
        try FileManager.default.removeItem(at: folder.segment(1))
        #expect(
            try folder.complaint()
                == "audit.jsonl, byte 0: the file is missing: records 1 to \(whole.after[2]!) are gone")
        try restore(good)
        try FileManager.default.removeItem(at: folder.segment(segments))
        #expect(try folder.complaint()?.contains("the file is missing") == true)
        #expect(throws: AuditError.self) { try AuditLog(folder: folder.path) }
    }

    /// The start reads no old segment through, but sees at once when one is not as long as it was.
    @Test func startNoticesAChangedLength() throws {
        try filled()
        let text = try Data(contentsOf: folder.segment(2))
        try text.dropLast(10).write(to: folder.segment(2))
        #expect(throws: AuditError.self) { try AuditLog(folder: folder.path) }
        #expect(try folder.complaint()?.hasPrefix("audit-000002.jsonl, byte ") == true)
    }

    // MARK: Crashes while a segment begins

    @Test func aTornHeadIsStartedAnew() throws {
        let segments = try filled()
        // Grow the last segment until the next write begins another.
        let log = try AuditLog(folder: folder.path, segmentBytes: 1 << 20)
        for number in 60..<70 { try log.appendDurably(auditEvent(number)) }
        try log.close()
        let good = try texts()
        let anchor = try Data(contentsOf: folder.anchor)
        let next = try AuditLog(folder: folder.path, segmentBytes: 2_000)
        try next.appendDurably(auditEvent(70))
        try next.close()
        let head = try Data(contentsOf: folder.segment(segments + 1))
        for length in stride(from: 0, to: head.count, by: 41) {
            try restore(good)
            try anchor.write(to: folder.anchor)
            try head.prefix(length).write(to: folder.segment(segments + 1))
            #expect(try folder.verify().problem == nil, "\(length)")
            let again = try AuditLog(folder: folder.path, segmentBytes: 2_000)
            try again.appendDurably(auditEvent(71))
            try again.close()
            #expect(try folder.verify().problem == nil, "\(length)")
            #expect(try folder.verify().intactRecords >= 71)
        }
    }

    // MARK: Moving the oldest away

    @Test func archivedSegmentsAreMissedOnlyWithoutTheStatement() throws {
        let segments = try filled()
        let heads = try AuditSegmentHeads(folder)
        let archive = try AuditFolder()
        let moved = try AuditLog.archive(folder: folder.path, to: archive.path, keep: 4)
        #expect(moved.count == segments - 5)
        #expect(moved.first == "audit.jsonl")
        let gone = heads.after[segments - 4]!
        #expect(
            try folder.verify()
                == AuditReport(intactRecords: 60 - gone, archivedRecords: gone, segments: 5))
        // With the archive at hand, from the first record on.
        let whole = try AuditLog.verify(folder: folder.path, archives: [archive.path])
        #expect(whole == AuditReport(intactRecords: 60, segments: segments))
        // The server goes on, and lists what it has.
        let log = try AuditLog(folder: folder.path, segmentBytes: 2_000)
        let page = try log.page(in: auditScope("p1"), limit: 1_000)
        #expect(page.records.count < 20)
        #expect(page.records.allSatisfy { $0.sequence > gone })
        #expect(page.total == 20)
        for number in 60..<80 { try log.appendDurably(auditEvent(number)) }
        // Once more, while it is open.
        #expect(try AuditLog.archive(folder: folder.path, to: archive.path, keep: 0).count > 5)
        try log.appendDurably(auditEvent(80))
        try log.close()
        #expect(try AuditLog.verify(folder: folder.path, archives: [archive.path]).intactRecords == 81)
        // One more segment gone than the statement says.
        let number = try #require(try AuditPaths(folder: folder.path).segments().first)
        if try AuditPaths(folder: folder.path).segments().count > 1 {
            try FileManager.default.removeItem(at: folder.segment(number))
            #expect(try folder.verify().problem?.fault != nil)
        }
    }

    @Test func theStatementIsSealed() throws {
        try filled()
        let archive = try AuditFolder()
        _ = try AuditLog.archive(folder: folder.path, to: archive.path, keep: 4)
        let good = try Data(contentsOf: folder.archived)
        for place in good.indices {
            var bad = good
            bad[place] ^= 1
            try bad.write(to: folder.archived)
            #expect(try folder.verify().problem?.fault == .archivedAltered)
        }
        try FileManager.default.removeItem(at: folder.archived)
        #expect(try folder.complaint()?.hasPrefix("audit.jsonl, byte 0: the file is missing: records 1 to ") == true)
        #expect(throws: AuditError.self) { try AuditLog(folder: folder.path) }
    }

    @Test func anArchiveIsNotOverwrittenAndABadLogNotMoved() throws {
        try filled()
        let archive = try AuditFolder()
        try Data("another server's".utf8).write(to: archive.log)
        #expect(throws: AuditError.notArchived(file: "audit.jsonl")) {
            try AuditLog.archive(folder: folder.path, to: archive.path, keep: 0)
        }
        #expect(try folder.complaint() == nil)
        try FileManager.default.removeItem(at: archive.log)
        var text = try Data(contentsOf: folder.segment(2))
        text[300] ^= 1
        try text.write(to: folder.segment(2))
        #expect(throws: AuditError.self) { try AuditLog.archive(folder: folder.path, to: archive.path, keep: 0) }
        #expect(try AuditPaths(folder: archive.path).segments().isEmpty)
    }

    @Test func theLogIsNoArchiveOfItself() throws {
        try filled()
        let link = folder.path + "-link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: folder.path)
        defer { try? FileManager.default.removeItem(atPath: link) }
        let segments = try AuditPaths(folder: folder.path).segments()
        for target in [folder.path, folder.path + "/.", link] {
            #expect(throws: AuditError.archiveIsLog) {
                try AuditLog.archive(folder: folder.path, to: target, keep: 0)
            }
        }
        #expect(try AuditPaths(folder: folder.path).segments() == segments)
        #expect(try folder.complaint() == nil)
    }
}

/// After which record each segment begins.
private struct AuditSegmentHeads {
    var after: [Int: UInt64] = [:]

    init(_ folder: AuditFolder) throws {
        let key = try #require(try AuditKey.read(folder.key.path))
        for number in try AuditPaths(folder: folder.path).segments().dropFirst() {
            let line = try Data(contentsOf: folder.segment(number)).prefix { $0 != 0x0A }
            after[number] = try #require(AuditSegmentHead(Array(line)[...], key: key)).previous.sequence
        }
    }
}

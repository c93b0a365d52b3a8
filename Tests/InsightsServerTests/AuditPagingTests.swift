import Foundation
import Tenancy
import Testing

@testable import AuditTrail
@testable import InsightsServer

@Suite struct AuditPagingTests {
    private let folder: AuditFolder

    init() throws {
        folder = try AuditFolder()
    }

    private func principals(_ log: AuditLog, _ partner: String, pageSize: Int) throws -> [String] {
        var names: [String] = []
        var cursor: AuditCursor?
        repeat {
            let page = try log.page(in: auditScope(partner), from: cursor, limit: pageSize)
            #expect(page.records.count <= pageSize)
            #expect(page.records.allSatisfy { $0.partner == partner })
            names += page.records.map(\.principal)
            cursor = page.next
        } while cursor != nil
        return names
    }

    @Test(arguments: [1, 7, 50, 1_000])
    func newestFirstAndOnlyOwn(_ pageSize: Int) throws {
        let count = 600
        var log = try AuditLog(folder: folder.path)
        for number in 0..<count { log.append(try auditEvent(number)) }
        for round in 0..<2 {
            for (rest, partner) in ["p1", "p2"].enumerated() {
                let expected = (0..<count).filter { $0 % 3 == rest }.reversed().map { "ann\($0)" }
                #expect(try principals(log, partner, pageSize: pageSize) == expected)
                #expect(try log.page(in: auditScope(partner), limit: 1).total == UInt64(expected.count))
            }
            #expect(try principals(log, "nobody", pageSize: pageSize).isEmpty)
            // The same from the file, after a restart.
            try log.close()
            if round == 0 { log = try AuditLog(folder: folder.path) }
        }
    }

    @Test func recordsComeBackAsTheyWere() throws {
        let log = try AuditLog(folder: folder.path)
        let event = try auditEvent(4, partner: "p1")
        try log.appendDurably(event)
        let record = try #require(try log.page(in: auditScope("p1"), limit: 1).records.first)
        #expect(record.sequence == 1)
        #expect(record.time == event.time)
        #expect(record.principal == event.principal)
        #expect(record.method == event.method)
        #expect(record.isAllowed == event.isAllowed)
        #expect(record.code == event.code)
        #expect(record.revision == event.revision)
        #expect(record.kind == "read")
        #expect(record.customerHash.utf8.count == 64)
    }

    @Test func foreignAndInventedCursorsAreRefused() throws {
        let log = try AuditLog(folder: folder.path)
        for number in 0..<30 { log.append(try auditEvent(number)) }
        let own = try #require(try log.page(in: auditScope("p1"), limit: 1).next)
        #expect(throws: Never.self) { try log.page(in: auditScope("p1"), from: own, limit: 1) }
        #expect(throws: AuditError.badCursor) { try log.page(in: auditScope("p2"), from: own, limit: 1) }
        let place = try #require(own.numbers(1)?[0])
        for offset in [-1, place + 1, place - 1, Int64.max, Int64.min, 1] {
            #expect(throws: AuditError.badCursor) {
                try log.page(in: auditScope("p1"), from: AuditCursor(offset), limit: 1)
            }
        }
        #expect(throws: AuditError.badCursor) { try log.page(in: auditScope("p3"), from: own, limit: 1) }
    }

    @Test func whatIsAppendedIsWrittenWithoutBeingAsked() async throws {
        let log = try AuditLog(folder: folder.path)
        log.append(try auditEvent(0))
        for _ in 0..<500 where log.status.records == 0 { try await Task.sleep(for: .milliseconds(20)) }
        #expect(log.status.records == 1)
        // The anchor follows by itself as well.
        for _ in 0..<500
        where try Data(contentsOf: folder.anchor).count < 100
            || !String(decoding: Data(contentsOf: folder.anchor), as: UTF8.self).contains("\"sequence\":1,")
        {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(String(decoding: try Data(contentsOf: folder.anchor), as: UTF8.self).contains("\"sequence\":1,"))
        try log.close()
    }

    @Test func manyThreadsMakeOneChain() async throws {
        let log = try AuditLog(folder: folder.path)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    for number in 0..<200 {
                        if number % 20 == 0 {
                            try log.appendDurably(auditEvent(task * 1_000 + number))
                        } else {
                            log.append(try auditEvent(task * 1_000 + number))
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        try log.close()
        #expect(try folder.verify() == AuditReport(intactRecords: 800, segments: 1))
    }
}

import Foundation
@_spi(Authentication) import Tenancy
import Testing

@testable import AuditTrail
@testable import InsightsServer
@testable import LogLines

/// A data folder that goes away with the test.
final class AuditFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/audit-tests-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var log: URL { URL(fileURLWithPath: path + "/audit.jsonl") }
    var anchor: URL { URL(fileURLWithPath: path + "/audit.anchor") }
    var journal: URL { URL(fileURLWithPath: path + "/audit.pending") }
    var archived: URL { URL(fileURLWithPath: path + "/audit.archived") }
    func segment(_ number: Int) -> URL { URL(fileURLWithPath: AuditPaths(folder: path).segment(number)) }

    /// The one line that the operator sees; nil when all is well.
    func complaint() throws -> String? { try verify().problem.map { "\($0)" } }

    var key: URL { URL(fileURLWithPath: path + "/audit.key") }

    func lines() throws -> [String] {
        String(decoding: try Data(contentsOf: log), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    func write(_ lines: [String]) throws {
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: log)
    }

    /// A closed log with `count` records of two partners and the operator.
    func filled(_ count: Int) throws {
        let log = try AuditLog(folder: path)
        for number in 0..<count { log.append(try auditEvent(number)) }
        try log.close()
    }

    func verify() throws -> AuditReport { try AuditLog.verify(folder: path) }

    /// A problem in the first segment, in front of the line of that index.
    func problem(_ fault: AuditFault, before line: Int) throws -> AuditProblem {
        let offset = try lines().prefix(line).reduce(0) { $0 + $1.utf8.count + 1 }
        return AuditProblem(fault, file: "audit.jsonl", offset: offset)
    }
}

func auditEvent(_ number: Int, partner: String? = nil) throws -> AuditEvent {
    let partners = ["p1", "p2", nil]
    let id = try (partner ?? partners[number % 3]).map { try PartnerID($0) }
    return AuditEvent(
        time: Timestamp(milliseconds: 1_700_000_000_000 + Int64(number)), principal: "ann\(number)", partner: id,
        method: "/x.Y/Z", isAllowed: number % 2 == 0, code: Int32(number % 17), revision: UInt64(number),
        customer: number % 4 == 0 ? try CustomerID("c\(number)") : nil, kind: number % 2 == 0 ? .read : .denied)
}

func auditScope(_ partner: String) throws -> PartnerScope {
    let reader = Principal(.partner(try PartnerID(partner), try PrincipalID("r"), RoleSet([.adminAgent])))
    return try #require(try AccessPolicy.authorize(reader, for: .readAudit).scope)
}

@Suite struct AuditTests {
    private let folder: AuditFolder

    init() throws {
        folder = try AuditFolder()
    }

    @Test func intactLog() throws {
        try folder.filled(100)
        #expect(try folder.verify() == AuditReport(intactRecords: 100, segments: 1))
        let reopened = try AuditLog(folder: folder.path)
        try reopened.appendDurably(auditEvent(100))
        try reopened.close()
        #expect(try folder.verify().intactRecords == 101)
        #expect(try folder.verify().problem == nil)
    }

    @Test func emptyAndUnstartedLogs() throws {
        #expect(try folder.verify() == AuditReport(intactRecords: 0))
        try folder.filled(0)
        #expect(try folder.verify().problem == nil)
        try folder.filled(3)
        #expect(try folder.verify().intactRecords == 3)
    }

    @Test func keyAndLogAreForTheOwnerAlone() throws {
        try folder.filled(1)
        for file in [folder.key, folder.log, folder.anchor] {
            let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: folder.key.path)
        #expect(throws: AuditError.badKey(reason: "may be read by others than its owner")) {
            try AuditLog(folder: folder.path)
        }
        try FileManager.default.removeItem(at: folder.key)
        #expect(throws: AuditError.badKey(reason: "is missing")) { try AuditLog(folder: folder.path) }
        #expect(throws: AuditError.badKey(reason: "is missing")) { try folder.verify() }
    }

    @Test func oneProcessAtATime() throws {
        let log = try AuditLog(folder: folder.path)
        #expect(throws: AuditError.inUse) { try AuditLog(folder: folder.path) }
        try log.close()
        #expect(throws: AuditError.closed) { try log.appendDurably(auditEvent(1)) }
    }

    // MARK: Tampering

    @Test func everyEditIsFound() throws {
        try folder.filled(12)
        let good = try Data(contentsOf: folder.log)
        var random = SystemSeeded(state: 17)
        var missed = 0
        for _ in 0..<300 {
            var bad = good
            let place = Int.random(in: 0..<bad.count, using: &random)
            bad[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            try bad.write(to: folder.log)
            let due = UInt64(good[..<place].count { $0 == 0x0A }) + 1
            let report = try folder.verify()
            if report.problem == nil || report.intactRecords != due - 1 { missed += 1 }
        }
        #expect(missed == 0)
    }

    @Test func namesTheEditedRecord() throws {
        try folder.filled(10)
        var lines = try folder.lines()
        lines[6] = lines[6].replacingOccurrences(of: "ann6", with: "bob6")
        try folder.write(lines)
        #expect(try folder.verify().problem == folder.problem(.altered(sequence: 7), before: 6))
        let offset = lines.prefix(6).reduce(0) { $0 + $1.utf8.count + 1 }
        #expect(try folder.complaint() == "audit.jsonl, byte \(offset): record 7 is not what was written")
    }

    @Test func deletionReorderingAndInsertion() throws {
        try folder.filled(10)
        let lines = try folder.lines()
        var changed = lines
        changed.remove(at: 3)
        try folder.write(changed)
        #expect(try folder.verify().problem?.fault == .outOfOrder(expected: 4, found: 5))
        changed = lines
        changed.swapAt(4, 7)
        try folder.write(changed)
        #expect(try folder.verify().problem?.fault == .outOfOrder(expected: 5, found: 8))
        changed = lines
        changed.insert(lines[2], at: 5)
        try folder.write(changed)
        #expect(try folder.verify().problem?.fault == .outOfOrder(expected: 6, found: 3))
        changed = Array(lines.dropFirst())
        try folder.write(changed)
        #expect(try folder.verify().problem?.fault == .outOfOrder(expected: 1, found: 2))
        // Numbered anew, the deletion is found by the codes.
        changed = lines
        changed.remove(at: 3)
        for index in 3..<9 {
            changed[index] = changed[index].replacingOccurrences(
                of: "\"sequence\":\(index + 2),", with: "\"sequence\":\(index + 1),")
        }
        try folder.write(changed)
        #expect(try folder.verify().problem?.fault == .altered(sequence: 4))
    }

    @Test func truncationIsFoundByTheAnchor() throws {
        try folder.filled(10)
        let lines = try folder.lines()
        for kept in [0, 1, 9] {
            try folder.write(Array(lines.prefix(kept)))
            if kept == 0 { try Data().write(to: folder.log) }
            let problem = try folder.problem(
                .truncated(firstMissing: UInt64(kept) + 1, lastWritten: 10), before: kept)
            #expect(try folder.verify().problem == problem)
            #expect(throws: AuditError.altered(problem)) { try AuditLog(folder: folder.path) }
        }
        try FileManager.default.removeItem(at: folder.log)
        #expect(try folder.complaint() == "audit.jsonl, byte 0: the file is missing: records 1 to 10 are gone")
        #expect(throws: AuditError.self) { try AuditLog(folder: folder.path) }
    }

    @Test func spliceFromAnotherLogIsFound() throws {
        let other = try AuditFolder()
        try folder.filled(10)
        try other.filled(10)
        var lines = try folder.lines()
        lines[5] = try other.lines()[5]
        try folder.write(lines)
        #expect(try folder.verify().problem?.fault == .altered(sequence: 6))
        lines = try folder.lines().prefix(5) + other.lines().suffix(5)
        try folder.write(Array(lines))
        #expect(try folder.verify().problem?.fault == .altered(sequence: 6))
        // A whole other log in place of this one.
        try folder.write(other.lines())
        #expect(try folder.verify().problem?.fault == .altered(sequence: 1))
    }

    @Test func anchorIsGuarded() throws {
        try folder.filled(10)
        let good = try Data(contentsOf: folder.anchor)
        for place in good.indices {
            var bad = good
            bad[place] ^= 1
            try bad.write(to: folder.anchor)
            #expect(try folder.verify().problem?.fault == .anchorAltered)
        }
        #expect(throws: AuditError.altered(AuditProblem(.anchorAltered, file: "audit.anchor"))) {
            try AuditLog(folder: folder.path)
        }
        try FileManager.default.removeItem(at: folder.anchor)
        #expect(try folder.verify().problem?.fault == .anchorMissing)
        #expect(throws: AuditError.altered(AuditProblem(.anchorMissing, file: "audit.anchor"))) {
            try AuditLog(folder: folder.path)
        }
    }

    @Test func editBeforeTheAnchorStopsTheStartWhenItShows() throws {
        try folder.filled(10)
        var lines = try folder.lines()
        lines.remove(at: 2)
        try folder.write(lines)
        let problem = try folder.problem(.outOfOrder(expected: 3, found: 4), before: 2)
        #expect(throws: AuditError.altered(problem)) { try AuditLog(folder: folder.path) }
    }

    // MARK: Hostile text

    @Test func textCannotLeaveItsField() throws {
        let hostile = [
            "\"}\n{\"sequence\":99", "\\", "\\\"", "\u{0}\u{1F}", "\u{2028}", "\u{1B}[31m", "é漢🧑‍🚀",
            String(repeating: "\n", count: 100_000), String(repeating: "漢", count: 1_000), "\",\"mac\":\"00\"}",
        ]
        let log = try AuditLog(folder: folder.path)
        for text in hostile {
            var event = try auditEvent(0, partner: "p1")
            event.principal = String(text.prefix(128))
            event.method = text
            log.append(event)
        }
        let page = try log.page(in: auditScope("p1"), limit: 100)
        #expect(page.records.map(\.principal).reversed() == hostile.map { String($0.prefix(128)) })
        for (record, text) in zip(page.records.reversed(), hostile) {
            #expect(record.method.utf8.count <= AuditEvent.maximumMethodBytes)
            #expect(text.unicodeScalars.starts(with: record.method.unicodeScalars))
        }
        try log.close()
        #expect(try folder.verify().intactRecords == UInt64(hostile.count))
        for line in try folder.lines() {
            #expect(try JSONSerialization.jsonObject(with: Data(line.utf8)) is [String: Any])
            #expect(line.utf8.count < AuditLine.maximumBytes)
        }
    }

    @Test func customersAreHashedWithTheKey() throws {
        let other = try AuditFolder()
        var hashes: [String] = []
        for place in [folder, other] {
            let log = try AuditLog(folder: place.path)
            for customer in ["contoso", "fabrikam", "contoso"] {
                var event = try auditEvent(0, partner: "p1")
                event.customer = try CustomerID(customer)
                log.append(event)
            }
            hashes += try log.page(in: auditScope("p1"), limit: 10).records.map(\.customerHash)
            try log.close()
            #expect(try place.lines().allSatisfy { !$0.contains("contoso") && !$0.contains("fabrikam") })
        }
        #expect(hashes[0] == hashes[2])
        #expect(hashes[0] != hashes[1])
        #expect(hashes[0] != hashes[3])
        #expect(hashes.allSatisfy { $0.utf8.count == 64 })
    }
}

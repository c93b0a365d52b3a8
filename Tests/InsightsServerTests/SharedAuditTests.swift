import Datastore
import Foundation
import LicenseModel
import Synchronization
import Tenancy
import Testing

@testable import AuditTrail
@testable import LogLines

/// A store's audit trail with faults in between, and a way to change it behind everybody's back.
private final class FaultyAudit: AuditStore {
    enum Fault: Sendable {
        case lost(written: Bool)
        case failure(DatastoreError)
        /// Another server has the chain.
        case taken
    }

    let inner: any AuditStore
    let next = Mutex<Fault?>(nil)
    /// What reading makes of each row.
    let altered = Mutex<@Sendable (AuditRow) -> AuditRow?>({ $0 })

    init(_ inner: any AuditStore) { self.inner = inner }

    private func faulty(_ write: () throws(DatastoreError) -> Void) throws(DatastoreError) {
        switch next.withLock({ next in
            defer { next = nil }
            return next
        }) {
        case nil: try write()
        case .lost(let written):
            if written { try write() }
            throw .inDoubt("cut")
        case .failure(let failure): throw failure
        case .taken: throw .diverged(at: .none)
        }
    }

    func openChain(
        preferring chain: Int32?, isDoubtful: Bool
    ) throws(DatastoreError) -> OpenedAuditChain {
        try inner.openChain(preferring: chain, isDoubtful: isDoubtful)
    }

    func checkChain() throws(DatastoreError) { try inner.checkChain() }
    func adopt(_ changes: [NotedChange.ID]) throws(DatastoreError) { try inner.adopt(changes) }

    func append(
        _ rows: [AuditRow], ending changes: [NotedChange.ID], requiresNotes: Bool
    ) throws(DatastoreError) {
        try faulty { () throws(DatastoreError) in
            try inner.append(rows, ending: changes, requiresNotes: requiresNotes)
        }
    }

    func note(_ changes: [NotedChange]) throws(DatastoreError) {
        try faulty { () throws(DatastoreError) in try inner.note(changes) }
    }

    func forget(_ changes: [NotedChange.ID]) throws(DatastoreError) { try inner.forget(changes) }

    func ends() throws(DatastoreError) -> [AuditRow] {
        let chains = try inner.ends().map(\.chain)
        var ends: [AuditRow] = []
        for chain in chains { try rows(of: chain, after: 0, limit: .max).last.map { ends.append($0) } }
        return ends
    }

    func rows(of chain: Int32, after sequence: Int64, limit: Int) throws(DatastoreError) -> [AuditRow] {
        let change = altered.withLock { $0 }
        return try inner.rows(of: chain, after: sequence, limit: limit).compactMap(change)
    }

    func rows(of chain: Int32, at sequences: [Int64]) throws(DatastoreError) -> [AuditRow] {
        let change = altered.withLock { $0 }
        return try inner.rows(of: chain, at: sequences).compactMap(change)
    }

    func page(
        in scope: PartnerScope, after place: AuditPlace?, limit: Int
    ) throws(DatastoreError) -> (rows: [AuditRow], total: Int64) {
        try inner.page(in: scope, after: place, limit: limit)
    }

    func abandoned() throws(DatastoreError) -> [NotedChange] { try inner.abandoned() }
    func noted() throws(DatastoreError) -> [NotedChange] { try inner.noted() }
}

/// Chains of several servers in one store.
@Suite struct SharedAuditTests {
    private let key = AuditKey(secret: [UInt8](repeating: 7, count: 32))
    private let first = InMemoryDatastore.shared()
    private let second: InMemoryDatastore
    private static let time: Int64 = 1_700_000_000_000

    init() {
        second = InMemoryDatastore.connected(to: first)
    }

    private func rows(_ store: InMemoryDatastore) throws -> any AuditStore { try #require(store.audit) }

    private func chain(_ rows: any AuditStore) throws -> SharedAuditChain {
        try SharedAuditChain(rows, key: key) { Timestamp(milliseconds: Self.time) }
    }

    private func event(
        _ name: String, at seconds: Int64 = 0, partner: String = "p1", kind: AuditKind = .read
    ) throws -> AuditEvent {
        AuditEvent(
            time: Timestamp(milliseconds: Self.time + seconds * 1_000), principal: name,
            partner: try PartnerID(partner), method: "/x.Y/Z", isAllowed: true, code: 0, revision: 7, kind: kind)
    }

    private func names(_ chain: SharedAuditChain, of partner: String = "p1") throws -> [String] {
        try chain.page(in: auditScope(partner), from: nil, limit: 100).records.map(\.principal)
    }

    private func verify(_ rows: any AuditStore) throws -> SharedAuditReport { try AuditLog.verify(rows, key: key) }

    // MARK: Trails

    @Test func aTrailGoesOverAllChains() throws {
        let (one, other) = (try chain(rows(first)), try chain(rows(second)))
        for number in 0..<6 {
            try (number % 2 == 0 ? one : other).appendDurably(event("e\(number)", at: Int64(number)))
            try one.appendDurably(event("hidden", at: Int64(number), partner: "p2"))
        }
        // Of one moment: the lower chain first, and of it the last.
        for name in ["x", "y"] { try one.appendDurably(event(name, at: 9)) }
        try other.appendDurably(event("z", at: 9))
        let all = ["y", "x", "z"] + (0..<6).reversed().map { "e\($0)" }
        for reader in [one, other] {
            #expect(try names(reader) == all)
            var (paged, cursor): ([String], AuditCursor?) = ([], nil)
            repeat {
                let page = try reader.page(in: auditScope("p1"), from: cursor, limit: 2)
                #expect(page.total == 9 && page.records.count <= 2)
                paged += page.records.map(\.principal)
                cursor = try page.next.map { try #require(AuditCursor(parts: $0.parts)) }
            } while cursor != nil
            #expect(paged == all)
        }
        #expect(try names(one, of: "p3").isEmpty)
        for bad in [AuditCursor(3), AuditCursor(1, 2, 3, 4), AuditCursor(-1, 1, 1), AuditCursor(0, 1 << 40, 1)] {
            #expect(throws: AuditError.badCursor) { try one.page(in: auditScope("p1"), from: bad, limit: 2) }
        }
        #expect(try verify(rows(first)).intactRecords == 15)
    }

    // MARK: What a verification finds

    /// Two chains of five records, which tell of each other.
    private func linked() throws -> FaultyAudit {
        let (one, other) = (try chain(rows(first)), try chain(rows(second)))
        for number in 0..<4 {
            try one.appendDurably(event("a\(number)"))
            try other.appendDurably(event("b\(number)"))
        }
        try one.tendNow()
        try other.tendNow()
        let rows = FaultyAudit(try rows(first))
        let report = try verify(rows)
        #expect(report.problem == nil && report.chains == 2 && report.intactRecords == 10 && report.links == 2)
        return rows
    }

    @Test func changedMissingAndMovedRecordsAreFound() throws {
        let rows = try linked()
        func problem(_ altered: @escaping @Sendable (AuditRow) -> AuditRow?) throws -> AuditFault? {
            rows.altered.withLock { $0 = altered }
            return try verify(rows).problem?.fault
        }
        @Sendable func with(_ row: AuditRow, _ line: [UInt8]? = nil, time: Int64? = nil, partner: PartnerID? = nil)
            -> AuditRow
        {
            AuditRow(
                chain: row.chain, sequence: row.sequence, partner: partner ?? row.partner, time: time ?? row.time,
                line: line ?? row.line)
        }
        @Sendable func isThird(_ row: AuditRow) -> Bool { row.chain == 2 && row.sequence == 3 }
        let edited = try problem { row in
            guard isThird(row) else { return row }
            let text = String(decoding: row.line, as: UTF8.self)
            return with(row, Array(text.replacing("\"code\":0", with: "\"code\":7").utf8))
        }
        #expect(edited == .altered(sequence: 3))
        #expect(try problem { isThird($0) ? nil : $0 } == .outOfOrder(expected: 3, found: 4))
        #expect(try problem { isThird($0) ? with($0, time: 5) : $0 } == .rowAltered(sequence: 3))
        let foreign = try PartnerID("p2")
        #expect(try problem { isThird($0) ? with($0, partner: foreign) : $0 } == .rowAltered(sequence: 3))
        // A whole chain put in another one's place.
        var walk = SharedAuditWalk(chain: 1, key: key)
        let row = try #require(try rows.inner.rows(of: 2, after: 0, limit: 1).first)
        let moved = AuditRow(
            chain: 1, sequence: row.sequence, partner: row.partner, time: row.time, line: row.line)
        #expect(throws: AuditError.altered(AuditProblem(.altered(sequence: 1), chain: 1))) { try walk.next(moved) }
        // Cut off at the end: the chain itself is as it was written, but another tells of more.
        #expect(
            try problem { $0.chain == 1 && $0.sequence > 3 ? nil : $0 }
                == .linkBroken(sequence: 5, by: "audit chain 2"))
        #expect(try problem { $0.chain == 1 ? nil : $0 } == .linkBroken(sequence: 5, by: "audit chain 2"))
        #expect(try problem { $0 } == nil)
        #expect(try AuditLog.verify(rows, key: AuditKey(secret: [UInt8](repeating: 8, count: 32))).problem != nil)
    }

    @Test func serversWithNothingToDoDoNotTellOfEachOther() throws {
        let (one, other) = (try chain(rows(first)), try chain(rows(second)))
        try one.appendDurably(event("a"))
        for _ in 0..<5 {
            try one.tendNow()
            try other.tendNow()
        }
        #expect(one.status.records == 1 && other.status.records == 1)
        try one.appendDurably(event("b"))
        for _ in 0..<5 {
            try one.tendNow()
            try other.tendNow()
        }
        #expect(one.status.records == 2 && other.status.records == 2)
    }

    /// Not the end that a server left.
    @Test func aChainWhoseEndIsAlteredIsNotGoneOnWith() throws {
        try chain(rows(first)).appendDurably(event("a"))
        try first.close()
        #expect(throws: AuditError.self) {
            try SharedAuditChain(rows(second), key: AuditKey(secret: [UInt8](repeating: 8, count: 32))) {
                Timestamp(milliseconds: 0)
            }
        }
    }

    // MARK: Faults

    @Test(arguments: [true, false]) func aWriteInDoubtIsThereOnce(_ written: Bool) throws {
        let faulty = FaultyAudit(try rows(first))
        let log = try chain(faulty)
        try log.appendDurably(event("before"))
        #expect(log.enqueue(try event("waits")))
        faulty.next.withLock { $0 = .lost(written: written) }
        #expect(throws: AuditError.self) { try log.appendDurably(event("doubtful")) }
        #expect(!log.isWritable && log.status.failure != nil)
        try log.appendDurably(event("after"))
        #expect(log.isWritable && log.status.waiting == 0)
        // Who was told that nothing is on record is not, where that can be helped.
        let kept = written ? ["after", "doubtful", "waits", "before"] : ["after", "waits", "before"]
        #expect(try names(log) == kept)
        #expect(try verify(faulty).problem == nil)
    }

    @Test(arguments: [true, false]) func theRecordOfAChangeInDoubtFollows(_ written: Bool) throws {
        let faulty = FaultyAudit(try rows(first))
        let log = try chain(faulty)
        let change = try #require(try log.begin([event("c", kind: .change)]).first)
        faulty.next.withLock { $0 = .lost(written: written) }
        #expect(throws: AuditError.self) { try log.end([change]) }
        #expect(log.status.changesUnderWay == 1)
        log.tryAgain()
        #expect(log.isWritable && log.status.changesUnderWay == 0)
        #expect(try names(log) == ["c"])
        #expect(try faulty.noted().isEmpty)
    }

    @Test func aFullStoreIsToldAndForgotten() throws {
        let faulty = FaultyAudit(try rows(first))
        let log = try chain(faulty)
        faulty.next.withLock { $0 = .failure(.full) }
        #expect(throws: AuditError.full) { try log.appendDurably(event("a")) }
        #expect(log.status.failure == .full)
        faulty.next.withLock { $0 = .failure(.full) }
        #expect(throws: AuditError.full) { try log.begin([event("b", kind: .change)]) }
        #expect(log.status.changesUnderWay == 0)
        log.tryAgain()
        #expect(log.status.failure == nil)
        try log.appendDurably(event("c"))
        #expect(try names(log) == ["c"])
    }

    /// As when a connection was lost and somebody else has the number since.
    @Test func whoLosesItsChainGoesOnInAnother() throws {
        let faulty = FaultyAudit(try rows(first))
        let log = try chain(faulty)
        try log.appendDurably(event("a"))
        first.loseAuditChain()
        let other = try chain(rows(second))
        try other.appendDurably(event("b"))
        try log.appendDurably(event("c"))
        #expect(Set(try rows(first).ends().map(\.chain)) == [1, 2])
        first.loseAuditChain()
        let change = try #require(try log.begin([event("d", kind: .change)]).first)
        try log.end([change])
        #expect(Set(try names(log)) == ["a", "b", "c", "d"])
        #expect(try verify(rows(first)).intactRecords == 4)
        #expect(try rows(first).noted().isEmpty)
    }

    /// The old session may still be about to commit: no other chain is begun, or the record could be there twice.
    @Test func nothingIsWrittenElsewhereWhileAWriteIsInDoubt() throws {
        let faulty = FaultyAudit(try rows(first))
        let log = try chain(faulty)
        faulty.next.withLock { $0 = .lost(written: true) }
        #expect(throws: AuditError.self) { try log.appendDurably(event("doubtful")) }
        first.loseAuditChain(lingers: true)
        for _ in 0..<3 { #expect(throws: AuditError.self) { try log.appendDurably(event("more")) } }
        #expect(try rows(second).ends().map(\.chain) == [1])
        first.endAuditSession()
        try log.appendDurably(event("after"))
        #expect(Set(try names(log)) == ["doubtful", "after"])
        #expect(try rows(second).ends().map(\.chain) == [1])
    }

    /// As after a failover, at which all chains are free and another server takes the number: the old session is over.
    @Test(arguments: [true, false]) func whoeverHasTheChainByNowEndsTheDoubt(_ written: Bool) throws {
        let faulty = FaultyAudit(try rows(first))
        let log = try chain(faulty)
        faulty.next.withLock { $0 = .lost(written: written) }
        let change = try? log.begin([event("noted", kind: .change)])
        #expect(change == nil)
        faulty.next.withLock { $0 = nil }
        try log.appendDurably(event("before"))
        faulty.next.withLock { $0 = .lost(written: written) }
        #expect(throws: AuditError.self) { try log.appendDurably(event("doubtful")) }
        first.loseAuditChain()
        let other = try chain(rows(second))
        try other.appendDurably(event("other"))
        try log.appendDurably(event("after"))
        #expect(try rows(second).ends().map(\.chain) == [1, 2])
        // What was noted though its caller was told that it was not is on record as unknown.
        let noted: Set = written ? ["noted", "doubtful"] : []
        #expect(Set(try names(log)) == noted.union(["before", "other", "after"]))
        #expect(try names(log).count == noted.count + 3)
        #expect(try verify(rows(first)).problem == nil)
    }

    /// Its stream goes on while the primary is started again, or another server has the chain.
    @Test func aChangeUnderWayMovesAlongWithItsServer() throws {
        let log = try chain(rows(first))
        let change = try #require(try log.begin([event("stream", kind: .change)]).first)
        first.loseAuditChain()
        // Another one holds the number, but has not looked at what is noted.
        _ = try rows(second).openChain(preferring: 1, isDoubtful: false)
        try log.tendNow()
        #expect(try rows(first).noted().map(\.id.chain) == [2])
        for _ in 0..<3 { try log.tendNow() }
        #expect(try names(log).isEmpty)
        try log.end([change])
        #expect(try names(log) == ["stream"])
        #expect(try rows(first).noted().isEmpty)
    }

    // MARK: Changes of servers that are gone

    @Test func whatWasLeftBehindIsOnRecordAsUnknown() throws {
        let gone = try chain(rows(first))
        let changes = try gone.begin([event("made", kind: .change), event("left", kind: .change)])
        try gone.end([changes[0]])
        #expect(try verify(rows(second)).pendingChanges == 1)
        // The next one on the chain finds it.
        try first.close()
        let next = try chain(rows(second))
        let records = try next.page(in: auditScope("p1"), from: nil, limit: 9).records
        #expect(Set(records.map(\.principal)) == ["made", "left"])
        #expect(records.first { $0.principal == "left" }?.code == 2)
        #expect(try verify(rows(second)).pendingChanges == 0)
        #expect(try rows(second).ends().map(\.chain) == [1])
    }

    @Test func whoeverSeesThatAServerIsGonePutsItsChangesOnRecord() throws {
        let gone = try chain(rows(first))
        let other = try chain(rows(second))
        _ = try gone.begin([event("left", kind: .change)])
        for _ in 0..<3 { try other.tendNow() }
        #expect(try names(other).isEmpty, "it lives")
        try first.close()
        try other.tendNow()
        #expect(try names(other).isEmpty, "its connection may have ended for a moment")
        try other.tendNow()
        #expect(try names(other) == ["left"])
        try other.tendNow()
        #expect(try names(other) == ["left"])
        #expect(try verify(rows(second)).pendingChanges == 0)
    }

    @Test func whatIsForgottenHasNoRecord() throws {
        let log = try chain(rows(first))
        let changes = try log.begin([event("refused", kind: .change)])
        log.forget(changes)
        #expect(log.status.changesUnderWay == 0)
        #expect(try verify(rows(first)).pendingChanges == 0)
        try log.close()
        #expect(throws: AuditError.closed) { try log.appendDurably(event("late")) }
    }

    /// Through the log with its thread: what is not waited for is written too.
    @Test func theLogWritesWhatWaits() throws {
        let log = try AuditLog(rows(first), key: key) { Timestamp(milliseconds: Self.time) }
        #expect(log.append(try event("soon")))
        let end = ContinuousClock.now + .seconds(20)
        while log.status.records < 1, .now < end { Thread.sleep(forTimeInterval: 0.01) }
        #expect(log.status.records == 1)
        try log.close()
    }
}

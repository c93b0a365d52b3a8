import Cryptography
import DurableFiles
import LogLines
import Synchronization
import Tenancy

/// The chain in files of the data folder. Those of its methods that write block for the disk.
final class FileAuditChain: AuditChain {
    /// Time by which the anchor may follow the log.
    private static let anchorInterval = Duration.seconds(1)

    private struct Writer {
        var storage: any AuditStorage
        var state: AuditChainState
        var segments: [AuditSegmentPlace]
        /// Bytes of the last segment.
        var size: Int
        var trails: [String: PartnerTrail]
        /// The last turn of the queue that was written, and that is durable.
        var written: UInt64 = 0
        var durable: UInt64 = 0
        var isSynced = true
        /// Changes whose records were written and are not durable yet.
        var endedChanges: [String] = []
        /// After a failed `fsync` the kernel may have dropped what it could not write: nothing is promised any more.
        var isBroken = false
        var isClosed = false
        var anchored: AuditAnchor
        var anchoredAt: ContinuousClock.Instant?
        var failure: AuditError?

        var live: AuditSegmentPlace { segments.last ?? AuditSegmentPlace(number: 1, base: 0) }
    }

    private let start: AuditStart
    private let queue: AuditQueue
    private let journal: AuditJournal
    private let writer: Mutex<Writer>
    /// `status.failure != nil`, for those who ask on every call.
    private let isFailing = Atomic(false)

    init(_ start: AuditStart) throws(AuditError) {
        self.start = start
        queue = AuditQueue(limit: start.maximumWaiting)
        writer = Mutex(
            Writer(
                storage: start.storage, state: start.state, segments: start.segments, size: start.size,
                trails: start.trails, anchored: start.anchored))
        journal = try AuditJournal(start.paths.journal, key: start.key, wrap: start.wrap)
        for record in start.recovered { _ = queue.add(record, isAwaited: true) }
        // What the last server left unfinished is on record before its journal is emptied.
        if !start.recovered.isEmpty { try flush() }
        try journal.empty()
    }

    // MARK: Writing

    /// Takes an event to be written soon. False when it cannot be kept; it is counted as lost.
    func enqueue(_ event: AuditEvent) -> Bool {
        queue.add(event.record(key: start.key), isAwaited: false) != nil
    }

    /// Writes what waits and `event`, and waits until it is durable. Whoever comes while another writes finds its own
    /// event written by the next, so that many share one `fsync`. An event that cannot be written is withdrawn.
    func appendDurably(_ event: AuditEvent) throws(AuditError) {
        guard let turn = queue.add(event.record(key: start.key), isAwaited: true) else { throw .broken }
        do throws(AuditError) {
            try locked { (writer) throws(AuditError) in
                if writer.durable < turn { try self.writeDurably(&writer) }
            }
        } catch {
            queue.withdraw(turn)
            throw error
        }
    }

    /// Writes what waits. While the disk refuses, the anchor is written too, to find out when it no longer does.
    func flush() throws(AuditError) {
        try locked { (writer) throws(AuditError) in
            try self.writeDurably(&writer)
            if writer.failure != nil { try self.anchor(&writer, atOnce: true) }
        }
    }

    /// After a failure: finds out whether records and changes can be written now.
    func tryAgain() {
        guard status.failure != nil else { return }
        try? flush()
        journal.tryAgain()
    }

    /// Notes changes that are about to be made. Throws when none of them may be made.
    func begin(_ events: [AuditEvent]) throws(AuditError) -> [AuditChange] {
        if isFailing.load(ordering: .relaxed) { try flush() }
        let sequence = try locked { (writer) throws(AuditError) in writer.state.sequence }
        return try journal.begin(events, after: sequence)
    }

    /// Puts changes on record. Should that fail, the records wait until the disk takes them, and the journal keeps the
    /// changes.
    func end(_ changes: [AuditChange]) throws(AuditError) {
        guard !changes.isEmpty else { return }
        for change in changes {
            _ = queue.add(change.event.record(key: start.key, change: change.id), isAwaited: true)
        }
        try locked { (writer) throws(AuditError) in try self.writeDurably(&writer) }
    }

    /// Forgets changes that were noted and not made.
    func forget(_ changes: [AuditChange]) { journal.end(changes.map(\.id)) }

    /// Writes everything, brings the anchor up to date and refuses every later event.
    func close() throws(AuditError) {
        try locked { (writer) throws(AuditError) in
            if writer.isClosed { return }
            try self.writeDurably(&writer)
            try self.anchor(&writer, atOnce: true)
            writer.isClosed = true
            self.start.lock.unlock()
        }
    }

    private func locked<Value: Sendable>(
        _ body: (inout Writer) throws(AuditError) -> Value
    ) throws(AuditError) -> Value {
        try writer.withLock { (writer) throws(AuditError) -> Value in
            if writer.isClosed { throw .closed }
            if writer.isBroken { throw .broken }
            defer { isFailing.store(writer.failure != nil || writer.isBroken, ordering: .relaxed) }
            do throws(AuditError) {
                return try body(&writer)
            } catch {
                writer.failure = error
                throw error
            }
        }
    }

    private func writeDurably(_ writer: inout Writer) throws(AuditError) {
        try write(&writer)
        try sync(&writer)
        // An anchor that cannot be written takes nothing from the records' durability; it is tried again.
        do throws(AuditError) { try anchor(&writer, atOnce: false) } catch { writer.failure = error }
    }

    /// Appends what waits to the file, all or none of it.
    private func write(_ writer: inout Writer) throws(AuditError) {
        let batch = queue.take()
        guard !batch.waiting.isEmpty || batch.lost > 0 else { return }
        if writer.size >= start.segmentBytes {
            // Without room for a new segment the old one goes on growing.
            do throws(AuditError) { try rotate(&writer) } catch { if writer.isBroken { queue.giveBack(batch) } }
            if writer.isBroken { throw .broken }
        }
        var records = batch.waiting.map(\.record)
        if batch.lost > 0 { records.append(.lost(batch.lost, like: records.last)) }
        var state = writer.state
        var trails: [String: PartnerTrail] = [:]
        var bytes: [UInt8] = []
        for var record in records {
            record.sequence = state.sequence &+ 1
            let trail = trails[record.partner] ?? writer.trails[record.partner] ?? PartnerTrail()
            let body = AuditLine.body(of: record, before: record.partner.isEmpty ? -1 : trail.last)
            state = AuditChainState(sequence: record.sequence, mac: start.key.chain(previous: state.mac, body: body))
            if !record.partner.isEmpty {
                let place = Int64(writer.live.base + writer.size + bytes.count)
                trails[record.partner] = PartnerTrail(last: place, count: trail.count &+ 1)
            }
            bytes += AuditLine.line(body: body, mac: state.mac)
        }
        do throws(AuditError) {
            try writer.storage.append(bytes)
        } catch {
            queue.giveBack(batch)
            // Part of a line may be in the file. When it cannot be taken out again, nothing may follow it.
            do throws(AuditError) { try writer.storage.truncate(to: writer.size) } catch { writer.isBroken = true }
            throw error
        }
        writer.state = state
        writer.size += bytes.count
        writer.trails.merge(trails) { $1 }
        writer.written = batch.waiting.last?.turn ?? writer.written
        writer.endedChanges += records.map(\.change).filter { !$0.isEmpty }
        writer.isSynced = false
        writer.failure = nil
    }

    private func sync(_ writer: inout Writer) throws(AuditError) {
        guard !writer.isSynced else { return }
        do throws(AuditError) {
            try writer.storage.sync()
        } catch {
            writer.isBroken = true
            throw error
        }
        writer.isSynced = true
        writer.durable = writer.written
        journal.end(writer.endedChanges)
        writer.endedChanges = []
    }

    private func anchor(_ writer: inout Writer, atOnce: Bool) throws(AuditError) {
        let anchor = AuditAnchor(state: writer.state, segment: writer.live.number, size: writer.size)
        guard writer.isSynced, writer.anchored != anchor || writer.failure != nil else { return }
        let now = ContinuousClock.now
        if !atOnce, let last = writer.anchoredAt, now - last < Self.anchorInterval { return }
        try AuditFile.replace(start.paths.anchor, with: anchor.text(start.key))
        writer.anchored = anchor
        writer.anchoredAt = now
        writer.failure = nil
    }

    /// Whether records are in the file that the anchor does not cover yet.
    var isBehind: Bool {
        writer.withLock { !$0.isBroken && !$0.isClosed && $0.anchored.state != $0.state }
    }

    /// Begins a new segment. The old one is durable and anchored first, so that nothing of it can go unnoticed.
    private func rotate(_ writer: inout Writer) throws(AuditError) {
        try sync(&writer)
        try anchor(&writer, atOnce: true)
        let number = writer.live.number + 1
        let base = writer.live.base + writer.size
        let path = start.paths.segment(number)
        let head = AuditSegmentHead.lines(
            number: number, previous: writer.state, base: base, trails: writer.trails, key: start.key)
        let next: any AuditStorage
        do throws(AuditError) {
            next = start.wrap(try AuditFile.create(path))
            try next.append(head.bytes)
            try next.sync()
            try AuditFile.syncFolder(of: path)
        } catch {
            // A head that stays while the old segment goes on would contradict it.
            do throws(AuditError) { try AuditFile.remove(path) } catch { writer.isBroken = true }
            throw error
        }
        writer.storage = next
        writer.segments.append(AuditSegmentPlace(number: number, base: base))
        writer.state.mac = head.mac
        writer.size = head.bytes.count
    }

    // MARK: Reading

    /// Whether the last attempt to write succeeded. Costs one atomic load.
    var isWritable: Bool { !isFailing.load(ordering: .relaxed) }

    var status: AuditStatus {
        let (waiting, lost) = queue.counts
        let (underWay, notNoted) = journal.status
        return writer.withLock { writer in
            AuditStatus(
                records: writer.state.sequence, head: Hex.text(of: writer.state.mac), segments: writer.segments.count,
                bytes: writer.live.base + writer.size - (writer.segments.first?.base ?? 0), waiting: waiting,
                lost: lost, changesUnderWay: underWay, failure: writer.isBroken ? .broken : writer.failure ?? notNoted)
        }
    }

    /// The partner's trail, with everything that waits written (though not made durable) first.
    func trail(of partner: PartnerID) -> PartnerTrail {
        // A disk that refuses to write still reads.
        try? locked { (writer) throws(AuditError) in try self.write(&writer) }
        return writer.withLock { $0.trails[partner.text] ?? PartnerTrail() }
    }

    /// The segment with a place of the log, to read; nil when it was moved away.
    func segment(at place: Int64) throws(AuditError) -> (storage: any AuditStorage, base: Int)? {
        let (live, segments) = writer.withLock { ($0.storage, $0.segments) }
        guard let index = segments.lastIndex(where: { Int64($0.base) <= place }) else { return nil }
        if index == segments.count - 1 { return (live, segments[index].base) }
        guard let file = try AuditFile.openExisting(start.paths.segment(segments[index].number)) else { return nil }
        return (file, segments[index].base)
    }
}

extension AuditRecord {
    /// Written by the log itself.
    static func own(
        _ kind: AuditKind, count: UInt64 = 1, time: Timestamp, revision: UInt64 = 0
    ) -> AuditRecord {
        AuditRecord(
            sequence: 0, time: time, principal: "", isOperator: false, partner: "", method: "",
            isAllowed: kind == .recovered, code: 0, revision: revision, customerHash: "", kind: kind.rawValue,
            count: count, change: "")
    }

    static func lost(_ count: UInt64, like last: AuditRecord?) -> AuditRecord {
        own(.lost, count: count, time: last?.time ?? .now(), revision: last?.revision ?? 0)
    }
}

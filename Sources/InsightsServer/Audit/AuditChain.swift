import Synchronization
import Tenancy

/// Where the files of a log are.
struct AuditPaths: Sendable {
    let log: String
    let key: String
    let anchor: String

    init(folder: String) {
        log = folder + "/audit.jsonl"
        key = folder + "/audit.key"
        anchor = folder + "/audit.anchor"
    }

    /// Where records go that a crash damaged.
    func damaged(from sequence: UInt64) -> String { "\(log).damaged-\(sequence)" }
}

/// How well the log does, for health and metrics.
public struct AuditStatus: Sendable, Hashable {
    /// Records in the file.
    public var records: UInt64
    /// The last record's code in hex: with `records`, an anchor to keep elsewhere.
    public var head: String
    /// Events that wait to be written.
    public var waiting: Int
    /// Events that could not be kept and whose number is not on record yet.
    public var lost: UInt64
    /// Why the last attempt to write failed; nil when it did not.
    public var failure: AuditError?
}

/// The chain and its file. Every method may be called from any thread; those that write block for the disk.
final class AuditChain: Sendable {
    /// Seconds by which the anchor may follow the log.
    private static let anchorInterval = Duration.seconds(1)

    private struct Queue {
        var events: [AuditEvent] = []
        var lost: UInt64 = 0
    }

    /// The records of one partner: where its last one is, and how many there are.
    struct Trail: Sendable, Hashable {
        var last: Int64 = -1
        var count: UInt64 = 0
    }

    private struct Writer {
        var chain: AuditChainState
        var size: Int
        var trails: [PartnerID: Trail]
        var isSynced = true
        /// After a failed `fsync` the kernel may have dropped what it could not write: nothing is promised any more.
        var isBroken = false
        var isClosed = false
        var anchored: UInt64
        var anchoredAt: ContinuousClock.Instant?
        var failure: AuditError?
    }

    private let storage: any AuditStorage
    private let key: AuditKey
    private let anchorPath: String
    private let maximumWaiting: Int
    private let queue = Mutex(Queue())
    private let writer: Mutex<Writer>

    init(_ start: AuditStart) {
        storage = start.storage
        key = start.key
        anchorPath = start.anchorPath
        maximumWaiting = start.maximumWaiting
        writer = Mutex(
            Writer(chain: start.chain, size: start.size, trails: start.trails, anchored: start.chain.sequence))
    }

    // MARK: Writing

    /// Takes an event to be written soon. False when it cannot be kept; it is counted as lost.
    func enqueue(_ event: AuditEvent) -> (kept: Bool, isFirst: Bool) {
        queue.withLock { queue in
            guard queue.events.count < maximumWaiting else {
                queue.lost &+= 1
                return (false, false)
            }
            queue.events.append(event)
            return (true, queue.events.count == 1)
        }
    }

    /// Writes what waits, then `event`; durable on return.
    func appendDurably(_ event: AuditEvent?) throws(AuditError) {
        try locked { (writer) throws(AuditError) in
            try self.write(event, to: &writer)
            try self.sync(&writer)
            // An anchor that cannot be written takes nothing from the record's durability; it is tried again.
            do throws(AuditError) { try self.anchor(&writer, atOnce: false) } catch { writer.failure = error }
        }
    }

    /// Writes everything, brings the anchor up to date and refuses every later event.
    func close() throws(AuditError) {
        try locked { (writer) throws(AuditError) in
            if writer.isClosed { return }
            try self.write(nil, to: &writer)
            try self.sync(&writer)
            try self.anchor(&writer, atOnce: true)
            writer.isClosed = true
            self.storage.unlock()
        }
    }

    private func locked<Value: Sendable>(
        _ body: (inout Writer) throws(AuditError) -> Value
    ) throws(AuditError) -> Value {
        try writer.withLock { (writer) throws(AuditError) -> Value in
            if writer.isClosed { throw .closed }
            if writer.isBroken { throw .broken }
            do throws(AuditError) {
                let value = try body(&writer)
                return value
            } catch {
                writer.failure = error
                throw error
            }
        }
    }

    /// Appends the waiting events and `event` to the file, all or none of them.
    private func write(_ event: AuditEvent?, to writer: inout Writer) throws(AuditError) {
        let waiting = queue.withLock { queue in
            defer { queue = Queue() }
            return queue
        }
        var events = waiting.events
        if waiting.lost > 0 { events.append(Self.lossRecord(waiting.lost, like: waiting.events.last)) }
        if let event { events.append(event) }
        guard !events.isEmpty else { return }
        var chain = writer.chain
        var trails: [PartnerID: Trail] = [:]
        var bytes: [UInt8] = []
        for event in events {
            var trail = event.partner.map { trails[$0] ?? writer.trails[$0] ?? Trail() } ?? Trail()
            let record = event.record(sequence: chain.sequence &+ 1, key: key)
            let body = AuditLine.body(of: record, before: trail.last)
            chain = AuditChainState(sequence: record.sequence, mac: key.chain(previous: chain.mac, body: body))
            trail = Trail(last: Int64(writer.size + bytes.count), count: trail.count &+ 1)
            if let partner = event.partner { trails[partner] = trail }
            bytes += AuditLine.line(body: body, mac: chain.mac)
        }
        do throws(AuditError) {
            try storage.append(bytes)
        } catch {
            giveBack(waiting)
            // Part of a line may be in the file. When it cannot be taken out again, nothing may follow it.
            do throws(AuditError) { try storage.truncate(to: writer.size) } catch { writer.isBroken = true }
            throw error
        }
        writer.chain = chain
        writer.size += bytes.count
        writer.trails.merge(trails) { $1 }
        writer.isSynced = false
        writer.failure = nil
    }

    private func sync(_ writer: inout Writer) throws(AuditError) {
        guard !writer.isSynced else { return }
        do throws(AuditError) {
            try storage.sync()
            writer.isSynced = true
        } catch {
            writer.isBroken = true
            throw error
        }
    }

    private func anchor(_ writer: inout Writer, atOnce: Bool) throws(AuditError) {
        guard writer.isSynced, writer.anchored < writer.chain.sequence else { return }
        let now = ContinuousClock.now
        if !atOnce, let last = writer.anchoredAt, now - last < Self.anchorInterval { return }
        let anchor = AuditAnchor(sequence: writer.chain.sequence, size: writer.size, mac: writer.chain.mac)
        try AuditFile.replace(anchorPath, with: anchor.text(key))
        writer.anchored = anchor.sequence
        writer.anchoredAt = now
    }

    /// Whether records are in the file that the anchor does not cover yet.
    var isAnchorBehind: Bool {
        writer.withLock { !$0.isBroken && !$0.isClosed && $0.anchored < $0.chain.sequence }
    }

    private func giveBack(_ waiting: Queue) {
        queue.withLock { queue in
            let room = max(0, maximumWaiting - waiting.events.count)
            queue.lost &+= waiting.lost &+ UInt64(max(0, queue.events.count - room))
            queue.events = waiting.events + queue.events.prefix(room)
        }
    }

    private static func lossRecord(_ lost: UInt64, like last: AuditEvent?) -> AuditEvent {
        var event = AuditEvent(
            time: last?.time ?? .now(), principal: "", partner: nil, method: "", isAllowed: false, code: 0,
            revision: last?.revision ?? 0, kind: .lost)
        event.count = lost
        return event
    }

    // MARK: Reading

    var status: AuditStatus {
        let (waiting, lost) = queue.withLock { ($0.events.count, $0.lost) }
        return writer.withLock { writer in
            AuditStatus(
                records: writer.chain.sequence, head: Hex.text(of: writer.chain.mac), waiting: waiting, lost: lost,
                failure: writer.isBroken ? .broken : writer.failure)
        }
    }

    /// The partner's trail, with everything that waits written (though not made durable) first.
    func trail(of partner: PartnerID) -> Trail {
        // A disk that refuses to write still reads.
        try? locked { (writer) throws(AuditError) in try self.write(nil, to: &writer) }
        return writer.withLock { $0.trails[partner] ?? Trail() }
    }

    func read(at offset: Int, count: Int) throws(AuditError) -> [UInt8] {
        try storage.read(at: offset, count: count)
    }
}

extension AuditEvent {
    func record(sequence: UInt64, key: AuditKey) -> AuditRecord {
        AuditRecord(
            sequence: sequence, time: time, principal: principal, partner: partner?.text ?? "",
            method: String(method.prefixOf(utf8Bytes: Self.maximumMethodBytes)), isAllowed: isAllowed, code: code,
            revision: revision, customerHash: customer.map { key.hash(customer: $0.text) } ?? "",
            kind: kind.rawValue, count: count)
    }
}

extension String {
    /// As many whole scalars as fit.
    fileprivate func prefixOf(utf8Bytes limit: Int) -> Substring.UnicodeScalarView {
        guard utf8.count > limit else { return unicodeScalars[...] }
        var end = utf8.index(utf8.startIndex, offsetBy: limit)
        while end > startIndex, end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return unicodeScalars[..<end]
    }
}

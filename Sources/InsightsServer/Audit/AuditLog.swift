import Foundation
import Synchronization
import Tenancy

/// Where to go on reading: nothing but this log makes sense of it.
public struct AuditCursor: Sendable, Hashable {
    /// File offset of the next record to show.
    public let offset: Int64

    public init(offset: Int64) {
        self.offset = offset
    }
}

/// One page of a partner's trail, newest first.
public struct AuditPage: Sendable, Hashable {
    public var records: [AuditRecord]
    /// Nil when there are no older records.
    public var next: AuditCursor?
    /// Records of the partner in all.
    public var total: UInt64
}

/// The audit log of a server: `audit.jsonl` in the data folder, a chain of records in which none can be changed,
/// taken out or moved without the key in `audit.key`.
///
/// Calls that change something are put on record durably before they are answered; reads and refusals are written
/// within a tenth of a second by a thread of the log's own. One process at a time has a log open.
public final class AuditLog: Sendable {
    /// Time that events are gathered for one write and one `fsync`.
    private static let gatherTime = DispatchTimeInterval.milliseconds(100)
    /// Time between attempts while the disk refuses.
    private static let retryTime = DispatchTimeInterval.seconds(1)
    /// Most records on a page.
    public static let maximumPageSize = 1_000

    private let chain: AuditChain
    private let flusher: Flusher

    /// Opens the log of a data folder, or starts one.
    ///
    /// Throws `.altered` when the log or its anchor is not as this server left it; the server must not start then.
    public convenience init(folder: String) throws(AuditError) {
        try self.init(AuditStart.open(folder: folder))
    }

    init(_ start: AuditStart) throws(AuditError) {
        chain = AuditChain(start)
        if start.cutBytes > 0 {
            try chain.appendDurably(
                AuditEvent(
                    time: .now(), principal: "", partner: nil, method: "", isAllowed: true, code: 0, revision: 0,
                    kind: .recovered))
        }
        flusher = Flusher(chain)
    }

    deinit {
        flusher.stop()
    }

    /// Puts an event on record soon, without waiting for the disk. False when too many are waiting already, as while
    /// the disk refuses; the number of such events is put on record once it no longer does.
    @discardableResult
    public func append(_ event: AuditEvent) -> Bool {
        let (kept, isFirst) = chain.enqueue(event)
        if isFirst { flusher.wake() }
        return kept
    }

    /// Puts an event on record, after all that were appended before, and waits until it is durable.
    ///
    /// Throws when it cannot be written: what it tells of must then not be done.
    public func appendDurably(_ event: AuditEvent) throws(AuditError) {
        try chain.appendDurably(event)
    }

    /// Writes everything that waits, durably.
    public func flush() throws(AuditError) {
        try chain.appendDurably(nil)
    }

    /// Writes everything, brings the anchor up to date and lets another process open the log.
    /// Later events are refused; reading goes on.
    public func close() throws(AuditError) {
        flusher.stop()
        try chain.close()
    }

    public var status: AuditStatus { chain.status }

    /// A page of the scope's partner, newest first.
    ///
    /// - Parameters:
    ///   - cursor: `next` of the page before; nil for the newest.
    ///   - limit: at least 1; more than `maximumPageSize` counts as that.
    public func page(
        in scope: PartnerScope, from cursor: AuditCursor? = nil, limit: Int
    ) throws(AuditError) -> AuditPage {
        let trail = chain.trail(of: scope.partner)
        var page = AuditPage(records: [], next: nil, total: trail.count)
        var window = Window(chain: chain)
        var offset = cursor?.offset ?? trail.last
        if cursor != nil, offset < 0 || offset > trail.last { throw .badCursor }
        while offset >= 0, page.records.count < min(max(limit, 1), Self.maximumPageSize) {
            guard let line = try window.line(at: offset), line.record.partner == scope.partner.text,
                line.before < offset
            else { throw .badCursor }
            page.records.append(line.record)
            offset = line.before
        }
        if offset >= 0 { page.next = AuditCursor(offset: offset) }
        return page
    }

    /// A piece of the file, so that neighbors are read with one call.
    private struct Window {
        private static let bytes = 65_536
        let chain: AuditChain
        private var start = 0
        private var buffer: [UInt8] = []

        init(chain: AuditChain) {
            self.chain = chain
        }

        /// The record that starts at `offset`; nil when none starts there.
        mutating func line(at offset: Int64) throws(AuditError) -> AuditLine? {
            guard let offset = Int(exactly: offset) else { return nil }
            // The byte before tells whether a line starts here.
            let first = max(0, offset - 1)
            if first < start || offset + AuditLine.maximumBytes > start + buffer.count {
                // Records are read from the newest to the oldest: most of the window lies before this one.
                start = max(0, offset + AuditLine.maximumBytes - Self.bytes)
                buffer = try chain.read(at: start, count: Self.bytes)
            }
            guard first - start < buffer.count else { return nil }
            guard offset == 0 || buffer[first - start] == UInt8(ascii: "\n") else { return nil }
            guard let end = buffer[(offset - start)...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
            return AuditLine(buffer[(offset - start)..<end])
        }
    }

    /// The thread that writes what was appended without waiting.
    private final class Flusher: Sendable {
        private let work = DispatchSemaphore(value: 0)
        private let end = DispatchSemaphore(value: 0)
        private let isStopped = Atomic(false)

        init(_ chain: AuditChain) {
            let (work, end) = (work, end)
            Thread.detachNewThread {
                var hasWork = false
                while true {
                    if !hasWork { work.wait() }
                    // Woken early only to stop.
                    if end.wait(timeout: .now() + gatherTime) == .success { return }
                    do throws(AuditError) {
                        try chain.appendDurably(nil)
                        // Comes back once more when the anchor has to follow.
                        hasWork = chain.isAnchorBehind
                    } catch .closed {
                        return
                    } catch .broken {
                        return
                    } catch {
                        hasWork = true
                        if end.wait(timeout: .now() + retryTime) == .success { return }
                    }
                }
            }
        }

        func wake() { work.signal() }

        func stop() {
            guard !isStopped.exchange(true, ordering: .relaxed) else { return }
            end.signal()
            work.signal()
        }
    }
}

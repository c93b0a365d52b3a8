import Datastore
import Foundation
import LogLines
import Synchronization
import Tenancy

/// The audit log of a server: one chain of records in which none can be changed, taken out or moved without the key in
/// `audit.key`. In files of the data folder (segments `audit.jsonl`, `audit-000002.jsonl`, …), or in the store, where
/// several servers share it and each has a chain of its own.
///
/// A change has one record, written when its outcome is known; before it is made it is noted in `audit.pending`, so
/// that a crash in between leaves a record too, with code UNKNOWN. Reads of named users are on record before they are
/// answered. Refusals are written within a tenth of a second by a thread of the log's own. One process at a time has a
/// log open.
package final class AuditLog: Sendable {
    /// Bytes after which a segment is followed by the next, unless the settings say otherwise.
    package static let defaultSegmentBytes = 64 << 20

    /// Time that events are gathered for one write and one `fsync`.
    private static let gatherTime = DispatchTimeInterval.milliseconds(100)
    /// Time between attempts while the disk refuses.
    private static let retryTime = DispatchTimeInterval.seconds(1)

    private let chain: any AuditChain
    private let flusher: Flusher

    /// Opens the log of a data folder, or starts one.
    ///
    /// Throws `.altered` when the log or its anchor is not as this server left it; the server must not start then.
    package convenience init(
        folder: String, segmentBytes: Int = AuditLog.defaultSegmentBytes
    ) throws(AuditError) {
        var start = try AuditStart.open(folder: folder)
        start.segmentBytes = segmentBytes
        try self.init(start)
    }

    init(_ start: AuditStart) throws(AuditError) {
        var start = start
        start.storage = start.wrap(start.storage)
        chain = try FileAuditChain(start)
        flusher = Flusher(chain)
    }

    /// Opens a chain of a store that several servers share, or begins one.
    ///
    /// Throws `.altered` when its end, or what was noted in it, is not as a server left it.
    package init(_ store: any AuditStore, key: AuditKey, now: @escaping @Sendable () -> Timestamp) throws(AuditError) {
        chain = try SharedAuditChain(store, key: key, now: now)
        flusher = Flusher(chain)
    }

    deinit {
        flusher.stop()
    }

    /// Puts an event on record soon, without waiting for the disk. False when too many are waiting already, as while
    /// the disk refuses; the number of such events is put on record once it no longer does.
    @discardableResult
    package func append(_ event: AuditEvent) -> Bool {
        let isKept = chain.enqueue(event)
        flusher.wake()
        return isKept
    }

    /// Puts an event on record, after all that were appended before, and waits until it is durable.
    ///
    /// Throws when it cannot be written: what it tells of must then not be done. It is not on record then, but for a
    /// disk that fails after it took the bytes.
    package func appendDurably(_ event: AuditEvent) throws(AuditError) {
        try waking { () throws(AuditError) in try chain.appendDurably(event) }
    }

    /// Notes a change durably, before it is made. Throws when it cannot be noted, or the last record could not be
    /// written: then it must not be made. Every change that began has to `end`.
    package func begin(_ event: AuditEvent) throws(AuditError) -> AuditChange {
        guard let change = try begin([event]).first else { throw .broken }
        return change
    }

    /// The same for a group, all or none of it, by one `fsync`.
    package func begin(_ events: [AuditEvent]) throws(AuditError) -> [AuditChange] {
        try waking { () throws(AuditError) in try chain.begin(events) }
    }

    /// Puts the outcome of a change on record, durably. When that fails, the record follows as soon as the disk takes
    /// it, or at the next start with an unknown outcome.
    package func end(_ change: AuditChange) throws(AuditError) {
        try end([change])
    }

    /// The same for a group, by one `fsync`.
    package func end(_ changes: [AuditChange]) throws(AuditError) {
        try waking { () throws(AuditError) in try chain.end(changes) }
    }

    /// Forgets changes that were noted and not made, since their calls were refused.
    package func forget(_ changes: [AuditChange]) { chain.forget(changes) }

    /// Writes everything that waits, durably.
    package func flush() throws(AuditError) {
        try chain.flush()
    }

    /// Writes everything, brings the anchor up to date and lets another process open the log.
    /// Later events are refused; reading goes on.
    package func close() throws(AuditError) {
        flusher.stop()
        try chain.close()
    }

    package var status: AuditStatus { chain.status }

    /// Most records on a page.
    package static let maximumPageSize = 1_000

    /// A page of the scope's partner, newest first, with everything that waits.
    ///
    /// - Parameters:
    ///   - cursor: `next` of the page before; nil for the newest.
    ///   - limit: at least 1; more than `maximumPageSize` counts as that.
    package func page(
        in scope: PartnerScope, from cursor: AuditCursor? = nil, limit: Int
    ) throws(AuditError) -> AuditPage {
        try chain.page(in: scope, from: cursor, limit: min(max(limit, 1), Self.maximumPageSize))
    }

    /// After a failure: tries to write, so that `status` is not that of an attempt long ago. Blocks for the disk.
    package func tryAgain() { chain.tryAgain() }

    /// Whether the last attempt to write succeeded. Costs one atomic load.
    package var isWritable: Bool { chain.isWritable }

    /// After a failure the log's thread goes on trying, so that it is known when the disk takes records again.
    private func waking<Value>(_ body: () throws(AuditError) -> Value) throws(AuditError) -> Value {
        defer { flusher.wake() }
        return try body()
    }

    /// The thread that writes what was appended without waiting, and the anchor.
    private final class Flusher: Sendable {
        private let work = DispatchSemaphore(value: 0)
        private let end = DispatchSemaphore(value: 0)
        private let hasWork = Atomic(false)
        private let isStopped = Atomic(false)

        init(_ chain: any AuditChain) {
            let (work, end) = (work, end)
            Thread.detachNewThread { [weak self] in
                var isDone = true
                var tended = ContinuousClock.now
                while true {
                    if isDone { Self.await(work, upTo: chain.tendingInterval) }
                    if let interval = chain.tendingInterval, .now - tended >= interval {
                        tended = .now
                        // What fails is tried again: it writes by itself.
                        try? chain.tend()
                    }
                    // Woken early only to stop.
                    if end.wait(timeout: .now() + gatherTime) == .success { return }
                    self?.hasWork.store(false, ordering: .sequentiallyConsistent)
                    do throws(AuditError) {
                        try chain.flush()
                        // Comes back once more when something has to follow, as the anchor of files.
                        isDone = !chain.isBehind
                    } catch .closed {
                        return
                    } catch .broken {
                        return
                    } catch {
                        isDone = false
                        if end.wait(timeout: .now() + retryTime) == .success { return }
                    }
                }
            }
        }

        private static func await(_ work: DispatchSemaphore, upTo interval: Duration?) {
            guard let interval else { return work.wait() }
            _ = work.wait(timeout: .now() + .seconds(Int(interval.components.seconds)))
        }

        func wake() {
            if !hasWork.exchange(true, ordering: .sequentiallyConsistent) { work.signal() }
        }

        func stop() {
            guard !isStopped.exchange(true, ordering: .relaxed) else { return }
            end.signal()
            work.signal()
        }
    }
}

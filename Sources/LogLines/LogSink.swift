import Dispatch
import Foundation
import Glibc
import Synchronization

/// Where log lines go. Called from any thread with one whole line, its newline included. Must not block.
package protocol LogSink: Sendable {
    func write(line: [UInt8])
}

/// Lines on their way to a descriptor: a bounded queue that a thread of its own writes out, so that nobody who logs
/// waits for whoever reads the log. When the queue is full lines are lost and counted; from then on all are, until
/// half of the queue is free and a line has said how many.
///
/// A crash of the process loses what is queued, usually less than a millisecond's lines.
package final class QueuedSink: LogSink {
    /// What may wait. The notice of lost lines comes on top.
    package struct Bounds: Sendable {
        package var lines = 16_384
        package var bytes = 4 << 20

        package init() {}
    }

    private let queue: LineQueue

    /// - Parameters:
    ///   - descriptor: written to until the process ends; not closed.
    ///   - notice: the line that says how many were lost.
    package init(descriptor: Int32, bounds: Bounds = Bounds(), notice: @escaping @Sendable (UInt64) -> [UInt8]) {
        let queue = LineQueue(descriptor: descriptor, bounds: bounds, notice: notice)
        self.queue = queue
        Thread.detachNewThread { queue.run() }
    }

    deinit { queue.close() }

    package func write(line: [UInt8]) { queue.append(line) }

    /// Lines that were not written since the start.
    package var lostLines: UInt64 { queue.lostLines }

    /// Waits until everything that was given before is written, at most so long; false when something is left.
    @discardableResult
    package func flush(within limit: Duration) -> Bool {
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: limit)
        while !queue.isEmpty {
            if clock.now >= end { return false }
            usleep(1_000)
        }
        return true
    }
}

/// The queue and its writer; outlives the sink until the writer has noticed its end.
private final class LineQueue: Sendable {
    private struct State {
        /// Whole lines, one behind the other, and where each ends.
        var bytes: [UInt8] = []
        var ends: [Int] = []
        /// Lines and bytes that wait or are being written.
        var lines = 0
        var size = 0
        /// Lines lost since the last notice; above 0 every further line is lost too.
        var lost: UInt64 = 0
        var lostInAll: UInt64 = 0
        var writerSleeps = false
        var isClosed = false
    }

    /// Up to this many bytes a pipe takes whole, whoever else writes to it: PIPE_BUF of Linux.
    private static let wholeBytes = 4_096

    private let descriptor: Int32
    private let bounds: QueuedSink.Bounds
    private let notice: @Sendable (UInt64) -> [UInt8]
    private let state = Mutex(State())
    private let work = DispatchSemaphore(value: 0)

    init(descriptor: Int32, bounds: QueuedSink.Bounds, notice: @escaping @Sendable (UInt64) -> [UInt8]) {
        self.descriptor = descriptor
        self.bounds = bounds
        self.notice = notice
    }

    var isEmpty: Bool { state.withLock { $0.lines == 0 } }

    var lostLines: UInt64 { state.withLock { $0.lostInAll } }

    func append(_ line: [UInt8]) {
        let wake = state.withLock { state in
            // An empty queue takes any line: only a writer with work to do tells of lost ones.
            let isFull = state.lines >= bounds.lines || state.size + line.count > bounds.bytes
            if state.lost > 0 || (isFull && state.lines > 0) {
                state.lost += 1
                state.lostInAll += 1
                return false
            }
            Self.add(line, to: &state)
            defer { state.writerSleeps = false }
            return state.writerSleeps
        }
        if wake { work.signal() }
    }

    func close() {
        state.withLock { $0.isClosed = true }
        work.signal()
    }

    private static func add(_ line: [UInt8], to state: inout State) {
        state.bytes += line
        state.ends.append(state.bytes.count)
        state.lines += 1
        state.size += line.count
    }

    // MARK: The writer

    func run() {
        // Signals are for other threads, and a reader that went away must not end the process.
        var signals = sigset_t()
        sigfillset(&signals)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        var bytes: [UInt8] = []
        var ends: [Int] = []
        while take(&bytes, &ends) {
            var first = 0
            var start = 0
            while first < ends.count {
                // As many whole lines as fit, at least one.
                var last = first
                while last + 1 < ends.count, ends[last + 1] - start <= Self.wholeBytes { last += 1 }
                let isWritten = write(bytes[start..<ends[last]])
                settle(lines: last + 1 - first, bytes: ends[last] - start, isWritten: isWritten)
                start = ends[last]
                first = last + 1
            }
            bytes.removeAll(keepingCapacity: true)
            ends.removeAll(keepingCapacity: true)
        }
    }

    /// Swaps what waits for the two empty arrays; sleeps while nothing does. False when the sink is gone.
    private func take(_ bytes: inout [UInt8], _ ends: inout [Int]) -> Bool {
        while true {
            let isClosed = state.withLock { state in
                swap(&state.bytes, &bytes)
                swap(&state.ends, &ends)
                state.writerSleeps = ends.isEmpty && !state.isClosed
                return state.isClosed
            }
            if !ends.isEmpty { return true }
            if isClosed { return false }
            work.wait()
        }
    }

    private func settle(lines: Int, bytes: Int, isWritten: Bool) {
        state.withLock { state in
            state.lines -= lines
            state.size -= bytes
            if !isWritten { state.lostInAll += UInt64(lines) }
            if state.lost > 0, state.lines * 2 <= bounds.lines, state.size * 2 <= bounds.bytes {
                Self.add(notice(state.lost), to: &state)
                state.lost = 0
            }
        }
    }

    /// False when nobody reads any more: a log that cannot be written must not stop the server.
    private func write(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                rest.removeFirst(written)
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                // Somebody who shares the descriptor has made it non-blocking.
                var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&room, 1, -1)
            default: return false
            }
        }
        return true
    }
}

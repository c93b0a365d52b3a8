import Dispatch
import LicenseModel
import Synchronization
import Tenancy

/// One bucket of the folded state, as it is at one moment.
public struct StoredBucket {
    public let number: Int
    /// Its rows are those of this revision.
    public let through: Revision
    private let rows: (_ use: (StateRow) throws -> Void) throws -> Void

    /// - Parameter rows: calls its argument with each row, in the order of their keys.
    public init(
        number: Int, through: Revision, rows: @escaping (_ use: (StateRow) throws -> Void) throws -> Void
    ) {
        self.number = number
        self.through = through
        self.rows = rows
    }

    /// Each row in the order of their keys. To be called once, before the call ends that was given the bucket. Errors of
    /// `use` come through unchanged.
    public func forEachRow(_ use: (StateRow) throws -> Void) throws { try rows(use) }
}

/// Threads that read buckets beside each other.
public enum BucketReaders {
    /// More would wait for each other: what they read is put together by one.
    public static let most = 4

    /// Calls `body` with each number, on as many threads as there are readers and numbers; each has what `open` gave it.
    /// After an error no further number is begun, and the error is thrown.
    package static func run<Reader>(
        _ readers: Int, over numbers: Range<Int>, open: @Sendable () throws -> Reader,
        _ body: @Sendable (Reader, Int) throws -> Void
    ) throws {
        let work = Mutex(Work(numbers: numbers))
        DispatchQueue.concurrentPerform(iterations: min(max(1, readers), numbers.count)) { _ in
            // Who comes when all is begun needs nothing.
            guard var number = work.withLock({ $0.next() }) else { return }
            do {
                let reader = try open()
                while true {
                    try body(reader, number)
                    guard let next = work.withLock({ $0.next() }) else { return }
                    number = next
                }
            } catch {
                work.withLock { $0.failure = $0.failure ?? error }
            }
        }
        if let failure = work.withLock({ $0.failure }) { throw failure }
    }

    private struct Work {
        var numbers: Range<Int>
        var failure: (any Error)?

        mutating func next() -> Int? {
            guard failure == nil else { return nil }
            return numbers.popFirst()
        }
    }
}

extension StoreReading {
    /// Reads everything back on this thread, all rows in memory at once.
    package func recover(
        for grant: OperatorGrant, bucket: (_ number: Int, _ through: Revision) throws -> Void,
        state: (StateRow) throws -> Void, entry: (LogEntry) throws -> Void
    ) throws -> LogPosition {
        let read = Mutex<[(number: Int, through: Revision, rows: [StateRow])]>([])
        func tell() throws {
            for stored in read.withLock({ $0 }) {
                try bucket(stored.number, stored.through)
                for row in stored.rows { try state(row) }
            }
            read.withLock { $0 = [] }
        }
        let position = try recover(for: grant, readers: 1) { stored in
            var rows: [StateRow] = []
            try stored.forEachRow { rows.append($0) }
            read.withLock { $0.append((stored.number, stored.through, rows)) }
        } entry: {
            try tell()
            try entry($0)
        }
        try tell()
        return position
    }
}

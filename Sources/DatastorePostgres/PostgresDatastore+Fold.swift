import Datastore
import LicenseModel

/// The folded state, a bucket at a time.
extension PostgresDatastore {
    public func folds() throws(DatastoreError) -> BucketFolds {
        let folds = try read { connection throws(PostgresFailure) in try StoredBuckets(connection).folds }
        for bucket in 0..<StateBuckets.count { noteFold(of: bucket, through: folds[bucket]) }
        return folds
    }

    func noteFold(of bucket: Int, through revision: Revision) {
        state.withLock { $0.folds[bucket] = max($0.folds[bucket], revision) }
    }

    /// After a failover the store may lack a fold though it has the log. Whoever was told of that fold keeps no longer
    /// what was in it, and another fold on top would lose it.
    func requireFold(of bucket: Int, through revision: Revision) throws(PostgresFailure) {
        let isThere = state.withLock { state in
            if revision < state.folds[bucket] { state.lacksFold = true }
            return !state.lacksFold
        }
        guard isThere else { throw .store(.diverged(at: revision)) }
    }

    func requireFolds() throws(DatastoreError) {
        let (lacksFold, revision) = state.withLock { ($0.lacksFold, $0.position.revision) }
        guard !lacksFold else { throw .diverged(at: revision) }
    }

    /// Whoever has it folds the bucket; others pass by.
    private static let takeBucket = Statement(
        "take bucket", to: "fold the state",
        "SELECT folded_through, rows, sum FROM insights.bucket WHERE bucket = $1 FOR UPDATE SKIP LOCKED")

    public func foldBucket(
        _ bucket: Int, through position: LogPosition, states: [StateRow]
    ) throws(DatastoreError) -> Bool {
        try requireOpen()
        try FoldChecks.check(bucket, of: buckets)
        let isFolded = try writing.use { connection throws(PostgresFailure) in
            let number = Int16(bucket)
            // Before the transaction, which is about the bucket alone.
            let log = try connection.exchange([
                Command(Head.last), Command(Head.generation), Stamps.command(position),
            ])
            let answers = try connection.exchange(
                [Command(.begin), Command(Self.takeBucket, [.smallint(number)])]
                    + BucketRows.knownCommands(number, states))
            let folded = Revision(number: try answers[1].first?.bigint(0) ?? 0)
            if answers[1].first != nil { try requireFold(of: bucket, through: folded) }
            guard let row = answers[1].first, folded < position.revision else {
                _ = try connection.exchange([Command(.rollback)])
                return false
            }
            let head = try Head.position(log[0], log[1])
            do throws(DatastoreError) {
                try FoldChecks.check(foldThrough: position.revision, folded: folded, last: head.revision)
            } catch {
                throw .store(error)
            }
            _ = try Stamps(log[2], of: position, head: head)
            let rows = try BucketRows(number, row, known: answers.dropFirst(2))
            try Self.commit(rows.commands(through: position.revision, states), connection)
            return true
        }
        if isFolded {
            noteFold(of: bucket, through: position.revision)
            dropLog()
        }
        return isFolded
    }

    // MARK: - Dropping the log

    /// What neither a start nor a server that is there needs any more.
    private static let readNeeded = Statement(
        "needed log", to: "read servers",
        """
        SELECT min(applied_revision) FROM insights.server
        WHERE seen > now() - interval '\(Schema.deadAfterSeconds) seconds'
        """)

    /// A part is emptied when even its last body is not needed and was written that long ago: whoever starts, or
    /// follows from far behind, has that time.
    static let keptMinutes = 15

    /// Locks the choice of the part that is written to, so that it does not become this one.
    private static let takeSlots = Statement(
        "take slots", to: "empty a part of the log", "SELECT current FROM insights.log_slot FOR UPDATE")

    private static let emptySlots = Statement(
        "emptied slots", to: "read the log",
        """
        SELECT slot, last FROM (
            SELECT slot::smallint, (SELECT max(revision) FROM insights.body WHERE slot = slots.slot) AS last
            FROM generate_series(0, \(Schema.bodySlots - 1)) AS slots (slot)
        ) AS left_slots
        WHERE last <= $1
            AND (SELECT at FROM insights.entry WHERE revision = last) < now() - $2 * interval '1 minute'
        """)

    /// Empties the parts of the log that nobody needs any more. Waits for nobody: what does not succeed is done after
    /// another fold.
    ///
    /// - Parameter always: also when no bucket was folded further since the last time.
    func dropLog(minutes: Int = keptMinutes, always: Bool = false) {
        // Asking for all buckets after each would take longer than folding them.
        guard always || state.withLock({ $0.folds.least > $0.leastFold }) else { return }
        _ = try? writing.use { connection throws(PostgresFailure) in
            // A failover may have lost what this server was told.
            let least = try StoredBuckets(connection).folds.least
            let needed = try connection.exchange([Command(Self.readNeeded)])[0].only()
            let bound = min(least.number, try needed.optionalBigint(0) ?? least.number)
            try Self.emptySlots(through: bound, minutes: minutes, connection)
            state.withLock { $0.leastFold = least }
        }
    }

    private static func emptySlots(
        through revision: Int64, minutes: Int, _ connection: Connection
    ) throws(PostgresFailure) {
        let soon = Statement("wait little", to: "empty a part of the log", "SET LOCAL lock_timeout = '100ms'")
        let answers = try connection.exchange([
            Command(.begin), Command(soon), Command(takeSlots),
            Command(emptySlots, [.bigint(revision), .bigint(Int64(minutes))]),
        ])
        let current = try answers[2].only().smallint(0)
        var commands: [Command] = []
        for row in answers[3] {
            let slot = try row.smallint(0)
            guard slot != current else { continue }
            commands.append(
                Command(
                    Statement("empty \(slot)", to: "empty a part of the log", "TRUNCATE insights.body_\(slot)")))
        }
        try connection.commit(commands)
    }
}

/// What a bucket has, and what becomes of it.
struct BucketRows {
    private static let known = Statement(
        "known states", to: "fold the state",
        "SELECT key, checksum FROM insights.state WHERE bucket = $1 AND key = ANY($2)")

    /// Keys that are looked up together.
    private static let pageKeys = 1_000

    static func knownCommands(_ bucket: Int16, _ states: [StateRow]) -> [Command] {
        paged(states.map(\.key)).map { Command(known, [.smallint(bucket), .texts($0)]) }
    }

    private static func paged(_ keys: [String]) -> [[String]] {
        stride(from: 0, to: keys.count, by: pageKeys).map { Array(keys[$0..<min($0 + pageKeys, keys.count)]) }
    }

    private let bucket: Int16
    private let sum: TableSum
    private let checksums: [String: Int64]

    /// - Parameters:
    ///   - row: how many rows there are, and the sum of their checksums, from the second column on.
    ///   - known: what was answered to `knownCommands`.
    init(_ bucket: Int16, _ row: Row, known: ArraySlice<Rows>) throws(PostgresFailure) {
        self.bucket = bucket
        sum = TableSum(rows: try row.bigint(1), sum: try row.bigint(2))
        var checksums: [String: Int64] = [:]
        for rows in known {
            for row in rows { checksums[try row.text(0)] = try row.bigint(1) }
        }
        self.checksums = checksums
    }

    /// Rows of one statement. By values, which a distributed table takes to one place.
    private static let sizes = [64, 8, 1]

    private static func upsert(_ count: Int) -> Statement {
        let values = (0..<count).map { row in
            "(" + (1...4).map { "$\(row * 4 + $0)" }.joined(separator: ", ") + ")"
        }
        return Statement(
            "upsert \(count)", to: "fold the state",
            """
            INSERT INTO insights.state (bucket, key, checksum, content) VALUES \(values.joined(separator: ", "))
            ON CONFLICT (bucket, key) DO UPDATE SET checksum = excluded.checksum, content = excluded.content
            """)
    }

    private static let upserts = sizes.map(upsert)

    private static let delete = Statement(
        "delete states", to: "fold the state", "DELETE FROM insights.state WHERE bucket = $1 AND key = ANY($2)")

    private static let advance = Statement(
        "advance bucket", to: "fold the state",
        """
        UPDATE insights.bucket SET folded_through = $2, rows = $3, sum = $4, erased = coalesce($5, erased)
        WHERE bucket = $1
        """)

    /// - Parameter erased: when, by the clock of the database, rows were replaced that name somebody who was erased.
    func commands(through revision: Revision, _ states: [StateRow], erased: Int64? = nil) -> [Command] {
        // Of several rows with one key the last counts.
        var last: [String: [UInt8]?] = [:]
        for row in states { last[row.key] = row.body }
        var sum = sum
        var written: [[Parameter]] = []
        var gone: [String] = []
        for (key, body) in last.sorted(by: { $0.key < $1.key }) {
            if let before = checksums[key] { sum.remove(before) }
            if let body {
                let checksum = RowChecksum.state(key: key, content: body)
                sum.add(checksum)
                written.append([.smallint(bucket), .text(key), .bigint(checksum), .bytes(body)])
            } else {
                gone.append(key)
            }
        }
        var commands = Self.grouped(written)
        commands += Self.paged(gone).map { Command(Self.delete, [.smallint(bucket), .texts($0)]) }
        commands.append(
            Command(
                Self.advance,
                [
                    .smallint(bucket), .bigint(revision.number), .bigint(sum.rows), .bigint(sum.sum),
                    .optionalMoment(erased),
                ]))
        return commands
    }

    private static func grouped(_ rows: [[Parameter]]) -> [Command] {
        var commands: [Command] = []
        var rest = rows[...]
        for (size, upsert) in zip(sizes, upserts) {
            while rest.count >= size {
                commands.append(Command(upsert, rest.prefix(size).flatMap { $0 }))
                rest = rest.dropFirst(size)
            }
        }
        return commands
    }
}

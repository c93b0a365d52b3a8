import Datastore
import LicenseModel

/// Erasures, within a turn. Old versions of what is rewritten stay in files until their part of the log is emptied, or
/// their part of the state is written anew by `PostgresMaintenance`; no statement shows them.
extension PostgresDatastore {
    static let lockBucket = Statement(
        "lock bucket", to: "fold the state",
        "SELECT folded_through, rows, sum FROM insights.bucket WHERE bucket = $1 FOR UPDATE")

    private static let clock = Statement("clock", to: "read the clock", "SELECT clock_timestamp()")

    private static let mark = Statement(
        "mark bucket", to: "fold the state", "UPDATE insights.bucket SET erased = $2 WHERE bucket = $1")

    /// Bodies are searched byte by byte.
    private static let longer = Statement("take longer", to: "erase", "SET LOCAL statement_timeout = '60s'")

    /// What is left to be done when the turn is committed. The entry is written already.
    func erase(
        _ erasure: Erasure, in slot: LogSlot, _ connection: Connection
    ) throws(PostgresFailure) -> [Command] {
        let commands = try eraseRows(erasure, connection)
        try BodySearch(erasure, connection).run()
        return commands + leave(slot, after: erasure)
    }

    /// So that the old versions of bodies are gone as soon as the part is folded.
    func leave(_ slot: LogSlot, after erasure: Erasure) -> [Command] {
        slot.leaving(from: erasure.entry.revision.next).1
    }

    /// What writes the bucket's rows, which is locked from here on; nothing where another server folded it further.
    private func eraseRows(_ erasure: Erasure, _ connection: Connection) throws(PostgresFailure) -> [Command] {
        guard (0..<StateBuckets.count).contains(erasure.bucket) else {
            throw .store(.invalid("there is no bucket \(erasure.bucket)"))
        }
        let bucket = Int16(erasure.bucket)
        let answers = try connection.exchange(
            [Command(Self.longer), Command(Self.lockBucket, [.smallint(bucket)]), Command(Self.clock)]
                + BucketRows.knownCommands(bucket, erasure.states))
        let row = try answers[1].only()
        let folded = Revision(number: try row.bigint(0))
        try requireFold(of: erasure.bucket, through: folded)
        guard folded < erasure.entry.revision else { return [] }
        let rows = try BucketRows(bucket, row, known: answers.dropFirst(3))
        return rows.commands(
            through: erasure.entry.revision, erasure.states, erased: try answers[2].only().bigint(0))
    }

    /// Where rows and log are in different places: the mark, on a connection of its own, before the entry is committed.
    /// Whatever becomes of the rest, old versions of the rows are then written over by maintenance.
    func markElsewhere(_ erasure: Erasure) throws(PostgresFailure) {
        let bucket = Parameter.smallint(Int16(erasure.bucket))
        let connection: Connection
        do throws(DatastoreError) {
            connection = try Connection.open(conninfo, for: .writing)
        } catch {
            throw .store(error)
        }
        let answers = try connection.exchange([
            Command(.begin), Command(Self.lockBucket, [bucket]), Command(Self.clock),
        ])
        let moment = try answers[2].only().bigint(0)
        try connection.commit([Command(Self.mark, [bucket, .optionalMoment(moment)])])
    }

    /// The rest of an erasure whose entry is committed, where rows and log are in different places: the rows and the
    /// bodies, each by itself. Rows before the entry would hide the revision after it; bodies before the entry
    /// would have those that read them make the person anew. Until it is over a start erases as whoever follows does.
    ///
    /// When it fails the entry is there and the rest is not: what the bucket has is then known by reading alone.
    func eraseElsewhere(_ erasure: Erasure, _ connection: Connection) throws(PostgresFailure) {
        do throws(PostgresFailure) {
            _ = try connection.exchange([Command(.begin)])
            try connection.commit(try eraseRows(erasure, connection))
            _ = try connection.exchange([Command(.begin), Command(Self.longer)])
            try BodySearch(erasure, connection).run()
            try connection.commit([])
        } catch {
            throw .store(.inDoubt("rows of the folded state may still name who was erased"))
        }
    }
}

/// Takes what an erasure withdraws out of the bodies of the log, a page at a time by their key.
private struct BodySearch {
    private static let range = Statement(
        "body range", to: "read the log", "SELECT min(revision), max(revision) FROM insights.body")

    /// The bodies of a page, with what they say where that has the bytes of one of the ids. How large they are is known
    /// without reading them.
    private static let search = Statement(
        "search bodies", to: "read the log",
        """
        SELECT slot, revision, checksum,
            CASE WHEN (SELECT kind FROM insights.entry WHERE entry.revision = page.revision)
                    = \(LogEntryKind.batch.rawValue)
                AND EXISTS (SELECT FROM unnest($1) AS id WHERE position(id IN facts) > 0) THEN facts END
        FROM (
            SELECT slot, revision, checksum, facts, coalesce(sum(octet_length(facts)) OVER (ORDER BY revision
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
            FROM insights.body WHERE revision > $2 AND revision <= $3
        ) AS page WHERE before < \(pageBytes) ORDER BY revision
        """)

    private static let pageEntries: Int64 = 1_024
    private static let pageBytes = 32 << 20

    private static let rewrite = Statement(
        "rewrite body", to: "rewrite the log",
        "UPDATE insights.body SET checksum = $3, facts = $4 WHERE slot = $1 AND revision = $2")

    private static let time = Duration.seconds(60)

    private let erasure: Erasure
    private let ids: [[UInt8]]
    private let connection: Connection

    init(_ erasure: Erasure, _ connection: Connection) {
        self.erasure = erasure
        ids = (erasure.users + erasure.formerUsers).map { Array($0.text.utf8) }
        self.connection = connection
    }

    func run() throws(PostgresFailure) {
        let range = try connection.exchange([Command(Self.range)])[0].only()
        guard let first = try range.optionalBigint(0), let last = try range.optionalBigint(1) else { return }
        var reached = first - 1
        while reached < last { reached = try rewritePage(after: reached) }
    }

    /// Returns the last revision of the page.
    private func rewritePage(after revision: Int64) throws(PostgresFailure) -> Int64 {
        let end = revision + Self.pageEntries
        let search = Command(Self.search, [.byteStrings(ids), .bigint(revision), .bigint(end)])
        // Where there is no body there is nothing to be done.
        var last = end
        var commands: [Command] = []
        for row in try connection.exchange([search], within: Self.time)[0] {
            let revision = try row.bigint(1)
            last = revision
            guard let facts = try row.optionalBytes(3) else { continue }
            guard try row.bigint(2) == RowChecksum.body(revision: revision, facts: facts) else {
                throw .store(.corrupt("the facts of revision \(revision) are not what was written"))
            }
            guard let after = try withdrawing(from: facts, of: revision) else { continue }
            let checksum = RowChecksum.body(revision: revision, facts: after)
            commands.append(
                Command(
                    Self.rewrite,
                    [.smallint(try row.smallint(0)), .bigint(revision), .bigint(checksum), .bytes(after)]))
        }
        if !commands.isEmpty { _ = try connection.exchange(commands, within: Self.time) }
        return last
    }

    private func withdrawing(from facts: [UInt8], of revision: Int64) throws(PostgresFailure) -> [UInt8]? {
        do {
            return try erasure.withdrawing(facts)
        } catch {
            throw .store(.corrupt("the facts of revision \(revision) cannot be read"))
        }
    }
}

import Datastore
import LicenseModel

/// Erasures, within a turn. Old versions of what is rewritten stay in files until their part of the log is emptied, or
/// their part of the state is written anew by `PostgresMaintenance`; no statement shows them.
extension PostgresDatastore {
    static let lockBucket = Statement(
        "lock bucket", to: "fold the state",
        "SELECT folded_through, rows, sum FROM insights.bucket WHERE bucket = $1 FOR UPDATE")

    /// All bodies of a page, with what they say where that has the bytes of one of the ids. How large they are is
    /// known without reading them.
    private static let searchBodies = Statement(
        "search bodies", to: "read the log",
        """
        SELECT slot, revision, checksum,
            CASE WHEN revision IN (SELECT revision FROM insights.entry WHERE kind = \(LogEntryKind.batch.rawValue))
                AND EXISTS (SELECT FROM unnest($1) AS id WHERE position(id IN facts) > 0) THEN facts END
        FROM (
            SELECT slot, revision, checksum, facts, coalesce(sum(octet_length(facts)) OVER (ORDER BY revision
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
            FROM insights.body WHERE revision > $2
        ) AS page WHERE before < \(pageBytes) ORDER BY revision
        """)

    private static let pageBytes = 32 << 20

    private static let rewriteBody = Statement(
        "rewrite body", to: "rewrite the log",
        "UPDATE insights.body SET checksum = $3, facts = $4 WHERE slot = $1 AND revision = $2")

    /// Bodies are searched byte by byte.
    private static let longer = Statement("take longer", to: "erase", "SET LOCAL statement_timeout = '60s'")
    private static let searchTime = Duration.seconds(60)

    /// What is left to be done when the turn is committed. The entry is written already.
    func erase(
        _ erasure: Erasure, in slot: LogSlot, _ connection: Connection
    ) throws(PostgresFailure) -> [Command] {
        guard (0..<StateBuckets.count).contains(erasure.bucket) else {
            throw .store(.invalid("there is no bucket \(erasure.bucket)"))
        }
        let bucket = Int16(erasure.bucket)
        let answers = try connection.exchange([
            Command(Self.longer), Command(Self.lockBucket, [.smallint(bucket)]),
            BucketRows.knownCommand(bucket, erasure.states),
        ])
        let row = try answers[1].only()
        try requireFold(of: erasure.bucket, through: Revision(number: try row.bigint(0)))
        let rows = try BucketRows(bucket, row, known: answers[2])
        let ids = (erasure.users + erasure.formerUsers).map { Array($0.text.utf8) }
        var last: Int64 = 0
        while let end = try Self.rewritePage(erasure, ids, after: last, connection) { last = end }
        // So that the old versions are gone as soon as it is folded.
        return rows.commands(through: erasure.entry.revision, erasure.states, erasing: true)
            + slot.leaving(from: erasure.entry.revision.next).1
    }

    /// Returns the last revision of the page; nil when there is no body left.
    private static func rewritePage(
        _ erasure: Erasure, _ ids: [[UInt8]], after revision: Int64, _ connection: Connection
    ) throws(PostgresFailure) -> Int64? {
        let search = Command(searchBodies, [.byteStrings(ids), .bigint(revision)])
        var last: Int64?
        var commands: [Command] = []
        for row in try connection.exchange([search], within: searchTime)[0] {
            let revision = try row.bigint(1)
            last = revision
            guard let facts = try row.optionalBytes(3) else { continue }
            guard try row.bigint(2) == RowChecksum.body(revision: revision, facts: facts) else {
                throw .store(.corrupt("the facts of revision \(revision) are not what was written"))
            }
            guard let after = try withdrawing(erasure, from: facts, of: revision) else { continue }
            let checksum = RowChecksum.body(revision: revision, facts: after)
            commands.append(
                Command(
                    rewriteBody,
                    [.smallint(try row.smallint(0)), .bigint(revision), .bigint(checksum), .bytes(after)]))
        }
        if !commands.isEmpty { _ = try connection.exchange(commands, within: searchTime) }
        return last
    }

    private static func withdrawing(
        _ erasure: Erasure, from facts: [UInt8], of revision: Int64
    ) throws(PostgresFailure) -> [UInt8]? {
        do {
            return try erasure.withdrawing(facts)
        } catch {
            throw .store(.corrupt("the facts of revision \(revision) cannot be read"))
        }
    }
}

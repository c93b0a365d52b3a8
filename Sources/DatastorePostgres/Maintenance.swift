import Datastore

/// What only an owner may do to the files of a store, from time to time.
public enum PostgresMaintenance {
    /// What there was to do.
    public struct Report: Sendable, Hashable {
        /// Parts of the folded state that were written anew, because they had rows of somebody who was erased.
        public let rewritten: Int
    }

    /// A table that is written anew is locked meanwhile: folds of its buckets and starts wait.
    private static let longest = Duration.seconds(3_600)

    /// Marked buckets, with the moments of their marks, and the part of the state that each is in.
    private static let marked = Statement(
        to: "read folded state",
        """
        SELECT part::bigint, array_to_string(array_agg(bucket), ','), max(erased)::text
        FROM insights.bucket, generate_series(0, \(Schema.statePartitions - 1)) AS parts (part)
        WHERE erased IS NOT NULL
            AND satisfies_hash_partition('insights.state'::regclass, \(Schema.statePartitions), part, bucket)
        GROUP BY part ORDER BY part
        """)

    /// Writes the parts of the folded state anew whose old versions of rows name somebody who was erased, so that their
    /// bytes are gone from the files of the database.
    public static func run(_ conninfo: Conninfo) throws(DatastoreError) -> Report {
        let connection = try Connection.open(conninfo, for: .migrating)
        return try storing { () throws(PostgresFailure) in
            _ = try connection.exchange([
                Command(Statement(to: "become insights_owner", "SET ROLE insights_owner"))
            ])
            let parts = try connection.exchange([Command(marked)])[0]
            for row in parts {
                let (part, buckets, until) = (try row.bigint(0), try row.text(1), try row.text(2))
                try rewrite("insights.state_\(part)", connection)
                // One that was marked meanwhile stays so.
                let done =
                    "UPDATE insights.bucket SET erased = NULL WHERE bucket = ANY ($1) AND erased <= $2::timestamptz"
                let numbers = buckets.split(separator: ",").compactMap { Int16($0) }
                _ = try connection.exchange([
                    Command(Statement(to: "fold the state", done), [.smallints(numbers), .text(until)])
                ])
            }
            return Report(rewritten: parts.count)
        }
    }

    private static func rewrite(_ table: String, _ connection: Connection) throws(PostgresFailure) {
        // Versions that somebody may still read would be kept: making an index beside readers waits until those who
        // began before are gone.
        for sql in ["REINDEX TABLE CONCURRENTLY \(table)", "VACUUM (FULL) \(table)"] {
            _ = try connection.exchange([Command(Statement(to: "write the state anew", sql))], within: longest)
        }
    }
}

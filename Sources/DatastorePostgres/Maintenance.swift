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

    /// The part of the state that a bucket is in.
    private static let findPart = Statement(
        to: "read folded state",
        """
        SELECT part::bigint FROM generate_series(0, \(Schema.statePartitions - 1)) AS parts (part)
        WHERE satisfies_hash_partition('insights.state'::regclass, \(Schema.statePartitions), part, $1)
        """)

    /// One that was marked meanwhile stays so.
    private static let done = Statement(
        to: "fold the state", "UPDATE insights.bucket SET erased = NULL WHERE bucket = $1 AND erased <= $2")

    /// Writes the parts of the folded state anew whose old versions of rows name somebody who was erased, so that their
    /// bytes are gone from the files of the database. On Citus that is all of it.
    public static func run(_ conninfo: Conninfo) throws(DatastoreError) -> Report {
        let connection = try Connection.open(conninfo, for: .migrating)
        return try storing { () throws(PostgresFailure) in
            let isDistributed = try Distribution.isThere(connection)
            // Citus comes to its workers as whoever this is, and the owner has no login.
            if !isDistributed {
                _ = try connection.exchange([
                    Command(Statement(to: "become insights_owner", "SET ROLE insights_owner"))
                ])
            }
            let buckets = try StoredBuckets(connection)
            var parts: [String: [Int]] = [:]
            for bucket in buckets.marked {
                let part =
                    isDistributed
                    ? "insights.state" : "insights.state_\(try Self.part(of: bucket, connection))"
                parts[part, default: []].append(bucket)
            }
            for (part, marked) in parts.sorted(by: { $0.key < $1.key }) {
                try rewrite(part, connection)
                for bucket in marked {
                    _ = try connection.exchange([
                        Command(done, [.smallint(Int16(bucket)), .optionalMoment(buckets[bucket].erased)])
                    ])
                }
            }
            return Report(rewritten: parts.count)
        }
    }

    private static func part(of bucket: Int, _ connection: Connection) throws(PostgresFailure) -> Int64 {
        try connection.exchange([Command(findPart, [.smallint(Int16(bucket))])])[0].only().bigint(0)
    }

    private static func rewrite(_ table: String, _ connection: Connection) throws(PostgresFailure) {
        // Versions that somebody may still read would be kept: making an index beside readers waits until those who
        // began before are gone.
        for sql in ["REINDEX TABLE CONCURRENTLY \(table)", "VACUUM (FULL) \(table)"] {
            _ = try connection.exchange([Command(Statement(to: "write the state anew", sql))], within: longest)
        }
    }
}

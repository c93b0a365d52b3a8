import Datastore
import LicenseModel

extension PostgresDatastore {
    /// On Citus, of the coordinator alone.
    private static let measure = Statement(
        "statistics", to: "read statistics",
        """
        SELECT (SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
                WHERE relnamespace = 'insights'::regnamespace AND relkind = 'r'),
            (SELECT coalesce(sum(pg_total_relation_size(inhrelid)), 0)::bigint FROM pg_inherits
                WHERE inhparent = 'insights.body'::regclass)
        """)

    public func statistics() throws(DatastoreError) -> DatastoreStatistics {
        let revision = revision
        return try read { connection throws(PostgresFailure) in
            let buckets = try StoredBuckets(connection)
            let bytes = try connection.exchange([Command(Self.measure)])[0].only()
            return DatastoreStatistics(
                engine: "postgres", revision: revision, foldedThrough: min(revision, buckets.folds.least),
                stateRows: Int(buckets.rows), storeBytes: try bytes.bigint(0), pendingBytes: try bytes.bigint(1),
                erasurePending: !buckets.marked.isEmpty)
        }
    }
}

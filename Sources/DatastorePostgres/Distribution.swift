import Datastore
import LicenseModel

/// Whether the folded state is spread over the workers of a Citus, by bucket. Then no statement of a server concerns
/// two buckets, and no transaction buckets and anything else: what is of one bucket is on one worker, the rest is where
/// a server is connected, and nothing has to be prepared in two places.
enum Distribution {
    private static let findCitus = Statement(
        "find Citus", to: "read the schema", "SELECT to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL")

    private static let findState = Statement(
        "find distributed state", to: "read the schema",
        """
        SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_partition WHERE logicalrelid = to_regclass('insights.state'))
        """)

    static func hasCitus(_ connection: Connection) throws(PostgresFailure) -> Bool {
        try connection.exchange([Command(findCitus)])[0].only().boolean(0)
    }

    /// Whether the store is there and its state is on workers.
    static func isThere(_ connection: Connection) throws(PostgresFailure) -> Bool {
        guard try hasCitus(connection) else { return false }
        return try connection.exchange([Command(findState)])[0].only().boolean(0)
    }
}

/// What there is of every bucket, asked bucket by bucket: on Citus each may be on another worker.
struct StoredBuckets {
    private static let read = Statement(
        "buckets", to: "read folded state", "SELECT folded_through, rows, erased FROM insights.bucket WHERE bucket = $1")

    struct Bucket {
        let through: Revision
        let rows: Int64
        /// When it was marked, by the clock of the database: it may have versions of rows that name somebody erased.
        let erased: Int64?
    }

    private let buckets: [Bucket]

    init(_ connection: Connection) throws(PostgresFailure) {
        let questions = (0..<StateBuckets.count).map { Command(Self.read, [.smallint(Int16($0))]) }
        var buckets: [Bucket] = []
        for answer in try connection.exchange(questions) {
            guard let row = answer.first else { throw .store(.corrupt("buckets of the state are missing")) }
            buckets.append(
                Bucket(
                    through: Revision(number: try row.bigint(0)), rows: try row.bigint(1),
                    erased: try row.optionalBigint(2)))
        }
        self.buckets = buckets
    }

    subscript(bucket: Int) -> Bucket { buckets[bucket] }

    var folds: BucketFolds {
        var folds = BucketFolds(count: buckets.count)
        for (number, bucket) in buckets.enumerated() { folds[number] = bucket.through }
        return folds
    }

    var rows: Int64 { buckets.reduce(0) { $0 + $1.rows } }

    /// The numbers of those that are marked.
    var marked: [Int] { buckets.indices.filter { buckets[$0].erased != nil } }
}

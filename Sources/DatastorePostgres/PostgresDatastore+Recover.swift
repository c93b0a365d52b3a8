import Datastore
import LicenseModel
import Synchronization
import Tenancy

/// Reading everything back.
extension PostgresDatastore {
    public func recover(
        for grant: OperatorGrant, readers: Int, bucket: @Sendable (StoredBucket) throws -> Void,
        entry: (LogEntry) throws -> Void
    ) throws -> LogPosition {
        try requireOpen()
        // Not on a connection that others wait for; and from no standby, which may lack what was acknowledged.
        let connection = try Connection.open(conninfo, for: .recovering)
        // Another history may have begun.
        let id = try Head(connection).id
        let (position, folds) = try StoredState(connection, conninfo, .recovering).recover(readers, bucket, entry)
        state.withLock { state in
            (state.position, state.id, state.folds, state.lacksFold) = (position, id, folds, false)
        }
        return position
    }

    /// News may arrive after those of a later question: the position goes back by reading anew alone.
    func advance(to position: LogPosition) {
        state.withLock { state in
            let (now, then) = (state.position, position)
            if then.revision >= now.revision, then.generation >= now.generation { state.position = then }
        }
    }

    /// Lets `body` read the store, which servers may be using, on a connection that changes nothing; from a standby
    /// too. Every entry there ever was is compared with what was written. Errors of `body` come through unchanged.
    public static func inspect<Result>(
        _ conninfo: Conninfo, _ body: (any CopiedStore) throws -> Result
    ) throws -> Result {
        let connection = try Connection.open(conninfo, for: .copying)
        let head = try Head(connection)
        return try body(Inspection(state: StoredState(connection, conninfo, .copying), head: head))
    }
}

/// A store that is only read.
private struct Inspection: CopiedStore {
    let state: StoredState
    let head: Head

    var buckets: Int { StateBuckets.count }

    var mark: StoreMark {
        StoreMark(
            store: head.id, changes: head.position.revision.number + head.position.generation,
            revision: head.position.revision)
    }

    func recover(
        for grant: OperatorGrant, readers: Int, bucket: @Sendable (StoredBucket) throws -> Void,
        entry: (LogEntry) throws -> Void
    ) throws -> LogPosition {
        try state.readEntries { _ in }
        return try state.recover(readers, bucket, entry).position
    }

    func heads(for grant: OperatorGrant, _ use: (LogEntry) throws -> Void) throws {
        try state.readEntries { row in
            let head = try storing { () throws(PostgresFailure) in try row.entry(body: []) }
            if let head { try use(head) }
        }
    }

    func loadAccess(for grant: OperatorGrant) throws(DatastoreError) -> AccessRegistry {
        return try storing { () throws(PostgresFailure) in
            return try PostgresDatastore.loadAccess(state.connection)
        }
    }
}

/// State and log of a store: over one connection, and others like it for further readers of buckets.
private struct StoredState {
    let connection: Connection
    private let conninfo: Conninfo
    private let purpose: Session.Purpose

    init(_ connection: Connection, _ conninfo: Conninfo, _ purpose: Session.Purpose) {
        (self.connection, self.conninfo, self.purpose) = (connection, conninfo, purpose)
    }

    private static let bucket = Statement(
        "bucket", to: "read folded state",
        "SELECT folded_through, rows, sum FROM insights.bucket WHERE bucket = $1")

    private static let states = Statement(
        "states", to: "read folded state",
        "SELECT key, checksum, content FROM insights.state WHERE bucket = $1 ORDER BY key")

    private static let entries = Statement(
        "entries", to: "read the log",
        "SELECT \(EntryRow.columns) FROM insights.entry WHERE revision > $1 ORDER BY revision LIMIT \(pageEntries)")

    private static let pageEntries = 10_000
    private static let pageBytes = 16 << 20
    /// For one bucket or page.
    private static let pageTime = Duration.seconds(300)

    func recover(
        _ readers: Int, _ bucket: @Sendable (StoredBucket) throws -> Void, _ entry: (LogEntry) throws -> Void
    ) throws -> (position: LogPosition, folds: BucketFolds) {
        let folds = try readBuckets(readers, bucket)
        var position = LogPosition(revision: folds.least)
        while true {
            let news = try readLog(after: position)
            for logged in news.entries { try entry(logged) }
            position = news.position
            if news.isComplete { break }
        }
        // Folded elsewhere than the log is of: there was a failover between the two.
        guard folds.most <= position.revision else { throw DatastoreError.diverged(at: folds.most) }
        return (position, folds)
    }

    private func readBuckets(
        _ readers: Int, _ bucket: @Sendable (StoredBucket) throws -> Void
    ) throws -> BucketFolds {
        let folds = Mutex(BucketFolds(count: StateBuckets.count))
        @Sendable func read(_ connection: Connection, _ number: Int) throws {
            let (through, rows) = try Self.readBucket(number, connection)
            folds.withLock { $0[number] = through }
            try bucket(StoredBucket(number: number, through: through) { use in for row in rows { try use(row) } })
        }
        try read(connection, 0)
        let first = Mutex<Connection?>(connection)
        try BucketReaders.run(readers, over: 1..<StateBuckets.count) {
            try first.withLock { $0.take() } ?? Connection.open(conninfo, for: purpose)
        } _: {
            try read($0, $1)
        }
        return folds.withLock { $0 }
    }

    /// In one snapshot.
    private static func readBucket(
        _ number: Int, _ connection: Connection
    ) throws(DatastoreError) -> (Revision, [StateRow]) {
        return try storing { () throws(PostgresFailure) in
            let parameter = Parameter.smallint(Int16(number))
            let answers = try connection.exchange(
                [
                    Command(.beginReading), Command(Self.bucket, [parameter]), Command(Self.states, [parameter]),
                    Command(.commit),
                ], within: Self.pageTime)
            guard let row = answers[1].first else { throw .store(.corrupt("buckets of the state are missing")) }
            var sum = TableSum()
            var rows: [StateRow] = []
            for stored in answers[2] {
                let (key, checksum, content) = (try stored.text(0), try stored.bigint(1), try stored.bytes(2))
                guard RowChecksum.state(key: key, content: content) == checksum else {
                    throw .store(.corrupt("the checksum of a state row does not match its bytes"))
                }
                sum.add(checksum)
                rows.append(StateRow(key: key, body: content))
            }
            guard sum == TableSum(rows: try row.bigint(1), sum: try row.bigint(2)) else {
                throw .store(.corrupt("the rows of bucket \(number) are not those that were written"))
            }
            return (Revision(number: try row.bigint(0)), rows)
        }
    }

    private func readLog(after position: LogPosition) throws(DatastoreError) -> LogNews {
        return try storing { () throws(PostgresFailure) in
            let question = NewsQuestion(position, entries: Self.pageEntries, bytes: Self.pageBytes, access: false)
            let answers = try connection.exchange(
                [Command(.beginReading)] + question.commands + [Command(.commit)], within: Self.pageTime)
            return try question.news(answers.dropFirst().dropLast())
        }
    }

    /// Every entry there ever was.
    func readEntries(_ use: (EntryRow) throws -> Void) throws {
        var last: Int64 = 0
        while true {
            let rows = try page(after: last)
            for entry in rows {
                guard entry.revision == last + 1 else {
                    throw DatastoreError.corrupt("entries of the log are missing")
                }
                last = entry.revision
                try use(entry)
            }
            if rows.count < Self.pageEntries { return }
        }
    }

    private func page(after revision: Int64) throws(DatastoreError) -> [EntryRow] {
        try storing { () throws(PostgresFailure) in
            var entries: [EntryRow] = []
            let rows = try connection.exchange([Command(Self.entries, [.bigint(revision)])], within: Self.pageTime)[0]
            for row in rows { entries.append(try EntryRow(verifying: row)) }
            return entries
        }
    }
}

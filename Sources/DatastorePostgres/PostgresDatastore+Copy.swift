import Datastore
import LicenseModel
import Tenancy

extension PostgresDatastore {
    /// Fills the empty store of a database with what `body` adds, in one transaction. On Citus rows of the state are
    /// there before: what was not finished is removed by the next one. Errors of `body` come through unchanged.
    public static func fill(_ conninfo: Conninfo, _ body: (any FilledStore) throws -> Void) throws {
        let connection = try Connection.open(conninfo, for: .writing)
        try Probe(connection).check(Options(name: "", version: ""))
        _ = try Head(connection)
        let isDistributed = try storing { () throws(PostgresFailure) in try Distribution.isThere(connection) }
        let filling = Filling(connection, states: isDistributed ? try Connection.open(conninfo, for: .writing) : nil)
        try filling.begin()
        try body(filling)
        try filling.commit()
    }
}

/// An empty store within the one transaction that fills it.
private final class Filling: FilledStore {
    /// Statements are large.
    private static let longer = Statement("take longer", to: "fill it", "SET LOCAL statement_timeout = '300s'")
    private static let patient = Statement(
        "be patient", to: "fill it",
        """
        SELECT set_config('idle_in_transaction_session_timeout', '0', true),
            set_config('application_name', '\(Session.copying)', true)
        """)
    private static let time = Duration.seconds(300)

    private static let lock = Statement(
        "lock", to: "take its turn of writing", "SELECT FROM insights.store FOR UPDATE")

    private static let isEmpty = Statement(
        "is empty", to: "read the store",
        """
        SELECT NOT EXISTS (SELECT FROM insights.entry) AND NOT EXISTS (SELECT FROM insights.access_change)
            AND NOT EXISTS (SELECT FROM insights.partner)
        """)

    private static let insertPartners = Statement(
        "fill partners", to: "change who may call",
        "INSERT INTO insights.partner (id, name, disabled, checksum) SELECT * FROM unnest($1, $2, $3, $4)")

    private static let insertPrincipals = Statement(
        "fill principals", to: "change who may call",
        """
        INSERT INTO insights.principal (partner, id, display_name, roles, disabled, checksum)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6)
        """)

    private static let advance = Statement(
        "fill bucket", to: "fold the state", "UPDATE insights.bucket SET folded_through = $2 WHERE bucket = $1")

    private static let clearRows = Statement(
        "clear rows", to: "fold the state", "DELETE FROM insights.state WHERE bucket = $1")

    private static let clearBucket = Statement(
        "clear bucket", to: "fold the state", "UPDATE insights.bucket SET rows = 0, sum = 0 WHERE bucket = $1")

    private static let noteChanges = Statement(
        "fill changes", to: "note changes of access",
        "INSERT INTO insights.access_change (generation, partner, stamp) VALUES ($1, '', $2)")

    private let connection: Connection
    /// On Citus, of rows, a transaction for each piece of a bucket; nil where they are in the one transaction.
    private let states: Connection?
    private var last = Revision.none
    private var isFinished = false

    init(_ connection: Connection, states: Connection?) {
        self.connection = connection
        self.states = states
    }

    var buckets: Int { StateBuckets.count }

    func begin() throws(DatastoreError) {
        try storing { () throws(PostgresFailure) in
            let answers = try connection.exchange([
                Command(.begin), Command(Self.longer), Command(Self.patient), Command(Self.lock),
                Command(Self.isEmpty),
            ])
            let buckets = try StoredBuckets(states ?? connection)
            let hasEntries = try !answers[4].only().boolean(0) || buckets.folds.most > .none
            guard !hasEntries, states != nil || buckets.rows == 0 else {
                throw .store(.invalid("the store to be filled is not empty"))
            }
            guard let states else { return }
            for bucket in 0..<StateBuckets.count where buckets[bucket].rows > 0 {
                let parameter = Parameter.smallint(Int16(bucket))
                _ = try states.exchange([Command(.begin), Command(Self.clearRows, [parameter])], within: Self.time)
                try PostgresDatastore.commit([Command(Self.clearBucket, [parameter])], states)
            }
        }
    }

    private func run(_ commands: [Command]) throws(DatastoreError) {
        try storing { () throws(PostgresFailure) in _ = try connection.exchange(commands, within: Self.time) }
    }

    func add(_ heads: [LogEntry]) throws(DatastoreError) {
        for entry in heads {
            guard entry.revision == last.next else { throw .outOfOrder(expected: last.next, found: entry.revision) }
            last = entry.revision
        }
        guard !heads.isEmpty else { return }
        let stamps = heads.map { _ in Stamps.draw() }
        try run([PostgresDatastore.insertion(of: heads, stamps, by: 0)])
    }

    func add(_ states: [StateRow], to bucket: Int) throws(DatastoreError) {
        try FoldChecks.check(bucket, of: buckets)
        guard !states.isEmpty else { return }
        try storing { () throws(PostgresFailure) in
            let number = Int16(bucket)
            let connection = self.states ?? connection
            if self.states != nil { _ = try connection.exchange([Command(.begin)]) }
            let answers = try connection.exchange(
                [Command(PostgresDatastore.lockBucket, [.smallint(number)])]
                    + BucketRows.knownCommands(number, states), within: Self.time)
            let rows = try BucketRows(number, try answers[0].only(), known: answers.dropFirst())
            let commands = rows.commands(through: .none, states)
            if self.states == nil {
                _ = try connection.exchange(commands, within: Self.time)
            } else {
                try PostgresDatastore.commit(commands, connection)
            }
        }
    }

    func add(_ access: AccessRegistry) throws(DatastoreError) {
        let (partners, principals) = (access.partners, access.principals)
        try run([
            Command(
                Self.insertPartners,
                [
                    .texts(partners.map(\.id.text)), .texts(partners.map(\.name)),
                    .booleans(partners.map(\.isDisabled)), .bigints(partners.map(\.checksum)),
                ]),
            Command(
                Self.insertPrincipals,
                [
                    .texts(principals.map(\.partner.text)), .texts(principals.map(\.id.text)),
                    .texts(principals.map(\.displayName)), .smallints(principals.map { Int16($0.roles.rawValue) }),
                    .booleans(principals.map(\.isDisabled)), .bigints(principals.map(\.checksum)),
                ]),
        ])
    }

    func finish(_ mark: StoreMark) throws(DatastoreError) {
        guard mark.revision == last else { throw .outOfOrder(expected: last, found: mark.revision) }
        var commands = [Command(PostgresDatastore.setID, [.uuid(high: mark.store.high, low: mark.store.low)])]
        if states == nil { commands += advances }
        // As many changes as the other one counted: those that made no revision too.
        let others = mark.changes - last.number
        if others > 0 { commands.append(Command(Self.noteChanges, [.bigint(others), .bigint(Stamps.draw())])) }
        try run(commands)
        isFinished = true
    }

    func commit() throws(DatastoreError) {
        guard isFinished else { throw .invalid("the copy was not finished") }
        try storing { () throws(PostgresFailure) in
            try PostgresDatastore.commit([], connection)
            // Until the last one no server can begin: the log lacks what the bucket is said to lack.
            guard let states else { return }
            for advance in advances { _ = try states.exchange([advance]) }
        }
    }

    private var advances: [Command] {
        (0..<StateBuckets.count).map { Command(Self.advance, [.smallint(Int16($0)), .bigint(last.number)]) }
    }
}

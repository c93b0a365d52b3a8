import Datastore
import LicenseModel
import Synchronization
import Tenancy

extension PostgresDatastore {
    public var audit: (any AuditStore)? { trail }

    /// The audit trail alone, to be read: also from a standby, and by whoever has a right to nothing else.
    public static func auditTrail(_ conninfo: Conninfo) -> any AuditStore { PostgresAudit(conninfo, for: .reading) }
}

/// The audit trail in the tables `audit` and `audit_pending`.
///
/// A chain is this server's while the connection is there on which it locked the chain's number. Should two believe
/// that it is theirs, the primary key refuses the one whose record comes later.
final class PostgresAudit: AuditStore {
    private struct Hold {
        let chain: Int32
        /// Of the connection that has the lock.
        let connection: UInt64
        /// The process behind it, which may go on when the connection is lost.
        let backend: Int32
    }

    /// Writes, and has the lock of the chain's number.
    private let writing: Lane
    private let reading: Lane
    private let hold = Mutex<Hold?>(nil)

    /// - Parameter purpose: whether it is written to.
    init(_ conninfo: Conninfo, for purpose: Session.Purpose = .writing) {
        writing = Lane(conninfo, for: purpose)
        reading = Lane(conninfo, for: purpose)
    }

    /// For tests: the connection that has the chain goes on, and this is without it.
    func loseConnection() -> Connection? { writing.lose() }

    func close() {
        writing.close()
        reading.close()
    }

    // MARK: - The own chain

    /// First of the two numbers of an advisory lock; the second is the chain.
    private static let lockSpace: Int32 = 578_341_291

    private static let take = Statement(
        "take chain", to: "open its audit chain", "SELECT pg_try_advisory_lock(\(lockSpace), $1::int)")

    private static let letGo = Statement(
        "leave chain", to: "open its audit chain", "SELECT pg_advisory_unlock_all()")

    private static let readEnd = Statement(
        "end of chain", to: "read the audit trail",
        "SELECT \(columns) FROM insights.audit WHERE server = $1::int ORDER BY sequence DESC LIMIT 2")

    private static let readNotes = Statement(
        "noted in chain", to: "read the audit trail",
        "SELECT server, id, line FROM insights.audit_pending WHERE server = $1::int ORDER BY id")

    /// More servers than that are not on one store.
    private static let mostChains: Int32 = 10_000

    /// While a COMMIT of this server is under way its session has the lock, also when the connection is gone.
    private static let awaitChain = Statement(
        "await chain", to: "open its audit chain", "SELECT pg_advisory_lock(\(lockSpace), $1::int)")

    func openChain(
        preferring chain: Int32?, isDoubtful: Bool
    ) throws(DatastoreError) -> OpenedAuditChain {
        let (opened, connection) = try writing.use { connection throws(PostgresFailure) in
            _ = try connection.exchange([Command(Self.letGo)])
            let number: Int32
            if isDoubtful, let chain {
                number = try awaitEnd(of: chain, connection)
                try Self.confirm(number, connection)
            } else {
                number = try Self.take(preferring: chain, connection)
            }
            let parameter = [Parameter.bigint(Int64(number))]
            let answers = try connection.exchange([
                Command(Self.readEnd, parameter), Command(Self.readNotes, parameter),
            ])
            let opened = OpenedAuditChain(
                chain: number, end: try Self.rows(answers[0]).reversed(), noted: try Self.notes(answers[1]))
            return (opened, connection)
        }
        hold.withLock {
            $0 = Hold(chain: opened.chain, connection: connection.number, backend: connection.backend)
        }
        return opened
    }

    private static let holder = Statement(
        "holder of chain", to: "open its audit chain",
        """
        SELECT pid FROM pg_locks
        WHERE locktype = 'advisory' AND classid = \(lockSpace) AND objid = $1::bigint AND objsubid = 2 AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """)

    /// Takes the chain once the session that had it is over; another one where somebody else has it by now, which is
    /// after that too, as after a failover.
    private func awaitEnd(of chain: Int32, _ connection: Connection) throws(PostgresFailure) -> Int32 {
        let parameter = [Parameter.bigint(Int64(chain))]
        let answers = try connection.exchange([Command(Self.take, parameter), Command(Self.holder, parameter)])
        if try answers[0].only().boolean(0) { return chain }
        if let backend = hold.withLock({ $0?.backend }), let holder = try answers[1].first?.integer(0),
            holder != backend
        {
            return try Self.take(preferring: nil, connection)
        }
        _ = try connection.exchange([Command(Self.awaitChain, parameter)])
        return chain
    }

    private static func take(
        preferring chain: Int32?, _ connection: Connection
    ) throws(PostgresFailure) -> Int32 {
        func isTaken(_ number: Int32) throws(PostgresFailure) -> Bool {
            try connection.exchange([Command(take, [.bigint(Int64(number))])])[0].only().boolean(0)
        }
        if let chain, try isTaken(chain) { return chain }
        for number in 1...mostChains where number != chain {
            if try isTaken(number) { return number }
        }
        throw .store(.unavailable("every audit chain is another server's"))
    }

    /// What is read may stand on the primary alone: a COMMIT that writes something waits for the standby.
    private static func confirm(_ chain: Int32, _ connection: Connection) throws(PostgresFailure) {
        let note = [Parameter.bigint(Int64(chain)), .texts([""]), .texts([""])]
        _ = try connection.exchange([Command(.begin), Command(insertNotes, note)])
        try PostgresDatastore.commit([Command(deleteNotes, Array(note.prefix(2)))], connection)
    }

    func checkChain() throws(DatastoreError) {
        try writing.use { connection throws(PostgresFailure) in
            try requireHold(nil, connection)
            _ = try connection.exchange([Command(Self.nothing)])
        }
    }

    private static let nothing = Statement("nothing", to: "read the audit trail", "SELECT")

    /// Throws unless the chain is still this server's.
    private func requireHold(_ chain: Int32?, _ connection: Connection) throws(PostgresFailure) {
        let hold = hold.withLock { $0 }
        guard let hold, hold.connection == connection.number, chain == nil || chain == hold.chain else {
            throw .store(.diverged(at: .none))
        }
    }

    // MARK: - Writing

    private static let insert = Statement(
        "insert audit", to: "write the audit trail",
        """
        INSERT INTO insights.audit (server, sequence, partner, at, line)
        SELECT $1::int, sequence, partner, to_timestamp(milliseconds / 1000.0), line
        FROM unnest($2, $3, $4, $5) AS made (sequence, partner, milliseconds, line)
        """)

    private static let insertNotes = Statement(
        "note changes", to: "write the audit trail",
        """
        INSERT INTO insights.audit_pending (server, id, line)
        SELECT $1::int, id, line FROM unnest($2, $3) AS made (id, line)
        """)

    private static let deleteNotes = Statement(
        "forget changes", to: "write the audit trail",
        "DELETE FROM insights.audit_pending WHERE server = $1::int AND id = ANY($2)")

    func append(
        _ rows: [AuditRow], ending changes: [NotedChange.ID], requiresNotes: Bool
    ) throws(DatastoreError) {
        let deletions = Self.deletions(of: changes)
        do throws(DatastoreError) {
            try writing.use { connection throws(PostgresFailure) in
                try requireHold(rows.first?.chain, connection)
                let written = rows.isEmpty ? [] : [Self.insertion(of: rows)]
                guard requiresNotes else {
                    _ = try connection.exchange([Command(.begin)])
                    return try PostgresDatastore.commit(written + deletions, connection)
                }
                let answers = try connection.exchange([Command(.begin)] + deletions)
                guard answers.dropFirst().reduce(0, { $0 + $1.changed }) == changes.count else {
                    throw .store(.notFound)
                }
                try PostgresDatastore.commit(written, connection)
            }
        } catch .alreadyExists {
            // Another server has the chain.
            hold.withLock { $0 = nil }
            throw .diverged(at: .none)
        }
    }

    private static func insertion(of rows: [AuditRow]) -> Command {
        Command(
            insert,
            [
                .bigint(Int64(rows.first?.chain ?? 0)), .bigints(rows.map(\.sequence)),
                .texts(rows.map(\.partner?.text)),
                .bigints(rows.map(\.time)), .texts(rows.map { String(decoding: $0.line, as: UTF8.self) }),
            ])
    }

    private static func deletions(of changes: [NotedChange.ID]) -> [Command] {
        Dictionary(grouping: changes, by: \.chain).sorted { $0.key < $1.key }.map { chain, changes in
            Command(deleteNotes, [.bigint(Int64(chain)), .texts(changes.map(\.change))])
        }
    }

    func note(_ changes: [NotedChange]) throws(DatastoreError) {
        guard let chain = changes.first?.id.chain else { return }
        try writing.use { connection throws(PostgresFailure) in
            try requireHold(chain, connection)
            let insertion = Command(
                Self.insertNotes,
                [
                    .bigint(Int64(chain)), .texts(changes.map(\.id.change)),
                    .texts(changes.map { String(decoding: $0.line, as: UTF8.self) }),
                ])
            _ = try connection.exchange([Command(.begin)])
            try PostgresDatastore.commit([insertion], connection)
        }
    }

    private static let moveNotes = Statement(
        "move changes", to: "write the audit trail",
        "UPDATE insights.audit_pending SET server = $1::int WHERE server = $2::int AND id = ANY($3)")

    func adopt(_ changes: [NotedChange.ID]) throws(DatastoreError) {
        guard !changes.isEmpty, let own = hold.withLock({ $0?.chain }) else { return }
        let moves = Dictionary(grouping: changes, by: \.chain).sorted { $0.key < $1.key }.map { chain, changes in
            Command(
                Self.moveNotes, [.bigint(Int64(own)), .bigint(Int64(chain)), .texts(changes.map(\.change))])
        }
        try writing.use { connection throws(PostgresFailure) in
            try requireHold(own, connection)
            _ = try connection.exchange([Command(.begin)])
            try PostgresDatastore.commit(moves, connection)
        }
    }

    func forget(_ changes: [NotedChange.ID]) throws(DatastoreError) {
        guard !changes.isEmpty else { return }
        try writing.use { connection throws(PostgresFailure) in
            _ = try connection.exchange([Command(.begin)] + Self.deletions(of: changes) + [Command(.commit)])
        }
    }

    // MARK: - Reading

    private static let columns =
        "server, sequence, partner, (extract(epoch FROM at) * 1000)::bigint AS milliseconds, line"

    /// One chain after the other by the key, however long they are.
    private static let readEnds = Statement(
        "ends of chains", to: "read the audit trail",
        """
        WITH RECURSIVE chains AS (
            (SELECT server FROM insights.audit ORDER BY server LIMIT 1)
            UNION ALL
            SELECT (SELECT server FROM insights.audit WHERE server > chains.server ORDER BY server LIMIT 1)
            FROM chains WHERE chains.server IS NOT NULL
        )
        SELECT \(columns) FROM chains
        CROSS JOIN LATERAL (
            SELECT sequence, partner, at, line FROM insights.audit WHERE server = chains.server
            ORDER BY sequence DESC LIMIT 1
        ) AS last WHERE server IS NOT NULL ORDER BY server
        """)

    private static let readChain = Statement(
        "chain", to: "read the audit trail",
        "SELECT \(columns) FROM insights.audit WHERE server = $1::int AND sequence > $2 ORDER BY sequence LIMIT $3")

    private static let readPlaces = Statement(
        "records", to: "read the audit trail",
        "SELECT \(columns) FROM insights.audit WHERE server = $1::int AND sequence = ANY($2) ORDER BY sequence")

    func ends() throws(DatastoreError) -> [AuditRow] {
        try reading.use { connection throws(PostgresFailure) in
            try Self.rows(try connection.exchange([Command(Self.readEnds)])[0])
        }
    }

    func rows(of chain: Int32, after sequence: Int64, limit: Int) throws(DatastoreError) -> [AuditRow] {
        try reading.use { connection throws(PostgresFailure) in
            let parameters: [Parameter] = [.bigint(Int64(chain)), .bigint(sequence), .bigint(Int64(limit))]
            return try Self.rows(try connection.exchange([Command(Self.readChain, parameters)])[0])
        }
    }

    func rows(of chain: Int32, at sequences: [Int64]) throws(DatastoreError) -> [AuditRow] {
        try reading.use { connection throws(PostgresFailure) in
            let parameters: [Parameter] = [.bigint(Int64(chain)), .bigints(sequences)]
            return try Self.rows(try connection.exchange([Command(Self.readPlaces, parameters)])[0])
        }
    }

    /// The wall behind the scope: whoever asks is this partner alone until the end of the transaction.
    private static let becomePartner = Statement(
        "become a partner", to: "read the audit trail", "SET LOCAL ROLE insights_partner")

    private static let setPartner = Statement(
        "set the partner", to: "read the audit trail", "SELECT set_config('insights.partner', $1, true)")

    private static let readPage = Statement(
        "page of a trail", to: "read the audit trail",
        """
        SELECT \(columns) FROM insights.audit
        WHERE partner = $1 AND at <= to_timestamp($2 / 1000.0)
            AND (at < to_timestamp($2 / 1000.0) OR (server, -sequence) > ($3, -$4))
        ORDER BY at DESC, server, sequence DESC LIMIT $5
        """)

    private static let countTrail = Statement(
        "length of a trail", to: "read the audit trail", "SELECT count(*) FROM insights.audit WHERE partner = $1")

    func page(
        in scope: PartnerScope, after place: AuditPlace?, limit: Int
    ) throws(DatastoreError) -> (rows: [AuditRow], total: Int64) {
        let partner = Parameter.text(scope.partner.text)
        // Later than everything: RFC 3339 has no year 10000.
        let place = place ?? AuditPlace(time: 253_402_300_800_000, chain: 0, sequence: 0)
        return try reading.use { connection throws(PostgresFailure) in
            let answers = try connection.exchange([
                Command(.beginReading), Command(Self.becomePartner), Command(Self.setPartner, [partner]),
                Command(
                    Self.readPage,
                    [
                        partner, .bigint(place.time), .bigint(Int64(place.chain)), .bigint(place.sequence),
                        .bigint(Int64(limit)),
                    ]),
                Command(Self.countTrail, [partner]), Command(.commit),
            ])
            return (try Self.rows(answers[3]), try answers[4].only().bigint(0))
        }
    }

    /// Locks of one database are told by its number.
    private static let readAbandoned = Statement(
        "abandoned changes", to: "read the audit trail",
        """
        SELECT server, id, line FROM insights.audit_pending
        WHERE server NOT IN (
            SELECT objid::bigint FROM pg_locks
            WHERE locktype = 'advisory' AND classid = \(lockSpace) AND objsubid = 2
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        ) ORDER BY server, id LIMIT 1000
        """)

    private static let readAllNotes = Statement(
        "noted changes", to: "read the audit trail",
        "SELECT server, id, line FROM insights.audit_pending ORDER BY server, id LIMIT 100000")

    func abandoned() throws(DatastoreError) -> [NotedChange] {
        try reading.use { connection throws(PostgresFailure) in
            try Self.notes(try connection.exchange([Command(Self.readAbandoned)])[0])
        }
    }

    func noted() throws(DatastoreError) -> [NotedChange] {
        try reading.use { connection throws(PostgresFailure) in
            try Self.notes(try connection.exchange([Command(Self.readAllNotes)])[0])
        }
    }

    private static func rows(_ answer: Rows) throws(PostgresFailure) -> [AuditRow] {
        var rows: [AuditRow] = []
        for row in answer {
            rows.append(
                AuditRow(
                    chain: try row.integer(0), sequence: try row.bigint(1),
                    // What is no id was not written here: the record's line tells.
                    partner: try row.optionalText(2).flatMap { try? PartnerID(stored: $0) },
                    time: try row.bigint(3), line: Array(try row.text(4).utf8)))
        }
        return rows
    }

    private static func notes(_ answer: Rows) throws(PostgresFailure) -> [NotedChange] {
        var changes: [NotedChange] = []
        for row in answer {
            let id = NotedChange.ID(chain: try row.integer(0), change: try row.text(1))
            changes.append(NotedChange(id: id, line: Array(try row.text(2).utf8)))
        }
        return changes
    }
}

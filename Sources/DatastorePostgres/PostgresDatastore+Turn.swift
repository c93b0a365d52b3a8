import Datastore
import LicenseModel
import Tenancy

/// Turns of writing: the lock of the one row, what is new, the decision, one transaction.
extension PostgresDatastore {
    /// Whoever holds it writes; statements after it see everything that was written before.
    static let lock = Statement(
        "lock", to: "take its turn of writing", "SELECT id, format FROM insights.store FOR UPDATE")

    /// The news that a turn takes: what is behind by more catches up without holding the lock.
    private static let newsBytes = 64 << 20
    private static let newsEntries = 1 << 16

    public func turn<Value>(
        after position: LogPosition, batches: [BatchID], for grant: OperatorGrant,
        _ body: (TurnNews) throws(DatastoreError) -> Turn<Value>
    ) throws(DatastoreError) -> TurnOutcome<Value> {
        try requireOpen()
        try requireFolds()
        var isAsked = false
        let outcome = try writing.use(isFinal: { isAsked }) { connection throws(PostgresFailure) in
            let (news, stamps, slot) = try begin(after: position, batches: batches, connection)
            isAsked = true
            let (made, last) = try Self.ask(body, news)
            guard !made.isEmpty else {
                // What was read may stand on the primary alone; from here on it does not, or the answer is not given.
                try Self.commit([], connection)
                return TurnOutcome(made.value, position: news.log.position)
            }
            let after = try write(made, through: last, after: news.log.position, stamps, in: slot, connection)
            if let erasure = made.erasure { noteFold(of: erasure.bucket, through: last) }
            return TurnOutcome(made.value, position: after)
        }
        advance(to: outcome.position)
        return outcome
    }

    private static func ask<Value>(
        _ body: (TurnNews) throws(DatastoreError) -> Turn<Value>, _ news: TurnNews
    ) throws(PostgresFailure) -> (Turn<Value>, Revision) {
        do throws(DatastoreError) {
            let made = try body(news)
            return (made, try made.check(after: news.log.position.revision))
        } catch {
            throw .store(error)
        }
    }

    private func begin(
        after position: LogPosition, batches: [BatchID], _ connection: Connection
    ) throws(PostgresFailure) -> (TurnNews, Stamps, LogSlot) {
        let question = NewsQuestion(position, entries: Self.newsEntries, bytes: Self.newsBytes)
        let answers = try connection.exchange(
            [Command(.begin), Command(Self.lock), Command(LogSlot.read), Self.receiptsCommand(batches)]
                + question.commands)
        let store = try answers[1].only()
        let (high, low) = try store.uuid(0)
        guard StoreID(high: high, low: low) == state.withLock({ $0.id }) else {
            throw .store(.diverged(at: position.revision))
        }
        guard try store.integer(1) <= Schema.format else { throw .store(.schemaTooNew) }
        let (log, stamps) = try question.newsAndStamps(answers.dropFirst(4))
        guard log.isComplete else { throw .store(.behind) }
        let news = TurnNews(log: log, receipts: try Self.receipts(answers[3]))
        return (news, stamps, try LogSlot(try answers[2].only()))
    }

    // MARK: - Writing

    private static let insertEntries = Statement(
        "insert entries", to: "write the log",
        """
        INSERT INTO insights.entry (revision, kind, batch, accepted, digest, checksum, stamp, server)
        SELECT revision, kind, batch, accepted, digest, checksum, stamp, $8
        FROM unnest($1, $2, $3, $4, $5, $6, $7) AS made (revision, kind, batch, accepted, digest, checksum, stamp)
        """)

    private static let insertBodies = Statement(
        "insert bodies", to: "write the log",
        """
        INSERT INTO insights.body (slot, revision, checksum, facts)
        SELECT $1, revision, checksum, facts FROM unnest($2, $3, $4) AS made (revision, checksum, facts)
        """)

    private static let notify = Statement(
        "notify", to: "notify other servers", "SELECT pg_notify('insights', $1)")

    private func write<Value>(
        _ made: Turn<Value>, through last: Revision, after position: LogPosition, _ known: Stamps, in slot: LogSlot,
        _ connection: Connection
    ) throws(PostgresFailure) -> LogPosition {
        let entries = made.entries
        let stamps = entries.map { _ in Stamps.draw() }
        var reached = Stamps(entry: stamps.last ?? known.entry, access: known.access)
        if !made.access.isEmpty {
            reached.access = try AccessRows.write(made.access, after: position.generation, connection)
        }
        var commands = insertions(of: entries, stamps, slot)
        if let erasure = made.erasure, isDistributed {
            try markElsewhere(erasure)
            commands += leave(slot, after: erasure)
        } else if let erasure = made.erasure {
            _ = try connection.exchange(commands)
            commands = try erase(erasure, in: slot, connection)
        }
        commands.append(Command(Self.notify, [.text(String(last.number))]))
        do throws(PostgresFailure) {
            try Self.commit(commands, connection)
        } catch .refused(let refusal) where refusal.constraint == "entry_batch" {
            throw .store(try Self.duplicate(made.batches, connection) ?? refusal.error)
        }
        if let erasure = made.erasure, isDistributed { try eraseElsewhere(erasure, connection) }
        return LogPosition(
            revision: last, generation: position.generation + Int64(made.access.count), digest: reached.digest)
    }

    private func insertions(of entries: [LogEntry], _ stamps: [Int64], _ slot: LogSlot) -> [Command] {
        guard let first = entries.first else { return [] }
        let bodies = entries.filter { $0.kind != .partnerCreated }
        let (number, move) = slot.next(from: first.revision)
        let server = state.withLock { $0.member?.id } ?? 0
        return move + [
            Self.insertion(of: entries, stamps, by: server),
            Command(
                Self.insertBodies,
                [
                    .smallint(number), .bigints(bodies.map(\.revision.number)),
                    .bigints(bodies.map { RowChecksum.body(revision: $0.revision.number, facts: $0.body) }),
                    .byteStrings(bodies.map(\.body)),
                ]),
        ]
    }

    static func insertion(of entries: [LogEntry], _ stamps: [Int64], by server: Int32) -> Command {
        let rows = entries.map(EntryRow.init)
        return Command(
            insertEntries,
            [
                .bigints(rows.map(\.revision)), .smallints(rows.map { Int16($0.kind) }), .texts(rows.map(\.batch)),
                .bigints(rows.map(\.accepted)), .byteStrings(rows.map(\.digest)), .bigints(rows.map(\.checksum)),
                .bigints(stamps), .bigint(Int64(server)),
            ])
    }

    /// The first of the batches that was accepted before, once the turn that found out is rolled back.
    private static func duplicate(
        _ batches: [LogEntry], _ connection: Connection
    ) throws(PostgresFailure) -> DatastoreError? {
        let ids = batches.compactMap(\.receipt?.batch)
        let answers = try connection.exchange([Command(.rollback), receiptsCommand(ids)])
        let known = try receipts(answers[1])
        return ids.first { known[$0] != nil }.map { .duplicateBatch($0) }
    }

    /// Ends a transaction whose loss is not known: nothing of it may be acknowledged.
    static func commit(_ commands: [Command], _ connection: Connection) throws(PostgresFailure) {
        do throws(PostgresFailure) {
            try connection.commit(commands)
        } catch {
            switch error {
            case .lost: throw .store(.inDoubt("the connection to it ended before it answered"))
            case .unconfirmed: throw .store(.inDoubt("its standby did not confirm"))
            case .malformed: throw .store(.inDoubt("its answer cannot be read"))
            default: throw error
            }
        }
    }
}

/// The part of the bodies that is written to. It is left after a while, so that the parts before can be emptied as a
/// whole, which gives their files back at once.
struct LogSlot {
    /// Bytes and time after which the next one is written to.
    static let maximumBytes = 256 << 20
    static let maximumMinutes = 15

    static let read = Statement(
        "slot", to: "read the log",
        """
        SELECT current, now() - since > interval '\(maximumMinutes) minutes'
                OR pg_table_size(('insights.body_' || current)::regclass) > \(maximumBytes),
            NOT EXISTS (SELECT FROM insights.body
                WHERE slot = (SELECT (current + 1) % \(Schema.bodySlots) FROM insights.log_slot))
        FROM insights.log_slot
        """)

    private static let move = Statement(
        "move slot", to: "begin another part of the log",
        "UPDATE insights.log_slot SET current = $1, since = now(), first_revision = $2")

    let current: Int16
    private let isToBeLeft: Bool
    private let isNextEmpty: Bool

    init(_ row: Row) throws(PostgresFailure) {
        current = try row.smallint(0)
        isToBeLeft = try row.boolean(1)
        isNextEmpty = try row.boolean(2)
    }

    private var following: Int16 { (current + 1) % Int16(Schema.bodySlots) }

    /// The slot for the bodies of a turn, and what has to be done for it.
    func next(from first: Revision) -> (Int16, [Command]) {
        isToBeLeft ? leaving(from: first) : (current, [])
    }

    /// The same where the current one is to be emptied soon. Stays where the next one still has something.
    func leaving(from first: Revision) -> (Int16, [Command]) {
        guard isNextEmpty else { return (current, []) }
        return (following, [Command(Self.move, [.smallint(following), .bigint(first.number)])])
    }
}

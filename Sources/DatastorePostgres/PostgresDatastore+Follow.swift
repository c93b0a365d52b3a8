import Datastore
import LicenseModel
import Tenancy

/// What others wrote.
extension PostgresDatastore {
    static let listen = Statement(to: "listen", "LISTEN insights")

    /// Bytes of bodies that are read at once, by as little as one body more.
    private static let pageBytes = 16 << 20

    public func news(
        after position: LogPosition, limit: Int, for grant: OperatorGrant
    ) throws(DatastoreError) -> LogNews {
        try requireFolds()
        let news = try read { connection throws(PostgresFailure) in
            // One snapshot for entries and access.
            let question = NewsQuestion(position, entries: limit, bytes: Self.pageBytes)
            let answers = try connection.exchange(
                [Command(.beginReading)] + question.commands + [Command(.commit)])
            return try question.news(answers.dropFirst().dropLast())
        }
        advance(to: news.position)
        return news
    }

    private static let findReceipt = Statement(
        "receipt", to: "read the log", "SELECT \(EntryRow.columns) FROM insights.entry WHERE batch = ANY($1)")

    public func receipt(of batch: BatchID, for grant: OperatorGrant) throws(DatastoreError) -> BatchReceipt? {
        try read { connection throws(PostgresFailure) in
            try Self.receipts(try connection.exchange([Self.receiptsCommand([batch])])[0])[batch]
        }
    }

    static func receiptsCommand(_ batches: [BatchID]) -> Command {
        Command(findReceipt, [.texts(batches.map(\.text))])
    }

    static func receipts(_ rows: Rows) throws(PostgresFailure) -> [BatchID: BatchReceipt] {
        var receipts: [BatchID: BatchReceipt] = [:]
        for row in rows {
            let receipt = try EntryRow(verifying: row).receipt
            receipts[receipt.batch] = receipt
        }
        return receipts
    }

    public func waitForNews(upTo time: Duration) throws(DatastoreError) -> Bool {
        try requireOpen()
        let came = try listening.use { connection throws(PostgresFailure) in
            try connection.waitForNotification(time, or: closing)
        }
        try requireOpen()
        return came
    }
}

/// What was written after a position, asked for within one transaction.
struct NewsQuestion {
    /// The bytes of a body are known without reading it, so that a page ends where it is large enough.
    private static let page = Statement(
        "news", to: "read the log",
        """
        SELECT \(EntryRow.columns), stamp, body_checksum, facts
        FROM (
            SELECT e.revision, e.kind, e.batch, e.accepted, e.digest, e.checksum, e.stamp, b.checksum AS body_checksum,
                b.facts, coalesce(sum(octet_length(b.facts)) OVER (ORDER BY e.revision ROWS BETWEEN UNBOUNDED PRECEDING
                    AND 1 PRECEDING), 0) AS before
            FROM insights.entry e
            LEFT JOIN insights.body b ON b.revision = e.revision AND b.revision > $1 AND b.revision <= $2
            WHERE e.revision > $1 AND e.revision <= $2
        ) AS page WHERE before < $3 ORDER BY revision
        """)

    private static let partners = Statement(
        "changed partners", to: "read who may call",
        """
        SELECT id, name, disabled, checksum FROM insights.partner
        WHERE id IN (SELECT partner FROM insights.access_change WHERE generation > $1) ORDER BY id
        """)

    private static let principals = Statement(
        "changed principals", to: "read who may call",
        """
        SELECT partner, id, display_name, roles, disabled, checksum FROM insights.principal
        WHERE partner IN (SELECT partner FROM insights.access_change WHERE generation > $1) ORDER BY partner, id
        """)

    private let asked: LogPosition
    let commands: [Command]

    /// - Parameter access: whether changes of who may call are news.
    init(_ asked: LogPosition, entries: Int, bytes: Int, access: Bool = true) {
        self.asked = asked
        let first = asked.revision.number
        // Revisions have no gaps: so many numbers are so many entries.
        let (last, isOver) = first.addingReportingOverflow(Int64(clamping: max(1, entries)))
        let after = Parameter.bigint(access ? asked.generation : .max)
        commands = [
            Command(Head.last), Command(Head.generation), Stamps.command(asked),
            Command(Self.page, [.bigint(first), .bigint(isOver ? .max : last), .bigint(Int64(clamping: bytes))]),
            Command(Self.partners, [after]), Command(Self.principals, [after]),
        ]
    }

    /// - Parameter answers: to the commands, in their order.
    func news(_ answers: ArraySlice<Rows>) throws(PostgresFailure) -> LogNews {
        try newsAndStamps(answers).news
    }

    /// Also the stamps of the position that the news end at.
    func newsAndStamps(_ answers: ArraySlice<Rows>) throws(PostgresFailure) -> (news: LogNews, stamps: Stamps) {
        guard answers.count == commands.count else { throw .malformed }
        let answers = Array(answers)
        let head = try Head.position(answers[0], answers[1])
        var stamps = try Stamps(answers[2], of: asked, head: head)
        stamps.access = try answers[1].first?.bigint(1) ?? 0
        var entries: [LogEntry] = []
        var last = LogPosition(revision: asked.revision, generation: head.generation, digest: stamps.digest)
        for row in answers[3] {
            let read = try EntryRow(verifying: row)
            guard read.revision == last.revision.next.number else {
                throw .store(.corrupt("entries of the log are missing"))
            }
            guard let entry = try read.entry(body: try EntryRow.body(of: row, at: read.revision)) else {
                // Its slot was emptied.
                throw .store(.diverged(at: asked.revision))
            }
            entries.append(entry)
            stamps.entry = try row.bigint(6)
            last = LogPosition(revision: entry.revision, generation: head.generation, digest: stamps.digest)
        }
        let registry = try AccessRows.registry(answers[4], answers[5])
        let partners = registry.partners.map { partner in
            PartnerAccess(partner: partner, principals: registry.principals.filter { $0.partner == partner.id })
        }
        let news = LogNews(
            entries: entries, partners: partners, position: last, isComplete: last.revision == head.revision)
        return (news, stamps)
    }
}

/// A row of the log as it is stored.
struct EntryRow {
    static let columns = "revision, kind, batch, accepted, digest, checksum"

    let revision: Int64
    let kind: Int64
    let batch: String?
    let accepted: Int64?
    let digest: [UInt8]?
    let checksum: Int64

    init(_ entry: LogEntry) {
        self.init(
            revision: entry.revision.number, kind: Int64(entry.kind.rawValue), batch: entry.receipt?.batch.text,
            accepted: (entry.receipt?.accepted).map(Int64.init), digest: entry.receipt?.digest.bytes)
    }

    private init(revision: Int64, kind: Int64, batch: String?, accepted: Int64?, digest: [UInt8]?) {
        self.revision = revision
        self.kind = kind
        self.batch = batch
        self.accepted = accepted
        self.digest = digest
        checksum = RowChecksum.entry(
            revision: revision, kind: kind, batch: batch, accepted: accepted, digest: digest)
    }

    /// The first six columns of a row; throws when they do not fit together.
    init(verifying row: Row) throws(PostgresFailure) {
        self.init(
            revision: try row.bigint(0), kind: Int64(try row.smallint(1)), batch: try row.optionalText(2),
            accepted: try row.optionalBigint(3), digest: try row.optionalBytes(4))
        guard try row.bigint(5) == checksum else {
            throw .store(.corrupt("entry \(revision) of the log is not what was written"))
        }
    }

    /// What a batch was answered with.
    var receipt: BatchReceipt {
        get throws(PostgresFailure) {
            guard let batch, let id = try? BatchID(batch), let accepted, let count = Int(exactly: accepted),
                let digest, let digest = ContentDigest(digest)
            else { throw .store(.corrupt("a receipt is incomplete")) }
            return BatchReceipt(batch: id, revision: Revision(number: revision), accepted: count, digest: digest)
        }
    }

    /// What the last two columns of a row say; nil where there is no body.
    static func body(of row: Row, at revision: Int64) throws(PostgresFailure) -> [UInt8]? {
        guard let facts = try row.optionalBytes(8) else { return nil }
        guard try row.bigint(7) == RowChecksum.body(revision: revision, facts: facts) else {
            throw .store(.corrupt("the facts of revision \(revision) are not what was written"))
        }
        return facts
    }

    /// Nil when it needs a body and has none.
    func entry(body: [UInt8]?) throws(PostgresFailure) -> LogEntry? {
        let revision = Revision(number: revision)
        switch UInt8(exactly: kind).flatMap(LogEntryKind.init(rawValue:)) {
        case .partnerCreated: return .partnerCreated(revision: revision)
        case .erasure: return body.map { .erasure(revision: revision, body: $0) }
        case .batch:
            guard let body else { return nil }
            let receipt = try receipt
            return .batch(
                receipt.batch, revision: revision, accepted: receipt.accepted, digest: receipt.digest, body: body)
        case nil: throw .store(.corrupt("an entry of the log is incomplete"))
        }
    }
}

extension Statement {
    /// One snapshot for everything until the end.
    static let beginReading = Statement(
        "begin reading", to: "begin a transaction", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
}

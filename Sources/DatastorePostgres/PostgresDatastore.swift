import Datastore
import LicenseModel
import Synchronization
import Tenancy

/// A store in PostgreSQL that several servers may share. What was acknowledged is durable there, and on its
/// synchronous standby where it has one.
///
/// Whoever holds the lock of the one row of `store` writes. A commit is visible before its locks are let go, so that
/// the order of revisions is the order in which they become visible, for everybody and on every standby.
public final class PostgresDatastore: LicenseDatastore {
    /// How a server uses the store.
    public struct Options: Sendable {
        /// Of the server, for people and for the next start of the same one.
        public var name: String
        public var version: String
        /// Refuses a database without a synchronous standby.
        public var requiresStandby = false

        public init(name: String, version: String) {
            self.name = name
            self.version = version
        }
    }

    struct State {
        /// Of the table of servers.
        struct Member: Hashable {
            let id: Int32
            /// Microseconds since 1970-01-01T00:00:00Z.
            let started: Int64
        }

        var position: LogPosition
        var id: StoreID
        /// In the table of servers.
        var member: Member?
        /// It may be there before it is known.
        var hasBeaten = false
        /// Buckets are folded through it, all of them.
        var leastFold = Revision.none
        /// How far each bucket is folded as far as this server was told: it may have forgotten what was before.
        var folds = BucketFolds(count: StateBuckets.count)
        /// The store lacks a fold that this server was told of; nothing goes on before everything is read anew.
        var lacksFold = false
        var closed = false
    }

    let options: Options
    let conninfo: Conninfo
    let state: Mutex<State>
    /// Turns and folds.
    let writing: Lane
    /// Everything by key, beside them.
    let reading: Lane
    /// Listens.
    let listening: Lane
    let trail: PostgresAudit
    let closing = Waker()
    /// What an operator should know of the database.
    public let remarks: [String]
    /// Whether the folded state is on the workers of a Citus.
    let isDistributed: Bool

    /// Opens the store of a database that `PostgresMigration` brought up to date.
    public static func open(_ conninfo: Conninfo, _ options: Options) throws(DatastoreError) -> PostgresDatastore {
        let probe = try Connection.open(conninfo, for: .writing)
        let facts = try Probe(probe)
        try facts.check(options)
        let head = try Head(probe)
        let isDistributed = try storing { () throws(PostgresFailure) in try Distribution.isThere(probe) }
        return PostgresDatastore(conninfo, options, facts.remarks(probe), head, isDistributed: isDistributed)
    }

    private init(
        _ conninfo: Conninfo, _ options: Options, _ remarks: [String], _ head: Head, isDistributed: Bool
    ) {
        self.isDistributed = isDistributed
        self.conninfo = conninfo
        self.options = options
        self.remarks = remarks
        state = Mutex(State(position: head.position, id: head.id))
        writing = Lane(conninfo) { connection throws(DatastoreError) in
            try Probe(connection).check(options)
        }
        reading = Lane(conninfo)
        trail = PostgresAudit(conninfo)
        listening = Lane(conninfo) { connection throws(DatastoreError) in
            try storing { () throws(PostgresFailure) in
                _ = try connection.exchange([Command(Self.listen)])
            }
        }
    }

    public var isShared: Bool { true }
    public var buckets: Int { StateBuckets.count }
    public var position: LogPosition { state.withLock { $0.position } }

    public var mark: StoreMark {
        state.withLock { state in
            StoreMark(
                store: state.id, changes: state.position.revision.number + state.position.generation,
                revision: state.position.revision)
        }
    }

    func requireOpen() throws(DatastoreError) {
        guard !state.withLock({ $0.closed }) else { throw .closed }
    }

    /// A read that may be repeated, on a connection of its own turn.
    func read<Result: Sendable>(
        _ body: (Connection) throws(PostgresFailure) -> Result
    ) throws(DatastoreError) -> Result {
        try requireOpen()
        return try reading.use(body)
    }

    // MARK: - State of the store

    static let setID = Statement("set id", to: "begin another history", "UPDATE insights.store SET id = $1")

    public func beginHistory() throws(DatastoreError) {
        try requireOpen()
        let id = StoreID.random()
        try writing.use { connection throws(PostgresFailure) in
            _ = try connection.exchange([Command(.begin)])
            try Self.commit([Command(Self.setID, [.uuid(high: id.high, low: id.low)])], connection)
        }
        state.withLock { $0.id = id }
    }

    public func backup(to path: String) throws(DatastoreError) {
        throw .invalid("a store in PostgreSQL is copied into a file by the command backup")
    }

    public func health() throws(DatastoreError) {
        _ = try read { connection throws(PostgresFailure) in
            try connection.exchange([Command(Schema.readFormat)], within: .seconds(5))
        }
    }

    public func close() throws(DatastoreError) {
        let first = state.withLock { state in
            defer { state.closed = true }
            return !state.closed
        }
        guard first else { return }
        closing.wake()
        // Who cannot say that it leaves is taken for dead later.
        try? leave()
        for lane in [writing, reading, listening] { lane.close() }
        trail.close()
    }
}

/// A connection that is made when it is needed, for one caller at a time.
final class Lane: Sendable {
    private struct Slot {
        var connection: Connection?
        var isClosed = false
    }

    private let conninfo: Conninfo
    private let purpose: Session.Purpose
    private let slot = Mutex(Slot())
    private let prepare: @Sendable (Connection) throws(DatastoreError) -> Void

    /// - Parameter prepare: of every new connection.
    init(
        _ conninfo: Conninfo, for purpose: Session.Purpose = .writing,
        prepare: @escaping @Sendable (Connection) throws(DatastoreError) -> Void = { _ throws(DatastoreError) in }
    ) {
        self.conninfo = conninfo
        self.purpose = purpose
        self.prepare = prepare
    }

    /// A server that does not hear of a lost connection would otherwise fail once for each.
    private static let attempts = 3

    /// Runs `body`, and ends whatever transaction it leaves. After the loss of a connection, and when others were in
    /// the way, it is run again unless `isFinal` says that it may not be.
    func use<Result: Sendable>(
        isFinal: () -> Bool = { false }, _ body: (Connection) throws(PostgresFailure) -> Result
    ) throws(DatastoreError) -> Result {
        try slot.withLock { slot throws(DatastoreError) in
            var attempt = 1
            while true {
                let connection = try current(&slot)
                do throws(PostgresFailure) {
                    return try body(connection)
                } catch {
                    if connection.isUsable, connection.isInTransaction {
                        _ = try? connection.exchange([Command(.rollback)])
                    }
                    // What is prepared on it is of tables that were changed since.
                    if error.isOutdated { connection.close() }
                    if error.isLockTimeout { endHung(connection) }
                    if !connection.isUsable { slot.connection = nil }
                    guard error.mayBeRepeated, !isFinal(), attempt < Self.attempts else { throw error.error }
                    attempt += 1
                }
            }
        }
    }

    private func current(_ slot: inout Slot) throws(DatastoreError) -> Connection {
        guard !slot.isClosed else { throw .closed }
        if let connection = slot.connection, connection.isUsable { return connection }
        slot.connection = nil
        let connection = try Connection.open(conninfo, for: purpose)
        try prepare(connection)
        slot.connection = connection
        return connection
    }

    /// A server that hangs in a transaction, or whose machine is gone, holds its locks until PostgreSQL notices: that
    /// it is idle for too long, or that its connection is dead. The first of those who waited in vain sees to it.
    private static let endIdle = Statement(
        to: "end a hung transaction",
        """
        SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
            AND application_name <> '\(Session.copying)'
            AND wait_event = 'ClientRead' AND backend_xid IS NOT NULL
            AND state_change < clock_timestamp() - interval '5 s'
        """)

    private func endHung(_ connection: Connection) {
        guard connection.isUsable else { return }
        _ = try? connection.exchange([Command(Self.endIdle)])
    }

    /// For tests: as when the connection is lost, and its other end does not know.
    func lose() -> Connection? {
        slot.withLock { slot in
            defer { slot.connection = nil }
            return slot.connection
        }
    }

    /// What is at work is waited for; later uses throw `closed`.
    func close() { slot.withLock { $0 = Slot(isClosed: true) } }
}

extension PostgresFailure {
    fileprivate var mayBeRepeated: Bool {
        if case .lost = self { return true }
        return isTransient
    }

    private func isRefusal(_ state: SQLState) -> Bool {
        if case .refused(let refusal) = self { refusal.state == state } else { false }
    }

    fileprivate var isOutdated: Bool { isRefusal(.cachedPlanChanged) }
    fileprivate var isLockTimeout: Bool { isRefusal(.lockNotAvailable) }
}

/// What a database is asked before it is trusted.
struct Probe {
    private static let ask = Statement(
        to: "read the settings of the database",
        """
        SELECT current_setting('fsync') = 'on', current_setting('full_page_writes') = 'on', pg_is_in_recovery(),
            current_setting('synchronous_standby_names') <> ''
        """)

    private let syncs: Bool
    private let writesPages: Bool
    private let isStandby: Bool
    private let hasStandby: Bool
    private let version: Int

    init(_ connection: Connection) throws(DatastoreError) {
        do throws(PostgresFailure) {
            version = connection.serverVersion
            let row = try connection.exchange([Command(Self.ask)])[0].only()
            (syncs, writesPages) = (try row.boolean(0), try row.boolean(1))
            (isStandby, hasStandby) = (try row.boolean(2), try row.boolean(3))
        } catch {
            throw error.error
        }
    }

    private static let oldest = 130_000

    func check(_ options: PostgresDatastore.Options) throws(DatastoreError) {
        guard version >= Self.oldest else { throw .notAccessible("its PostgreSQL is older than 13") }
        guard syncs else { throw .notAccessible("its setting fsync is off: what is acknowledged could be lost") }
        guard writesPages else {
            throw .notAccessible("its setting full_page_writes is off: what is acknowledged could be lost")
        }
        guard !isStandby else { throw .unavailable("it accepts no changes: a standby, or read-only") }
        guard hasStandby || !options.requiresStandby else {
            throw .notAccessible("it has no synchronous standby (synchronous_standby_names)")
        }
    }

    func remarks(_ connection: Connection) -> [String] {
        var remarks: [String] = []
        if !hasStandby { remarks.append("the database has no synchronous standby: its disk is the only copy") }
        if !connection.isPrivate { remarks.append("the connection to the database is not encrypted: set sslmode") }
        return remarks
    }
}

/// Where a store is when it is opened.
struct Head {
    let position: LogPosition
    let id: StoreID

    static let readID = Statement("store", to: "read the store", "SELECT id, format FROM insights.store")
    static let last = Statement(
        "head", to: "read the log", "SELECT revision, stamp FROM insights.entry ORDER BY revision DESC LIMIT 1")
    static let generation = Statement(
        "generation", to: "read changes of access",
        "SELECT generation, stamp FROM insights.access_change ORDER BY generation DESC LIMIT 1")

    init(_ connection: Connection) throws(DatastoreError) {
        do throws(PostgresFailure) {
            let version = try Self.exchangeFirst(connection)
            if let refusal = try Schema.check(version) { throw .store(refusal) }
            let answers = try connection.exchange([
                Command(Self.readID), Command(Self.last), Command(Self.generation),
            ])
            let store = try answers[0].only()
            guard try store.integer(1) <= Schema.format else { throw .store(.schemaTooNew) }
            let (high, low) = try store.uuid(0)
            id = StoreID(high: high, low: low)
            position = try Self.position(answers[1], answers[2])
        } catch {
            throw error.error
        }
    }

    /// There may be no schema yet.
    private static func exchangeFirst(_ connection: Connection) throws(PostgresFailure) -> Row {
        do throws(PostgresFailure) {
            return try connection.exchange([Command(Schema.readVersion)])[0].only()
        } catch .refused(let refusal) where [.undefinedTable, .undefinedSchema].contains(refusal.state) {
            throw .store(.invalid("there is no store in the database: run migrate first"))
        }
    }

    static func position(_ last: Rows, _ generation: Rows) throws(PostgresFailure) -> LogPosition {
        let stamps = Stamps(
            entry: try last.first?.bigint(1) ?? 0, access: try generation.first?.bigint(1) ?? 0)
        return LogPosition(
            revision: Revision(number: try last.first?.bigint(0) ?? 0),
            generation: try generation.first?.bigint(0) ?? 0, digest: stamps.digest)
    }
}

/// What tells the last entry of a position, and the last change of access, from others of the same numbers. 0 where
/// there is none yet.
struct Stamps {
    var entry: Int64 = 0
    var access: Int64 = 0

    private static let known = Statement(
        "known", to: "read the log",
        """
        SELECT (SELECT stamp FROM insights.entry WHERE revision = $1),
            (SELECT stamp FROM insights.access_change WHERE generation = $2)
        """)

    static func command(_ position: LogPosition) -> Command {
        Command(known, [.bigint(position.revision.number), .bigint(position.generation)])
    }

    /// Those of the position that the command was for; throws unless the position is of this log.
    init(_ answer: Rows, of position: LogPosition, head: LogPosition) throws(PostgresFailure) {
        let row = try answer.only()
        self.init(entry: try row.optionalBigint(0) ?? 0, access: try row.optionalBigint(1) ?? 0)
        let isKnown = position.digest.map { $0 == digest } ?? true
        guard position.revision <= head.revision, position.generation <= head.generation, isKnown else {
            throw .store(.diverged(at: position.revision))
        }
    }

    init(entry: Int64, access: Int64) {
        self.entry = entry
        self.access = access
    }

    static func draw() -> Int64 { .random(in: .min ... .max) }

    var digest: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(big: entry)
        bytes.append(big: access)
        return bytes
    }
}

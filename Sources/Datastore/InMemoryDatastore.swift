import Dispatch
import LicenseModel
import Synchronization
import Tenancy

/// A store without files, for tests and demonstrations: the same rules as the durable engines, and nothing survives.
///
/// One server's alone, or shared: then several values are connected to one content, as several servers to a database.
public final class InMemoryDatastore: LicenseDatastore {
    /// What happens to the answer of a turn that writes.
    public enum LostAnswer: Sendable {
        /// The connection was cut before the turn was durable.
        case notWritten
        /// And behind it.
        case written
    }

    /// What a standby has when the primary is lost.
    public struct Standby: Sendable {
        fileprivate let rows: InMemoryContent.Rows
    }

    private struct Connection {
        var failure: DatastoreError?
        var lost: LostAnswer?
        /// From the lost answer on.
        var failureAfterLoss: DatastoreError?
        var position: LogPosition
        var member: Int32?
    }

    let content: InMemoryContent
    private let connection: Mutex<Connection>
    private let news = DispatchSemaphore(value: 0)
    private let trail = Mutex<InMemoryAuditStore?>(nil)

    /// An empty store that one server has alone.
    public convenience init() {
        self.init(InMemoryContent(InMemoryContent.Rows(buckets: 1)))
    }

    private init(_ content: InMemoryContent) {
        self.content = content
        connection = Mutex(Connection(position: content.rows.withLock { $0.position }))
        content.add(news)
    }

    deinit { content.remove(news) }

    /// An empty store that others can be connected to.
    public static func shared() -> InMemoryDatastore {
        InMemoryDatastore(InMemoryContent(InMemoryContent.Rows(buckets: StateBuckets.count)))
    }

    /// One more server on the content of a shared store.
    public static func connected(to other: InMemoryDatastore) -> InMemoryDatastore {
        InMemoryDatastore(other.content)
    }

    /// Another store with the same contents, as after closing and opening again.
    public func reopened() -> InMemoryDatastore {
        if isShared { return InMemoryDatastore(content) }
        return InMemoryDatastore(InMemoryContent(content.rows.withLock { $0 }))
    }

    /// From now on every call throws `error`; nil ends it. For tests of a store that is away.
    public func fail(with error: DatastoreError?) {
        connection.withLock { $0.failure = error }
    }

    /// The next turn that writes ends in doubt; from then on every call throws `failure`.
    public func loseNextAnswer(_ lost: LostAnswer, thenFail failure: DatastoreError? = nil) {
        connection.withLock { connection in
            connection.lost = lost
            connection.failureAfterLoss = failure
        }
    }

    /// Another server may have the audit chain from now on, as after a lost connection.
    ///
    /// - Parameter lingers: the session of the connection goes on with the chain until `endAuditSession`.
    public func loseAuditChain(lingers: Bool = false) {
        trail.withLock { $0?.release(lingers: lingers) }
    }

    public func endAuditSession() {
        trail.withLock { $0?.endLingering() }
    }

    /// Drops of the log what neither a start nor a member needs.
    public func dropLog() {
        content.rows.withLock { $0.dropLog() }
    }

    /// A standby that has everything up to now.
    public func standby() -> Standby {
        Standby(rows: content.rows.withLock { $0 })
    }

    /// The standby takes over: what came to be since it was made is lost, for every server.
    public func failOver(to standby: Standby) {
        content.rows.withLock { rows in
            let stamp = rows.lastStamp
            rows = standby.rows
            rows.lastStamp = stamp
        }
        content.tell()
    }

    private func with<Result>(
        _ body: (inout sending InMemoryContent.Rows) throws(DatastoreError) -> sending Result
    ) throws(DatastoreError) -> sending Result {
        if let failure = connection.withLock({ $0.failure }) { throw failure }
        return try content.rows.withLock { (rows) throws(DatastoreError) in try body(&rows) }
    }

    private func moved(to position: LogPosition) {
        connection.withLock { $0.position = position }
    }

    public var isShared: Bool { buckets > 1 }
    public var buckets: Int { content.buckets }

    public var position: LogPosition { connection.withLock { $0.position } }

    public var mark: StoreMark {
        content.rows.withLock { StoreMark(store: $0.id, changes: $0.changes, revision: $0.revision) }
    }

    public func beginHistory() throws(DatastoreError) {
        try with { rows throws(DatastoreError) in rows.id = .random() }
    }

    // MARK: Writing

    public func turn<Value>(
        after position: LogPosition, batches: [BatchID], for grant: OperatorGrant,
        _ body: (TurnNews) throws(DatastoreError) -> Turn<Value>
    ) throws(DatastoreError) -> TurnOutcome<Value> {
        let outcome = try content.turns.withLock { (_) throws(DatastoreError) -> TurnOutcome<Value> in
            let news = try with { rows throws(DatastoreError) in
                if !isShared, position.revision != rows.revision {
                    throw DatastoreError.diverged(at: position.revision)
                }
                return TurnNews(
                    log: try rows.news(after: position, limit: .max), receipts: rows.receipts(of: batches))
            }
            let made = try body(news)
            _ = try made.check(after: news.log.position.revision)
            guard !made.isEmpty else { return TurnOutcome(made.value, position: news.log.position) }
            let (lost, failure) = connection.withLock { connection in
                defer { (connection.lost, connection.failureAfterLoss) = (nil, nil) }
                return (connection.lost, connection.failureAfterLoss)
            }
            defer { if let failure { fail(with: failure) } }
            if lost == .notWritten { throw .inDoubt("the connection was cut") }
            let after = try with { rows throws(DatastoreError) in try rows.write(made) }
            content.tell()
            if lost == .written { throw .inDoubt("the connection was cut") }
            return TurnOutcome(made.value, position: after)
        }
        moved(to: outcome.position)
        return outcome
    }

    public func foldBucket(
        _ bucket: Int, through position: LogPosition, states: [StateRow]
    ) throws(DatastoreError) -> Bool {
        try with { rows throws(DatastoreError) in
            try FoldChecks.check(bucket, of: buckets)
            if isShared, position.revision <= rows.folds[bucket] { return false }
            try FoldChecks.check(foldThrough: position.revision, folded: rows.folds[bucket], last: rows.revision)
            if isShared { try rows.check(position) }
            rows.fold(bucket, through: position.revision, states: states)
            // A shared store with the next turn: there are many buckets.
            if !isShared { rows.dropLog() }
            return true
        }
    }

    public func tidy() throws(DatastoreError) {
        guard isShared else { return }
        try with { rows throws(DatastoreError) in rows.dropLog() }
    }

    // MARK: Following

    public func folds() throws(DatastoreError) -> BucketFolds {
        try with { rows throws(DatastoreError) in rows.folds }
    }

    public func news(
        after position: LogPosition, limit: Int, for grant: OperatorGrant
    ) throws(DatastoreError) -> LogNews {
        let news = try with { rows throws(DatastoreError) in try rows.news(after: position, limit: limit) }
        moved(to: news.position)
        return news
    }

    public func receipt(of batch: BatchID, for grant: OperatorGrant) throws(DatastoreError) -> BatchReceipt? {
        try with { rows throws(DatastoreError) in rows.receipts[batch] }
    }

    public func waitForNews(upTo time: Duration) throws(DatastoreError) -> Bool {
        guard isShared else { return false }
        if let failure = connection.withLock({ $0.failure }) { throw failure }
        let (seconds, attoseconds) = time.components
        let nanoseconds = Int(clamping: seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000)
        guard news.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .success else { return false }
        // What else came meanwhile is told by the same question.
        while news.wait(timeout: .now()) == .success {}
        return true
    }

    public func beat(applied: LogPosition) throws(DatastoreError) {
        guard isShared else { return }
        let known = connection.withLock { $0.member }
        let id = try with { rows throws(DatastoreError) in
            let id = known ?? rows.freeMember
            rows.members[id] = InMemoryContent.Member(seen: .now, applied: applied)
            return id
        }
        connection.withLock { $0.member = id }
    }

    public func members() throws(DatastoreError) -> [StoreMember] {
        let own = connection.withLock { $0.member }
        return try with { rows throws(DatastoreError) in
            rows.members.sorted { $0.key < $1.key }.map { id, member in
                StoreMember(
                    id: id, name: "memory-\(id)", silence: .now - member.seen,
                    applied: LogPosition(revision: member.applied.revision, generation: member.applied.generation),
                    isSelf: id == own)
            }
        }
    }

    public func keysCheck(own: [UInt8]) throws(DatastoreError) -> [UInt8] {
        guard isShared else { return own }
        return try with { rows throws(DatastoreError) in
            let check = rows.keysCheck ?? own
            rows.keysCheck = check
            return check
        }
    }

    public var audit: (any AuditStore)? {
        guard isShared else { return nil }
        return trail.withLock { trail in
            let store =
                trail
                ?? InMemoryAuditStore(content.audit) { [weak self] () throws(DatastoreError) in
                    guard let self else { throw .closed }
                    if let failure = connection.withLock({ $0.failure }) { throw failure }
                }
            trail = store
            return store
        }
    }

    // MARK: Reading back

    public func recover(
        for grant: OperatorGrant, readers: Int, bucket: @Sendable (StoredBucket) throws -> Void,
        entry: (LogEntry) throws -> Void
    ) throws -> LogPosition {
        let before = position
        let copy = try with { rows throws(DatastoreError) in rows }
        @Sendable func read(_ number: Int) throws {
            try bucket(
                StoredBucket(number: number, through: copy.folds[number]) { use in
                    let rows = copy.states[number].sorted { $0.key < $1.key }
                    for (key, body) in rows { try use(StateRow(key: key, body: body)) }
                })
        }
        try read(0)
        if copy.states.count > 1 {
            try BucketReaders.run(readers, over: 1..<copy.states.count, open: {}) { try read($1) }
        }
        for logged in copy.log where logged.revision > copy.folds.least { try entry(logged) }
        // Unless a turn or news, on another thread, came behind it.
        connection.withLock { if $0.position == before { $0.position = copy.position } }
        return copy.position
    }

    public func loadAccess(for grant: OperatorGrant) throws(DatastoreError) -> AccessRegistry {
        try with { rows throws(DatastoreError) in
            let partners = rows.partners.values.sorted { $0.id < $1.id }
            let principals = partners.flatMap { rows.principals(of: $0.id) }
            return AccessRegistry(partners: partners, principals: principals)
        }
    }

    // MARK: The store itself

    public func backup(to path: String) throws(DatastoreError) {
        throw .invalid("a store in memory has no backup")
    }

    public func health() throws(DatastoreError) {
        try with { _ throws(DatastoreError) in }
    }

    public func statistics() throws(DatastoreError) -> DatastoreStatistics {
        try with { rows throws(DatastoreError) in
            let bytes = rows.states.reduce(0) { $1.values.reduce($0) { $0 + $1.count } }
            let pending = rows.log.reduce(0) { $0 + $1.body.count }
            return DatastoreStatistics(
                engine: "memory", revision: rows.revision, foldedThrough: rows.folds.least,
                stateRows: rows.states.reduce(0) { $0 + $1.count }, storeBytes: Int64(bytes),
                pendingBytes: Int64(pending), erasurePending: false)
        }
    }

    public func close() throws(DatastoreError) {
        let member = connection.withLock { connection in
            connection.failure = .closed
            return connection.member
        }
        if let member { content.rows.withLock { $0.members[member] = nil } }
        trail.withLock { $0?.release() }
        news.signal()
    }
}

import Authentication
import Datastore
import Dispatch
import Foundation
import InsightsCore
import LicenseModel
import Logging
import RPCEngine
import Synchronization
import Tenancy
import Testing

@testable import AuditTrail
@testable import InsightsServer
@testable import LogLines

/// A store in memory that tells how it was used, and can be held up.
final class WatchedStore: LicenseDatastore {
    struct Seen {
        /// Changes in each transaction of changes, in order; those that failed too.
        var saves: [Int] = []
        var commits = 0
        /// Bytes of rows in each transaction of a fold, and how far it folded.
        var folds: [(bytes: Int, rows: Int, through: Revision)] = []
    }

    let inner: InMemoryDatastore
    let seen = Mutex(Seen())
    /// Runs before each transaction of changes.
    let beforeSave = Mutex<@Sendable () -> Void>({})
    /// Runs before each transaction of a fold; what it throws is the outcome.
    let beforeFold = Mutex<@Sendable (Int) throws(DatastoreError) -> Void>({ _ in })

    init(_ inner: InMemoryDatastore = InMemoryDatastore()) {
        self.inner = inner
    }

    var saves: [Int] { seen.withLock { $0.saves } }

    var isShared: Bool { inner.isShared }
    var buckets: Int { inner.buckets }
    var position: LogPosition { inner.position }
    var mark: StoreMark { inner.mark }

    func turn<Value>(
        after position: LogPosition, batches: [BatchID], for grant: OperatorGrant,
        _ body: (TurnNews) throws(DatastoreError) -> Turn<Value>
    ) throws(DatastoreError) -> TurnOutcome<Value> {
        try inner.turn(after: position, batches: batches, for: grant) { news throws(DatastoreError) in
            let turn = try body(news)
            if !turn.batches.isEmpty { seen.withLock { $0.commits += 1 } }
            if !turn.access.isEmpty {
                beforeSave.withLock { $0 }()
                seen.withLock { $0.saves.append(turn.access.count) }
            }
            return turn
        }
    }

    func receipt(of batch: BatchID, for grant: OperatorGrant) throws(DatastoreError) -> BatchReceipt? {
        try inner.receipt(of: batch, for: grant)
    }

    func loadAccess(for grant: OperatorGrant) throws(DatastoreError) -> AccessRegistry {
        try inner.loadAccess(for: grant)
    }

    func foldBucket(
        _ bucket: Int, through position: LogPosition, states: [StateRow]
    ) throws(DatastoreError) -> Bool {
        let number = seen.withLock { seen in
            let bytes = states.reduce(0) { $0 + ($1.body?.count ?? 0) }
            seen.folds.append((bytes: bytes, rows: states.count, through: position.revision))
            return seen.folds.count
        }
        try beforeFold.withLock { $0 }(number)
        return try inner.foldBucket(bucket, through: position, states: states)
    }

    func recover(
        for grant: OperatorGrant, readers: Int, bucket: @Sendable (StoredBucket) throws -> Void,
        entry: (LogEntry) throws -> Void
    ) throws -> LogPosition {
        try inner.recover(for: grant, readers: readers, bucket: bucket, entry: entry)
    }

    func folds() throws(DatastoreError) -> BucketFolds { try inner.folds() }

    func news(
        after position: LogPosition, limit: Int, for grant: OperatorGrant
    ) throws(DatastoreError) -> LogNews {
        try inner.news(after: position, limit: limit, for: grant)
    }

    func waitForNews(upTo time: Duration) throws(DatastoreError) -> Bool { try inner.waitForNews(upTo: time) }
    func beat(applied: LogPosition) throws(DatastoreError) { try inner.beat(applied: applied) }
    func members() throws(DatastoreError) -> [StoreMember] { try inner.members() }
    func tidy() throws(DatastoreError) { try inner.tidy() }
    var audit: (any AuditStore)? { inner.audit }
    func keysCheck(own: [UInt8]) throws(DatastoreError) -> [UInt8] { try inner.keysCheck(own: own) }

    func beginHistory() throws(DatastoreError) { try inner.beginHistory() }
    func backup(to path: String) throws(DatastoreError) { try inner.backup(to: path) }
    func health() throws(DatastoreError) { try inner.health() }
    func statistics() throws(DatastoreError) -> DatastoreStatistics { try inner.statistics() }
    func close() throws(DatastoreError) { try inner.close() }
}

/// The clock of a house: stands still but for what a test makes pass.
final class HouseTime: Sendable {
    private let monotonic = Atomic<UInt64>(0)

    func pass(_ time: Duration) { monotonic.add(time.nanoseconds, ordering: .relaxed) }

    var clock: ServerClock {
        ServerClock(
            unixSeconds: { 1_711_929_600 }, monotonicNanoseconds: { [self] in monotonic.load(ordering: .relaxed) })
    }
}

/// Writer, changes and audit trail as a server has them, without its transport.
final class WriterHouse: Sendable {
    let store: WatchedStore
    let folder: AuditFolder
    let log: AuditLog
    /// Faults in the files of the audit trail.
    let plan = FaultPlan()
    let directory: PrincipalDirectory
    let published: PublishedCore
    let authenticator: Authenticator
    let writer: FactWriter
    let changes: ChangeQueue
    let `operator`: OperatorGrant

    private let answers = Mutex<[String: Result<MadeChange, WriteFailure>]>([:])
    private let order = Mutex<[String]>([])
    private let answered = DispatchSemaphore(value: 0)

    /// What the start replayed.
    let replayed: LogProgress

    /// Of a house that is one of several on a shared store; begun by `join`.
    let shared: SharedServing?

    /// - Parameter staleReads: how old the answers of a house may be that is one of several; nil for one by itself.
    init(
        store: WatchedStore = WatchedStore(), limit: Int = 32, bounds: FoldBounds = FoldBounds(),
        staleReads: Duration? = nil, clock: ServerClock = HouseTime().clock
    ) throws {
        self.store = store
        folder = try AuditFolder()
        var start = try AuditStart.open(folder: folder.path)
        let plan = plan
        start.wrap = { FaultyStorage(inner: $0, plan: plan) }
        log = try AuditLog(start)
        let recovered = try RecoveredState(from: store)
        replayed = recovered.replayed
        directory = PrincipalDirectory(recovered.directory)
        published = PublishedCore(recovered.core) { .first }
        authenticator = Authenticator(directory: directory, trustDomain: try TrustDomain("t"))
        writer = FactWriter(
            store: store, published: published, directory: directory, authenticator: authenticator,
            position: recovered.position, replayed: recovered.replayed, bounds: bounds,
            freshness: staleReads.map { Freshness(bound: $0, clock: clock, asked: clock.monotonicNanoseconds()) }
        ) { _ in }
        let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
        shared = staleReads.flatMap { [store, writer] in
            SharedServing(store: store, writer: writer, staleReads: $0, logger: logger) {}
        }
        changes = ChangeQueue(
            limit: limit, writer: writer,
            recorder: ChangeRecorder(auditLog: log, clock: clock, published: published, logger: logger),
            others: shared?.members)
        let principal = try Self.identified("spiffe://t/operator/feed", by: authenticator).principal
        self.operator = try #require(try AccessPolicy.authorize(principal, for: .ingest).operatorGrant)
    }

    static func identified(_ uri: String, by authenticator: Authenticator) throws -> AuthenticatedCaller {
        let certificate = PeerIdentity(
            verified: true, uriSANs: [uri], notBefore: 0, notAfter: .max, fingerprint: Array(repeating: 7, count: 32))
        return try authenticator.authenticate(certificate: certificate, authorization: [], now: 1).get()
    }

    /// Ids of a partner's principals in the store, in their order.
    func storedPrincipals(of partner: String) throws -> [String] {
        try store.loadAccess(for: self.operator).principals.filter { $0.partner.text == partner }.map(\.id.text)
    }

    func caller(_ name: String, of partner: String) throws -> AuthenticatedCaller {
        try Self.identified("spiffe://t/partner/\(partner)/principal/\(name)", by: authenticator)
    }

    private func event(_ name: String, partner: PartnerID?) -> AuditEvent {
        AuditEvent(
            time: Timestamp(milliseconds: 0), principal: name, partner: partner, method: "/x.Y/\(name)",
            isAllowed: true, code: 0, revision: 0, kind: .change)
    }

    /// Submits a change under a name by which its answer is found.
    @discardableResult
    func submit(_ name: String, _ kind: PendingChange.Kind) -> ChangeQueue.Admission {
        var change = PendingChange(kind: kind, event: event(name, partner: nil), isWanted: { true }, reply: { _ in })
        change = PendingChange(kind: kind, event: event(name, partner: change.partner)) {
            true
        } reply: { [self] result in
            answers.withLock { $0[name] = result }
            order.withLock { $0.append(name) }
            answered.signal()
        }
        return changes.submit(change)
    }

    @discardableResult
    func submit(
        _ name: String, _ change: PrincipalChange, by caller: AuthenticatedCaller
    ) throws -> ChangeQueue.Admission {
        let scope = try #require(try AccessPolicy.authorize(caller.principal, for: .managePrincipals).scope)
        return submit(name, .principal(change, scope, by: caller))
    }

    /// Waits for so many more answers and gives the names of all, in the order of the answers.
    func wait(_ count: Int) -> [String] {
        for _ in 0..<count { answered.wait() }
        return order.withLock { $0 }
    }

    func answer(_ name: String) -> Result<MadeChange, WriteFailure>? { answers.withLock { $0[name] } }

    /// Submits a change and waits until it was made.
    @discardableResult
    func make(_ name: String, _ kind: PendingChange.Kind) throws -> MadeChange {
        submit(name, kind)
        _ = wait(1)
        return try #require(answer(name)).get()
    }

    /// A partner whose admins have the given names.
    func register(_ partner: String, admins: [String]) throws {
        try make(
            "create \(partner)",
            .createPartner(
                PartnerRecord(id: PartnerID(partner), name: nil), first: Self.admin(admins[0], of: partner),
                self.operator))
        for admin in admins.dropFirst() {
            try submit(
                "\(partner) \(admin)", .create(Self.admin(admin, of: partner)), by: caller(admins[0], of: partner))
            _ = wait(1)
        }
    }

    static func admin(
        _ name: String, of partner: String = "A", disabled: Bool = false
    ) throws -> PrincipalRecord {
        PrincipalRecord(
            partner: try PartnerID(partner), id: try PrincipalID(name), displayName: "",
            roles: RoleSet([.userManagementAdmin]), isDisabled: disabled)
    }

    /// Feeds a batch and waits for its revision.
    @discardableResult
    func feed(_ id: String, _ facts: [Fact]) throws -> BatchAcceptance {
        let done = DispatchSemaphore(value: 0)
        let outcome = Mutex<Result<BatchAcceptance, WriteFailure>?>(nil)
        writer.submit(try pending(id, facts), by: self.operator) { result in
            outcome.withLock { $0 = result }
            done.signal()
        }
        done.wait()
        return try #require(outcome.withLock { $0 }).get()
    }

    func pending(_ id: String, _ facts: [Fact]) throws -> PendingBatch {
        let digest = try #require(ContentDigest(Array(repeating: UInt8(truncatingIfNeeded: id.hashValue), count: 32)))
        return PendingBatch(
            batch: FactBatch(id: try BatchID(id), facts: facts), body: FactBatchCodec.encode(facts), digest: digest)
    }

    /// Waits until the writer has nothing more to do, a fold under way included.
    func settle() {
        let done = DispatchSemaphore(value: 0)
        repeat {
            writer.afterBatches {
                done.signal()
            } stopped: {
                done.signal()
            }
            done.wait()
        } while writer.folding.isUnderWay
    }

    func records() throws -> [AuditRecord] {
        try folder.lines().map { try #require(AuditLine(Array($0.utf8)[...])).record }
    }
}

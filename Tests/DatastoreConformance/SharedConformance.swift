import Datastore
import LicenseModel
import Tenancy

/// What every engine must do that several servers can share, besides what all must do.
public enum SharedConformanceCheck: String, CaseIterable, Sendable {
    case handlesTakeTurns
    case threadsTakeTurns
    case turnsThatThrowAreNoNews
    case newsComeInPagesAndWake
    case changesOfAccessAreNews
    case foldsBesideWritesReadBackWhole
    case readsDuringFoldsAreWhole
    case aBucketIsFoldedOnce
    case droppedLogsAreTold
    case erasuresAreFollowed
    case membersAreKnown
    case keysAreThoseOfTheFirst

    public func run(on harness: DatastoreHarness) throws {
        switch self {
        case .handlesTakeTurns: try handlesTakeTurns(harness)
        case .threadsTakeTurns: try threadsTakeTurns(harness)
        case .turnsThatThrowAreNoNews: try turnsThatThrowAreNoNews(harness)
        case .newsComeInPagesAndWake: try newsComeInPagesAndWake(harness)
        case .changesOfAccessAreNews: try changesOfAccessAreNews(harness)
        case .foldsBesideWritesReadBackWhole: try foldsBesideWritesReadBackWhole(harness)
        case .readsDuringFoldsAreWhole: try readsDuringFoldsAreWhole(harness)
        case .aBucketIsFoldedOnce: try aBucketIsFoldedOnce(harness)
        case .droppedLogsAreTold: try droppedLogsAreTold(harness)
        case .erasuresAreFollowed: try erasuresAreFollowed(harness)
        case .membersAreKnown: try membersAreKnown(harness)
        case .keysAreThoseOfTheFirst: try keysAreThoseOfTheFirst(harness)
        }
    }
}

/// A server as far as the store sees one: what it knows of the log, by turns and news alone.
final class Handle {
    let store: any LicenseDatastore
    private(set) var position: LogPosition
    /// Everything since `position` at first.
    private(set) var log: [LogEntry] = []
    private(set) var access: [PartnerID: PartnerAccess] = [:]

    init(_ store: any LicenseDatastore) {
        self.store = store
        position = store.position
    }

    /// One more server on the same store.
    init(connectedTo other: Handle, _ harness: DatastoreHarness) throws {
        guard let connect = harness.connect else { throw ConformanceFailure("the engine is not shared") }
        store = try connect(other.store)
        try require(
            store.isShared && store.buckets == StateBuckets.count, "a shared store has \(store.buckets) buckets")
        position = store.position
    }

    private func follow(_ news: LogNews) throws {
        var next = position.revision.next
        for entry in news.entries {
            try require(entry.revision == next, "news have revision \(entry.revision), not \(next)")
            next = next.next
        }
        try require(news.position.revision.next == next, "news end at another revision than they say")
        log += news.entries
        for partner in news.partners { access[partner.partner.id] = partner }
        position = news.position
    }

    /// Follows the news and writes what `body` makes of the next revision.
    @discardableResult
    func turn(
        asking batches: [BatchID] = [], _ body: (TurnNews) throws(DatastoreError) -> Turn<[BatchID: BatchReceipt]>
    ) throws -> [BatchID: BatchReceipt] {
        var news: TurnNews?
        var written: [LogEntry] = []
        do {
            let outcome = try store.turn(after: position, batches: batches, for: try Grants.operator()) {
                (told) throws(DatastoreError) in
                news = told
                let turn = try body(told)
                written = turn.entries
                return turn
            }
            guard let news else { throw ConformanceFailure("a turn was not decided") }
            try follow(news.log)
            try require(news.log.isComplete, "a turn was decided without all news")
            log += written
            position = outcome.position
            return outcome.value
        } catch let error as DatastoreError {
            // Others' entries are durable, whatever became of the turn.
            if let news { try follow(news.log) }
            throw error
        }
    }

    /// Writes a batch of each of these names.
    func commit(_ names: [String]) throws {
        try turn { news in
            var revision = news.log.position.revision
            return Turn(
                news.receipts,
                batches: names.compactMap { name in
                    revision = revision.next
                    return try? SampleBatches.entry(named: name, at: revision)
                })
        }
    }

    /// Asks for news until there are none.
    func catchUp(limit: Int = 512) throws {
        while true {
            let news = try store.news(after: position, limit: limit, for: try Grants.operator())
            try require(news.entries.count <= limit, "more news than asked for")
            try require(news.isComplete || !news.entries.isEmpty, "no news and not all")
            try follow(news)
            if news.isComplete { return }
        }
    }
}

extension SampleBatches {
    /// A batch whose content follows from its name.
    public static func entry(named name: String, at revision: Revision) throws -> LogEntry {
        let number = Int64(CRC32C.checksum(of: Array(name.utf8)))
        let facts = try facts(number, count: 4)
        return .batch(
            try BatchID(name), revision: revision, accepted: facts.count, digest: try digest(number),
            body: FactBatchCodec.encode(facts))
    }
}

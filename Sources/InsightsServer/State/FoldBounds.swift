import Datastore
import InsightsCore
import LicenseModel
import Tenancy

/// How much of the log a restart replays.
struct LogProgress: Sendable, Hashable {
    var entries = 0
    var facts = 0
    /// Of bodies.
    var bytes = 0

    mutating func add(_ entry: LogEntry) {
        entries += 1
        facts += entry.receipt?.accepted ?? 0
        bytes += entry.body.count
    }
}

/// When the state is folded, and in how large pieces.
struct FoldBounds: Sendable {
    /// A restart replays at most about this much.
    var log = LogProgress(entries: 10_000, facts: 2_000_000, bytes: 64 << 20)
    /// After a start that replayed more than this share of it, the state is folded at once: a server that is killed
    /// again and again replays no more each time.
    var startShare = 10
    /// Of a shared store, whose log has what was said of people who are erased until it is folded.
    var longest = Duration.seconds(600)
    /// Rows of one transaction, in bytes, by as little as one row can be more.
    var pieceBytes = 4 << 20

    func isReached(by progress: LogProgress, share: Int = 1) -> Bool {
        progress.entries >= log.entries / share || progress.facts >= log.facts / share
            || progress.bytes >= log.bytes / share
    }
}

extension LogProgress {
    func without(_ other: LogProgress) -> LogProgress {
        LogProgress(entries: entries - other.entries, facts: facts - other.facts, bytes: bytes - other.bytes)
    }
}

/// Writes the state that changed, so that a restart replays less: in pieces, each a transaction, between which the
/// writer does what else there is to do. A failure loses nothing: the log is whole until what replaces it is durable.
///
/// To be used on the writer's queue alone.
protocol StateFolding: Sendable {
    var bounds: FoldBounds { get }
    var isUnderWay: Bool { get }

    /// The published core has these entries now.
    func note(_ entries: [LogEntry])

    /// Begins when there is as much to replay as the share of the bound.
    func beginIfDue(share: Int)

    /// One piece of the fold under way, if there is one.
    ///
    /// - Parameter position: up to where the published core has the log; here and below.
    func step(at position: LogPosition)

    /// Folds everything there is, at once; or as much as the time allows, by as little as one piece more. What is left
    /// is replayed by the next start.
    func complete(within time: Duration?, at position: LogPosition)

    /// The published core was read back anew.
    func restart(after folds: BucketFolds, replayed: LogProgress)

    // MARK: Erasures

    /// So that the transaction of an erasure has little more than the person's own row.
    func prepareErasure(at position: LogPosition)

    /// The rows that an erasure folds: taken from a core in which the person is erased.
    func takeErasureRows(of customer: CustomerID, from core: inout InsightsCore) -> (bucket: Int, rows: [StateRow])

    /// The erasure is durable.
    func noteErased(through revision: Revision)
}

extension StateFolding {
    func beginIfDue() { beginIfDue(share: 1) }
}

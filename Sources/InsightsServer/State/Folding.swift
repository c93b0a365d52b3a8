import Datastore
import InsightsCore
import LicenseModel
import Synchronization

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
    /// Rows of one transaction, in bytes, by as little as one row can be more.
    var pieceBytes = 4 << 20

    func isReached(by progress: LogProgress, share: Int = 1) -> Bool {
        progress.entries >= log.entries / share || progress.facts >= log.facts / share
            || progress.bytes >= log.bytes / share
    }
}

/// Writes the state that changed, so that a restart replays less: in pieces, each a transaction, between which the
/// writer does what else there is to do. A failure loses nothing: the log is complete until the last piece is durable.
///
/// To be used on the writer's queue alone.
final class Folding: Sendable {
    private struct UnderWay {
        var fold: StateFold
        /// What was to be replayed when it began.
        let covers: LogProgress
    }

    private struct State {
        var progress: LogProgress
        var foldedThrough: Revision
        /// The store has the mark of an unfinished fold.
        var isMarked: Bool
        var underWay: UnderWay?
        /// After a failure.
        var pausesUntil: ContinuousClock.Instant?
    }

    /// After a failure, before a fold is begun again: each begins with the work of its first piece.
    private static let pause = Duration.seconds(1)

    let bounds: FoldBounds
    private let store: any LicenseDatastore
    private let published: PublishedCore
    private let onFailure: @Sendable (DatastoreError) -> Void
    private let state: Mutex<State>

    /// - Parameter replayed: the log after the last fold, which the published core has.
    init(
        store: any LicenseDatastore, published: PublishedCore, replayed: LogProgress, bounds: FoldBounds,
        onFailure: @escaping @Sendable (DatastoreError) -> Void
    ) {
        self.store = store
        self.published = published
        self.bounds = bounds
        self.onFailure = onFailure
        let core = published.load().core
        state = Mutex(
            State(
                progress: replayed,
                foldedThrough: Revision(number: core.revision.number - Int64(replayed.entries)),
                isMarked: core.isFoldUnfinished))
    }

    var isUnderWay: Bool { state.withLock { $0.underWay != nil } }
    /// The store has the mark of an unfinished fold.
    var isMarked: Bool { state.withLock { $0.isMarked } }

    func note(_ entries: [LogEntry]) {
        state.withLock { state in
            for entry in entries { state.progress.add(entry) }
        }
    }

    /// Begins when there is as much to replay as the share of the bound.
    func beginIfDue(share: Int = 1) {
        let isDue = state.withLock { state in
            state.underWay == nil && bounds.isReached(by: state.progress, share: share)
                && state.pausesUntil.map { $0 <= .now } ?? true
        }
        if isDue { begin() }
    }

    /// One piece of the fold under way, if there is one.
    func step() {
        guard
            var (underWay, through, isMarked) = state.withLock({ state in
                state.underWay.map { ($0, state.foldedThrough, state.isMarked) }
            })
        else { return }
        var rows = underWay.fold.next(maximumBytes: bounds.pieceBytes).map { StateRow(key: $0.key, body: $0.body) }
        if underWay.fold.isAtEnd {
            through = underWay.fold.revision
            if isMarked { rows.append(StateRow(key: StateFold.marker.key, body: nil)) }
            isMarked = false
        } else if !isMarked {
            rows.append(StateRow(key: StateFold.marker.key, body: StateFold.marker.body))
            isMarked = true
        }
        do throws(DatastoreError) {
            try store.fold(through: through, states: rows)
        } catch {
            onFailure(error)
            var core = published.load().core
            core.abandonFold(underWay.fold)
            published.publish(core)
            state.withLock { state in
                state.underWay = nil
                state.pausesUntil = .now + Self.pause
            }
            return
        }
        let isDone = underWay.fold.isAtEnd
        if isDone {
            var core = published.load().core
            core.finishFold(underWay.fold)
            published.publish(core)
        }
        state.withLock { state in
            state.foldedThrough = through
            state.isMarked = isMarked
            state.underWay = isDone ? nil : underWay
            if isDone { state.progress = state.progress.without(underWay.covers) }
        }
    }

    /// Folds everything there is, at once; or as much as the time allows, by as little as one piece more. What is left
    /// is replayed by the next start.
    func complete(within time: Duration? = nil) {
        let end = time.map { ContinuousClock.now + $0 }
        let hasTime = { end.map { ContinuousClock.now < $0 } ?? true }
        while isUnderWay, hasTime() { step() }
        guard !isUnderWay, hasTime() else { return }
        begin()
        while isUnderWay, hasTime() { step() }
    }

    /// Everything was folded by other means.
    func noteFolded(through revision: Revision) {
        state.withLock { state in
            state.progress = LogProgress()
            state.foldedThrough = revision
            state.isMarked = false
        }
    }

    private func begin() {
        var core = published.load().core
        guard let fold = core.beginFold() else { return }
        published.publish(core)
        state.withLock { $0.underWay = UnderWay(fold: fold, covers: $0.progress) }
    }
}

extension LogProgress {
    fileprivate func without(_ other: LogProgress) -> LogProgress {
        LogProgress(entries: entries - other.entries, facts: facts - other.facts, bytes: bytes - other.bytes)
    }
}

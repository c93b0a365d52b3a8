import Datastore
import InsightsCore
import LicenseModel
import Synchronization
import Tenancy

/// Folds a store that one server has alone, everything in one bucket: the log is dropped with the last piece.
final class Folding: StateFolding {
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

    func note(_ entries: [LogEntry]) {
        state.withLock { state in
            for entry in entries { state.progress.add(entry) }
        }
    }

    func beginIfDue(share: Int) {
        let isDue = state.withLock { state in
            state.underWay == nil && bounds.isReached(by: state.progress, share: share)
                && state.pausesUntil.map { $0 <= .now } ?? true
        }
        if isDue { begin() }
    }

    func step(at position: LogPosition) {
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
            _ = try store.foldBucket(0, through: LogPosition(revision: through), states: rows)
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

    func complete(within time: Duration?, at position: LogPosition) {
        let end = time.map { ContinuousClock.now + $0 }
        let hasTime = { end.map { ContinuousClock.now < $0 } ?? true }
        while isUnderWay, hasTime() { step(at: position) }
        guard !isUnderWay, hasTime() else { return }
        begin()
        while isUnderWay, hasTime() { step(at: position) }
    }

    func restart(after folds: BucketFolds, replayed: LogProgress) {
        let isMarked = published.load().core.isFoldUnfinished
        state.withLock {
            $0 = State(progress: replayed, foldedThrough: folds.least, isMarked: isMarked)
        }
    }

    // MARK: Erasures

    /// In pieces, and with all that a piece which failed left behind.
    func prepareErasure(at position: LogPosition) {
        complete(within: nil, at: position)
    }

    func takeErasureRows(of customer: CustomerID, from core: inout InsightsCore) -> (bucket: Int, rows: [StateRow]) {
        var rows = core.takeDirtyStates().map { StateRow(key: $0.key, body: $0.body) }
        if state.withLock({ $0.isMarked }) { rows.append(StateRow(key: StateFold.marker.key, body: nil)) }
        return (0, rows)
    }

    /// Everything is folded with it.
    func noteErased(through revision: Revision) {
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

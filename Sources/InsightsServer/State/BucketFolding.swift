import Datastore
import DequeModule
import InsightsCore
import LicenseModel
import Synchronization
import Tenancy

/// Folds a store that several servers share: bucket by bucket, each whole and in a transaction of its own. Every server
/// folds when there is enough to replay, from another bucket on, and leaves to the others what they are at.
final class BucketFolding: StateFolding {
    private struct UnderWay {
        var buckets: ArraySlice<Int>
    }

    private struct Noted {
        let revision: Revision
        let progress: LogProgress
    }

    private struct State {
        /// The log after what is known to be folded in every bucket.
        var noted: Deque<Noted> = []
        var progress: LogProgress
        var underWay: UnderWay?
        /// Since when there is something of it; nil when there is not.
        var since: ContinuousClock.Instant?
        /// After a failure.
        var pausesUntil: ContinuousClock.Instant?

        mutating func drop(through revision: Revision) {
            guard let first = noted.first, first.revision <= revision else { return }
            while let first = noted.first, first.revision <= revision {
                progress = progress.without(first.progress)
                noted.removeFirst()
            }
            // What came while it was folded is as good as new.
            since = noted.isEmpty ? nil : .now
        }
    }

    /// Buckets of one piece at most: a transaction each, for which batches wait.
    private static let pieceBuckets = 8
    /// After a failure, before a fold is begun again.
    private static let pause = Duration.seconds(1)

    let bounds: FoldBounds
    private let store: any LicenseDatastore
    private let published: PublishedCore
    private let onFailure: @Sendable (DatastoreError) -> Void
    private let state: Mutex<State>

    /// - Parameter replayed: the log after the least folded bucket, which the published core has.
    init(
        store: any LicenseDatastore, published: PublishedCore, replayed: LogProgress, bounds: FoldBounds,
        onFailure: @escaping @Sendable (DatastoreError) -> Void
    ) {
        self.store = store
        self.published = published
        self.bounds = bounds
        self.onFailure = onFailure
        state = Mutex(Self.begun(at: published.load().revision, replayed: replayed))
    }

    private static func begun(at revision: Revision, replayed: LogProgress) -> State {
        State(
            noted: [Noted(revision: revision, progress: replayed)], progress: replayed,
            since: replayed.entries > 0 ? .now : nil)
    }

    var isUnderWay: Bool { state.withLock { $0.underWay != nil } }

    func note(_ entries: [LogEntry]) {
        state.withLock { state in
            for entry in entries {
                var progress = LogProgress()
                progress.add(entry)
                state.noted.append(Noted(revision: entry.revision, progress: progress))
                state.since = state.since ?? .now
                state.progress.add(entry)
            }
        }
    }

    func restart(after folds: BucketFolds, replayed: LogProgress) {
        let revision = published.load().revision
        state.withLock { $0 = Self.begun(at: revision, replayed: replayed) }
    }

    func beginIfDue(share: Int) {
        guard isDue(share), !state.withLock({ $0.pausesUntil.map { $0 > .now } ?? false }) else { return }
        // Others may have folded it by now.
        begin { isDue(share) }
    }

    private func isDue(_ share: Int) -> Bool {
        state.withLock { state in
            let isOld = state.since.map { .now - $0 >= bounds.longest } ?? false
            return state.underWay == nil && (isOld || bounds.isReached(by: state.progress, share: share))
        }
    }

    private func begin(ifStill isDue: () -> Bool) {
        var core = published.load().core
        guard let folds = learnFolds(&core) else { return }
        published.publish(core)
        guard isDue() else { return }
        // Each server has another revision when it begins.
        let count = store.buckets
        let first = Int(core.revision.number % Int64(count))
        let buckets = (0..<count).map { (first + $0) % count }.filter { folds[$0] < core.revision }
        guard !buckets.isEmpty else { return }
        state.withLock { $0.underWay = UnderWay(buckets: buckets[...]) }
    }

    /// Forgets what others folded.
    private func learnFolds(_ core: inout InsightsCore) -> BucketFolds? {
        do throws(DatastoreError) {
            let folds = try store.folds()
            core.forgetDirtyStates(through: folds)
            state.withLock { $0.drop(through: folds.least) }
            return folds
        } catch {
            fail(error)
            return nil
        }
    }

    private func fail(_ error: DatastoreError) {
        onFailure(error)
        state.withLock { state in
            state.underWay = nil
            state.pausesUntil = .now + Self.pause
        }
    }

    func step(at position: LogPosition) {
        guard var underWay = state.withLock({ $0.underWay }) else { return }
        var core = published.load().core
        var bytes = 0
        for _ in 0..<Self.pieceBuckets {
            guard bytes < bounds.pieceBytes, let bucket = underWay.buckets.popFirst() else { break }
            guard let written = fold(bucket, of: &core, at: position) else {
                published.publish(core)
                return
            }
            bytes += written
        }
        state.withLock { $0.underWay = underWay.buckets.isEmpty ? nil : underWay }
        if underWay.buckets.isEmpty { _ = learnFolds(&core) }
        published.publish(core)
    }

    /// Returns how many bytes of rows there were; nil after a failure, which ends the fold.
    private func fold(_ bucket: Int, of core: inout InsightsCore, at position: LogPosition) -> Int? {
        var fold = core.beginFold(bucket: bucket)
        let rows = fold.next(maximumBytes: .max).map { StateRow(key: $0.key, body: $0.body) }
        do throws(DatastoreError) {
            if try store.foldBucket(bucket, through: position, states: rows) {
                core.finishFold(fold)
            } else {
                // Somebody else is at it: forgotten once that is known to be done.
                core.abandonFold(fold)
            }
            return rows.reduce(0) { $0 + ($1.body?.count ?? 0) }
        } catch {
            core.abandonFold(fold)
            fail(error)
            return nil
        }
    }

    func complete(within time: Duration?, at position: LogPosition) {
        let end = time.map { ContinuousClock.now + $0 }
        let hasTime = { end.map { ContinuousClock.now < $0 } ?? true }
        while isUnderWay, hasTime() { step(at: position) }
        guard !isUnderWay, hasTime(), state.withLock({ $0.progress.entries > 0 }) else { return }
        begin { true }
        while isUnderWay, hasTime() { step(at: position) }
    }

    // MARK: Erasures

    /// The rows of a bucket are few.
    func prepareErasure(at position: LogPosition) {}

    func takeErasureRows(of customer: CustomerID, from core: inout InsightsCore) -> (bucket: Int, rows: [StateRow]) {
        let bucket = StateBuckets.bucket(of: customer)
        return (bucket, core.takeDirtyStates(bucket: bucket).map { StateRow(key: $0.key, body: $0.body) })
    }

    /// The other buckets still need the log.
    func noteErased(through revision: Revision) {}
}

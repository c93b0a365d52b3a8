import Datastore
import DatastoreConformance
import InsightsCore
import LicenseModel
import Synchronization
import Tenancy
import Testing

@testable import InsightsServer

/// Servers of a shared store fold bucket by bucket, and leave to each other what is done.
@Suite(.timeLimit(.minutes(1))) struct BucketFoldingTests {
    private func user(_ name: String, _ customer: Int) throws -> Fact {
        .user(UserFact(customer: try CustomerID("C\(customer)"), user: try UserID(name), displayName: name))
    }

    private func bounds(entries: Int) -> FoldBounds {
        var bounds = FoldBounds()
        bounds.log = LogProgress(entries: entries, facts: .max, bytes: .max)
        return bounds
    }

    private func house(_ inner: InMemoryDatastore, entries: Int = .max) throws -> WriterHouse {
        try WriterHouse(store: WatchedStore(inner), bounds: bounds(entries: entries))
    }

    /// Rows written by folds of the house's writer.
    private func rows(_ house: WriterHouse) -> Int { house.store.seen.withLock { $0.folds.reduce(0) { $0 + $1.rows } } }

    @Test func killsDoNotAddUp() throws {
        let inner = InMemoryDatastore.shared()
        var most = 0
        for life in 0..<12 {
            let house = try house(.connected(to: inner), entries: 20)
            most = max(most, house.replayed.entries)
            for number in 0..<7 { try house.feed("b\(life)-\(number)", [user("u\(life)", number)]) }
            house.settle()
            #expect(house.published.load().revision.number == Int64(7 * (life + 1)))
        }
        #expect(most >= 7 && most <= 20 + 7, "a start replayed \(most) entries")
        #expect(try inner.statistics().stateRows > 7)
    }

    /// What one server folded the other does not write again; what it has later it does.
    @Test func serversShareTheWork() throws {
        let inner = InMemoryDatastore.shared()
        let (one, other) = (try house(.connected(to: inner)), try house(.connected(to: inner)))
        for number in 0..<10 { try one.feed("a\(number)", [user("u", number)]) }
        try other.writer.follow()
        one.writer.stop(folding: .seconds(60))
        // The customer and its people, and what is about none.
        let folded = try inner.folds().least.number
        #expect(rows(one) == 21 && folded == 10)
        try other.feed("b", [user("u", 3), user("v", 3)])
        other.writer.stop(folding: .seconds(60))
        #expect(rows(other) == 3, "one customer and its people, and the revision")
        let again = try RecoveredState(from: inner)
        #expect(again.replayed.entries == 0 && again.core.revision.number == 11)
    }

    /// A fold that fails at a bucket keeps what is to be folded; the buckets before stay folded.
    @Test func aFoldThatStopsHalfwayIsHarmless() throws {
        let inner = InMemoryDatastore.shared()
        let house = try house(.connected(to: inner), entries: 10)
        house.store.beforeFold.withLock { body in
            body = { (number) throws(DatastoreError) in if number > 100 { throw .full } }
        }
        for number in 0..<40 { try house.feed("a\(number)", [user("u\(number)", number)]) }
        house.settle()
        #expect(house.store.seen.withLock { $0.folds.count } == 101)
        #expect(try inner.folds().least == .none)
        let whole = try RecoveredState(from: inner)
        #expect(whole.core.peopleByPlace == house.published.load().core.peopleByPlace)
        house.store.beforeFold.withLock { $0 = { _ in } }
        house.writer.stop(folding: .seconds(60))
        let folded = try RecoveredState(from: inner)
        #expect(folded.replayed.entries == 0)
        #expect(folded.core.peopleByPlace == whole.core.peopleByPlace)
    }

    /// Others wrote, folded, and dropped the log meanwhile; and erased somebody of whom this one has not heard yet.
    @Test func whoIsTooFarBehindReadsEverythingAnew() throws {
        let inner = InMemoryDatastore.shared()
        let (one, other) = (try house(.connected(to: inner)), try house(.connected(to: inner)))
        try one.feed("a", [user("u", 1), user("w", 2)])
        try other.writer.follow()
        try one.feed("b", [user("v", 1)])
        try one.make(
            "erase", .erase(UserID("v"), of: CustomerID("C1"), replacement: UserID("gone"), one.operator))
        #expect(other.published.load().core.history == 0)
        try other.writer.follow()
        #expect(other.published.load().core.history == 1, "a body was withdrawn that it had not read")
        #expect(other.published.load().core.peopleByPlace == one.published.load().core.peopleByPlace)
        one.writer.stop(folding: .seconds(60))
        inner.dropLog()
        let third = try house(.connected(to: inner))
        try other.feed("c", [user("x", 2)])
        third.writer.stop(folding: .seconds(60))
        other.writer.stop(folding: .seconds(60))
        inner.dropLog()
        #expect(other.published.load().core.history == 1, "whoever knows the end of the log goes on")
    }

    /// What was begun again is begun again.
    @Test func startsGoOnWhileOthersFold() throws {
        let store = InMemoryDatastore()
        try store.commit([try SampleBatches.entry(1)])
        for error in [DatastoreError.diverged(at: .none), .unavailable("away")] {
            let interrupted = Interrupted(store: store, error: error)
            if case .diverged = error {
                #expect(try RecoveredState(from: interrupted).core.revision.number == 1)
                #expect(interrupted.left.withLock { $0 } == 0)
            } else {
                #expect(throws: error) { try RecoveredState(from: interrupted) }
            }
        }
    }

    private final class Interrupted: StoreReading {
        let store: InMemoryDatastore
        let error: DatastoreError
        let left = Mutex(3)

        init(store: InMemoryDatastore, error: DatastoreError) {
            self.store = store
            self.error = error
        }

        var mark: StoreMark { store.mark }
        var buckets: Int { store.buckets }

        func recover(
            for grant: OperatorGrant, readers: Int, bucket: @Sendable (StoredBucket) throws -> Void,
            entry: (LogEntry) throws -> Void
        ) throws -> LogPosition {
            let position = try store.recover(for: grant, readers: readers, bucket: bucket, entry: entry)
            let fails = left.withLock { left in
                guard left > 0 else { return false }
                left -= 1
                return true
            }
            if fails { throw error }
            return position
        }

        func loadAccess(for grant: OperatorGrant) throws(DatastoreError) -> AccessRegistry {
            try store.loadAccess(for: grant)
        }
    }
}

import Datastore
import InsightsCore
import LicenseModel
import Synchronization
import Tenancy
import Testing

@testable import InsightsServer

/// What a restart replays stays bounded, and a fold holds nothing up.
@Suite(.timeLimit(.minutes(1))) struct FoldingTests {
    private func activity(_ user: String, _ on: Int32) throws -> Fact {
        .activity(
            ActivityFact(
                customer: try CustomerID("C"), user: try UserID(user), workload: .exo, days: [Day(number: on)]))
    }

    private func names(_ people: Range<Int>) throws -> [Fact] {
        try people.map {
            .user(
                UserFact(
                    customer: try CustomerID("C"), user: try UserID("u\($0)"),
                    displayName: String(repeating: "n", count: 200)))
        }
    }

    /// Killed again and again before there is enough to fold: what each start replays counts towards the next fold.
    @Test func killsDoNotAddUp() throws {
        var bounds = FoldBounds()
        bounds.log = LogProgress(entries: 100, facts: 1_000_000, bytes: 1 << 20)
        var inner = InMemoryDatastore()
        var most = 0
        for life in 0..<60 {
            let house = try WriterHouse(store: WatchedStore(inner), bounds: bounds)
            most = max(most, house.replayed.entries)
            house.writer.foldAfterStart()
            for number in 0..<7 { try house.feed("b\(life)-\(number)", [activity("u\(life)", Int32(number))]) }
            house.settle()
            #expect(house.published.load().revision.number == Int64(7 * (life + 1)))
            // kill -9: nothing is folded at the end.
            inner = inner.reopened()
        }
        #expect(most >= 7 && most <= 100 / bounds.startShare + 7, "a start replayed \(most) entries")
    }

    /// Without the fold after the start too: the bound is one of the log, not of a life.
    @Test(arguments: [
        LogProgress(entries: 20, facts: .max, bytes: .max), LogProgress(entries: .max, facts: 20, bytes: .max),
        LogProgress(entries: .max, facts: .max, bytes: 200),
    ])
    func whatWasReplayedCountsTowardsTheNextFold(_ log: LogProgress) throws {
        var bounds = FoldBounds()
        bounds.log = log
        var inner = InMemoryDatastore()
        var replayed: [Int] = []
        for life in 0..<20 {
            let house = try WriterHouse(store: WatchedStore(inner), bounds: bounds)
            replayed.append(house.replayed.entries)
            for number in 0..<3 { try house.feed("b\(life)-\(number)", [activity("u\(life)", Int32(number))]) }
            house.settle()
            inner = inner.reopened()
        }
        #expect(replayed.max() ?? 0 < 60 / 2 && replayed.contains { $0 > 5 }, "\(replayed)")
    }

    @Test func aFoldIsWrittenInPiecesAndBatchesGoOnBetween() throws {
        var bounds = FoldBounds()
        bounds.log = LogProgress(entries: 5, facts: .max, bytes: .max)
        bounds.pieceBytes = 100_000
        let house = try WriterHouse(bounds: bounds)
        let revisions = Mutex<[Int64]>([])
        let (store, writer, grant) = (house.store, house.writer, house.operator)
        let between = try house.pending("between", [activity("u0", 1)])
        store.beforeFold.withLock {
            $0 = { number in
                revisions.withLock { $0.append(store.revision.number) }
                // While the second piece is written.
                if number == 2 { writer.submit(between, by: grant) { _ in } }
            }
        }
        for batch in 0..<4 { try house.feed("b\(batch)", names(batch * 1_000..<(batch + 1) * 1_000)) }
        for batch in 4..<10 { try house.feed("b\(batch)", [activity("u\(batch)", 1)]) }
        house.settle()
        let folds = house.store.seen.withLock { $0.folds }
        let first = folds.prefix { $0.through == .none }
        #expect(first.count > 6, "the revision stays until the last piece")
        #expect(folds.allSatisfy { $0.bytes < 200_000 })
        #expect(folds[first.count].through.number == 5)
        let seen = revisions.withLock { $0 }
        #expect(seen[2] > seen[1], "a batch was committed between two pieces")
        // And everything is there again.
        let again = try RecoveredState(from: house.store.inner.reopened())
        #expect(!again.core.isFoldUnfinished && again.core.revision == house.published.load().revision)
        #expect(again.replayed.entries < 10)
    }

    /// The process dies in the middle of a fold, or the disk refuses: nothing is lost, and the next fold is whole.
    @Test(arguments: [1, 2, 4])
    func aFoldThatStopsHalfwayIsHarmless(_ pieces: Int) throws {
        var bounds = FoldBounds()
        bounds.log = LogProgress(entries: 5, facts: .max, bytes: .max)
        bounds.pieceBytes = 100_000
        let house = try WriterHouse(bounds: bounds)
        house.store.beforeFold.withLock { body in
            body = { (number) throws(DatastoreError) in if number > pieces { throw .full } }
        }
        for batch in 0..<4 { try house.feed("b\(batch)", names(batch * 1_000..<(batch + 1) * 1_000)) }
        try house.feed("b4", [activity("u1", 1)])
        house.settle()
        let folds = house.store.seen.withLock { $0.folds.count }
        #expect(folds == pieces + 1)
        let dead = try WriterHouse(store: WatchedStore(house.store.inner.reopened()), bounds: bounds)
        #expect(dead.published.load().core.isFoldUnfinished && dead.replayed.entries == 5)
        dead.writer.foldAfterStart()
        try dead.feed("b5", [activity("u2", 1)])
        dead.settle()
        dead.writer.stop(folding: .seconds(60))
        #expect(try dead.store.statistics().entriesToReplay == 0)
        let whole = try RecoveredState(from: dead.store.inner.reopened())
        #expect(!whole.core.isFoldUnfinished && whole.replayed.entries == 0)
        // The one whose disk refused goes on too.
        house.store.beforeFold.withLock { $0 = { _ in } }
        try house.feed("b5", [activity("u2", 1)])
        house.settle()
        house.writer.stop(folding: .seconds(60))
        let other = try RecoveredState(from: house.store.inner.reopened())
        #expect(other.core.revision == whole.core.revision && !other.core.isFoldUnfinished)
        var (left, right) = (other.core, whole.core)
        // As rows: every fact of both.
        for user in 0..<4_000 {
            let fact = [try activity("u\(user)", 9)]
            let batch = FactBatch(id: try BatchID("x"), facts: fact)
            left.apply(batch, revision: left.revision)
            right.apply(batch, revision: right.revision)
        }
        #expect(left.takeDirtyStates() == right.takeDirtyStates())
    }

    /// Also when the disk has room for so many pieces of the fold only: the erasure then has all the rest.
    @Test(arguments: [Int.max, 0, 1, 2]) func anErasureDuringAFoldLeavesNoName(_ pieces: Int) throws {
        var bounds = FoldBounds()
        bounds.log = LogProgress(entries: 4, facts: .max, bytes: .max)
        bounds.pieceBytes = 50_000
        let house = try WriterHouse(bounds: bounds)
        house.store.beforeFold.withLock { body in
            body = { (number) throws(DatastoreError) in if number > pieces { throw .full } }
        }
        for batch in 0..<4 { try house.feed("b\(batch)", names(batch * 1_000..<(batch + 1) * 1_000)) }
        let made = try house.make(
            "erase",
            .erase(UserID("u3999"), of: CustomerID("C"), replacement: UserID("erased-1"), house.operator))
        #expect(made.revision.number == 5)
        #expect(try house.store.statistics().entriesToReplay == 0)
        var rows = ""
        _ = try house.store.recover(for: house.operator) { _, _ in
        } state: { row in
            rows += String(decoding: row.body ?? [], as: UTF8.self)
        } entry: { _ in
        }
        #expect(!rows.contains("u3999") && rows.contains("u3998") && rows.contains("erased-1"))
        #expect(stride(from: 0, to: 3_999, by: 193).allSatisfy { rows.contains("u\($0)") })
        // A restart takes what is there.
        let again = try RecoveredState(from: house.store.inner.reopened())
        #expect(again.core.revision.number == 5 && !again.core.isFoldUnfinished)
    }
}

import InsightsCore
import LicenseModel
import RPCEngine
import Tenancy
import Testing

@testable import InsightsServer

/// Snapshots for paging are counted and bounded, and paging finds them as long as they are kept.
@Suite struct SnapshotShelfTests {
    private func changed(_ core: InsightsCore, _ number: Int) throws -> InsightsCore {
        var core = core
        let fact = Fact.customer(
            CustomerFact(customer: try CustomerID("C\(number % 7)"), name: "\(number)", market: "NL"))
        core.apply(FactBatch(id: try BatchID("b\(number)"), facts: [fact]), revision: core.revision.next)
        return core
    }

    @Test func snapshotsAreCountedAndTheOldestGo() throws {
        let published = PublishedCore(InsightsCore()) { .first }
        let account = MemoryAccount(limit: 16 << 20)
        published.shelf.count(in: account)
        var revisions: [Revision] = []
        for number in 0..<200 {
            let snapshot = published.load()
            published.shelf.keep(snapshot, for: "partner-\(number)", at: 0)
            revisions.append(snapshot.revision)
            published.publish(try changed(snapshot.core, number))
            #expect(account.used == published.shelf.bytes && account.used <= account.limit / 4)
        }
        #expect(account.used > account.limit / 8)
        let kept = revisions.filter { published.shelf.find($0, at: 1) != nil }
        #expect(kept == revisions.suffix(kept.count) && kept.count > 20 && kept.count < 100, "\(kept.count)")
        published.shelf.forget(before: published.load().revision)
        #expect(account.used == 0 && kept.allSatisfy { published.shelf.find($0, at: 1) == nil })
    }

    /// Read anew, a revision says something else: no page goes on over what was of it before, also of a call that was
    /// under way.
    @Test func snapshotsOfAnotherHistoryAreNotKept() throws {
        let published = PublishedCore(InsightsCore()) { .first }
        let old = published.load()
        published.shelf.keep(old, for: "P", at: 0)
        var core = InsightsCore()
        core.history = 1
        published.publish(core)
        published.shelf.forget(before: core.history)
        published.shelf.keep(old, for: "P", at: 0)
        #expect(published.shelf.find(old.revision, at: 0) == nil)
        published.shelf.keep(published.load(), for: "P", at: 0)
        #expect(published.shelf.find(core.revision, at: 0)?.isIdentical(to: published.load()) == true)
    }

    /// A restored core has replaced much already; none of that is the shelf's.
    @Test func whatWasReplacedBeforeTheStartIsNotCounted() throws {
        var core = InsightsCore()
        for number in 0..<100 { core = try changed(core, number) }
        let published = PublishedCore(core) { .first }
        let account = MemoryAccount(limit: 16 << 20)
        published.shelf.count(in: account)
        published.shelf.keep(published.load(), for: "P", at: 0)
        #expect(account.used == 0 && published.shelf.bytes == 0)
        published.publish(try changed(core, 100))
        #expect(account.used > 0 && account.used < 1 << 20)
    }

    @Test func aFullBudgetLeavesNoRoom() throws {
        let published = PublishedCore(InsightsCore()) { .first }
        let account = MemoryAccount(limit: 1 << 20)
        published.shelf.count(in: account)
        #expect(account.change(from: 0, to: account.limit))
        let snapshot = published.load()
        published.shelf.keep(snapshot, for: "P", at: 0)
        #expect(
            published.load(revision: snapshot.revision, at: 0).isIdentical(to: snapshot), "the newest costs nothing")
        let next = try changed(snapshot.core, 1)
        published.publish(next)
        #expect(published.shelf.find(snapshot.revision, at: 0) == nil && published.shelf.bytes == 0)
        #expect(published.load(revision: snapshot.revision, at: 0).revision == next.revision, "paging goes on")
        #expect(account.used == account.limit)
    }

    @Test func aPartnerHasAShareAndTimeEndsIt() throws {
        let published = PublishedCore(InsightsCore()) { .first }
        var mine: [Revision] = []
        let other = published.load().revision
        published.shelf.keep(published.load(), for: "other", at: 0)
        for number in 0..<20 {
            published.publish(try changed(published.load().core, number))
            mine.append(published.load().revision)
            published.shelf.keep(published.load(), for: "mine", at: 0)
        }
        #expect(
            mine.filter { published.shelf.find($0, at: 1) != nil } == Array(mine.suffix(SnapshotShelf.sizePerPartner)))
        #expect(published.shelf.find(other, at: SnapshotShelf.lifetime) != nil)
        #expect(published.shelf.find(other, at: SnapshotShelf.lifetime + 1) == nil)
    }
}

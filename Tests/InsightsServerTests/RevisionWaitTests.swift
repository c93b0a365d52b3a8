import Dispatch
import LicenseModel
import Synchronization
import Tenancy
import Testing

@testable import InsightsServer

@Suite struct RevisionWaitTests {
    private static let long: UInt64 = 60_000_000_000

    /// Who was woken, in order.
    private final class Woken: Sendable {
        let names = Mutex<[String]>([])
        func note(_ name: String) -> @Sendable () -> Void { { self.names.withLock { $0.append(name) } } }
        var all: [String] { names.withLock { $0 } }
    }

    @Test func thoseWhoseRevisionIsThereAreWoken() throws {
        let (waits, woken, partner) = (RevisionWaits(), Woken(), try PartnerID("A"))
        for revision in [3, 5, 4] as [UInt64] {
            #expect(waits.add(partner, for: revision, atMost: Self.long, limit: 10, woken.note("\(revision)")))
        }
        waits.published(Revision(number: 2))
        #expect(woken.all.isEmpty && waits.count == 3)
        waits.published(Revision(number: 4))
        #expect(woken.all.sorted() == ["3", "4"] && waits.count == 1)
        waits.published(Revision(number: 9))
        waits.published(Revision(number: 10))
        #expect(woken.all.last == "5" && woken.all.count == 3 && waits.count == 0)
    }

    @Test func aPartnerHasAShare() throws {
        let (waits, woken) = (RevisionWaits(), Woken())
        let (first, second) = (try PartnerID("A"), try PartnerID("B"))
        #expect(waits.add(first, for: 7, atMost: Self.long, limit: 2, woken.note("a")))
        #expect(waits.add(first, for: 8, atMost: Self.long, limit: 2, woken.note("b")))
        #expect(!waits.add(first, for: 7, atMost: Self.long, limit: 2, woken.note("c")))
        #expect(waits.add(second, for: 7, atMost: Self.long, limit: 2, woken.note("d")))
        waits.published(Revision(number: 7))
        #expect(woken.all.sorted() == ["a", "d"])
        #expect(waits.add(first, for: 9, atMost: Self.long, limit: 2, woken.note("e")))
    }

    @Test func whoHasWaitedLongEnoughIsWokenOnce() async throws {
        let (waits, woken) = (RevisionWaits(), Woken())
        #expect(waits.add(try PartnerID("A"), for: 7, atMost: 1_000_000, limit: 1, woken.note("a")))
        while waits.count > 0 || woken.all.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        waits.published(Revision(number: 7))
        #expect(woken.all == ["a"])
        #expect(waits.add(try PartnerID("A"), for: 8, atMost: Self.long, limit: 1, woken.note("b")))
    }
}

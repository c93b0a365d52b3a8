import Authentication
import Datastore
import Foundation
import InsightsAPI
import LicenseModel
import RPCEngine
import SwiftProtobuf
import Synchronization
import Tenancy
import Testing

@testable import InsightsServer

/// Two servers on one store: what one accepts the other knows.
@Suite struct SeveralServersTests {
    private typealias Who = ServiceHouse.Who

    private static let stale = Duration.seconds(60)
    private static let alice = Who.principal("alice")

    /// One server of several, which follows the others for as long as the value is there.
    private final class OneOfSeveral {
        let store: InMemoryDatastore
        let time = HouseTime()
        let house: ServiceHouse

        init(_ store: InMemoryDatastore) throws {
            self.store = store
            house = try ServiceHouse(store: WatchedStore(store), staleReads: SeveralServersTests.stale, time: time)
            try #require(house.house.shared).begin()
        }

        deinit {
            house.house.shared?.stop()
            try? store.close()
        }

        /// Waits for what is bound to be, for as long as a slow machine may take.
        func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
            for _ in 0..<2_000 {
                if try condition() { return true }
                usleep(5_000)
            }
            return false
        }

        func code(_ method: Method, by who: Who, _ request: some Message) throws -> RPCStatus.Code {
            switch try house.reply(method, by: who, request.serializedBytes()) {
            case .success: .ok
            case .failure(let status): status.code
            }
        }

        var isServing: Bool {
            get throws { try house.reply(.healthCheck, by: nil).get() == [0x08, 1] }
        }
    }

    private func servers() throws -> (OneOfSeveral, OneOfSeveral) {
        let store = InMemoryDatastore.shared()
        let (first, second) = (try OneOfSeveral(store), try OneOfSeveral(.connected(to: store)))
        try first.house.house.register("A", admins: ["alice", "anna"])
        var update = PrincipalUpdate()
        update.roles = RoleSet([.userManagementAdmin, .adminAgent])
        try first.house.house.submit(
            "roles", .update(PrincipalID("alice"), update), by: first.house.house.caller("alice", of: "A"))
        _ = first.house.house.wait(1)
        #expect(try first.house.ingest(SampleFacts.all).get().status.code == 0)
        return (first, second)
    }

    /// The revision of a batch that names one more customer.
    private func feed(_ number: Int, to server: OneOfSeveral) throws -> UInt64 {
        let receipt = try server.house.ingest(named(number)).get()
        try #require(receipt.status.code == 0, "\(receipt.status.message)")
        return UInt64(receipt.revision)
    }

    private func named(_ number: Int) -> PBIngestRequest {
        let customer = "new-\(number)"
        return SampleFacts.batch(
            "batch-\(number)", [SampleFacts.named(customer), SampleFacts.relationship("A", customer)])
    }

    /// In turns on either server: the other one answers with what was acknowledged as soon as it is asked to.
    @Test func whatOneAcceptsTheOtherAnswers() throws {
        let (first, second) = try servers()
        for number in 0..<40 {
            let (writer, reader) = number % 2 == 0 ? (first, second) : (second, first)
            let revision = try feed(number, to: writer)
            let request = PBGetCustomerRequest.with {
                $0.customerID = "new-\(number)"
                $0.minRevision = revision
            }
            let reply: PBGetCustomerResponse = try reader.house.call(.getCustomer, by: Self.alice, request)
            #expect(reply.revision >= revision && reply.customer.name == "Customer new-\(number)")
            // The same batch again, on the other server: the first receipt.
            #expect(try feed(number, to: reader) == revision)
        }
    }

    /// Also what nobody asks for is there soon.
    @Test func whatOneAcceptsIsFollowed() throws {
        let (first, second) = try servers()
        let revision = Revision(number: Int64(try feed(1, to: first)))
        #expect(second.eventually { second.house.house.published.load().revision >= revision })
    }

    /// From the answer on a disabled principal is refused everywhere, also where it was let in before.
    @Test func whoIsDisabledOnOneIsRefusedOnTheOther() throws {
        let (first, second) = try servers()
        let anna = Who.principal("anna")
        func set(disabled: Bool) throws -> PBUpdatePrincipalResponse {
            let request = PBUpdatePrincipalRequest.with {
                $0.principal.principalID = "anna"
                $0.principal.disabled = disabled
                $0.updateMask.paths = ["disabled"]
            }
            return try first.house.call(.updatePrincipal, by: Self.alice, request)
        }
        #expect(try set(disabled: false).serversPending == 0)
        for _ in 0..<25 {
            let (before, open) = (
                try second.house.context(.whoAmI, by: anna), try second.house.context(.ingest, by: anna)
            )
            #expect(throws: Never.self) { try second.house.reply(to: before, .whoAmI).get() }
            #expect(try set(disabled: true).serversPending == 0)
            let again = CallContext(method: Method.whoAmI.rawValue, path: Method.whoAmI.path)
            again.connection.attachment = before.connection.attachment
            guard case .failure(let status) = second.house.reply(to: again, .whoAmI) else {
                Issue.record("a disabled principal was answered")
                return
            }
            #expect(status.code == .unauthenticated)
            // A stream that it opened ends.
            #expect(second.house.pipeline.recheck(open)?.code == .unauthenticated)
            #expect(try set(disabled: false).serversPending == 0)
            #expect(throws: Never.self) { try second.house.reply(.whoAmI, by: anna).get() }
        }
    }

    @Test func whoDoesNotAnswerIsCounted() throws {
        let (first, second) = try servers()
        let request = PBDeletePrincipalRequest.with { $0.principalID = "anna" }
        second.store.fail(with: .unavailable("cut off"))
        let began = ContinuousClock.now
        let reply: PBDeletePrincipalResponse = try first.house.call(.deletePrincipal, by: Self.alice, request)
        #expect(reply.serversPending == 1)
        #expect(.now - began >= Members.longestWait)
        second.store.fail(with: nil)
        let other = PBCreatePrincipalRequest.with { $0.principal.principalID = "otto" }
        let next: PBCreatePrincipalResponse = try first.house.call(.createPrincipal, by: Self.alice, other)
        #expect(next.serversPending == 0)
        #expect(try second.house.house.caller("otto", of: "A").principal.name == "otto")
    }

    /// Whoever has left is not waited for.
    @Test func whoLeftIsNotWaitedFor() throws {
        let (first, second) = try servers()
        second.house.house.shared?.stop()
        try second.store.close()
        let began = ContinuousClock.now
        let request = PBDeletePrincipalRequest.with { $0.principalID = "anna" }
        let reply: PBDeletePrincipalResponse = try first.house.call(.deletePrincipal, by: Self.alice, request)
        #expect(reply.serversPending == 0)
        #expect(.now - began < Members.longestWait)
    }

    /// Once an erasure is answered, nobody is told the erased person any more, by pages of earlier facts neither.
    @Test func whoIsErasedOnOneIsGoneOnTheOther() throws {
        let (first, second) = try servers()
        func users(_ token: String = "", size: Int32 = 50) throws -> PBListLicensedUsersResponse {
            let request = PBListLicensedUsersRequest.with {
                $0.customerID = "a1"
                $0.pageSize = size
                $0.pageToken = token
            }
            return try second.house.call(.listLicensedUsers, by: Self.alice, request)
        }
        #expect(try second.eventually { try second.code(.getCustomer, by: Self.alice, Self.customer) == .ok })
        let before = try users(size: 1)
        let request = PBEraseUserRequest.with {
            $0.customerID = "a1"
            $0.userID = "a1-u3"
        }
        let erased: PBEraseUserResponse = try first.house.call(.eraseUser, by: .operator, request)
        #expect(erased.serversPending == 0)
        let after = try users()
        #expect(after.revision >= UInt64(erased.revision))
        #expect(after.totalSize == before.totalSize - 1 && !after.users.contains { $0.userID == "a1-u3" })
        #expect(try !users(before.nextPageToken).users.contains { $0.userID == "a1-u3" })
    }

    private static let customer = PBGetCustomerRequest.with { $0.customerID = "a1" }

    /// A server that has lost touch answers for a minute, then nobody, and goes on by itself.
    @Test func whoLostTouchAnswersNobody() throws {
        let (_, second) = try servers()
        #expect(try second.eventually { try second.code(.getCustomer, by: Self.alice, Self.customer) == .ok })
        second.store.fail(with: .unavailable("cut off"))
        usleep(50_000)
        second.time.pass(Self.stale)
        #expect(try second.code(.getCustomer, by: Self.alice, Self.customer) == .ok)
        #expect(try second.isServing)
        let open = try second.house.context(.exportInsights, by: Self.alice)
        second.time.pass(.milliseconds(1))
        for method in Method.own {
            let reply = try second.house.reply(method, by: Self.alice)
            guard case .failure(let status) = reply else {
                Issue.record("\(method) was answered")
                continue
            }
            #expect(status.code == .unavailable && status.details == Refusal.stale.details, "\(method)")
        }
        #expect(second.house.pipeline.recheck(open)?.code == .unavailable)
        #expect(try !second.isServing)
        #expect(second.house.house.shared?.problem != nil)
        second.store.fail(with: nil)
        #expect(try second.eventually { try second.isServing })
        #expect(try second.code(.getCustomer, by: Self.alice, Self.customer) == .ok)
        #expect(second.house.house.shared?.problem == nil)
    }

    /// A server that writes is as fresh as one that asks.
    @Test func aTurnIsAQuestionToo() throws {
        let store = InMemoryDatastore.shared()
        let time = HouseTime()
        let house = try ServiceHouse(store: WatchedStore(store), staleReads: Self.stale, time: time)
        time.pass(Self.stale + .seconds(1))
        #expect(house.house.writer.freshness?.isStale == true)
        #expect(try house.ingest(SampleFacts.all).get().status.code == 0)
        #expect(house.house.writer.freshness?.isStale == false)
    }

    /// Pages that begin on one server go on on the other, which waits until it has the facts of the first page.
    @Test func pagesGoOnOnTheOther() throws {
        let (first, second) = try servers()
        for number in 0..<9 { _ = try feed(number, to: first) }
        var (seen, token, number): ([String], String, Int) = ([], "", 0)
        repeat {
            let server = number % 2 == 0 ? first : second
            let request = PBListCustomersRequest.with {
                $0.pageSize = 2
                $0.pageToken = token
            }
            let page: PBListCustomersResponse = try server.house.call(.listCustomers, by: Self.alice, request)
            seen += page.customers.map(\.customerID)
            token = page.nextPageToken
            number += 1
        } while !token.isEmpty
        #expect(seen == ["a1"] + (0..<9).map { "new-\($0)" } + ["shared"])
    }

    /// A server with other keys would refuse the others' pages: it does not start.
    @Test func allHaveTheSameKeys() throws {
        let store = InMemoryDatastore.shared()
        let (same, other) = (try DataFolder(), try DataFolder())
        let keys = try ServerKeys(folder: same.path, store: store)
        let connected = InMemoryDatastore.connected(to: store)
        #expect(try ServerKeys(folder: same.path, store: connected).pageTokens == keys.pageTokens)
        #expect(throws: ServerKeys.Failure.self) { try ServerKeys(folder: other.path, store: connected) }
        // Where one server has the store nobody compares.
        #expect(throws: Never.self) { try ServerKeys(folder: other.path, store: InMemoryDatastore()) }
    }

    /// A failover lost what one server wrote: both give it up, and go on with what is.
    @Test func whatWasLostIsGivenUp() throws {
        let (first, second) = try servers()
        let standby = first.store.standby()
        let lost = Revision(number: Int64(try feed(1, to: first)))
        #expect(second.eventually { second.house.house.published.load().revision == lost })
        first.store.failOver(to: standby)
        #expect(Revision(number: Int64(try feed(2, to: second))) == lost)
        for server in [first, second] {
            let published = server.house.house.published
            #expect(server.eventually { server.house.house.writer.divergences.load(ordering: .relaxed) == 1 })
            #expect(server.eventually { published.load().revision == lost })
            let (gone, there) = (
                PBGetCustomerRequest.with { $0.customerID = "new-1" },
                PBGetCustomerRequest.with { $0.customerID = "new-2" }
            )
            // The number is that of what was lost too.
            #expect(try server.eventually { try server.code(.getCustomer, by: Self.alice, gone) == .notFound })
            #expect(try server.eventually { try server.code(.getCustomer, by: Self.alice, there) == .ok })
        }
    }

    /// Where one server has the store there is nothing to follow, and nobody to wait for.
    @Test func oneServerAloneIsAlwaysFresh() throws {
        let house = try ServiceHouse(staleReads: Self.stale)
        #expect(house.house.shared == nil)
        let unset = try ServiceHouse()
        #expect(unset.house.writer.freshness == nil)
        try unset.house.register("A", admins: ["alice", "anna"])
        let request = PBDeletePrincipalRequest.with { $0.principalID = "anna" }
        let reply: PBDeletePrincipalResponse = try unset.call(.deletePrincipal, by: Self.alice, request)
        #expect(reply.serversPending == 0)
    }
}

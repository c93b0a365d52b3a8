import Authentication
import Dispatch
import Foundation
import InsightsAPI
import LicenseModel
import RPCEngine
import SwiftProtobuf
import Synchronization
import Tenancy
import Testing

@testable import InsightsServer

/// The services over a store in memory, in milliseconds. What goes over a wire is the end-to-end tests' subject.
@Suite struct ServiceTests {
    private typealias Who = ServiceHouse.Who
    private static let alice = Who.principal("alice")

    private func house(_ store: WatchedStore = WatchedStore(), longReads: Int = 100) throws -> ServiceHouse {
        let house = try ServiceHouse(store: store, longReads: longReads)
        if store.revision == .none {
            try house.house.register("A", admins: ["alice"])
            try house.house.register("B", admins: ["bob"])
            for (name, partner) in [("alice", "A"), ("bob", "B")] {
                var update = PrincipalUpdate()
                update.roles = RoleSet([.userManagementAdmin, .adminAgent])
                try house.house.submit(
                    name, .update(PrincipalID(name), update), by: house.house.caller(name, of: partner))
                _ = house.house.wait(1)
            }
            let answer = try house.ingest(SampleFacts.all).get()
            #expect(answer.status.code == 0, "\(answer.status.message)")
        }
        return house
    }

    // MARK: Figures

    @Test func figuresTellOwnFromAll() throws {
        let house = try house()
        func figures(_ scope: PBLicenseScope) throws -> PBProductInsights {
            let request = PBGetCustomerInsightsRequest.with {
                $0.customerID = "shared"
                $0.scope = scope
            }
            let reply = try house.call(
                .getCustomerInsights, by: Self.alice, request, as: PBGetCustomerInsightsResponse.self)
            return try #require(reply.insights.products.first)
        }
        let (own, all) = (try figures(.own), try figures(.allPartners))
        #expect(own.licenses.sold == 10)
        #expect(all.licenses.sold == 20)
        #expect(all.licenses.assigned == 4)
        #expect(own.usage.activeUsers == 2 && all.usage == own.usage)
    }

    /// One customer's figures, asked for in four ways, are the same.
    @Test func allMethodsTellTheSameFigures() throws {
        let house = try house()
        var one = PBGetCustomerInsightsRequest()
        one.customerID = "a1"
        let insights = try house.call(.getCustomerInsights, by: Self.alice, one, as: PBGetCustomerInsightsResponse.self)
        let list = try house.call(
            .listCustomerInsights, by: Self.alice, PBListCustomerInsightsRequest(),
            as: PBListCustomerInsightsResponse.self)
        #expect(list.insights.first { $0.customerID == "a1" } == insights.insights)
        var compare = PBCompareLicensesRequest()
        compare.customerID = "a1"
        let comparison = try house.call(.compareLicenses, by: Self.alice, compare, as: PBCompareLicensesResponse.self)
        #expect(comparison.asOf == insights.insights.asOf)
        var export = PBExportInsightsRequest()
        export.asOf = insights.insights.asOf
        let bytes = try house.reply(.exportInsights, by: Self.alice, export.serializedBytes()).get()
        #expect(!bytes.isEmpty)
    }

    /// Whatever asks for a customer, another partner's looks like one that does not exist, byte by byte.
    @Test func hiddenCustomersLookLikeNone() throws {
        let house = try house()
        func requests(_ customer: String) throws -> [(Method, [UInt8])] {
            let named: [(Method, any Message)] = [
                (.getCustomerInsights, PBGetCustomerInsightsRequest.with { $0.customerID = customer }),
                (.compareLicenses, PBCompareLicensesRequest.with { $0.customerID = customer }),
                (
                    .getTrend,
                    PBGetTrendRequest.with {
                        $0.customerID = customer
                        $0.startDate = "2024-03-01"
                        $0.endDate = "2024-03-31"
                    }
                ),
                (
                    .explainUsage,
                    PBExplainUsageRequest.with {
                        $0.customerID = customer
                        $0.product = .office365
                    }
                ),
                (.listRecommendations, PBListRecommendationsRequest.with { $0.customerID = customer }),
                (.getCustomer, PBGetCustomerRequest.with { $0.customerID = customer }),
                (.listSubscriptions, PBListSubscriptionsRequest.with { $0.customerID = customer }),
                (.listLicensedUsers, PBListLicensedUsersRequest.with { $0.customerID = customer }),
            ]
            return try named.map { ($0, try $1.serializedBytes()) }
        }
        for ((method, hidden), (_, absent)) in zip(try requests("b1"), try requests("zz")) {
            let first = try house.reply(method, by: Self.alice, hidden)
            let second = try house.reply(method, by: Self.alice, absent)
            guard case .failure(let one) = first, case .failure(let other) = second else {
                Issue.record("\(method) answered")
                continue
            }
            #expect(one.code == .notFound, "\(method)")
            #expect(one.message == other.message && one.details == other.details, "\(method)")
            // And it is there for whoever it belongs to.
            #expect(throws: Never.self) { try house.reply(method, by: .principal("bob", of: "B"), hidden).get() }
        }
    }

    // MARK: Pages

    @Test func pagesGoThroughAListOverTheFactsOfTheFirst() throws {
        let house = try house()
        var request = PBListCustomersRequest()
        request.pageSize = 1
        var seen: [String] = []
        repeat {
            let page = try house.call(.listCustomers, by: Self.alice, request, as: PBListCustomersResponse.self)
            seen += page.customers.map(\.customerID)
            #expect(page.totalSize == 2)
            request.pageToken = page.nextPageToken
            // A newcomer between the pages is on none of them.
            _ = try house.ingest(SampleFacts.batch("new \(seen.count)", [SampleFacts.relationship("A", "a9")])).get()
        } while !request.pageToken.isEmpty
        #expect(seen == ["a1", "shared"])
    }

    @Test func tokensAreTheirListsAndTheirPartnersAlone() throws {
        let house = try house()
        var request = PBListCustomersRequest()
        request.pageSize = 1
        let page = try house.call(.listCustomers, by: Self.alice, request, as: PBListCustomersResponse.self)
        request.pageToken = page.nextPageToken
        for who in [Who.principal("bob", of: "B")] {
            #expect(throws: RPCStatus.self) {
                try house.reply(.listCustomers, by: who, request.serializedBytes()).get()
            }
        }
        var other = PBListCustomerInsightsRequest()
        other.pageToken = page.nextPageToken
        #expect(throws: RPCStatus.self) {
            try house.reply(.listCustomerInsights, by: Self.alice, other.serializedBytes()).get()
        }
    }

    // MARK: Ingest

    @Test func aFirstReceiptTellsWhatTheBatchChanged() throws {
        let house = try house()
        let sold = SampleFacts.subscription("s", "A", "n", quantity: 3)
        let first = try house.ingest(SampleFacts.batch("sold", [sold])).get()
        #expect(first.hasEffects && first.effects.sellersChanged == 0)
        var moved = SampleFacts.subscription("s", "B", "n", quantity: 3)
        moved.subscription.skuID = "LOST"
        var gone = PBFact()
        gone.subscriptionSnapshot.customerID = "n"
        gone.subscriptionSnapshot.date = "2024-03-20"
        let batch = SampleFacts.batch("moved", [moved, gone])
        let effects = try house.ingest(batch).get().effects
        #expect(effects.sellersChanged == 1 && effects.subscriptionsEnded == 1 && effects.peopleMerged == 0)
        #expect(effects.uncataloguedSkuIds == ["LOST"] && effects.uncataloguedSkuCount == 1)
        let again = try house.ingest(batch).get()
        #expect(again.duplicate && !again.hasEffects)
    }

    @Test func batchesAreTakenOnceAndWholly() throws {
        let house = try house()
        let batch = SampleFacts.batch("one", [SampleFacts.named("a1"), SampleFacts.relationship("A", "n")])
        let first = try house.ingest(batch).get()
        #expect(first.accepted == 2 && !first.duplicate)
        let again = try house.ingest(batch).get()
        #expect(again.duplicate && again.revision == first.revision)
        let changed = try house.ingest(SampleFacts.batch("one", [SampleFacts.named("b1")])).get()
        #expect(changed.status.code == Int32(RPCStatus.Code.alreadyExists.rawValue))
        var bad = SampleFacts.batch("two", [SampleFacts.named("ok"), SampleFacts.named("")])
        let refused = try house.ingest(bad).get()
        #expect(refused.status.factIndex == 1 && refused.status.field == "facts[1].customer.customer_id")
        #expect(house.house.published.load().revision.number == first.revision)
        bad.facts = Array(repeating: SampleFacts.named("c"), count: 1_001)
        let tooLarge = try house.ingest(bad).get()
        #expect(tooLarge.status.code == Int32(RPCStatus.Code.resourceExhausted.rawValue))
        #expect(tooLarge.batchID == "two" && refused.batchID == "two")
    }

    /// A batch that is refused at once has its answer behind those before it, which the writer still has.
    @Test func batchesAreAnsweredInTurn() throws {
        let house = try house()
        let (began, open) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        house.house.writer.performChange {
            began.signal()
            open.wait()
        } stopped: {
        }
        began.wait()
        let answers = Mutex<[String]>([])
        let done = DispatchSemaphore(value: 0)
        let batches: [(String, [UInt8])] = [
            ("taken", try SampleFacts.batch("taken", [SampleFacts.named("n")]).serializedBytes()),
            ("refused", try SampleFacts.batch("refused", [SampleFacts.named("")]).serializedBytes()),
            ("malformed", [0xFF]),
            ("again", try SampleFacts.batch("again", [SampleFacts.named("m")]).serializedBytes()),
        ]
        for (name, message) in batches {
            house.registry.ingest.intake.accept(message, by: house.house.operator) { _ in
                answers.withLock { $0.append(name) }
                done.signal()
            }
        }
        #expect(answers.withLock { $0.isEmpty })
        open.signal()
        for _ in batches { done.wait() }
        #expect(answers.withLock { $0 } == batches.map(\.0))
    }

    @Test func whatCannotGoOnRecordChangesNothing() throws {
        let house = try house()
        let revision = house.house.store.revision
        house.house.plan.fail { _, _ in ENOSPC }
        #expect(throws: RPCStatus.self) {
            try house.call(
                .listLicensedUsers, by: Self.alice, PBListLicensedUsersRequest.with { $0.customerID = "a1" },
                as: PBListLicensedUsersResponse.self)
        }
        #expect(throws: RPCStatus.self) { try house.ingest(SampleFacts.batch("x", [SampleFacts.named("x")])).get() }
        var request = PBDeletePrincipalRequest()
        request.principalID = "nobody"
        #expect(throws: RPCStatus.self) {
            try house.call(.deletePrincipal, by: Self.alice, request, as: PBDeletePrincipalResponse.self)
        }
        #expect(house.house.store.revision == revision)
    }

    @Test func theStatusTellsWhatIsKnownOfCustomers() throws {
        let house = try house()
        var later = SampleFacts.relationship("C", "shared")
        later.relationship.startDate = "2025-01-01"
        later.relationship.endDate = "2026-01-01"
        var ended = SampleFacts.relationship("A", "linked")
        ended.relationship.endDate = "2024-02-01"
        var takenBack = SampleFacts.relationship("A", "b1")
        takenBack.relationship.endDate = "2024-01-01"
        _ = try house.ingest(SampleFacts.batch("more", [later, ended, takenBack])).get()
        func status(_ fill: (inout PBGetIngestStatusRequest) -> Void) throws -> PBGetIngestStatusResponse {
            try house.call(
                .getIngestStatus, by: .operator, PBGetIngestStatusRequest.with(fill), as: PBGetIngestStatusResponse.self
            )
        }
        func told(_ row: PBCustomerCoverage?) -> [String] {
            (row?.relationships ?? []).map { "\($0.partnerID) \($0.startDate) \($0.endDate)" }
        }
        let all = try status { _ in }
        #expect(all.customers.map(\.customerID) == ["a1", "b1", "linked", "shared"] && all.totalSize == 4)
        #expect(all.customers.map(\.name) == ["Customer a1", "Customer b1", "", "Customer shared"])
        #expect(all.customers.map(\.market) == ["NL", "NL", "", "NL"])
        #expect(told(all.customers[1]) == ["B 2024-01-01 "] && told(all.customers[2]) == ["A 2024-01-01 2024-02-01"])
        #expect(
            told(all.customers[3]) == ["A 2024-01-01 ", "B 2024-01-01 ", "C 2025-01-01 2026-01-01"])
        #expect(all.customers.map { $0.sources.map(\.through) }[0] == ["2024-03-31", "2024-03-31", "2024-03-31"])
        #expect(try status { $0.customerID = "linked" }.customers == [all.customers[2]])
        #expect(try status { $0.customerID = "nobody" }.customers.isEmpty)
        let page = try status { $0.pageSize = 3 }
        let rest = try status {
            $0.pageSize = 3
            $0.pageToken = page.nextPageToken
        }
        #expect(page.customers + rest.customers == all.customers && rest.nextPageToken.isEmpty)
        #expect(page.customers.count == 3 && rest.totalSize == 4)
    }

    /// All that is visible before an end is visible after a start, the receipt of every batch too.
    @Test func aRestartAnswersTheSame() throws {
        let store = WatchedStore()
        let before = try house(store)
        func answers(_ house: ServiceHouse) throws -> [[UInt8]] {
            let asked: [(Method, any Message)] = [
                (.getPortfolioInsights, PBGetPortfolioInsightsRequest()),
                (.listCustomerInsights, PBListCustomerInsightsRequest()),
                (.listPrincipals, PBListPrincipalsRequest()),
                (
                    .getTrend,
                    PBGetTrendRequest.with {
                        $0.startDate = "2024-03-01"
                        $0.endDate = "2024-03-31"
                    }
                ),
                (.listLicensedUsers, PBListLicensedUsersRequest.with { $0.customerID = "shared" }),
                (.explainUsage, PBExplainUsageRequest.with { $0.product = .office365 }),
            ]
            return try asked.map { method, request in
                try house.reply(method, by: Self.alice, request.serializedBytes()).get()
            }
        }
        let told = try answers(before)
        let after = try house(WatchedStore(store.inner))
        #expect(try answers(after) == told)
        #expect(try after.ingest(SampleFacts.all).get().duplicate)
    }

    // MARK: People

    @Test func readsOfPeopleAreOnRecordBeforeTheyAreAnswered() throws {
        let house = try house()
        let request = PBListLicensedUsersRequest.with { $0.customerID = "a1" }
        let reply = try house.call(
            .listLicensedUsers, by: Self.alice, request, as: PBListLicensedUsersResponse.self)
        #expect(reply.users.count == 4)
        let record = try #require(try house.records().last)
        #expect(record.kind == "read" && record.principal == "alice" && record.code == 0)
        #expect(!record.customerHash.isEmpty)
    }

    @Test func anErasedPersonIsNowhere() throws {
        let house = try house()
        let erase = PBEraseUserRequest.with {
            $0.customerID = "a1"
            $0.userID = "a1-u1"
        }
        _ = try house.call(.eraseUser, by: .operator, erase, as: PBEraseUserResponse.self)
        let request = PBListLicensedUsersRequest.with { $0.customerID = "a1" }
        let users = try house.call(.listLicensedUsers, by: Self.alice, request, as: PBListLicensedUsersResponse.self)
        #expect(users.users.count == 3)
        #expect(!users.users.contains { $0.userID == "a1-u1" })
        #expect(throws: RPCStatus.self) {
            try house.call(.eraseUser, by: .operator, erase, as: PBEraseUserResponse.self)
        }
    }

    // MARK: Access

    @Test func principalsComeChangeAndGo() throws {
        let house = try house()
        var create = PBCreatePrincipalRequest()
        create.principal.principalID = "sam"
        create.principal.roles = [.salesAgent]
        let made = try house.call(.createPrincipal, by: Self.alice, create, as: PBCreatePrincipalResponse.self)
        #expect(made.principal.partnerID == "A")
        let sam = Who.principal("sam")
        let told = try house.call(.whoAmI, by: sam, PBWhoAmIRequest(), as: PBWhoAmIResponse.self)
        #expect(told.principal.roles == [.salesAgent])
        for method in Method.own {
            let request = PBExplainAccessRequest.with {
                $0.principalID = "sam"
                $0.method = method.path
            }
            let answer = try house.call(.explainAccess, by: Self.alice, request, as: PBExplainAccessResponse.self)
            #expect((answer.decision == .allowed) == told.permissions.contains(answer.permission), "\(method)")
        }
        var delete = PBDeletePrincipalRequest()
        delete.principalID = "sam"
        let deleted = try house.call(.deletePrincipal, by: Self.alice, delete, as: PBDeletePrincipalResponse.self)
        #expect(deleted.note.contains("disabling"))
        #expect(throws: (any Error).self) { try house.reply(.whoAmI, by: sam).get() }
        delete.principalID = "alice"
        #expect(throws: RPCStatus.self) {
            try house.call(.deletePrincipal, by: Self.alice, delete, as: PBDeletePrincipalResponse.self)
        }
    }

    // MARK: Long reads

    @Test func tooManyLongReadsAreRefusedAndOnRecordWherePeopleWereAskedFor() throws {
        let house = try house(longReads: 0)
        let request = PBListLicensedUsersRequest.with { $0.customerID = "a1" }
        guard
            case .failure(let status) = try house.reply(
                .listLicensedUsers, by: Self.alice, request.serializedBytes())
        else {
            Issue.record("answered")
            return
        }
        #expect(status.code == .resourceExhausted)
        let record = try #require(try house.records().last)
        #expect(record.kind == "read" && record.code == Int32(RPCStatus.Code.resourceExhausted.rawValue))
    }

    /// Relationships take time, too: some are told on the event loop, many in turn.
    @Test func theStatusOfManyRelationshipsTakesItsTurn() throws {
        let house = try house(longReads: 0)
        func answers(_ customer: String) throws -> Bool {
            let request = PBGetIngestStatusRequest.with { $0.customerID = customer }
            switch try house.reply(.getIngestStatus, by: .operator, request.serializedBytes()) {
            case .success: return true
            case .failure(let status):
                #expect(status.code == .resourceExhausted)
                return false
            }
        }
        func feed(_ count: Int) throws {
            let facts = (0..<count).map { SampleFacts.relationship("p\($0)", "linked") }
            #expect(try house.ingest(SampleFacts.batch("\(count)", facts)).get().accepted == Int64(count))
        }
        try feed(246)
        #expect(try answers("") && answers("linked"))
        try feed(247)
        #expect(try !answers("") && answers("linked") && answers("a1"))
        try feed(251)
        #expect(try !answers("linked") && answers("a1"))
    }
}

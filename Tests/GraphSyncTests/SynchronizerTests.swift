import Foundation
import HTTPSTestServer
import ImportFormats
import LicenseModel
import Outgoing
import Synchronization
import Testing

@testable import GraphSync

/// Runs against a vendor who answers all customers alike, and a server that is made up.
@Suite(.timeLimit(.minutes(1))) struct SynchronizerTests {
    /// Knows nobody, and takes everything that `onSend` lets through.
    private final class Receiver: FactsReceiver {
        private let onSend: @Sendable (_ kind: ImportKind) throws -> Void
        let kinds = Notes<ImportKind>()

        init(onSend: @escaping @Sendable (_ kind: ImportKind) throws -> Void) { self.onSend = onSend }

        func knownCustomers() async throws -> KnownCustomers { KnownCustomers(customers: [:], revision: 7) }

        func send(_ plan: ImportPlan, _ inspection: ImportInspection) async throws -> SentFacts {
            kinds.add(plan.kind)
            try onSend(plan.kind)
            return SentFacts(facts: Int64(inspection.facts), hasKnownBatches: false)
        }
    }

    private struct Gone: Error {}

    private final class Vendor {
        let server: HTTPSTestServer
        let folder: TemporaryFolder
        let configuration: SyncConfiguration

        static func tenant(_ number: Int) -> String { "7d1a0b54-1f6e-4d0a-9a53-\(100_000_000_000 + number)" }

        init(customers: Int) throws {
            server = try HTTPSTestServer()
            var example = try ExampleConfiguration()
            folder = example.folder
            example.set("endpoints.login", server.url("/file"))
            example.set("endpoints.graph", server.url("/file"))
            example.set("endpoints.ca", server.authority)
            let tenants = (0..<customers).map(Self.tenant)
            example.set("customers", tenants.map { ["tenant_id": $0] })
            configuration = try example.load()
            for tenant in tenants {
                try put("\(tenant)/oauth2/v2.0/token", #"{"access_token":"token","expires_in":3599}"#)
            }
            let sku = "6fd2c87f-b296-42f0-b197-1e91e994b900"
            let plan = "efb87545-963c-4e0d-99df-69c6916d9eb0"
            try put(
                "v1.0/subscribedSkus",
                """
                {"value":[{"skuId":"\(sku)","skuPartNumber":"ENTERPRISEPACK","appliesTo":"User","consumedUnits":0,
                "servicePlans":[{"servicePlanId":"\(plan)","servicePlanName":"EXCHANGE_S_ENTERPRISE",
                "appliesTo":"User","provisioningStatus":"Success"}]}]}
                """)
            try put(
                "v1.0/directory/subscriptions",
                """
                {"value":[{"id":"0aeaf0d1-0000-4000-8000-000000000001","skuId":"\(sku)","status":"Enabled",
                "totalLicenses":5,"isTrial":false,"createdDateTime":"2025-06-01T00:00:00Z",
                "nextLifecycleDateTime":null,"commerceSubscriptionId":null,"ownerTenantId":null,"ownerId":null,
                "ownerType":null,"serviceStatus":[],"skuPartNumber":"ENTERPRISEPACK"}]}
                """)
        }

        private func put(_ name: String, _ text: String) throws {
            let file = server.folder.appending(path: name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }

        func synchronizer(parallel: Int = 4, isReadOnly: Bool = false) throws -> Synchronizer {
            var options = SyncOptions()
            options.sources = [.catalog, .subscriptions]
            options.parallel = parallel
            return Synchronizer(
                configuration, options, state: try SyncState(folder: folder.file("state"), isReadOnly: isReadOnly),
                telemetry: SyncTelemetry(), clock: { Date(timeIntervalSince1970: 1_780_000_000) }, describe: { "\($0)" }
            )
        }

        /// Paths that were asked for, in their order.
        func asked() async throws -> [String] {
            struct Log: Decodable {
                struct Request: Decodable { let path: String }
                let requests: [Request]
            }
            var request = HTTPSRequest(try #require(HTTPSAddress(server.url("/log"))))
            request.authoritiesFile = server.authority
            let body = try await HTTPSClient().send(request).body
            return try JSONDecoder().decode(Log.self, from: Data(body)).requests.map(\.path)
        }
    }

    @Test func allIsSentAndNothingIsLeft() async throws {
        let vendor = try Vendor(customers: 2)
        let receiver = Receiver { _ in }
        let synchronizer = try vendor.synchronizer()
        let outcomes = try await synchronizer.runOnce(receiver) { _ in }
        #expect(outcomes.flatMap(\.reasons) == [])
        #expect(outcomes.map(\.subscriptions) == [1, 1])
        #expect(receiver.kinds.all.count(where: { $0 == .facts }) == 2)
        #expect(receiver.kinds.all.count(where: { $0 == .graphSubscriptions }) == 2)
        synchronizer.shutDown()
        #expect(!FileManager.default.fileExists(atPath: synchronizer.state.answerFolder))
    }

    /// What is being sent comes to its end; nothing else of the customer begins.
    @Test(arguments: [ImportKind.facts, .graphSubscribedSkus])
    func nothingGoesToTheServerAfterASignal(_ last: ImportKind) async throws {
        let vendor = try Vendor(customers: 1)
        let synchronizer = try vendor.synchronizer()
        let receiver = Receiver { kind in if kind == last { synchronizer.stop.stop() } }
        let outcome = try #require(try await synchronizer.runOnce(receiver) { _ in }.first)
        #expect(receiver.kinds.all == (last == .facts ? [.facts] : [.facts, .graphSubscribedSkus]))
        #expect(outcome.failures.map(\.source) == (last == .facts ? [.catalog, .subscriptions] : [.subscriptions]))
        #expect(Set(outcome.failures.map(\.failure.reason)) == [.stopped])
        // The state knows of nothing that was not sent.
        #expect(synchronizer.state.load(Vendor.tenant(0)).sent.keys.sorted() == (last == .facts ? [] : ["catalog"]))
    }

    /// The vendor is not asked for what nobody can take.
    @Test func aServerThatIsGoneIsNotFed() async throws {
        let vendor = try Vendor(customers: 60)
        let synchronizer = try vendor.synchronizer(parallel: 2)
        let receiver = Receiver { _ in throw Gone() }
        let outcomes = try await synchronizer.runOnce(receiver) { _ in }
        #expect(outcomes.count == 60)
        #expect(outcomes.allSatisfy { $0.reasons == [SourceFailure(.ingest, "Gone()")] })
        let tokens = try await vendor.asked().count { $0.hasSuffix("/token") }
        #expect(tokens >= 4 && tokens < 40)
        // Nor is the server called by those who were read meanwhile: four at once may be.
        #expect(receiver.kinds.all.count < 12)
        // The next run asks anew: its server has answered.
        #expect(try await synchronizer.runOnce(Receiver { _ in }) { _ in }.flatMap(\.reasons) == [])
    }

    /// A refusal is an answer, and so is whatever is taken in between.
    @Test(arguments: [true, false])
    func aServerThatAnswersIsThere(_ refuses: Bool) async throws {
        let vendor = try Vendor(customers: 20)
        let synchronizer = try vendor.synchronizer(parallel: 2)
        let count = Mutex(0)
        let receiver = Receiver { _ in
            if refuses { throw SourceFailure(.ingest, "refused") }
            let number = count.withLock { count in
                count += 1
                return count
            }
            if !number.isMultiple(of: 2) { throw Gone() }
        }
        let outcomes = try await synchronizer.runOnce(receiver) { _ in }
        #expect(outcomes.count(where: \.hasFailed) > 4)
        #expect(try await vendor.asked().count { $0.hasSuffix("/token") } == 20)
    }

    @Test func tenantsThatLeftAreForgotten() async throws {
        let vendor = try Vendor(customers: 2)
        let synchronizer = try vendor.synchronizer()
        let partner = vendor.configuration.partnerTenant
        let first = synchronizer.access(Vendor.tenant(0), priority: 0)
        _ = synchronizer.access(partner, priority: -1)
        _ = synchronizer.access("7d1a0b54-1f6e-4d0a-9a53-3a1b7f1c0001", priority: 9)
        _ = try await synchronizer.runOnce(Receiver { _ in }) { _ in }
        #expect(synchronizer.tenants == [partner, Vendor.tenant(0), Vendor.tenant(1)])
        // The others keep their token, at a place that may be another one.
        let again = synchronizer.access(Vendor.tenant(0), priority: 5)
        #expect(again === first && again.priority == 5)
    }

    @Test func checkCountsCustomers() async throws {
        let vendor = try Vendor(customers: 3)
        let synchronizer = try vendor.synchronizer(isReadOnly: true)
        let check = try await synchronizer.check()
        #expect(check.customers.count == 3)
        #expect(synchronizer.telemetry.counts.customers == 3 && synchronizer.telemetry.counts.customersDone == 3)
        synchronizer.shutDown()
        #expect(!FileManager.default.fileExists(atPath: synchronizer.state.answerFolder))
        #expect(!FileManager.default.fileExists(atPath: vendor.folder.file("state")))
    }

    /// The server asks for seven seconds, and somebody ends them before.
    @Test func onlyPausesThatWereSleptAreCounted() async throws {
        let server = try HTTPSTestServer()
        var example = try ExampleConfiguration()
        example.set("endpoints.graph", server.url("/file"))
        example.set("endpoints.ca", server.authority)
        let telemetry = SyncTelemetry()
        let requests = GraphRequests(
            configuration: try example.load(), limits: SyncLimits(), client: HTTPSClient(), gate: RequestGate(1),
            requestsPerTenant: 1, telemetry: telemetry, receiver: ReceiverState(), clock: { Date() })
        let access = TenantAccess(tenant: "t", priority: 0, limit: 1) { _ in
            AccessToken(value: "token", end: .now + .seconds(3_600))
        }
        let file = try AnswerFolder(temporaryIn: example.folder.path).file("answer")
        let address = try #require(HTTPSAddress(server.url("/status/503")))
        let asking = Task { try await requests.answer(.users, address, access, into: file) }
        while telemetry.counts.pausing == 0 { try await Task.sleep(for: .milliseconds(5)) }
        try await Task.sleep(for: .milliseconds(300))
        asking.cancel()
        await #expect(throws: CancellationError.self) { _ = try await asking.value }
        #expect(telemetry.counts.pausing == 0)
        #expect(telemetry.counts.throttled >= .milliseconds(300) && telemetry.counts.throttled < .seconds(5))
    }
}

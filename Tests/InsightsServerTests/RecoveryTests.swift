import Datastore
import LicenseModel
import Tenancy
import Testing

@testable import InsightsServer

/// A start reads back what the log holds, or says which entry it cannot read.
@Suite struct RecoveryTests {
    static func recover(_ facts: [Fact]) throws -> RecoveredState {
        let store = InMemoryDatastore()
        let digest = try #require(ContentDigest([UInt8](repeating: 0, count: ContentDigest.length)))
        try store.commit([
            .batch(
                try BatchID("b"), revision: Revision.none.next, accepted: facts.count, digest: digest,
                body: FactBatchCodec.encode(facts))
        ])
        return try RecoveredState(from: store)
    }

    static func subscription(_ quantity: Int64) throws -> Fact {
        .subscription(
            SubscriptionFact(
                subscription: try SubscriptionID("sub"), customer: try CustomerID("c"), sku: try SkuID("s"),
                seller: .direct, effective: Day(number: 20_000), quantity: quantity, state: .active, trial: false,
                termEnd: nil, autoRenew: false))
    }

    static func support(_ count: Int64) throws -> Fact {
        .supportRequest(
            SupportRequestFact(
                customer: try CustomerID("c"), day: Day(number: 20_000), category: .howTo, count: count))
    }

    static func sku(_ bits: UInt8) throws -> Fact {
        .sku(SkuFact(sku: try SkuID("s"), name: "", product: nil, workloads: WorkloadSet(rawValue: bits)))
    }

    /// Such an entry would end the process, or be folded into a row that no later start reads back.
    @Test func factsThatNoRequestHasAreRefused() throws {
        let bad = [
            try Self.subscription(-1), try Self.subscription(.max), try Self.support(.min),
            try Self.support(FactLimits.maximumSupportRequests + 1), try Self.sku(0x80),
        ]
        for fact in bad {
            let error = #expect(throws: RecoveryError.self) { try Self.recover([fact]) }
            #expect(error?.description.contains("revision 1") == true, "\(fact)")
        }
    }

    @Test func theBoundsThemselvesAreReadBack() throws {
        let good = [
            try Self.subscription(0), try Self.subscription(FactLimits.maximumQuantity), try Self.support(0),
            try Self.support(FactLimits.maximumSupportRequests), try Self.sku(0x7F), try Self.sku(0),
        ]
        for fact in good {
            var recovered = try Self.recover([fact])
            #expect(recovered.core.revision == Revision(number: 1) && recovered.replayed.entries == 1)
            #expect(!recovered.core.takeDirtyStates().isEmpty)
        }
    }
}

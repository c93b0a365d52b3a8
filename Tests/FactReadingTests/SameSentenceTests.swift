import FactReading
import ImportFormats
import InsightsAPI
import LicenseModel
import SwiftProtobuf
import Testing

@testable import InsightsServer

/// A row that an import refuses and a fact that the server refuses are refused in the same words.
@Suite struct SameSentenceTests {
    static let today = FactReaderTests.today

    /// What the server answers about a batch of this one fact; nil when it takes it.
    static func serverSentence(_ fact: PBFact) throws -> String? {
        let request = PBIngestRequest.with { ($0.batchID, $0.facts) = ("b", [fact]) }
        do {
            _ = try IngestDecoder(today: today).decode(try request.serializedBytes())
            return nil
        } catch IngestDecoder.Failure.bad(let field, _) {
            return field.fieldError.message
        }
    }

    /// What an import says about a file of this one fact; nil when it takes it.
    static func importSentence(_ fact: PBFact) throws -> String? {
        let file = InputFile(name: "f", bytes: Array(try fact.jsonString().utf8))
        do {
            _ = try ImportPlan(kind: .facts, files: [file], options: ImportOptions(today: today)).inspect()
            return nil
        } catch let problem as ImportProblem {
            #expect(problem.position == FilePosition(line: 1, column: 1))
            return problem.message
        }
    }

    static let good = FactReaderTests.good

    static func bad<Kind>(
        _ wrap: (Kind) -> PBFact.OneOf_Fact, _ kind: Kind, _ spoil: ((inout Kind) -> Void)...
    ) -> [PBFact] {
        spoil.map { spoil in
            var kind = kind
            spoil(&kind)
            return .with { $0.fact = wrap(kind) }
        }
    }

    static let long = String(repeating: "x", count: 257)

    static let badFacts: [PBFact] = [
        [PBFact()],
        bad(PBFact.OneOf_Fact.partner, good.partner, { $0.partnerID = "p/1" }, { $0.name = long }),
        bad(
            PBFact.OneOf_Fact.customer, good.customer, { $0.customerID = "" }, { $0.customerID = long },
            { $0.customerID = "a b" }, { $0.name = long }, { $0.market = long }),
        bad(
            PBFact.OneOf_Fact.relationship, good.relationship, { $0.partnerID = "pärtner" }, { $0.partnerID = ".." },
            { $0.customerID = "ü" }, { $0.startDate = "" }, { $0.startDate = "2024-02-30" },
            { $0.endDate = "2023-12-31" }, { $0.endDate = "soon" }),
        bad(
            PBFact.OneOf_Fact.sku, good.sku, { $0.skuID = "" }, { $0.name = long }, { $0.product = .UNRECOGNIZED(9) },
            { $0.workloadCodes = ["EXO", "exo"] }, { $0.workloadCodes = [""] }),
        bad(
            PBFact.OneOf_Fact.subscription, good.subscription, { $0.subscriptionID = "" }, { $0.customerID = "" },
            { $0.skuID = "" }, { $0.sellerPartnerID = "" }, { $0.sellerPartnerID = "p!" },
            { $0.sellerKind = .UNRECOGNIZED(7) }, { $0.effectiveDate = "1969-12-31" }, { $0.quantity = -1 },
            { $0.quantity = 100_000_001 }, { $0.state = .unspecified }, { $0.state = .UNRECOGNIZED(9) },
            { $0.termEnd = "never" }, { $0.term = "P" }, { $0.term = "1 year" }, { $0.term = "PT1H" },
            { $0.term = long }),
        bad(
            PBFact.OneOf_Fact.subscriptionSnapshot, good.listed, { $0.customerID = "" }, { $0.date = "" },
            { $0.date = "2024-02-30" }, { $0.subscriptionIds = ["s", ""] }, { $0.subscriptionIds = [long] },
            { $0.sellerPartnerID = "p!" }),
        bad(
            PBFact.OneOf_Fact.user, good.user, { $0.customerID = "" }, { $0.userID = " " }, { $0.displayName = long },
            { $0.principalName = "ann smith" }, { $0.principalName = long }, { $0.aliases = ["a@x", ""] },
            { $0.aliases = ["ü@x"] }, { $0.aliases = Array(repeating: "u", count: 101) }),
        bad(
            PBFact.OneOf_Fact.assignment, good.assignment, { $0.customerID = "" }, { $0.userID = "" },
            { $0.skuID = "" }, { $0.startDate = "2024-1-1" }, { $0.endDate = "2023-12-31" }),
        bad(
            PBFact.OneOf_Fact.assignmentSnapshot, good.snapshot, { $0.customerID = "" }, { $0.skuID = "" },
            { $0.date = "" }, { $0.userIds = ["u", "ü"] }, { $0.part = 4 }, { $0.part = 0 }, { $0.part = -1 },
            { $0.parts = 0 }, { $0.parts = 10_001 }, { $0.parts = -1 }),
        bad(
            PBFact.OneOf_Fact.activity, good.activity, { $0.customerID = "" }, { $0.userID = "" },
            { $0.workloadCode = "teams" }, { $0.workloadCode = "" }, { $0.dates = [] },
            { $0.dates = Array(repeating: "2024-01-01", count: 4_001) }, { $0.dates = ["2024-03-19"] },
            { $0.dates = ["2024-03-18", "2024-03-32"] }),
        bad(
            PBFact.OneOf_Fact.supportRequest, good.support, { $0.customerID = "" }, { $0.date = "x" },
            { $0.category = .unspecified }, { $0.category = .UNRECOGNIZED(9) }, { $0.count = -1 },
            { $0.count = 1_000_001 }),
        bad(
            PBFact.OneOf_Fact.coverage, good.coverage, { $0.customerID = "" }, { $0.source = .unspecified },
            { $0.source = .UNRECOGNIZED(9) }, { $0.through = "2024-03-19" }, { $0.source = .subscriptions },
            { $0.source = .assignments }, { $0.workloadCodes = ["EXO", "exo"] }, { $0.workloadCodes = [""] }),
    ].flatMap { $0 }

    @Test(arguments: badFacts)
    func aBadFactIsNamedAlike(_ fact: PBFact) throws {
        let server = try #require(try Self.serverSentence(fact))
        let local = try #require(try Self.importSentence(fact))
        #expect(server == "facts[0].\(local)")
    }

    @Test func bothTakeGoodFacts() throws {
        for kind in Self.good.all {
            let fact = PBFact.with { $0.fact = kind }
            #expect(try Self.serverSentence(fact) == nil)
            #expect(try Self.importSentence(fact) == nil)
        }
    }

    /// What an import sends as one batch, a server takes as one batch.
    @Test func bothKnowTheSameBounds() {
        let limits = ImportLimits()
        #expect(limits.singleBatchFacts == FactReader(today: Self.today).maximumFacts)
        #expect(limits.singleBatchFacts == ServiceSettings().maxBatchFacts)
        #expect(limits.singleBatchBytes < FactLimits.defaultMaximumMessageBytes)
        #expect(limits.batchBytes < limits.singleBatchBytes && limits.batchFacts < limits.singleBatchFacts)
    }
}

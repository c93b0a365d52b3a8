import FactReading
import Foundation
import InsightsAPI
import LicenseModel
import SwiftProtobuf
import Tenancy
import Testing

@Suite struct FactReaderTests {
    static let today = Day(number: 19_800)  // 2024-03-18
    static let reader = FactReader(today: today, maximumFacts: 100)

    /// The first error of a batch whose second fact is the given one.
    static func error(_ make: (inout PBFact) -> Void) throws -> BadField? {
        var request = PBIngestRequest()
        request.batchID = "b"
        request.facts = [.with { $0.coverage = good.coverage }, .with(make)]
        do {
            _ = try reader.read(request)
            return nil
        } catch {
            return error
        }
    }

    static func expect(
        _ path: String, _ reason: String, sourceLocation: SourceLocation = #_sourceLocation,
        _ make: (inout PBFact) -> Void
    ) throws {
        let error = try error(make)
        #expect(
            error == BadField(factIndex: 1, field: "facts[1].\(path)", reason: reason), sourceLocation: sourceLocation)
    }

    /// One good fact of each kind.
    struct Good {
        let partner = PBPartnerFact.with { ($0.partnerID, $0.name) = ("p-1", "Partner é") }
        let customer = PBCustomerFact.with { ($0.customerID, $0.name, $0.market) = ("c!1", "Contoso", "NL") }
        let relationship = PBRelationshipFact.with {
            ($0.partnerID, $0.customerID, $0.startDate, $0.endDate) = ("p-1", "c!1", "2024-01-01", "")
        }
        let sku = PBSkuFact.with {
            ($0.skuID, $0.name, $0.product, $0.free) = ("E3", "Office 365 E3", .office365, true)
            $0.workloadCodes = ["EXO", "ODB", "SPO", "EXO"]
        }
        let subscription = PBSubscriptionFact.with {
            ($0.subscriptionID, $0.customerID, $0.skuID) = ("s", "c!1", "E3")
            $0.sellerPartnerID = "p-1"
            ($0.effectiveDate, $0.quantity, $0.state) = ("2024-01-01", 25, .grace)
            ($0.trial, $0.termEnd, $0.autoRenew, $0.term) = (true, "2030-01-01", true, "P1Y")
        }
        let listed = PBSubscriptionSnapshotFact.with {
            ($0.customerID, $0.date, $0.sellerPartnerID) = ("c!1", "2024-01-01", "p-1")
            $0.subscriptionIds = ["s", "t"]
        }
        let user = PBUserFact.with {
            ($0.customerID, $0.userID, $0.displayName, $0.principalName) = ("c!1", "u", "Ann", "ann@x")
            $0.aliases = ["ann.old@x", "u"]
        }
        let assignment = PBAssignmentFact.with {
            ($0.customerID, $0.userID, $0.skuID, $0.startDate, $0.endDate) =
                ("c!1", "u", "E3", "2024-01-01", "2024-02-01")
        }
        let snapshot = PBAssignmentSnapshotFact.with {
            ($0.customerID, $0.skuID, $0.date, $0.userIds) = ("c!1", "E3", "2024-01-01", ["u", "v"])
            ($0.part, $0.parts) = (2, 3)
        }
        let activity = PBActivityFact.with {
            ($0.customerID, $0.userID, $0.workloadCode, $0.concealed) = ("c!1", "u", "TEAMS", true)
            $0.dates = ["2024-03-18", "1970-01-01"]
        }
        let support = PBSupportRequestFact.with {
            ($0.customerID, $0.date, $0.category, $0.count) = ("c!1", "2024-03-01", .howTo, 5)
        }
        let coverage = PBCoverageFact.with {
            ($0.customerID, $0.source, $0.through) = ("c!1", .activity, "2024-03-18")
            $0.workloadCodes = ["ODB", "EXO", "SPO"]
        }

        var all: [PBFact.OneOf_Fact] {
            [
                .partner(partner), .customer(customer), .relationship(relationship), .sku(sku),
                .subscription(subscription), .subscriptionSnapshot(listed), .user(user), .assignment(assignment),
                .assignmentSnapshot(snapshot), .activity(activity), .supportRequest(support), .coverage(coverage),
            ]
        }
    }

    static let good = Good()

    @Test func everyKindOfFact() throws {
        var request = PBIngestRequest()
        request.batchID = "batch 1".replacing(" ", with: "-")
        request.facts = Self.good.all.map { kind in .with { $0.fact = kind } }
        let batch = try Self.reader.read(request)
        let (partner, customer) = (try PartnerID("p-1"), try CustomerID("c!1"))
        let (sku, user) = (try SkuID("E3"), try UserID("u"))
        let january = Day(number: 19_723)
        #expect(batch.id.text == "batch-1")
        #expect(
            batch.facts == [
                .partner(PartnerFact(partner: partner, name: "Partner é")),
                .customer(CustomerFact(customer: customer, name: "Contoso", market: "NL")),
                .relationship(
                    RelationshipFact(
                        partner: partner, customer: customer, days: DayInterval(start: january, end: nil))),
                .sku(
                    SkuFact(
                        sku: sku, name: "Office 365 E3", product: .office365, workloads: WorkloadSet([.exo, .spo]),
                        isFree: true)),
                .subscription(
                    SubscriptionFact(
                        subscription: try SubscriptionID("s"), customer: customer, sku: sku,
                        seller: .partner(partner), effective: january, quantity: 25, state: .grace, trial: true,
                        termEnd: Day(year: 2030, month: 1, day: 1), autoRenew: true, term: Term("P1Y"))),
                .subscriptionSnapshot(
                    SubscriptionSnapshotFact(
                        customer: customer, day: january,
                        subscriptions: [try SubscriptionID("s"), try SubscriptionID("t")], seller: partner)),
                .user(
                    UserFact(
                        customer: customer, user: user, displayName: "Ann", principalName: try UserID("ann@x"),
                        aliases: [try UserID("ann.old@x"), user])),
                .assignment(
                    AssignmentFact(
                        customer: customer, user: user, sku: sku,
                        days: DayInterval(start: january, end: january.advanced(by: 31)))),
                .assignmentSnapshot(
                    AssignmentSnapshotFact(
                        customer: customer, sku: sku, day: january, users: [user, try UserID("v")],
                        part: SnapshotPart(number: 2, of: 3))),
                .activity(
                    ActivityFact(
                        customer: customer, user: user, workload: .teams, days: [Self.today, .first],
                        isConcealed: true)),
                .supportRequest(
                    SupportRequestFact(
                        customer: customer, day: january.advanced(by: 60), category: .howTo, count: 5)),
                .coverage(
                    CoverageFact(
                        customer: customer, source: .activity, through: Self.today,
                        workloads: WorkloadSet([.exo, .spo]))),
            ])
    }

    @Test func batchItself() throws {
        let facts = Array(repeating: PBFact.with { $0.coverage = Self.good.coverage }, count: 101)
        #expect(throws: BadField(factIndex: nil, field: "batch_id", reason: "is required")) {
            try Self.reader.read(PBIngestRequest())
        }
        #expect(
            throws: BadField(
                factIndex: nil, field: "facts", reason: "has 101 entries: at most 100 fit in a batch",
                exceededFacts: 100)
        ) {
            try Self.reader.read(.with { ($0.batchID, $0.facts) = ("b", facts) })
        }
        let full = try Self.reader.read(.with { ($0.batchID, $0.facts) = ("b", Array(facts.dropLast())) })
        #expect(full.facts.count == 100)
        #expect(try Self.reader.read(.with { $0.batchID = "b" }).facts.isEmpty)
    }

    @Test func theFirstBadFactIsNamed() throws {
        var request = PBIngestRequest()
        request.batchID = "b"
        request.facts = Array(repeating: .with { $0.coverage = Self.good.coverage }, count: 9)
        request.facts[7] = PBFact()
        request.facts[3].subscription = Self.good.subscription
        request.facts[3].subscription.effectiveDate = "2024-02-30"
        #expect {
            try Self.reader.read(request)
        } throws: { error in
            let bad = error as? BadField
            return bad?.factIndex == 3 && bad?.field == "facts[3].subscription.effective_date"
        }
        try Self.expect("fact", "is required: one of partner, customer, relationship, sku, …") { _ in }
    }

    static let notADay = "is not a day written YYYY-MM-DD, from 1970-01-01 to 9999-12-31"

    @Test func days() throws {
        try Self.expect("subscription.effective_date", "is required, as YYYY-MM-DD") {
            $0.subscription = Self.good.subscription
            $0.subscription.effectiveDate = ""
        }
        try Self.expect("subscription.term_end", Self.notADay) {
            $0.subscription = Self.good.subscription
            $0.subscription.termEnd = "never"
        }
        try Self.expect("coverage.through", "is after today (2024-03-18)") {
            $0.coverage = Self.good.coverage
            $0.coverage.through = "2024-03-19"
        }
        try Self.expect("activity.dates[1]", "is after today (2024-03-18)") {
            $0.activity = Self.good.activity
            $0.activity.dates = ["2024-03-18", "2024-03-19"]
        }
        try Self.expect("activity.dates[0]", Self.notADay) {
            $0.activity = Self.good.activity
            $0.activity.dates = ["1969-12-31"]
        }
        try Self.expect("activity.dates", "needs at least one day") {
            $0.activity = Self.good.activity
            $0.activity.dates = []
        }
        try Self.expect("activity.dates", "has 4001 days: at most 4000 fit in a fact") {
            $0.activity = Self.good.activity
            $0.activity.dates = Array(repeating: "2024-01-01", count: 4_001)
        }
        try Self.expect("assignment_snapshot.date", "is required, as YYYY-MM-DD") {
            $0.assignmentSnapshot = Self.good.snapshot
            $0.assignmentSnapshot.date = ""
        }
        try Self.expect("support_request.date", Self.notADay) {
            $0.supportRequest = Self.good.support
            $0.supportRequest.date = "2024-02-30"
        }
    }

    @Test func intervals() throws {
        try Self.expect("assignment.end_date", "is before the start (2024-01-01)") {
            $0.assignment = Self.good.assignment
            $0.assignment.endDate = "2023-12-31"
        }
        try Self.expect("relationship.end_date", "is before the start (2024-01-01)") {
            $0.relationship = Self.good.relationship
            $0.relationship.endDate = "2023-12-31"
        }
        try Self.expect("relationship.start_date", "is required, as YYYY-MM-DD") {
            $0.relationship = Self.good.relationship
            $0.relationship.startDate = ""
        }
        // An end equal to the start takes back; days after today are plans, not reports.
        let taken = try Self.error {
            $0.relationship = Self.good.relationship
            $0.relationship.endDate = "2024-01-01"
        }
        #expect(taken == nil)
        let planned = try Self.error {
            $0.assignment = Self.good.assignment
            ($0.assignment.startDate, $0.assignment.endDate) = ("2025-01-01", "2026-01-01")
        }
        #expect(planned == nil)
    }

    @Test func quantitiesAndCounts() throws {
        for quantity in [-1, 100_000_001, Int64.min, .max] {
            try Self.expect("subscription.quantity", "is \(quantity): it must be between 0 and 100000000") {
                $0.subscription = Self.good.subscription
                $0.subscription.quantity = quantity
            }
            try Self.expect("support_request.count", "is \(quantity): it must be between 0 and 1000000") {
                $0.supportRequest = Self.good.support
                $0.supportRequest.count = quantity
            }
        }
        for quantity in [0, 100_000_000] as [Int64] {
            let error = try Self.error {
                $0.subscription = Self.good.subscription
                $0.subscription.quantity = quantity
            }
            #expect(error == nil)
        }
    }

    @Test func names() throws {
        let longest = String(repeating: "😀", count: 256)
        let accepted = try Self.error {
            $0.customer = Self.good.customer
            ($0.customer.name, $0.customer.market) = (longest, "")
        }
        #expect(accepted == nil)
        for name in [longest + "x", String(repeating: "a", count: 257), String(repeating: "a", count: 2_000_000)] {
            try Self.expect("customer.name", "is longer than 256 characters") {
                $0.customer = Self.good.customer
                $0.customer.name = name
            }
            try Self.expect("customer.market", "is longer than 256 characters") {
                $0.customer = Self.good.customer
                $0.customer.market = name
            }
            try Self.expect("user.display_name", "is longer than 256 characters") {
                $0.user = Self.good.user
                $0.user.displayName = name
            }
            try Self.expect("partner.name", "is longer than 256 characters") {
                $0.partner = Self.good.partner
                $0.partner.name = name
            }
            try Self.expect("sku.name", "is longer than 256 characters") {
                $0.sku = Self.good.sku
                $0.sku.name = name
            }
        }
    }

    @Test func identifiers() throws {
        try Self.expect("partner.partner_id", "may contain only A-Z a-z 0-9 . _ -") {
            $0.partner = Self.good.partner
            $0.partner.partnerID = "p/1"
        }
        try Self.expect("relationship.partner_id", "may contain only A-Z a-z 0-9 . _ -") {
            $0.relationship = Self.good.relationship
            $0.relationship.partnerID = "p 1"
        }
        try Self.expect("subscription.seller_partner_id", "may contain only A-Z a-z 0-9 . _ -") {
            $0.subscription = Self.good.subscription
            $0.subscription.sellerPartnerID = "p!"
        }
        try Self.expect("subscription.seller_partner_id", "is required") {
            $0.subscription = Self.good.subscription
            $0.subscription.sellerPartnerID = ""
        }
        try Self.expect("user.user_id", "is required") {
            $0.user = Self.good.user
            $0.user.userID = ""
        }
        try Self.expect("assignment_snapshot.user_ids[1]", "may contain only visible ASCII characters") {
            $0.assignmentSnapshot = Self.good.snapshot
            $0.assignmentSnapshot.userIds = ["u", "ü"]
        }
        try Self.expect("customer.customer_id", "is longer than 128 characters") {
            $0.customer = Self.good.customer
            $0.customer.customerID = String(repeating: "c", count: 129)
        }
        try Self.expect("activity.customer_id", "may contain only visible ASCII characters") {
            $0.activity = Self.good.activity
            $0.activity.customerID = " c"
        }
    }

    @Test func enumsAndCodes() throws {
        try Self.expect("subscription.state", "is required") {
            $0.subscription = Self.good.subscription
            $0.subscription.state = .unspecified
        }
        try Self.expect("subscription.state", "has no value 9") {
            $0.subscription = Self.good.subscription
            $0.subscription.state = .UNRECOGNIZED(9)
        }
        try Self.expect("subscription.seller_kind", "has no value -1") {
            $0.subscription = Self.good.subscription
            $0.subscription.sellerKind = .UNRECOGNIZED(-1)
        }
        try Self.expect("sku.product", "has no value 3") {
            $0.sku = Self.good.sku
            $0.sku.product = .UNRECOGNIZED(3)
        }
        try Self.expect("support_request.category", "is required") {
            $0.supportRequest = Self.good.support
            $0.supportRequest.category = .unspecified
        }
        try Self.expect("coverage.source", "has no value 4") {
            $0.coverage = Self.good.coverage
            $0.coverage.source = .UNRECOGNIZED(4)
        }
        let codes = "APPS, CRM, EXO, SFB, SPO, TEAMS, YAM, ODB"
        for code in ["exo", "XYZ", "EXO ", "Teams"] {
            try Self.expect("activity.workload_code", "is no workload code: one of \(codes)") {
                $0.activity = Self.good.activity
                $0.activity.workloadCode = code
            }
            try Self.expect("sku.workload_codes[1]", "is no workload code: one of \(codes)") {
                $0.sku = Self.good.sku
                $0.sku.workloadCodes = ["EXO", code]
            }
        }
    }

    @Test func terms() throws {
        let reason =
            "is no ISO 8601 duration of years, months, weeks or days, such as P1M or P1Y, of at most 16 characters"
        for term in ["P", "1M", "p1m", "P1M ", "PT1H", "P1M1Y", "P1.5Y", "PM", "P1", "P123456789012345Y", "P١M"] {
            try Self.expect("subscription.term", reason) {
                $0.subscription = Self.good.subscription
                $0.subscription.term = term
            }
        }
        for term in ["", "P1M", "P1Y", "P3Y", "P1Y6M", "P0D", "P2W", "P12345678901234Y"] {
            let error = try Self.error {
                $0.subscription = Self.good.subscription
                $0.subscription.term = term
            }
            #expect(error == nil, "\(term)")
        }
    }

    @Test func listedSubscriptions() throws {
        try Self.expect("subscription_snapshot.date", "is required, as YYYY-MM-DD") {
            $0.subscriptionSnapshot = Self.good.listed
            $0.subscriptionSnapshot.date = ""
        }
        try Self.expect("subscription_snapshot.subscription_ids[1]", "is required") {
            $0.subscriptionSnapshot = Self.good.listed
            $0.subscriptionSnapshot.subscriptionIds = ["s", ""]
        }
        try Self.expect("subscription_snapshot.seller_partner_id", "may contain only A-Z a-z 0-9 . _ -") {
            $0.subscriptionSnapshot = Self.good.listed
            $0.subscriptionSnapshot.sellerPartnerID = "p!"
        }
        let empty = try Self.error {
            $0.subscriptionSnapshot = Self.good.listed
            ($0.subscriptionSnapshot.subscriptionIds, $0.subscriptionSnapshot.sellerPartnerID) = ([], "")
        }
        #expect(empty == nil)
    }

    @Test func idsOfPeople() throws {
        try Self.expect("user.principal_name", "may contain only visible ASCII characters") {
            $0.user = Self.good.user
            $0.user.principalName = "ann smith"
        }
        try Self.expect("user.aliases[1]", "is required") {
            $0.user = Self.good.user
            $0.user.aliases = ["a@x", ""]
        }
        try Self.expect("user.aliases", "has 101 ids: at most 100 fit in a fact") {
            $0.user = Self.good.user
            $0.user.aliases = (0..<101).map { "u\($0)" }
        }
        let full = try Self.error {
            $0.user = Self.good.user
            ($0.user.principalName, $0.user.aliases) = ("", (0..<100).map { "u\($0)" })
        }
        #expect(full == nil)
    }

    @Test func partsOfSnapshots() throws {
        for parts in [-1, 0, 10_001, .max] as [Int32] {
            try Self.expect(
                "assignment_snapshot.parts", "is \(parts): it must be between 1 and 10000, or 0 with part 0"
            ) {
                $0.assignmentSnapshot = Self.good.snapshot
                ($0.assignmentSnapshot.part, $0.assignmentSnapshot.parts) = (1, parts)
            }
        }
        for part in [-1, 0, 3, .min] as [Int32] {
            try Self.expect("assignment_snapshot.part", "is \(part): it must be between 1 and 2, the number of parts") {
                $0.assignmentSnapshot = Self.good.snapshot
                ($0.assignmentSnapshot.part, $0.assignmentSnapshot.parts) = (part, 2)
            }
        }
        for (part, parts) in [(0, 0), (1, 1), (10_000, 10_000)] as [(Int32, Int32)] {
            let error = try Self.error {
                $0.assignmentSnapshot = Self.good.snapshot
                ($0.assignmentSnapshot.part, $0.assignmentSnapshot.parts) = (part, parts)
            }
            #expect(error == nil)
        }
    }

    @Test func coverageOfWorkloads() throws {
        try Self.expect(
            "coverage.workload_codes[1]", "is no workload code: one of APPS, CRM, EXO, SFB, SPO, TEAMS, YAM, ODB"
        ) {
            $0.coverage = Self.good.coverage
            $0.coverage.workloadCodes = ["EXO", "exo"]
        }
        for source in [PBSource.subscriptions, .assignments] {
            try Self.expect("coverage.workload_codes", "is for SOURCE_ACTIVITY alone") {
                $0.coverage = Self.good.coverage
                $0.coverage.source = source
            }
            let all = try Self.error {
                $0.coverage = Self.good.coverage
                ($0.coverage.source, $0.coverage.workloadCodes) = (source, [])
            }
            #expect(all == nil)
        }
    }

    @Test func sellers() throws {
        let kinds: [(PBSubscriptionFact.OneOf_Seller?, Seller)] = [
            (nil, .unknown), (.sellerKind(.unspecified), .unknown), (.sellerKind(.unknown), .unknown),
            (.sellerKind(.direct), .direct), (.sellerPartnerID("q"), .partner(try PartnerID("q"))),
        ]
        for (kind, seller) in kinds {
            var request = PBIngestRequest()
            request.batchID = "b"
            request.facts = [.with { $0.subscription = Self.good.subscription }]
            request.facts[0].subscription.seller = kind
            guard case .subscription(let fact) = try Self.reader.read(request).facts[0] else { continue }
            #expect(fact.seller == seller)
        }
        var request = PBIngestRequest.with { $0.batchID = "b" }
        request.facts = [.with { $0.sku = Self.good.sku }]
        request.facts[0].sku.product = .unspecified
        guard case .sku(let fact) = try Self.reader.read(request).facts[0] else { return }
        #expect(fact.product == nil)
    }
}

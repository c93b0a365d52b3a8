import InsightsAPI
import Testing

@testable import ImportFormats

/// A complete row.
private let good = #"{"id":"x","skuId":"s","status":"Enabled","totalLicenses":1}"#

@Suite struct SubscriptionImportTests {
    private let mapped = options { $0.partnerTenants = ["51515151-0000-4000-8000-000000000001": "contoso-reseller"] }

    @Test func `states, sellers, quantities and terms of directory subscriptions`() throws {
        let (collected, inspection) = try run(.graphSubscriptions, [try fixture("graph-subscriptions.json")], mapped)
        let facts = subscriptions(collected)
        #expect(facts.map(\.subscriptionID) == ["aaaaaaaa-0000-4000-8000-000000000001", "a2", "a3", "a4", "a5"])
        #expect(facts.map(\.state) == [.active, .grace, .suspended, .deprovisioned, .deprovisioned])
        #expect(facts.map(\.quantity) == [10, 5, 3, 2, 1])
        #expect(facts.map(\.trial) == [false, false, true, false, false])
        #expect(facts.map(\.termEnd) == ["2026-07-01", "", "", "", ""])
        #expect(Set(facts.map(\.skuID)) == [officeE3])
        #expect(Set(facts.map(\.effectiveDate)) == ["2026-03-31"])
        #expect(
            facts.map(\.seller) == [
                .sellerPartnerID("contoso-reseller"), .sellerPartnerID("51515151-0000-4000-8000-000000000002"),
                .sellerKind(.direct), .sellerKind(.unknown), .sellerKind(.direct),
            ])
        #expect(inspection.coverage.map(\.source) == [.subscriptions])
        #expect(inspection.coverage.map(\.through) == ["2026-03-31"])
    }

    @Test func `a first file counts from the day of creation, in UTC`() throws {
        let first = options { $0.sinceCreation = true }
        let (collected, _) = try run(.graphSubscriptions, [try fixture("graph-subscriptions.json")], first)
        #expect(collected.facts[0].subscription.effectiveDate == "2025-07-01")
        let undated = options { $0.date = nil }
        let (later, inspection) = try run(.graphSubscriptions, [try fixture("graph-subscriptions.json")], undated)
        #expect(later.facts[1].subscription.effectiveDate == "2025-07-02")
        #expect(inspection.coverage[0].through == "2026-04-01")
    }

    @Test(arguments: [
        (#"{"value":[{"id":"x"}]}"#, "subs.json:1:11: skuId is missing"),
        (#"{"value":[{"id":"x","skuId":"s","status":"Odd"}]}"#, "subs.json:1:42: status “Odd” is unknown"),
        ("{\"value\":[\n {\"id\":\"x\",\"skuId\":7}]}", "subs.json:2:20: skuId must be a string, not a number"),
        (
            #"[{"id":"x","skuId":"s","status":"Enabled","totalLicenses":-1}]"#,
            "subs.json:1:59: totalLicenses must be a whole number of at least 0"
        ),
        (
            #"[{"id":"x","skuId":"s","status":"Enabled","totalLicenses":1.5}]"#,
            "subs.json:1:59: totalLicenses must be a whole number of at least 0"
        ),
        (
            #"[{"id":"x","skuId":"s","status":"Enabled","totalLicenses":999999999}]"#,
            "subs.json:1:2: subscription.quantity is 999999999: it must be between 0 and 100000000"
        ),
        (
            #"[{"id":"x","skuId":"s","status":"Enabled","totalLicenses":1,"createdDateTime":"soon"}]"#,
            "subs.json:1:79: createdDateTime “soon” is not a date or timestamp; write it as YYYY-MM-DD "
                + "(in PowerShell with .ToString('o'), in a spreadsheet with the format yyyy-mm-dd)"
        ),
        (
            "[\(good),{\"id\":\"X\",\"skuId\":\"t\",\"status\":\"Enabled\",\"totalLicenses\":1}]",
            "subs.json:1:62: subscription “x” is another one than at subs.json:1:2, for the same day; keep one of them"
        ),
        (#"{"value":7}"#, "subs.json:1:1: the document is neither an array nor an object with “value” or “items”"),
        (#"[[]]"#, "subs.json:1:2: an element of the list must be an object, not an array"),
        (
            #"[{"id":"x","skuId":"s","status":"Enabled","totalLicenses":1}"#,
            "subs.json:1:61: the document ends where “]” should be: is the file cut short?"
        ),
    ])
    func `wrong values are named with their place`(text: String, expected: String) {
        #expect(problem(.graphSubscriptions, [input(text, name: "subs.json")], options()) == expected)
    }

    @Test func `Partner Center subscriptions with odd dates, cases and kinds`() throws {
        let offers = try SideFiles.offerMap(try fixture("offers.csv"))
        let own = options {
            $0.partnerID = "contoso-reseller"
            $0.offers = offers
            $0.sinceCreation = true
        }
        let (collected, inspection) = try run(.partnerSubscriptions, [try fixture("partner-subscriptions.json")], own)
        let facts = subscriptions(collected)
        #expect(facts.map(\.skuID) == [officeE3, "f30db892-07e9-47e9-837c-80727f46fd3d", officeE3])
        #expect(facts.map(\.state) == [.active, .suspended, .deprovisioned])
        #expect(facts.map(\.quantity) == [30, 7, 2])
        #expect(facts.map(\.termEnd) == ["2026-11-24", "", ""])
        #expect(facts.map(\.autoRenew) == [true, false, false])
        #expect(facts.map(\.trial) == [false, false, true])
        #expect(facts.map(\.effectiveDate) == ["2025-11-25", "2026-01-10", "2025-01-01"])
        #expect(facts.allSatisfy { $0.seller == .sellerPartnerID("contoso-reseller") })
        #expect(
            inspection.report.leftOut.map(\.reason) == ["billed by usage: no seats", "status pending: not provisioned"])
    }

    @Test func `Partner Center rows of another customer or without a SKU are refused`() throws {
        let file = try fixture("partner-subscriptions.json")
        let unmapped = options { $0.partnerID = "p" }
        #expect(problem(.partnerSubscriptions, [file], unmapped).contains("has no SKU; name it in --offer-map"))
        let skipping = options {
            $0.partnerID = "p"
            $0.skipUnmapped = true
        }
        #expect(try run(.partnerSubscriptions, [file], skipping).1.report.leftOut.count == 3)
        let other = options {
            $0.partnerID = "p"
            $0.customerTenant = "00000000-0000-4000-8000-00000000ffff"
        }
        #expect(problem(.partnerSubscriptions, [file], other).contains("the row belongs to customer “\(tenant)”"))
    }

    @Test func `options that a kind needs are asked for`() {
        var bare = ImportOptions(today: today)
        #expect(bare.complaint(for: .graphUsers) == "graph-users needs --customer")
        #expect(bare.complaint(for: .skuTable) == nil)
        bare.customerID = "c"
        #expect(
            bare.complaint(for: .partnerSubscriptions) == "partner-subscriptions needs --partner, the partner who sold")
        bare.date = day("2026-04-02")
        #expect(bare.complaint(for: .graphUsers) == "--date is after today (2026-04-01)")
        bare.date = nil
        bare.partnerTenants = ["t": "p"]
        bare.providerTenants = ["t"]
        #expect(
            bare.complaint(for: .graphSubscriptions) == "--partner-tenant and --provider-tenant both name t")
    }
}

import InsightsAPI
import Testing

@testable import ImportFormats

/// Rows of Partner Center: who sold, what they are, and how long they last.
@Suite struct PartnerListTests {
    private let offer = "CFQ7TTC0LH18:0001:CFQ7TTC0K971"

    private func row(_ id: String, _ more: String = "", status: String = "active", offer: String? = nil) -> String {
        #"{"id":"\#(id)","offerId":"\#(offer ?? self.offer)","quantity":10,"status":"\#(status)"\#(more)}"#
    }

    private func list(_ rows: [String]) -> InputFile {
        input(#"{"items":[\#(rows.joined(separator: ",\n"))]}"#, name: "subs.json")
    }

    private func own(_ change: (inout ImportOptions) -> Void = { _ in }) throws -> ImportOptions {
        let map = try SideFiles.offerMap(input("offer_id,sku_id\n\(offer),\(officeE3)\n"))
        return options {
            $0.partnerID = "provider"
            $0.offers = map
            change(&$0)
        }
    }

    @Test func `the reseller of a row goes before the owner of the list`() throws {
        let file = list([
            row("A", #","partnerId":"1111111""#), row("b", #","partnerId":2222222"#), row("c", #","partnerId":"""#),
            row("d", #","partnerId":"333""#), row("e", #","partnerId":"333""#),
        ])
        let mapped = try own { $0.partnerNumbers = ["1111111": "contoso", "2222222": "fabrikam"] }
        let (collected, inspection) = try run(.partnerSubscriptions, [file], mapped)
        #expect(
            subscriptions(collected).map(\.seller) == [
                .sellerPartnerID("contoso"), .sellerPartnerID("fabrikam"), .sellerPartnerID("provider"),
                .sellerKind(.unknown), .sellerKind(.unknown),
            ])
        let note = "partnerId “333” of 2 rows is not mapped, so that the seller is unknown; say who it is with "
        #expect(inspection.report.notes.contains(note + "--partner-mpn 333=PARTNER"))
        // The list ends what it does not name of each seller that it speaks for, and of nobody else.
        let snapshots = subscriptionSnapshots(collected)
        #expect(snapshots.map(\.sellerPartnerID) == ["contoso", "fabrikam", "provider"])
        #expect(snapshots.allSatisfy { $0.subscriptionIds == ["a", "b", "c", "d", "e"] && $0.date == "2026-03-31" })
    }

    @Test func `an expired subscription is in grace for thirty days after its commitment`() throws {
        let states = { (end: String, more: (inout ImportOptions) -> Void) in
            let file = self.list([
                self.row(
                    "a", #","commitmentEndDate":"\#(end)","creationDate":"2025-03-02T00:00:00Z""#, status: "expired")
            ])
            return subscriptions(try run(.partnerSubscriptions, [file], self.own(more)).0).map {
                "\($0.effectiveDate) \($0.state)"
            }
        }
        #expect(try states("2026-03-15T00:00:00Z") { _ in } == ["2026-03-31 grace", "2026-04-15 deprovisioned"])
        #expect(try states("2026-03-01T00:00:00Z") { _ in } == ["2026-03-31 grace", "2026-04-01 deprovisioned"])
        #expect(try states("2026-02-28T00:00:00Z") { _ in } == ["2026-03-31 deprovisioned"])
        #expect(try states("9999-12-31T00:00:00Z") { _ in } == ["2026-03-31 deprovisioned"])
        #expect(
            try states("2026-02-28T00:00:00Z") { $0.sinceCreation = true } == [
                "2025-03-02 grace", "2026-03-31 deprovisioned",
            ])
    }

    @Test func `the term is told as the source has it`() throws {
        let file = list([
            row("a", #","termDuration":"P1M""#), row("b", #","termDuration":"p3y""#), row("c", #","termDuration":"""#),
            row("d", #","termDuration":"a year""#),
        ])
        let (collected, inspection) = try run(.partnerSubscriptions, [file], own())
        #expect(subscriptions(collected).map(\.term) == ["P1M", "P3Y", "", ""])
        #expect(inspection.report.leftOut.map(\.places.first?.position.line) == [4])
        #expect(inspection.report.leftOut.allSatisfy { $0.isFault })
    }

    @Test func `lines without seats are left out by their kind`() throws {
        let file = list([
            row("a", #","productType":{"id":"OnlineServicesNCE"},"billingType":"license","unitType":"Licenses""#),
            row("b", #","productType":{"id":"AzurePlan"}"#, offer: "x"),
            row("c", #","productType":{"id":"Azure"},"billingType":"none""#, offer: "y"),
            row("d", #","productType":"Software""#, offer: "z"),
            row("e", #","productType":{"id":"SoftwareSubscriptions"}"#, offer: "z"),
            row("f", #","unitType":"Usage-based""#, offer: "z"),
            row("g", #","productType":{"id":"AzureReservation"}"#, offer: "z"),
        ])
        let (collected, inspection) = try run(.partnerSubscriptions, [file], own { $0.strict = true })
        #expect(subscriptions(collected).map(\.subscriptionID) == ["a"])
        #expect(inspection.report.leftOut.map(\.count).reduce(0, +) == 6)
        #expect(!inspection.report.leftOut.contains { $0.isFault })
        // They are in the list all the same.
        #expect(subscriptionSnapshots(collected).map(\.subscriptionIds) == [["a", "b", "c", "d", "e", "f", "g"]])
    }

    @Test func `an offer is known whole, or by product and SKU`() throws {
        let map = try SideFiles.offerMap(
            input("offer_id,sku_id\nA:1:X,s1\nA:1:Y,s2\nB:1:X,s3\nC:1,s4\nC:1:X,s5\nB:1:X,S3\n"))
        #expect(map.sku(ofOffer: "a:1:x") == "s1")
        #expect(map.sku(ofOffer: "B:1:NEW") == "s3")
        #expect(map.sku(ofOffer: "c:1:new") == "s4")
        // The two entries disagree, so none of them decides.
        #expect(map.sku(ofOffer: "A:1:Z") == nil)
        #expect(map.sku(ofOffer: "B:2:X") == nil)
        #expect(map.sku(ofOffer: "B") == nil)
        let twice = input("offer_id,sku_id\nA:1:X,s1\nA:1:X,s2\n", name: "offers.csv")
        #expect(throws: ImportProblem.self) { try SideFiles.offerMap(twice) }
        let file = list([row("a", offer: "CFQ7TTC0LH18:0001:OTHER")])
        #expect(subscriptions(try run(.partnerSubscriptions, [file], own()).0).map(\.skuID) == [officeE3])
    }

    @Test func `rows that contradict each other are refused with both places`() throws {
        let file = list([row("a"), row("A"), row("a", #","autoRenewEnabled":true"#)])
        #expect(
            try problem(.partnerSubscriptions, [file], own())
                == "subs.json:3:1: subscription “a” is another one than at subs.json:1:11, for the same day; "
                + "keep one of them"
        )
    }
}

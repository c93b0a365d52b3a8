import InsightsAPI
import Testing

@testable import ImportFormats

/// What a list of subscriptions says as a whole: what is over, what is said twice, and whose it is.
@Suite struct SubscriptionListTests {
    private func row(
        _ own: String, commerce: String? = nil, sku: String = officeE3, quantity: Int = 10, more: String = ""
    ) -> String {
        let commerce = commerce.map { #","commerceSubscriptionId":"\#($0)""# } ?? ""
        return
            #"{"id":"\#(own)"\#(commerce),"skuId":"\#(sku)","status":"Enabled","totalLicenses":\#(quantity)\#(more)}"#
    }

    private func list(_ rows: [String]) -> InputFile { input("[\(rows.joined(separator: ",\n"))]", name: "subs.json") }

    @Test func `a list is also a snapshot of its day`() throws {
        let file = list([row("b", commerce: "C-2"), row("a")])
        let (collected, inspection) = try run(.graphSubscriptions, [file], options())
        let snapshots = subscriptionSnapshots(collected)
        #expect(snapshots.map(\.subscriptionIds) == [["a", "c-2"]])
        #expect(snapshots.map(\.date) == ["2026-03-31"])
        #expect(snapshots.map(\.sellerPartnerID) == [""])
        #expect(snapshots.map(\.customerID) == ["fabrikam"])
        // It travels after the rows and before the coverage.
        #expect(collected.facts[2].subscriptionSnapshot == snapshots[0])
        #expect(inspection.coverage.count == 1)
        let undated = options {
            $0.date = nil
            $0.sinceCreation = true
        }
        #expect(subscriptionSnapshots(try run(.graphSubscriptions, [file], undated).0).map(\.date) == ["2026-04-01"])
        let more = options { $0.withoutCoverage = true }
        #expect(subscriptionSnapshots(try run(.graphSubscriptions, [file], more).0).isEmpty)
        #expect(
            subscriptionSnapshots(try run(.graphSubscriptions, [list([])], options()).0).map(\.subscriptionIds) == [[]])
    }

    @Test func `a list that no message can hold ends nothing, and says so`() throws {
        let small = options {
            $0.limits.singleBatchBytes = 1_500
            $0.limits.batchBytes = 1_500
        }
        let (collected, inspection) = try run(.graphSubscriptions, [list((0..<300).map { row("id-\($0)") })], small)
        #expect(subscriptions(collected).count == 300)
        #expect(subscriptionSnapshots(collected).isEmpty)
        #expect(
            inspection.report.notes.contains { $0.hasPrefix("300 subscriptions are more than one message can list") })
    }

    @Test func `equal rows are one, and rows that contradict each other are refused`() throws {
        let same = list([row("a"), row("b"), row("a")])
        #expect(subscriptions(try run(.graphSubscriptions, [same], options()).0).map(\.subscriptionID) == ["a", "b"])
        // On a page of its own, in a file of its own.
        let other = input("[\(row("a", quantity: 11))]", name: "more.json")
        #expect(
            problem(.graphSubscriptions, [list([row("b"), row("a")]), other], options())
                == "more.json:1:2: subscription “a” is another one than at subs.json:2:1, for the same day; "
                + "keep one of them"
        )
        // Two days of one subscription are its history.
        let history = list([
            row("a", quantity: 5, more: #","createdDateTime":"2026-01-01T00:00:00Z""#),
            row("a", quantity: 6, more: #","createdDateTime":"2026-02-01T00:00:00Z""#),
        ])
        let since = options { $0.sinceCreation = true }
        #expect(subscriptions(try run(.graphSubscriptions, [history], since).0).map(\.quantity) == [5, 6])
    }

    @Test func `subscriptions that share a commerce id are different ones, whatever their order`() throws {
        let rows = [
            row("b", commerce: "c", quantity: 5), row("a", commerce: "C", quantity: 7), row("d", commerce: "e"),
            row("f", commerce: "c", quantity: 9),
        ]
        for rows in [rows, rows.reversed(), rows + [rows[0]]] {
            let (collected, inspection) = try run(.graphSubscriptions, [list(rows)], options())
            let found = subscriptions(collected).map { "\($0.subscriptionID) \($0.quantity)" }
            #expect(found.sorted() == ["b 5", "c 7", "e 10", "f 9"])
            #expect(subscriptionSnapshots(collected).map(\.subscriptionIds) == [["b", "c", "e", "f"]])
            #expect(inspection.report.notes.contains { $0.hasPrefix("1 commerce ids are shared") })
        }
    }

    @Test func `owners of zeros and providers tell no seller`() throws {
        let owner = { (tenant: String) in #","ownerTenantId":"\#(tenant)""# }
        let file = list([
            row("a", more: owner("00000000-0000-0000-0000-000000000000")),
            row("b", more: owner("D15717B0-2222-4333-8444-5")),
            row("c", more: owner("c0c0-1")), row("d", more: owner(tenant.uppercased())), row("e", more: owner("x-1")),
        ])
        let own = options {
            $0.providerTenants = ["d15717b0-2222-4333-8444-5"]
            $0.partnerTenants = ["c0c0-1": "contoso-reseller"]
        }
        #expect(
            subscriptions(try run(.graphSubscriptions, [file], own).0).map(\.seller) == [
                .sellerKind(.unknown), .sellerKind(.unknown), .sellerPartnerID("contoso-reseller"),
                .sellerKind(.direct),
                .sellerPartnerID("x-1"),
            ])
    }

    @Test func `states as numbers and other kinds of lists are named`() {
        let number = list([#"{"id":"a","skuId":"s","status":0,"totalLicenses":1}"#])
        #expect(
            problem(.graphSubscriptions, [number], options())
                == "subs.json:1:33: status is the number 0: PowerShell writes names as numbers; save the file with "
                + "ConvertTo-Json -EnumsAsStrings")
        let partner = list([#"{"id":"a","offerId":"o","quantity":1}"#])
        #expect(
            problem(.graphSubscriptions, [partner], options())
                == "subs.json:1:2: this is a list of Partner Center's subscriptions: import it as "
                + "partner-subscriptions")
    }
}

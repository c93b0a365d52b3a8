import InsightsCore
import LicenseModel
import Tenancy
import Testing

/// What whoever feeds facts learns of customers.
@Suite struct KnownCustomerTests {
    private func relationships(_ row: KnownCustomer?) -> [String] {
        (row?.relationships ?? []).map { fact in
            "\(fact.partner) \(fact.days.start.number)-\(fact.days.end.map { "\($0.number)" } ?? "")"
        }
    }

    private func one(_ customer: String, of core: InsightsCore) throws -> KnownCustomer? {
        core.coverage(for: try operatorGrant(), customer: ID.customer(customer), after: nil, limit: 1).rows.first
    }

    @Test func namesAreThoseOfTheLastFact() throws {
        var core = InsightsCore([Make.customer("named"), Make.relationship("P", "linked", 3)])
        let named = try #require(try one("named", of: core))
        #expect(named.name == "Customer named" && named.market == "NL" && named.relationships.isEmpty)
        #expect(named.coverage == CoverageRow())
        let linked = try #require(try one("linked", of: core))
        #expect(linked.name.isEmpty && linked.market.isEmpty && relationships(linked) == ["P 3-"])
        let renamed = CustomerFact(customer: ID.customer("named"), name: "New", market: "")
        core.add([.customer(renamed)])
        #expect(try one("named", of: core)?.name == "New" && one("named", of: core)?.market == "")
    }

    /// Also those that have ended and those to come; not those that were taken back.
    @Test func relationshipsAreOrderedByPartnerThenStart() throws {
        let core = InsightsCore([
            Make.relationship("b", "C", 50), Make.relationship("c", "C", 1), Make.relationship("b", "C", 10, 20),
            Make.relationship("a", "C", 90_000, 90_010), Make.relationship("B", "C", 7), Make.relationship("b", "D", 2),
            Make.relationship("c", "C", 1, 1), Make.relationship("b", "C", 50, 60), Make.relationship("B", "C", 5, 5),
        ])
        #expect(
            relationships(try one("C", of: core)) == ["B 7-", "a 90000-90010", "b 10-20", "b 50-60"])
        let all = core.coverage(for: try operatorGrant(), customer: nil, after: nil, limit: 9).rows
        #expect(all.map(\.id.text) == ["C", "D"] && relationships(all.last) == ["b 2-"])
    }

    @Test func theFirstHundredRelationshipsAreTold() throws {
        let starts = (0..<150).map { Int32($0 * 37 % 150) }
        let core = InsightsCore(
            starts.map { Make.relationship("P", "C", 10 * $0, 10 * $0 + 5) } + [Make.relationship("A", "C", 2_000)])
        let rows = relationships(try one("C", of: core))
        #expect(rows == ["A 2000-"] + (0..<99).map { "P \(10 * $0)-\(10 * $0 + 5)" })
    }

    /// A page of many relationships ends before its customers do, and the next one goes on from there.
    @Test func pagesEndWithTheirRelationships() throws {
        let grant = try operatorGrant()
        let core = InsightsCore(
            ["a": 3, "b": 1, "c": 6, "d": 0, "e": 2, "f": 4].flatMap { customer, count in
                [Make.customer(customer)] + (0..<count).map { Make.relationship("P\($0)", customer, 1) }
            })
        var pages: [String] = []
        var after: CustomerID?
        for _ in 0..<9 {
            let page = core.coverage(
                for: grant, customer: nil, after: after, limit: 3, maximumRelationships: 4)
            #expect(page.total == 6)
            pages.append(page.rows.map(\.id.text).joined())
            after = page.rows.last?.id
            if !page.hasMore { break }
        }
        #expect(pages == ["ab", "c", "de", "f"])
    }

    @Test func relationshipsAreCountedNoFurtherThanAsked() throws {
        let grant = try operatorGrant()
        let core = InsightsCore(
            (0..<6).flatMap { customer in (0..<10).map { Make.relationship("P\($0)", "c\(customer)", 1) } })
        #expect(core.relationshipCount(of: nil, upTo: 100, for: grant) == 60)
        #expect(core.relationshipCount(of: nil, upTo: 24, for: grant) == 30)
        #expect(core.relationshipCount(of: ID.customer("c3"), upTo: 100, for: grant) == 10)
        #expect(core.relationshipCount(of: ID.customer("none"), upTo: 100, for: grant) == 0)
    }
}

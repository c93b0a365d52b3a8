import InsightsCore
import LicenseModel
import Tenancy
import Testing

/// The worked example of the definitions, figure by figure.
@Suite struct WorkedExampleTests {
    private static let march1 = day("2026-03-01").number
    private static let march31 = day("2026-03-31").number

    private func core() -> InsightsCore {
        var facts = [
            Make.sku("E3", .office365, [.exo, .spo, .teams, .yam]), Make.customer("C"),
            Make.relationship("P", "C", Self.march1),
            Make.subscription("p-active", "C", "E3", .by("P"), Self.march1, 10),
            Make.subscription("q-active", "C", "E3", .by("Q"), Self.march1, 5),
            Make.subscription("p-grace", "C", "E3", .by("P"), Self.march1, 4, .grace),
            Make.subscription("p-trial", "C", "E3", .by("P"), Self.march1, 3, trial: true),
        ]
        for number in 1...18 { facts.append(Make.assignment("C", "holder\(number)", "E3", Self.march1)) }
        for number in 1...2 {
            facts.append(Make.assignment("C", "leaver\(number)", "E3", Self.march1, day("2026-03-20").number))
            facts.append(Make.activity("C", "leaver\(number)", .spo, [day("2026-03-10").number]))
        }
        for number in 1...17 {
            facts.append(Make.activity("C", "holder\(number)", .spo, [day("2026-03-25").number]))
        }
        facts.append(Make.activity("C", "guest", .spo, [Self.march31]))
        return InsightsCore(facts + Make.fullCoverage("C", Self.march31))
    }

    @Test func licenses() throws {
        let book = core().book(in: try scope("P"), today: day(Self.march31))
        let row = try #require(book.insights(of: ID.customer("C"), on: nil, products: [.office365]))
        #expect(row.asOf == day("2026-03-31"))
        let product = try #require(row.products.first)
        #expect(product.all.sold == 19)
        #expect(product.own.sold == 14)
        #expect(product.all.entitled == 15)
        #expect(product.own.entitled == 10)
        #expect(product.all.uncounted == 4)
        #expect(product.own.uncounted == 4)
        #expect(product.all.trial == 3)
        #expect(product.all.assigned == 18)
        #expect(product.own.assignedLower == 13)
        #expect(product.own.assignedUpper == 14)
        #expect(product.own.assigned == 13)
        #expect(product.all.assignedUnsold == 0)
        #expect(product.all.deploymentSold == 19)
        let sku = try #require(product.skus.first)
        #expect(sku.otherPartnersSold == 5 && sku.directSold == 0 && sku.unknownSold == 0)
    }

    @Test func usageAndClasses() throws {
        let book = core().book(in: try scope("P"), today: day(Self.march31))
        for subject in [UsageSubject.product(.office365), .workload(.spo)] {
            let row = try #require(book.explain(subject, of: ID.customer("C"), on: nil))
            #expect(row.usage.active == 20)
            #expect(row.usage.totalUsers == 15)
            #expect(row.usage.entitlements == 15)
            #expect(row.classes.entitled == 15)
            #expect(row.classes.uncountedSubscription == 2)
            #expect(row.classes.trial == 0)
            #expect(row.classes.overAssigned == 0)
            #expect(row.classes.turnover == 2)
            #expect(row.classes.unlicensed == 1)
        }
    }
}

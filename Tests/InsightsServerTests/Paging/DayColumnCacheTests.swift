import InsightsCore
import LicenseModel
@_spi(Authentication) import Tenancy
import Testing

@testable import InsightsServer

@Suite struct DayColumnCacheTests {
    private static let today = Day(number: 20_000)

    private static func scope(_ partner: String) throws -> PartnerScope {
        let principal = Principal(.partner(try PartnerID(partner), try PrincipalID("tester"), RoleSet([.adminAgent])))
        return try #require(try AccessPolicy.authorize(principal, for: .readInsights).scope)
    }

    /// Two partners of the same customers, each of which sold its own number of licenses.
    private static func core() throws -> InsightsCore {
        var facts: [Fact] = [
            .sku(SkuFact(sku: try SkuID("A"), name: "A", product: .office365, workloads: WorkloadSet([.exo])))
        ]
        for number in 0..<20 {
            let id = try CustomerID("c\(number)")
            for source in Source.allCases {
                facts.append(.coverage(CoverageFact(customer: id, source: source, through: today)))
            }
            for (partner, quantity) in [("P", 3), ("Q", 5)] as [(String, Int64)] {
                let open = DayInterval(start: Day(number: 19_000), end: nil)
                facts.append(
                    .relationship(RelationshipFact(partner: try PartnerID(partner), customer: id, days: open)))
                facts.append(
                    .subscription(
                        SubscriptionFact(
                            subscription: try SubscriptionID("\(partner)\(number)"), customer: id, sku: try SkuID("A"),
                            seller: .partner(try PartnerID(partner)), effective: Day(number: 19_000),
                            quantity: quantity, state: .active)))
            }
        }
        var core = InsightsCore()
        core.apply(FactBatch(id: try BatchID("b"), facts: facts), revision: Revision(number: 1))
        return core
    }

    private static func sold(_ book: PartnerBook, _ figures: DayFigures) -> Set<Int64?> {
        let page = book.page(
            of: figures, products: [.office365], reach: .own, by: CustomerOrder(by: .customerID), after: nil,
            limit: 100)
        return page.rows.count == 20 ? Set(page.rows.map(\.sums.sold)) : []
    }

    /// Whatever was kept for whom, on whatever day and of whatever revision, each partner gets its own.
    @Test(arguments: [0, 8_000, 1 << 20]) func everybodyGetsTheirOwn(limit: Int) throws {
        let cache = DayColumnCache(limit: limit)
        let older = try Self.core()
        var newer = older
        let more = SubscriptionFact(
            subscription: try SubscriptionID("P0"), customer: try CustomerID("c0"), sku: try SkuID("A"),
            seller: .partner(try PartnerID("P")), effective: Day(number: 19_500), quantity: 7, state: .active)
        newer.apply(
            FactBatch(id: try BatchID("n"), facts: [.subscription(more)]), revision: Revision(number: 2))
        for round in 0..<30 {
            let day = Self.today.advanced(by: -(round % 3))
            for (partner, old, new) in [("P", [3], [3, 7]), ("Q", [5], [5])] as [(String, Set<Int64?>, Set<Int64?>)] {
                for (core, expected) in [(older, old), (newer, new)] {
                    let book = core.book(in: try Self.scope(partner), today: Self.today)
                    #expect(Self.sold(book, cache.figures(of: book, on: day)) == expected)
                    let classes = cache.classes(of: book, on: day)
                    #expect(classes.count == 20 && classes.day == day)
                    let advice = cache.advice(of: book, on: day, thresholds: AdviceThresholds())
                    let rows = book.page(of: advice, products: [.office365], after: nil, limit: 1_000).rows
                    #expect(rows == book.recommendations(of: nil, on: day, products: [.office365])?.rows)
                }
            }
            #expect(cache.bytes <= 2 * limit)
        }
    }

    @Test func whatIsUsedStaysWhenOthersGo() throws {
        let book = try Self.core().book(in: try Self.scope("P"), today: Self.today)
        let one = book.dayFigures(on: Self.today).bytes + 1_024
        let cache = DayColumnCache(limit: 4 * one)
        for number in 0..<200 { _ = cache.figures(of: book, on: Day(number: 19_500 + Int32(number))) }
        #expect(cache.bytes > 2 * one && cache.bytes <= 8 * one)
    }
}

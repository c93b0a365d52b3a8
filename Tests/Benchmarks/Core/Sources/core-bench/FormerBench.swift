import InsightsCore
import LicenseModel
import Tenancy

/// What customers that left cost those who read: a portfolio of small customers of which some left the day before,
/// against the same of which nobody did. Prints a Markdown table of CPU times and ratios.
struct FormerBench {
    private let partner: PartnerID
    private let scope: PartnerScope
    private let office: SkuID
    private let count: Int
    private static let usersPerCustomer = 3

    init(customers: Int) throws {
        count = customers
        partner = try PartnerID("contoso")
        scope = try CoreBench.authorize(partner)
        office = try SkuID("ENTERPRISEPACK")
    }

    func run() throws {
        print("\(count) customers of \(Self.usersPerCustomer) users; CPU of one read, ratio to nobody left\n")
        print("| left the day before | portfolio trend of 400 days | | portfolio 30 days ago | |")
        print("| --- | --- | --- | --- | --- |")
        var trend = 0.0
        var portfolio = 0.0
        for (name, leaving) in [("nobody", 0), ("a third", 3), ("half", 2)] {
            var core = try fill(leaving: leaving)
            core.prepare(today: FactGenerator.lastDay)
            let (first, second) = measure(core)
            if leaving == 0 { (trend, portfolio) = (first, second) }
            print("| \(name) | \(cells(first, trend)) | \(cells(second, portfolio)) |")
        }
        let (first, second) = measure(try fill(leaving: 2))
        print("| half, core not prepared for the day | \(cells(first, trend)) | \(cells(second, portfolio)) |")
    }

    private func cells(_ nanoseconds: Double, _ base: Double) -> String {
        func text(_ value: Double) -> String { String((value * 1_000).rounded() / 1_000) }
        return "\(text(nanoseconds / 1e6)) ms | \(text(nanoseconds / base))"
    }

    private func measure(_ core: InsightsCore) -> (trend: Double, portfolio: Double) {
        let book = core.book(in: scope, today: FactGenerator.lastDay)
        let trend = median {
            book.trend(
                of: nil, from: FactGenerator.firstDay, through: FactGenerator.lastDay, interval: .day,
                products: [.office365], workload: nil)
        }
        let shown = FactGenerator.lastDay.advanced(by: -30)
        return (trend.nanoseconds, median { book.portfolio(on: shown, products: Product.allCases) }.nanoseconds)
    }

    /// Every `leaving`-th customer left the day before the last; 0 for none.
    private func fill(leaving: Int) throws -> InsightsCore {
        var core = InsightsCore()
        var random = SeededGenerator(seed: 7)
        let sku = SkuFact(
            sku: office, name: "Office 365 E3", product: .office365,
            workloads: WorkloadSet(FactGenerator.officeWorkloads))
        core.apply(FactBatch(id: try BatchID("catalog"), facts: [.sku(sku)]), revision: core.revision.next)
        for number in 0..<count {
            let left = leaving > 0 && number % leaving == 0
            let facts = try facts(of: number, left: left, &random)
            core.apply(FactBatch(id: try BatchID("customer-\(number)"), facts: facts), revision: core.revision.next)
        }
        return core
    }

    private func facts(of number: Int, left: Bool, _ random: inout SeededGenerator) throws -> [Fact] {
        let id = try CustomerID("customer-\(number)")
        let start = FactGenerator.firstDay
        let end = left ? FactGenerator.lastDay.advanced(by: -1) : nil
        var facts: [Fact] = [
            .customer(CustomerFact(customer: id, name: "Customer \(number)", market: "NL")),
            .relationship(
                RelationshipFact(partner: partner, customer: id, days: DayInterval(start: start, end: end))),
            .subscription(
                SubscriptionFact(
                    subscription: try SubscriptionID("s-\(number)"), customer: id, sku: office,
                    seller: .partner(partner), effective: start, quantity: 5, state: .active)),
        ]
        for source in Source.allCases {
            facts.append(.coverage(CoverageFact(customer: id, source: source, through: FactGenerator.lastDay)))
        }
        for person in 0..<Self.usersPerCustomer {
            let user = try UserID("u-\(person)")
            let open = DayInterval(start: start, end: nil)
            facts.append(.assignment(AssignmentFact(customer: id, user: user, sku: office, days: open)))
            let days = (0..<FactGenerator.dayCount).filter { _ in random.fraction() < 0.2 }
                .map { start.advanced(by: $0) }
            facts.append(.activity(ActivityFact(customer: id, user: user, workload: .exo, days: days)))
        }
        return facts
    }
}

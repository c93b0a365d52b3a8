import LicenseModel
import Tenancy
import Testing

@testable import InsightsCore

/// Lists of customers: what they are ordered by, in which order, and page by page.
@Suite struct CustomerListTests {
    /// A customer as the naive model sees it.
    private struct Listed {
        let id: String
        let name: String
        /// Numerator and denominator; nil = absent.
        let keys: [CustomerOrder.Key: (Int64, Int64)]
    }

    private static func listed(
        _ model: NaiveModel, _ customer: String, partner: String, reach: LicenseReach, products: [Product],
        on day: Int32
    ) -> Listed {
        let figures = products.map { model.product(customer, $0, partner: partner, on: day, details: false) }
        let licenses = figures.map { reach == .own ? $0.own : $0.all }
        func sum(_ values: [Int64?]) -> Int64? {
            values.contains { $0 == nil } ? nil : values.reduce(0) { $0 + ($1 ?? 0) }
        }
        let sold = sum(licenses.map(\.sold))
        let assigned = sum(licenses.map(\.assigned))
        // Of the products that have them.
        let usages = figures.map(\.usage).filter { $0.active != nil }
        let active = usages.isEmpty ? nil : sum(usages.map(\.active))
        let total = usages.isEmpty ? nil : sum(usages.map(\.totalUsers))
        var keys: [CustomerOrder.Key: (Int64, Int64)] = [:]
        keys[.sold] = sold.map { ($0, 1) }
        keys[.assigned] = assigned.map { ($0, 1) }
        keys[.activeUsers] = active.map { ($0, 1) }
        if let sold, let assigned, sold > 0 { keys[.deployment] = (assigned, sold) }
        if let active, let total, total > 0 { keys[.usage] = (active, total) }
        return Listed(id: customer, name: model.customer(customer).name.lowercased(), keys: keys)
    }

    private static func isBefore(_ left: Listed, _ right: Listed, _ order: CustomerOrder) -> Bool {
        switch order.key {
        case .customerID: return order.isDescending ? left.id > right.id : left.id < right.id
        case .customerName:
            if left.name != right.name { return (left.name < right.name) != order.isDescending }
        default:
            switch (left.keys[order.key], right.keys[order.key]) {
            case (nil, nil): break
            case (nil, _): return false
            case (_, nil): return true
            case (let one?, let other?):
                let (less, more) = (one.0 * other.1, other.0 * one.1)
                if less != more { return (less < more) != order.isDescending }
            }
        }
        return left.id < right.id
    }

    private static let orders = CustomerOrder.Key.allCases.flatMap {
        [CustomerOrder(by: $0), CustomerOrder(by: $0, descending: true)]
    }

    @Test func listsMatchTheModel() throws {
        for seed in UInt64(30_000)..<30_150 {
            let world = World(seed: seed)
            var random = SeededGenerator(seed: seed ^ 0x55)
            let core = InsightsCore(world.facts)
            let model = NaiveModel()
            model.apply(world.facts)
            let partner = random.pick(world.partners)
            let number = World.base + Int32.random(in: 0...60, using: &random)
            let book = core.book(in: try scope(partner), today: day(world.today))
            let figures = book.dayFigures(on: day(number))
            let visible = model.visible(to: partner, on: number, today: world.today)
            #expect(figures.count == visible.count)
            for order in Self.orders {
                let products = random.pick([[.office365], [.dynamics365], Product.allCases])
                let reach = random.pick([LicenseReach.own, .allPartners])
                let naive = visible.map {
                    Self.listed(model, $0, partner: partner, reach: reach, products: products, on: number)
                }.sorted { Self.isBefore($0, $1, order) }
                let label: Comment = "seed \(seed) partner \(partner) \(order) \(products) \(reach)"
                func page(after place: CustomerPlace?, limit: Int) -> CustomerPage {
                    book.page(of: figures, products: products, reach: reach, by: order, after: place, limit: limit)
                }
                let all = page(after: nil, limit: 1_000)
                #expect(all.rows.map(\.place.customer.text) == naive.map(\.id), label)
                #expect(all.total == naive.count && !all.hasMore, label)
                for (row, expected) in zip(all.rows, naive) { Self.check(row.sums, expected, label) }
                for (index, row) in all.rows.enumerated() {
                    let rest = page(after: row.place, limit: 2)
                    #expect(rest.rows == Array(all.rows[(index + 1)...].prefix(2)), label)
                    #expect(rest.total == naive.count && rest.hasMore == (index + 3 < naive.count), label)
                }
            }
        }
    }

    private static func check(_ sums: CustomerSums, _ expected: Listed, _ label: Comment) {
        #expect(sums.sold == expected.keys[.sold]?.0, label)
        #expect(sums.assigned == expected.keys[.assigned]?.0, label)
        #expect(sums.activeUsers == expected.keys[.activeUsers]?.0, label)
        for (fraction, key) in [(sums.deployment, CustomerOrder.Key.deployment), (sums.usage, .usage)] {
            #expect(fraction?.numerator == expected.keys[key]?.0, label)
            #expect(fraction?.denominator == expected.keys[key]?.1, label)
        }
    }

    /// Many customers with few different figures, so that ties, pages and conditions meet.
    private static func crowd() throws -> PartnerBook {
        var random = SeededGenerator(seed: 3)
        var facts = [Make.sku("A", .office365, [.exo])]
        for number in 0..<300 {
            let id = "c\(number)"
            facts.append(Make.relationship("P", id, 19_000))
            let name = random.pick(["beta", "Alpha", "ALPHA", "Éclair", "Beta", ""])
            facts.append(
                .customer(CustomerFact(customer: ID.customer(id), name: name, market: random.pick(["NL", "CH"]))))
            if random.chance(80) { facts += Make.fullCoverage(id, 20_000) }
            let sold = Int64.random(in: 0...4, using: &random)
            facts.append(Make.subscription("s\(number)", id, "A", .by("P"), 19_000, sold))
            for user in 0..<Int.random(in: 0...3, using: &random) {
                facts.append(Make.assignment(id, "u\(user)", "A", 19_000))
                if random.chance(50) { facts.append(Make.activity(id, "u\(user)", .exo, [20_000])) }
            }
        }
        return InsightsCore(facts).book(in: try scope("P"), today: day(20_000))
    }

    @Test func pagesOfAnySizeAreTheWholeList() throws {
        let book = try Self.crowd()
        let figures = book.dayFigures(on: day(20_000))
        for order in Self.orders {
            func page(_ place: CustomerPlace?, _ limit: Int) -> CustomerPage {
                book.page(
                    of: figures, products: [.office365], reach: .allPartners, by: order, after: place, limit: limit,
                    where: { sums, texts in (sums.sold ?? 0) != 2 && texts().market == "NL" })
            }
            let all = page(nil, 1_000).rows
            #expect(all.count > 50 && all.count < 200)
            for limit in [1, 7, 50, all.count] {
                var pages: [CustomerPage.Row] = []
                var place: CustomerPlace?
                while true {
                    let next = page(place, limit)
                    #expect(next.total == all.count && next.rows.count <= limit)
                    pages += next.rows
                    place = next.rows.last?.place
                    if !next.hasMore { break }
                }
                #expect(pages == all, "\(order) \(limit)")
            }
        }
    }

    /// A place stays one when its customer is not in the list any more.
    @Test func placesOfOtherCustomers() throws {
        let book = try Self.crowd()
        let figures = book.dayFigures(on: day(20_000))
        func ids(_ order: CustomerOrder, after value: CustomerPlace.Value, _ id: String) -> [String] {
            book.page(
                of: figures, products: [.office365], reach: .allPartners, by: order,
                after: CustomerPlace(value: value, customer: ID.customer(id)), limit: 2
            ).rows.map(\.place.customer.text)
        }
        #expect(ids(CustomerOrder(by: .customerID), after: .none, "c11x") == ["c12", "c120"])
        #expect(ids(CustomerOrder(by: .customerID, descending: true), after: .none, "c11x") == ["c119", "c118"])
        #expect(ids(CustomerOrder(by: .customerID), after: .none, "a") == ["c0", "c1"])
        #expect(ids(CustomerOrder(by: .customerID), after: .none, "d").isEmpty)
        let sold = CustomerOrder(by: .sold)
        let last = book.page(
            of: figures, products: [.office365], reach: .allPartners, by: sold, after: nil, limit: 300)
        #expect(
            ids(sold, after: .absent, "a")
                == last.rows.filter { $0.sums.sold == nil }.prefix(2).map(\.place.customer.text))
    }

    @Test func fractionsCompareExactly() throws {
        let big = try #require(Fraction(.max - 1, of: .max))
        let one = try #require(Fraction(.max, of: .max))
        #expect(big.comparison(with: one) < 0 && one.comparison(with: big) > 0)
        #expect(try #require(Fraction(1, of: 2)).comparison(with: try #require(Fraction(2, of: 4))) == 0)
        #expect(try #require(Fraction(-1, of: 3)).comparison(with: try #require(Fraction(-1, of: 2))) > 0)
        #expect(Fraction(1, of: 0) == nil)
    }

    @Test func selectionKeepsTheFirst() {
        var random = SeededGenerator(seed: 9)
        for _ in 0..<300 {
            let numbers = (0..<Int.random(in: 0...80, using: &random)).map { _ in Int.random(in: 0...50, using: &random)
            }
            let limit = Int.random(in: 0...40, using: &random)
            var selection = Selection<Int>(limit: limit, isBefore: <)
            for number in numbers { selection.offer(number) }
            #expect(selection.sorted == Array(numbers.sorted().prefix(limit)))
        }
    }
}

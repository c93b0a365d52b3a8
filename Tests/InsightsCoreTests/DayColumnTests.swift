import InsightsCore
import LicenseModel
import Tenancy
import Testing

/// A column that was carried on from another revision gives the answers of one made anew.
@Suite struct DayColumnTests {
    private struct Columns {
        var figures: DayFigures
        var classes: DayClasses
        var advice: DayAdvice
    }

    private struct Answers: Equatable {
        var lists: [[CustomerPage.Row]] = []
        var explanations: [ExplanationRow] = []
        var advice: [RecommendationRow] = []
    }

    private static func columns(_ book: PartnerBook, on day: Day, reusing known: Columns? = nil) -> Columns {
        let classes = book.dayClasses(on: day, reusing: known?.classes)
        return Columns(
            figures: book.dayFigures(on: day, reusing: known?.figures), classes: classes,
            advice: book.dayAdvice(
                on: day, thresholds: AdviceThresholds(), classes: classes, reusing: known?.advice))
    }

    private static func answers(_ book: PartnerBook, _ columns: Columns) -> Answers {
        var answers = Answers()
        for key in CustomerOrder.Key.allCases {
            for reach in [LicenseReach.own, .allPartners] {
                let page = book.page(
                    of: columns.figures, products: Product.allCases, reach: reach, by: CustomerOrder(by: key),
                    after: nil, limit: 100)
                answers.lists.append(page.rows)
            }
        }
        for subject in [UsageSubject.product(.office365), .product(.dynamics365), .workload(.exo), .workload(.crm)] {
            answers.explanations.append(book.explain(subject, classes: columns.classes))
        }
        answers.advice = book.page(of: columns.advice, products: Product.allCases, after: nil, limit: 1_000).rows
        return answers
    }

    /// Revision by revision, with erasures between, and from any revision to any other: facts of customers, of
    /// relationships and of the catalog all come in on the way.
    @Test(arguments: 0..<4) func carriedOnEqualsFresh(part: UInt64) throws {
        for seed in (40_000 + part * 25)..<(40_000 + (part + 1) * 25) {
            var world = World(seed: seed)
            var random = SeededGenerator(seed: seed ^ 0x99)
            let shown = day(World.base + 30)
            var core = InsightsCore()
            var kept: [String: Columns] = [:]
            var snapshots: [InsightsCore] = []
            for (number, batch) in world.batches(of: world.facts).enumerated() {
                core.add(batch)
                if number % 4 == 3, let user = world.users.first {
                    _ = core.erase(
                        user: ID.user(user), of: ID.customer(world.customers[0]), replacement: ID.user("x\(number)"),
                        revision: core.revision.next)
                }
                snapshots.append(core)
                for partner in world.partners {
                    // The newest facts and older ones take turns, as pages of an older snapshot do.
                    for snapshot in [core, random.pick(snapshots)] {
                        let today = day(world.today + (random.chance(20) ? 20 : 0))
                        let book = snapshot.book(in: try scope(partner, own: random.chance(30)), today: today)
                        let columns = Self.columns(book, on: shown, reusing: kept[partner])
                        kept[partner] = columns
                        let label: Comment = "seed \(seed) revision \(snapshot.revision) partner \(partner)"
                        #expect(
                            Self.answers(book, columns) == Self.answers(book, Self.columns(book, on: shown)), label)
                        // Asked with the column of another moment, partner or day, the answer is the book's own.
                        let other = try #require(kept[random.pick(Array(kept.keys.sorted()))])
                        let late = Self.columns(book, on: shown.advanced(by: 1), reusing: other)
                        #expect(
                            Self.answers(book, late)
                                == Self.answers(book, Self.columns(book, on: shown.advanced(by: 1))), label)
                        let answers = Self.answers(book, other)
                        #expect(answers.lists == Self.answers(book, columns).lists, label)
                        #expect(answers.explanations == Self.answers(book, columns).explanations, label)
                    }
                }
            }
        }
    }

    /// Two partners of one customer: neither gets the other's figures, whatever column it brings.
    @Test func columnsOfOthersAreNoHelp() throws {
        let core = InsightsCore(
            [
                Make.sku("A", .office365, [.exo]), Make.relationship("P", "C", 19_000),
                Make.relationship("Q", "C", 19_000),
                Make.relationship("Q", "D", 19_000), Make.subscription("p", "C", "A", .by("P"), 19_000, 4),
                Make.subscription("q", "C", "A", .by("Q"), 19_000, 9),
            ] + Make.fullCoverage("C", 20_000) + Make.fullCoverage("D", 20_000))
        let (today, products) = (day(20_000), [Product.office365])
        func list(_ partner: String, _ figures: DayFigures) throws -> [String] {
            core2(partner, try scope(partner)).page(
                of: figures, products: products, reach: .own, by: CustomerOrder(by: .customerID), after: nil, limit: 9
            ).rows.map { "\($0.place.customer)=\($0.sums.sold ?? -1)" }
        }
        func core2(_ partner: String, _ scope: PartnerScope) -> PartnerBook { core.book(in: scope, today: today) }
        let foreign = core2("Q", try scope("Q")).dayFigures(on: today)
        #expect(try list("Q", foreign) == ["C=9", "D=0"])
        #expect(try list("P", foreign) == ["C=4"])
        #expect(try list("nobody", foreign).isEmpty)
        #expect(core2("P", try scope("P")).dayFigures(on: today, reusing: foreign).count == 1)
    }

    /// The catalog decides what counts, also for customers that no fact of the batch names.
    @Test func catalogChangesReachEveryCustomer() throws {
        var core = InsightsCore(
            [
                Make.relationship("P", "C", 19_000), Make.subscription("s", "C", "B", .direct, 19_000, 1),
                Make.activity("C", "u", .exo, [20_000]),
            ] + Make.fullCoverage("C", 20_000))
        let today = day(20_000)
        let before = core.book(in: try scope("P"), today: today)
        let figures = before.dayFigures(on: today)
        let classes = before.dayClasses(on: today)
        core.add([Make.sku("A", .office365, [.exo])])
        let book = core.book(in: try scope("P"), today: today)
        let page = book.page(
            of: figures, products: [.office365], reach: .allPartners, by: CustomerOrder(by: .customerID), after: nil,
            limit: 1)
        #expect(page.rows[0].sums.activeUsers == 1)
        #expect(book.explain(.product(.office365), classes: classes).classes.unlicensed == 1)
    }

    @Test func adviceIsPagedByPlace() throws {
        for seed in UInt64(41_000)..<41_120 {
            let world = World(seed: seed)
            var random = SeededGenerator(seed: seed)
            let core = InsightsCore(world.facts)
            let book = core.book(in: try scope(random.pick(world.partners)), today: day(world.today))
            let advice = book.dayAdvice(on: day(World.base + 40), thresholds: AdviceThresholds())
            let products = random.pick([[.office365], [.dynamics365], Product.allCases])
            let all = try #require(book.recommendations(of: nil, on: advice.day, products: products)).rows
            for limit in [1, 2, 5] {
                var pages: [RecommendationRow] = []
                var place: AdvicePlace?
                while true {
                    let page = book.page(of: advice, products: products, after: place, limit: limit)
                    #expect(page.total == all.count && page.rows.count <= limit)
                    pages += page.rows
                    place = page.rows.last.map {
                        AdvicePlace(customer: $0.customer, product: $0.product, kind: $0.kind)
                    }
                    if !page.hasMore { break }
                }
                #expect(pages == all, "seed \(seed) limit \(limit)")
            }
            // One customer's rows behind a place are those that the portfolio lists behind it.
            for row in all {
                let place = AdvicePlace(customer: row.customer, product: row.product, kind: row.kind)
                let own = all.filter { $0.customer == row.customer }
                #expect(own.filter(place.isBefore) == Array(own.drop { $0 != row }.dropFirst()))
            }
        }
    }

    @Test func walksResumeBehindAnyCustomer() throws {
        for seed in UInt64(42_000)..<42_060 {
            let world = World(seed: seed)
            let core = InsightsCore(world.facts)
            for partner in world.partners {
                let book = core.book(in: try scope(partner), today: day(world.today))
                let served = book.customers().map(\.customer)
                for id in ["a", "c", "c0x", "d"].map(ID.customer) + served {
                    var cursor = book.cursor(after: id)
                    var ids: [CustomerID] = []
                    walk: while true {
                        switch book.next(&cursor, on: day(World.base + 30), products: []) {
                        case .customer(let id, _): ids.append(id)
                        case .passed: continue
                        case .end: break walk
                        }
                    }
                    #expect(ids == served.filter { $0 > id }, "seed \(seed) \(partner) after \(id)")
                }
            }
        }
    }
}

/// Every customer visible on a day and today, as an export meets them.
func walk(_ book: PartnerBook, on number: Int32) -> [CustomerInsightsRow] {
    var rows: [CustomerInsightsRow] = []
    var cursor = CustomerCursor()
    while true {
        switch book.next(&cursor, on: day(number), products: Product.allCases) {
        case .customer(_, let row): if let row { rows.append(row) }
        case .passed: continue
        case .end: return rows
        }
    }
}

import InsightsCore
import LicenseModel
import Tenancy
import Testing

/// Random worlds: every answer of the core is that of the naive model.
@Suite struct PropertyTests {
    /// Worlds in each of the parts that can run side by side.
    private static let worldsPerPart: UInt64 = 130

    @Test(arguments: 0..<8) func everyQueryMatchesTheDefinitions(part: UInt64) throws {
        for seed in (part * Self.worldsPerPart)..<((part + 1) * Self.worldsPerPart) {
            var world = World(seed: seed)
            var random = SeededGenerator(seed: seed ^ 0xABCD)
            var core = InsightsCore()
            let model = NaiveModel()
            for (place, batch) in world.batches(of: world.facts).enumerated() {
                // Two of three as a server does, prepared for a day from the start or from some moment on.
                if seed % 3 == 1 || seed % 3 == 2 && place == 2 { core.prepare(today: day(world.today)) }
                core.add(batch)
                model.apply(batch)
            }
            let comparison = Comparison(core: core, model: model, today: world.today, label: "seed \(seed)")
            for partner in world.partners {
                try comparison.checkToday(partner: partner, customers: world.customers)
            }
            for _ in 0..<3 {
                try comparison.check(
                    partner: random.pick(world.partners), on: World.base + Int32.random(in: -5...60, using: &random),
                    customers: world.customers)
            }
        }
    }

    /// What the other tests compare has every edge in it.
    @Test func worldsHaveUpgradesCorrectionsEndsFreeAndUnknownSkus() throws {
        var (moved, ended, upgraded, free, uncatalogued, monthly) = (0, 0, 0, 0, 0, 0)
        for seed in UInt64(0)..<60 {
            var world = World(seed: seed)
            var core = InsightsCore()
            for batch in world.batches(of: world.facts) {
                let effects = core.add(batch)
                moved += effects.sellersChanged
                ended += effects.subscriptionsEnded
            }
            let book = core.book(in: try scope(world.partners[0]), today: day(world.today))
            for customer in world.customers {
                let id = ID.customer(customer)
                uncatalogued += book.insights(of: id, on: nil, products: [])?.uncatalogued.count ?? 0
                let classes = book.explain(.product(.office365), of: id, on: day(World.base + 40))?.classes
                free += Int(classes?.free ?? 0)
                let rows = [10, 35, 60].map { book.subscriptions(of: id, on: day(World.base + $0))?.rows ?? [] }
                let kinds = Set(rows.joined().map { "\($0.fact.subscription) \($0.fact.sku)" })
                upgraded += kinds.count - Set(rows.joined().map(\.fact.subscription)).count
                monthly += rows.joined().filter { $0.fact.term?.isMonth ?? false && $0.fact.autoRenew }.count
            }
        }
        let counts = [moved, ended, upgraded, free, uncatalogued, monthly]
        #expect(counts.allSatisfy { $0 > 0 }, "\(counts)")
    }

    @Test(arguments: 0..<4) func trendsMatchTheDefinitions(part: UInt64) throws {
        for seed in (5_000 + part * 40)..<(5_000 + (part + 1) * 40) {
            let world = World(seed: seed)
            var random = SeededGenerator(seed: seed ^ 0x77)
            var core = InsightsCore()
            if seed % 2 == 0 { core.prepare(today: day(world.today)) }
            core.add(world.facts)
            let model = NaiveModel()
            model.apply(world.facts)
            let comparison = Comparison(core: core, model: model, today: world.today, label: "seed \(seed)")
            for interval in TrendInterval.allCases {
                let from = World.base + Int32.random(in: -10...40, using: &random)
                let length = interval == .day ? 5 : Int32.random(in: 0...70, using: &random)
                let through = min(world.today, from + length)
                let days = Self.shown(from: from, through: through, interval: interval)
                for customer in [nil, random.pick(world.customers)] {
                    try comparison.checkTrend(
                        of: customer, partner: random.pick(world.partners), from: from, through: through,
                        interval: interval, workload: random.chance(50) ? nil : random.pick([.spo, .teams, .crm]),
                        shown: days)
                }
            }
        }
    }

    /// Sundays, last days of months, and the end of the range.
    private static func shown(from: Int32, through: Int32, interval: TrendInterval) -> [Int32] {
        (from...through).filter { number in
            if interval == .day || number == through { return true }
            // 1970-01-01 was a Thursday, so that Sundays are 3 after a multiple of 7.
            if interval == .week { return number % 7 == 3 }
            return Day(number: number + 1).civil.day == 1
        }
    }

    @Test func orderAndRepetitionChangeNothing() throws {
        for seed in UInt64(9_000)..<9_120 {
            var world = World(seed: seed)
            let (first, second) = world.commuting()
            let today = day(world.today)
            var straight = InsightsCore()
            for batch in world.batches(of: first) { straight.add(batch) }
            var shuffled = InsightsCore()
            for batch in world.batches(of: second) { shuffled.add(batch) }
            for partner in world.partners {
                let left = straight.book(in: try scope(partner), today: today)
                let right = shuffled.book(in: try scope(partner), today: today)
                expectSameAnswers(left, right, customers: world.customers, "seed \(seed) partner \(partner)")
            }
        }
    }

    @Test func everyRevisionMatches() throws {
        for seed in UInt64(12_000)..<12_030 {
            var world = World(seed: seed, size: 40)
            var core = InsightsCore()
            let model = NaiveModel()
            var published: [(core: InsightsCore, rows: PortfolioInsightsRow)] = []
            let partner = world.partners[0]
            let shown = day(World.base + 30)
            for batch in world.batches(of: world.facts) {
                core.add(batch)
                model.apply(batch)
                let comparison = Comparison(
                    core: core, model: model, today: world.today,
                    label: "seed \(seed) revision \(core.revision)")
                try comparison.check(partner: partner, on: shown.number, customers: world.customers)
                let book = core.book(in: try scope(partner), today: day(world.today))
                published.append((core, book.portfolio(on: shown, products: Product.allCases)))
            }
            // What was published stays what it was.
            for (snapshot, rows) in published {
                let book = snapshot.book(in: try scope(partner), today: day(world.today))
                #expect(book.portfolio(on: shown, products: Product.allCases) == rows)
            }
        }
    }

    /// The day goes on, and back; relationships end before, on and after it, and are taken up again.
    @Test func preparedForADayAnswersTheSame() throws {
        for seed in UInt64(21_000)..<21_120 {
            var world = World(seed: seed)
            var random = SeededGenerator(seed: seed ^ 0x5EED)
            var plain = InsightsCore()
            var prepared = InsightsCore()
            for batch in world.batches(of: world.facts) {
                let today = day(World.base + Int32.random(in: -5...70, using: &random))
                if random.chance(70) { prepared.prepare(today: today) }
                plain.add(batch)
                prepared.add(batch)
                guard random.chance(30) else { continue }
                prepared.prepare(today: today)
                let partner = try scope(random.pick(world.partners))
                expectSameAnswers(
                    plain.book(in: partner, today: today), prepared.book(in: partner, today: today), customers: [],
                    "seed \(seed) revision \(plain.revision)")
            }
            for _ in 0..<3 {
                let today = day(World.base + Int32.random(in: -5...70, using: &random))
                prepared.prepare(today: today)
                #expect(prepared.preparedDay == today)
                for partner in world.partners {
                    expectSameAnswers(
                        plain.book(in: try scope(partner), today: today),
                        prepared.book(in: try scope(partner), today: today), customers: [],
                        "seed \(seed) partner \(partner)")
                }
            }
        }
    }

    @Test func restartFromStatesAnswersTheSame() throws {
        for seed in UInt64(15_000)..<15_080 {
            var world = World(seed: seed)
            var core = InsightsCore()
            var stored: [String: [UInt8]] = [:]
            let batches = world.batches(of: world.facts)
            for (place, batch) in batches.enumerated() {
                core.add(batch)
                if place % 3 == 1 { for state in core.takeDirtyStates() { stored[state.key] = state.body } }
            }
            for state in core.takeDirtyStates() { stored[state.key] = state.body }
            #expect(core.takeDirtyStates().isEmpty)
            var random = SeededGenerator(seed: seed)
            let parts = PartialCores()
            // As a start does, or row by row into what answers at once.
            var restored = seed % 2 == 0 ? InsightsCore() : parts.begin()
            for (key, body) in stored.sorted(by: { $0.key < $1.key }).shuffled(using: &random) {
                try restored.restore(CoreState(key: key, body: body))
            }
            if seed % 2 == 0 {
                try restored.finishRestoring()
            } else {
                try parts.keep(restored)
                restored = parts.merge()
            }
            #expect(restored.takeDirtyStates().isEmpty)
            #expect(restored.revision == core.revision)
            // Both go on alike.
            let more = World(seed: seed + 1)
            core.add(more.facts)
            restored.add(more.facts)
            for partner in world.partners {
                expectSameAnswers(
                    core.book(in: try scope(partner), today: day(world.today)),
                    restored.book(in: try scope(partner), today: day(world.today)),
                    customers: world.customers, "seed \(seed) partner \(partner)")
            }
        }
    }
}

/// Every answer of two books is the same.
func expectSameAnswers(_ left: PartnerBook, _ right: PartnerBook, customers: [String], _ place: Comment) {
    let products = Product.allCases
    #expect(left.customers() == right.customers(), place)
    for number in [World.base + 10, World.base + 35, World.base + 60] {
        let shown = day(number)
        #expect(left.portfolio(on: shown, products: products) == right.portfolio(on: shown, products: products), place)
        #expect(walk(left, on: number) == walk(right, on: number), place)
        #expect(
            left.recommendations(of: nil, on: shown, products: products)?.rows
                == right.recommendations(of: nil, on: shown, products: products)?.rows, place)
        for customer in customers {
            let id = ID.customer(customer)
            #expect(
                left.insights(of: id, on: shown, products: products)
                    == right.insights(of: id, on: shown, products: products), place)
            #expect(
                left.explain(.product(.office365), of: id, on: shown)
                    == right.explain(.product(.office365), of: id, on: shown), place)
            #expect(
                left.subscriptions(of: id, on: shown)?.rows == right.subscriptions(of: id, on: shown)?.rows, place)
            #expect(
                left.licensedUsers(of: id, on: shown, activity: .any, workload: nil)?.rows
                    == right.licensedUsers(of: id, on: shown, activity: .any, workload: nil)?.rows, place)
        }
    }
    #expect(
        left.trend(
            of: nil, from: day(World.base), through: day(World.base + 60), interval: .week, products: products,
            workload: nil)
            == right.trend(
                of: nil, from: day(World.base), through: day(World.base + 60), interval: .week, products: products,
                workload: nil), place)
}

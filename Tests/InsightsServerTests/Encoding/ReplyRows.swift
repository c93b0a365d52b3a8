import InsightsCore
import LicenseModel
import Tenancy

/// SplitMix64: the same rows every time.
struct RowSeed: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
    mutating func below(_ count: Int) -> Int { Int.random(in: 0..<count, using: &self) }

    /// Everyday counts, zeros and the edges of varints and of the type.
    mutating func count() -> Int64 {
        switch below(10) {
        case 0, 1: 0
        case 2, 3, 4: Int64.random(in: 0...300, using: &self)
        case 5: Int64.random(in: 0...100_000_000, using: &self)
        case 6: [127, 128, 16_383, 16_384, -1, 1].randomElement(using: &self) ?? 0
        case 7: [Int64.max, .min, .max - 1, .min + 1].randomElement(using: &self) ?? 0
        default: Int64(truncatingIfNeeded: next())
        }
    }

    /// Never NUL, at which C ends a text.
    mutating func text(atMost length: Int) -> String {
        let scalars: [Unicode.Scalar] = [
            "a", "Z", " ", "\"", "\n", "é", "ß", "語", "😀", "\u{301}", "\u{10FFFF}", "\u{7F}",
        ]
        if chance(10) { return "" }
        var text = ""
        for _ in 0..<below(length + 1) { text.unicodeScalars.append(scalars[below(scalars.count)]) }
        return text
    }

    mutating func id<Tag>() throws -> Identifier<Tag> {
        let length = chance(10) ? 128 : 1 + below(40)
        return try Identifier(String(decoding: (0..<length).map { _ in UInt8(0x21 + below(94)) }, as: UTF8.self))
    }

    mutating func day() -> Day {
        switch below(8) {
        case 0: Day(number: Int32(below(40)))
        case 1: Day(number: Day.last.number - Int32(below(3)))
        default: Day(number: 18_000 + Int32(below(4_000)))
        }
    }

    mutating func reported() -> ReportedSources {
        var reported: ReportedSources = []
        for source in [ReportedSources.subscriptions, .assignments, .activity] where chance(80) {
            reported.insert(source)
        }
        return reported
    }

    mutating func licenses() -> LicenseRow {
        var row = LicenseRow()
        row.sold = count()
        row.deploymentSold = chance(50) ? row.sold : count()
        row.entitled = count()
        row.trial = count()
        row.uncounted = count()
        row.assigned = count()
        row.assignedUnsold = count()
        row.assignedLower = count()
        row.assignedUpper = chance(50) ? row.assignedLower : count()
        row.reported = reported()
        return row
    }

    mutating func usage() -> UsageRow {
        var row = UsageRow()
        row.active = count()
        row.ratioActive = chance(50) ? row.active : count()
        row.totalUsers = count()
        row.entitlements = count()
        row.reported = reported()
        return row
    }

    mutating func sku(of product: Product) throws -> SkuRow {
        SkuRow(
            sku: try id(), name: text(atMost: chance(5) ? 256 : 40), product: product, own: licenses(),
            all: licenses(), directSold: count(), otherPartnersSold: count(), unknownSold: count())
    }

    mutating func products() throws -> [ProductRow] {
        var rows: [ProductRow] = []
        for product in Product.allCases where chance(75) {
            var skus: [SkuRow] = []
            for _ in 0..<below(chance(5) ? 40 : 5) { skus.append(try sku(of: product)) }
            let workloads = Workload.allCases.filter { _ in chance(50) }
            rows.append(
                ProductRow(
                    product: product, own: licenses(), all: licenses(), usage: usage(), skus: skus,
                    workloads: workloads.map { WorkloadRow(workload: $0, usage: usage()) }))
        }
        return rows
    }

    mutating func coverage(near day: Day) -> CoverageRow {
        func through(_ seed: inout RowSeed) -> Day? {
            switch seed.below(4) {
            case 0: nil
            case 1: day
            case 2: seed.day()
            default: Day(number: day.number - 1 + Int32(seed.below(3)))
            }
        }
        var coverage = CoverageRow(
            subscriptions: through(&self), assignments: through(&self), activity: through(&self))
        for workload in Workload.allCases where chance(30) {
            if let day = through(&self) { coverage.report(day, in: WorkloadSet([workload])) }
        }
        return coverage
    }

    mutating func customer() throws -> CustomerInsightsRow {
        let day = day()
        return CustomerInsightsRow(
            customer: CustomerRow(
                customer: try id(), name: text(atMost: chance(5) ? 256 : 30), market: text(atMost: 10),
                since: self.day(), coverage: coverage(near: day)),
            asOf: day, products: try products(), uncatalogued: try uncatalogued())
    }

    /// None mostly, few at times and once in a while more than are told.
    mutating func uncatalogued() throws -> UncataloguedSkus {
        var skus = UncataloguedSkus()
        for _ in 0..<(chance(60) ? 0 : chance(10) ? 120 : below(4)) {
            let id: SkuID = try id()
            skus.add(count()) { id }
        }
        return skus
    }

    mutating func portfolio() throws -> PortfolioInsightsRow {
        PortfolioInsightsRow(
            asOf: day(), customerCount: count(), reportedCustomers: count(), laggingCustomers: count(),
            unreportedCustomers: count(), products: try products(), uncatalogued: try uncatalogued())
    }

    mutating func trend() -> [TrendRow] {
        (0..<below(12)).map { _ in
            TrendRow(
                day: day(), product: chance(50) ? .office365 : .dynamics365, own: licenses(), all: licenses(),
                usage: usage())
        }
    }
}

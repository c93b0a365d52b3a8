import LicenseModel
import Tenancy

/// SplitMix64: the same facts on every machine.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// 0 to below 1.
    mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }
}

/// One user's active days in one workload.
struct UserActivity {
    /// Global user number.
    var user: Int
    var workload: Workload
    var days: [Day]
}

/// One customer of the portfolio.
struct GeneratedCustomer {
    var id: CustomerID
    /// Global user numbers; the first `salesUsers` hold a second SKU.
    var users: Range<Int>
    var salesUsers: Int
    var activity: [UserActivity]
}

/// A portfolio of customers with Pareto sizes. Everybody holds one Office 365 SKU, every fifth a Dynamics 365 SKU too;
/// on average a user works with 3.5 workloads, mostly on weekdays, from some day to some day.
struct FactGenerator {
    static let dayCount = 400
    static let firstDay = Day(number: 20_000)
    static let lastDay = firstDay.advanced(by: dayCount - 1)
    static let officeWorkloads: [Workload] = [.apps, .exo, .sfb, .spo, .teams, .yam]

    let customerCount: Int
    private var random = SeededGenerator(seed: 28)
    private var userCount = 0

    init(customerCount: Int) {
        self.customerCount = customerCount
    }

    mutating func customers() throws -> [GeneratedCustomer] {
        try (0..<customerCount).map { index in
            // Quantiles of a Pareto distribution with exponent 1.15: about 50 users on average, half below 15.
            let quantile = (Double(index) + 0.5) / Double(customerCount)
            let size = max(1, Int(8.3 * 1 / power(quantile, 1 / 1.15)))
            // Ids in an order that has nothing to do with size.
            let number = (index * 7_919) % customerCount
            return try customer(number: number, size: size)
        }
    }

    private mutating func customer(number: Int, size: Int) throws -> GeneratedCustomer {
        let users = userCount..<(userCount + size)
        userCount += size
        let salesUsers = size / 5
        // Some customers hardly use what they have.
        let mood = random.fraction()
        var activity: [UserActivity] = []
        for user in users {
            let workloads = Self.officeWorkloads + (user - users.lowerBound < salesUsers ? [.crm] : [])
            for workload in workloads where random.fraction() < 0.55 {
                let days = activeDays(mood: mood)
                if !days.isEmpty { activity.append(UserActivity(user: user, workload: workload, days: days)) }
            }
        }
        return GeneratedCustomer(
            id: try CustomerID(String(number)), users: users, salesUsers: salesUsers, activity: activity)
    }

    private mutating func activeDays(mood: Double) -> [Day] {
        let start = Int(random.fraction() * random.fraction() * Double(Self.dayCount))
        let end = random.fraction() < 0.6 ? Self.dayCount : start + Int(random.fraction() * Double(Self.dayCount))
        let keenness = random.fraction() * random.fraction() * (0.15 + 0.85 * mood)
        var days: [Day] = []
        for offset in start..<max(start, min(end, Self.dayCount)) {
            let day = Self.firstDay.advanced(by: offset)
            let chance = day.isoWeekday <= 5 ? keenness : keenness / 8
            if random.fraction() < chance { days.append(day) }
        }
        return days
    }
}

/// `base` to the power of `exponent` for 0 < base ≤ 1, by halving the exponent: no mathematics library needed.
private func power(_ base: Double, _ exponent: Double) -> Double {
    var result = 1.0
    var root = base
    var rest = exponent
    while rest >= 1 {
        result *= base
        rest -= 1
    }
    for _ in 0..<50 where rest > 0 {
        root = root.squareRoot()
        rest *= 2
        if rest >= 1 {
            result *= root
            rest -= 1
        }
    }
    return result
}

extension GeneratedCustomer {
    /// The facts that the core is fed: one batch per customer.
    func batch(partner: PartnerID, office: SkuID, sales: SkuID) throws -> FactBatch {
        let start = FactGenerator.firstDay
        let open = DayInterval(start: start, end: nil)
        var facts: [Fact] = [
            .customer(CustomerFact(customer: id, name: "Customer \(id)", market: "NL")),
            .relationship(RelationshipFact(partner: partner, customer: id, days: open)),
        ]
        for source in Source.allCases {
            facts.append(.coverage(CoverageFact(customer: id, source: source, through: FactGenerator.lastDay)))
        }
        for (sku, quantity) in [(office, users.count), (sales, salesUsers)] where quantity > 0 {
            facts.append(
                .subscription(
                    SubscriptionFact(
                        subscription: try SubscriptionID("\(id)-\(sku)"), customer: id, sku: sku,
                        seller: .partner(partner), effective: start, quantity: Int64(quantity), state: .active)))
        }
        for user in users {
            let user = (
                id: try UserID(String(user)), held: user - users.lowerBound < salesUsers ? [office, sales] : [office]
            )
            for sku in user.held {
                facts.append(.assignment(AssignmentFact(customer: id, user: user.id, sku: sku, days: open)))
            }
        }
        for row in activity {
            facts.append(
                .activity(
                    ActivityFact(
                        customer: id, user: try UserID(String(row.user)), workload: row.workload, days: row.days)))
        }
        return FactBatch(id: try BatchID("customer-\(id)"), facts: facts)
    }
}

import LicenseModel
import Tenancy

/// Facts of every kind, with ids that repeat and values at their bounds.
public struct RandomFacts: Sendable {
    public var random: SeededGenerator
    /// How many different ids of one kind there are; small, so that ids repeat.
    public var variety = 12

    public init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
    }

    public mutating func batch(count: Int) throws -> [Fact] {
        var facts: [Fact] = []
        for _ in 0..<count { facts.append(try fact()) }
        return facts
    }

    public mutating func fact() throws -> Fact {
        switch random.int(0...11) {
        case 0: return .partner(PartnerFact(partner: try narrow(), name: name()))
        case 1: return .customer(CustomerFact(customer: try wide("c"), name: name(), market: name()))
        case 2:
            return .relationship(RelationshipFact(partner: try narrow(), customer: try wide("c"), days: interval()))
        case 3:
            return .sku(
                SkuFact(
                    sku: try wide("s"), name: name(), product: [nil, .office365, .dynamics365][random.int(0...2)],
                    workloads: WorkloadSet(rawValue: UInt8(random.int(0...127))), isFree: random.chance(20)))
        case 4: return .subscription(try subscription())
        case 5: return .user(try user())
        case 6:
            return .assignment(
                AssignmentFact(customer: try wide("c"), user: try wide("u"), sku: try wide("s"), days: interval()))
        case 7:
            var users: [UserID] = []
            for _ in 0..<random.int(0...9) { users.append(try wide("u")) }
            return .assignmentSnapshot(
                AssignmentSnapshotFact(
                    customer: try wide("c"), sku: try wide("s"), day: day(), users: users,
                    part: random.chance(20) ? SnapshotPart(number: Int32(random.int(1...3)), of: 3) : nil))
        case 8: return .activity(try activity())
        case 9:
            return .supportRequest(
                SupportRequestFact(
                    customer: try wide("c"), day: day(), category: random.chance(50) ? .howTo : .other,
                    count: random.chance(10) ? FactLimits.maximumSupportRequests : Int64(random.int(0...9))))
        case 10:
            var named: [SubscriptionID] = []
            for _ in 0..<random.int(0...9) { named.append(try wide("sub")) }
            return .subscriptionSnapshot(
                SubscriptionSnapshotFact(
                    customer: try wide("c"), day: day(), subscriptions: named,
                    seller: random.chance(50) ? try narrow() : nil))
        default:
            let source = Source.allCases[random.int(0...2)]
            return .coverage(
                CoverageFact(
                    customer: try wide("c"), source: source, through: day(),
                    workloads: source == .activity ? WorkloadSet(rawValue: UInt8(random.int(0...127))) : []))
        }
    }

    private mutating func user() throws -> UserFact {
        var aliases: [UserID] = []
        for _ in 0..<random.int(0...3) { aliases.append(try wide("u")) }
        return UserFact(
            customer: try wide("c"), user: try wide("u"), displayName: name(),
            principalName: random.chance(50) ? try wide("u") : nil, aliases: aliases)
    }

    private mutating func subscription() throws -> SubscriptionFact {
        let seller: Seller
        switch random.int(0...2) {
        case 0: seller = .direct
        case 1: seller = .unknown
        default: seller = .partner(try narrow())
        }
        return SubscriptionFact(
            subscription: try wide("sub"), customer: try wide("c"), sku: try wide("s"), seller: seller,
            effective: day(), quantity: random.chance(10) ? FactLimits.maximumQuantity : Int64(random.int(0...500)),
            state: SubscriptionState.allCases[random.int(0...3)], trial: random.chance(20),
            termEnd: random.chance(50) ? day() : nil, autoRenew: random.chance(50),
            term: Term(["", "P1M", "P1Y", "P3Y"][random.int(0...3)]))
    }

    private mutating func activity() throws -> ActivityFact {
        var days: [Day] = []
        var next = day()
        for _ in 0..<random.int(1...30) {
            days.append(next)
            next = next.advanced(by: random.chance(90) ? 1 : -40)
        }
        return ActivityFact(
            customer: try wide("c"), user: try wide("u"), workload: Workload.allCases[random.int(0...6)], days: days,
            isConcealed: random.chance(20))
    }

    private mutating func day() -> Day {
        switch random.int(0...19) {
        case 0: .first
        case 1: .last
        default: Day(number: Int32(20_000 + random.int(0...800)))
        }
    }

    private mutating func interval() -> DayInterval {
        let start = day()
        return DayInterval(start: start, end: random.chance(50) ? start.advanced(by: random.int(0...400)) : nil)
    }

    /// Names of several scripts and lengths, equal ones in different bytes among them.
    private mutating func name() -> String {
        switch random.int(0...6) {
        case 0: ""
        case 1: "Café"
        case 2: "Cafe\u{301}"
        case 3: "株式会社コントソ"
        case 4: String(repeating: "🏢", count: FactLimits.maximumNameLength)
        case 5: "a\u{0}b"
        default: "Contoso \(random.int(0...99))"
        }
    }

    private mutating func narrow() throws -> PartnerID {
        try PartnerID("partner-\(random.int(0...variety))")
    }

    private mutating func wide<Tag>(_ prefix: String) throws -> Identifier<Tag> {
        try Self.wide(prefix, random.int(0...variety))
    }

    /// The customer of that number, of `variety` and one more.
    public static func customer(_ number: Int) throws -> CustomerID { try wide("c", number) }

    private static func wide<Tag>(_ prefix: String, _ number: Int) throws -> Identifier<Tag> {
        switch number {
        case 0: return try Identifier<Tag>(String(repeating: "~", count: Identifier<Tag>.maximumLength))
        case 1: return try Identifier<Tag>("!")
        default: return try Identifier<Tag>("\(prefix):\(number)/{}\"'")
        }
    }
}

import InsightsCore
import LicenseModel
@_spi(Authentication) import Tenancy

/// Ids of tests are valid by construction; a wrong one becomes a visible odd id instead of a trap.
enum ID {
    static func make<Tag>(_ text: String) -> Identifier<Tag> {
        do { return try Identifier<Tag>(text) } catch { return make("invalid") }
    }

    static func partner(_ text: String) -> PartnerID { make(text) }
    static func customer(_ text: String) -> CustomerID { make(text) }
    static func sku(_ text: String) -> SkuID { make(text) }
    static func user(_ text: String) -> UserID { make(text) }
    static func subscription(_ text: String) -> SubscriptionID { make(text) }
    static func batch(_ text: String) -> BatchID { make(text) }
}

/// A scope as a caller gets it: through authentication and policy.
func scope(_ partner: String, own: Bool = false) throws -> PartnerScope {
    let principal = Principal(.partner(ID.partner(partner), ID.make("tester"), RoleSet([.adminAgent])))
    guard let scope = try AccessPolicy.authorize(principal, for: .readInsights).scope else {
        throw AccessMissing()
    }
    return own ? scope.narrowedToOwn() : scope
}

func operatorGrant() throws -> OperatorGrant {
    let grant = try AccessPolicy.authorize(Principal(.operator(name: "feeder")), for: .ingest).operatorGrant
    guard let grant else { throw AccessMissing() }
    return grant
}

struct AccessMissing: Error {}

func day(_ text: String) -> Day { Day(text) ?? Day.first }
func day(_ number: Int32) -> Day { Day(number: number) }

/// Facts in the words of the tests; days are day numbers.
enum Make {
    static func sku(_ id: String, _ product: Product?, _ workloads: [Workload], free: Bool = false) -> Fact {
        .sku(
            SkuFact(
                sku: ID.sku(id), name: "Name of \(id)", product: product, workloads: WorkloadSet(workloads),
                isFree: free))
    }

    static func customer(_ id: String, market: String = "NL") -> Fact {
        .customer(CustomerFact(customer: ID.customer(id), name: "Customer \(id)", market: market))
    }

    static func relationship(_ partner: String, _ customer: String, _ start: Int32, _ end: Int32? = nil) -> Fact {
        .relationship(
            RelationshipFact(
                partner: ID.partner(partner), customer: ID.customer(customer),
                days: DayInterval(start: day(start), end: end.map(day))))
    }

    static func subscription(
        _ id: String, _ customer: String, _ sku: String, _ seller: Seller, _ effective: Int32, _ quantity: Int64,
        _ state: SubscriptionState = .active, trial: Bool = false, termEnd: Int32? = nil, autoRenew: Bool = false,
        term: String = ""
    ) -> Fact {
        .subscription(
            SubscriptionFact(
                subscription: ID.subscription(id), customer: ID.customer(customer), sku: ID.sku(sku), seller: seller,
                effective: day(effective), quantity: quantity, state: state, trial: trial, termEnd: termEnd.map(day),
                autoRenew: autoRenew, term: Term(term)))
    }

    /// - Parameter seller: nil: of every seller.
    static func subscriptions(_ customer: String, _ on: Int32, _ ids: [String], of seller: String? = nil) -> Fact {
        .subscriptionSnapshot(
            SubscriptionSnapshotFact(
                customer: ID.customer(customer), day: day(on), subscriptions: ids.map { ID.subscription($0) },
                seller: seller.map { ID.partner($0) }))
    }

    static func user(
        _ customer: String, _ user: String, _ name: String, principal: String? = nil, aliases: [String] = []
    ) -> Fact {
        .user(
            UserFact(
                customer: ID.customer(customer), user: ID.user(user), displayName: name,
                principalName: principal.map { ID.user($0) }, aliases: aliases.map { ID.user($0) }))
    }

    static func assignment(
        _ customer: String, _ user: String, _ sku: String, _ start: Int32, _ end: Int32? = nil
    ) -> Fact {
        .assignment(
            AssignmentFact(
                customer: ID.customer(customer), user: ID.user(user), sku: ID.sku(sku),
                days: DayInterval(start: day(start), end: end.map(day))))
    }

    static func snapshot(
        _ customer: String, _ sku: String, _ on: Int32, _ users: [String], part: SnapshotPart? = nil
    ) -> Fact {
        .assignmentSnapshot(
            AssignmentSnapshotFact(
                customer: ID.customer(customer), sku: ID.sku(sku), day: day(on), users: users.map { ID.user($0) },
                part: part))
    }

    static func activity(
        _ customer: String, _ user: String, _ workload: Workload, _ days: [Int32], concealed: Bool = false
    ) -> Fact {
        .activity(
            ActivityFact(
                customer: ID.customer(customer), user: ID.user(user), workload: workload, days: days.map { day($0) },
                isConcealed: concealed))
    }

    static func support(_ customer: String, _ on: Int32, _ category: SupportCategory, _ count: Int64) -> Fact {
        .supportRequest(
            SupportRequestFact(customer: ID.customer(customer), day: day(on), category: category, count: count))
    }

    /// - Parameter workloads: of activity; none = all.
    static func coverage(
        _ customer: String, _ source: Source, _ through: Int32, _ workloads: [Workload] = []
    ) -> Fact {
        .coverage(
            CoverageFact(
                customer: ID.customer(customer), source: source, through: day(through),
                workloads: WorkloadSet(workloads)))
    }

    static func fullCoverage(_ customer: String, _ through: Int32) -> [Fact] {
        Source.allCases.map { coverage(customer, $0, through) }
    }
}

extension Seller {
    static func by(_ partner: String) -> Seller { .partner(ID.partner(partner)) }
}

extension InsightsCore {
    /// Applies facts as the next batch.
    @discardableResult
    mutating func add(_ facts: [Fact]) -> BatchEffects {
        apply(FactBatch(id: ID.batch("b\(revision.number + 1)"), facts: facts), revision: revision.next)
    }

    init(_ facts: [Fact]) {
        self.init()
        add(facts)
    }
}

/// SplitMix64: the same numbers on every machine.
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

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &self)]
    }
}

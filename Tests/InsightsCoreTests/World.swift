import LicenseModel
import Tenancy

/// A small random world: few of everything, days clustered around some weeks so that windows, spans and snapshots meet.
struct World {
    static let base: Int32 = 19_800
    let today: Int32 = base + 60
    private(set) var partners: [String] = []
    private(set) var customers: [String] = []
    private(set) var skus: [String] = []
    /// Main ids, most of them.
    private(set) var users: [String] = []
    /// Other ids, which belong to one person or another, and to none before a fact says so.
    private(set) var aliases: [String] = []
    private(set) var facts: [Fact] = []
    /// By customer, ids and days of its subscription facts.
    private var subscriptions: [String: [(id: String, day: Int32)]] = [:]
    private var random: SeededGenerator

    init(seed: UInt64, size: Int = 70) {
        random = SeededGenerator(seed: seed)
        partners = (0..<Int.random(in: 1...4, using: &random)).map { "p\($0)" }
        customers = (0..<Int.random(in: 1...5, using: &random)).map { "c\($0)" }
        skus = (0..<Int.random(in: 1...6, using: &random)).map { "s\($0)" }
        users = (0..<Int.random(in: 0...12, using: &random)).map { "u\($0)" }
        if !users.isEmpty { aliases = (0..<Int.random(in: 0...6, using: &random)).map { "n\($0)" } }
        addFrame()
        for _ in 0..<Int.random(in: size / 2...size * 3 / 2, using: &random) { addRandomFact() }
        facts.shuffle(using: &random)
    }

    /// A day near the others, at times far away.
    private mutating func near(through last: Int32? = nil) -> Int32 {
        let day: Int32 =
            switch Int.random(in: 0..<20, using: &random) {
            case 0: random.pick([0, 1, 27, 28, 5_000, Self.base - 400])
            case 1: Self.base + Int32.random(in: 61...400, using: &random)
            default: Self.base + Int32.random(in: 0...60, using: &random)
            }
        return last.map { min($0, day) } ?? day
    }

    private mutating func end(after start: Int32) -> Int32? {
        switch Int.random(in: 0..<10, using: &random) {
        case 0...3: nil
        // Taken back.
        case 4: start
        default: start + Int32.random(in: 1...40, using: &random)
        }
    }

    private mutating func addFrame() {
        for sku in skus where random.chance(90) { facts.append(makeSku(sku)) }
        for customer in customers {
            if random.chance(90) { facts.append(Make.customer(customer)) }
            for partner in partners where random.chance(70) {
                let start = random.chance(60) ? Self.base - 300 : near()
                facts.append(Make.relationship(partner, customer, start, random.chance(75) ? nil : end(after: start)))
            }
            for source in Source.allCases where random.chance(88) { facts.append(makeCoverage(customer, source)) }
        }
    }

    /// Of activity, of all workloads or some.
    private mutating func makeCoverage(_ customer: String, _ source: Source) -> Fact {
        let isWhole = source != .activity || random.chance(40)
        return Make.coverage(
            customer, source, near(through: today), isWhole ? [] : Workload.allCases.filter { _ in random.chance(40) })
    }

    private mutating func makeSku(_ sku: String) -> Fact {
        let product: Product? = random.pick([.office365, .office365, .office365, .dynamics365, nil])
        let pool: [Workload] = product == .dynamics365 ? [.crm, .teams] : [.exo, .spo, .teams, .yam]
        return Make.sku(sku, product, pool.filter { _ in random.chance(55) }, free: random.chance(12))
    }

    private mutating func addRandomFact() {
        let customer = random.pick(customers)
        let sku = random.pick(skus)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<27: addSubscription(customer, sku)
        case 27..<32: addSubscriptionSnapshot(customer)
        case 32..<52:
            guard !users.isEmpty else { return }
            let start = near()
            facts.append(Make.assignment(customer, anyID(), sku, start, end(after: start)))
        case 52..<60:
            addSnapshot(customer, sku)
        case 60..<84:
            guard !users.isEmpty else { return }
            let workload: Workload = random.pick([.exo, .spo, .teams, .yam, .crm])
            let days = (0..<Int.random(in: 1...4, using: &random)).map { _ in near(through: today) }
            facts.append(Make.activity(customer, anyID(), workload, days, concealed: random.chance(25)))
        case 84..<89:
            guard !users.isEmpty else { return }
            addUser(customer)
        case 89..<92:
            facts.append(
                Make.support(
                    customer, near(through: today), random.pick([.howTo, .howTo, .other]),
                    Int64.random(in: 0...6, using: &random)))
        case 92..<94: facts.append(makeCoverage(customer, random.pick(Source.allCases)))
        case 94..<97: facts.append(makeSku(sku))
        default:
            let start = near()
            facts.append(Make.relationship(random.pick(partners), customer, start, end(after: start)))
        }
    }

    private var sellers: [(String, Seller)] {
        partners.map { ($0, Seller.by($0)) } + [("x", .by("stranger")), ("d", .direct), ("u", .unknown)]
    }

    private mutating func anyID() -> String {
        aliases.isEmpty || random.chance(70) ? random.pick(users) : random.pick(aliases)
    }

    /// A name, and at times other ids: of nobody yet, of somebody else, and main ids of others.
    private mutating func addUser(_ customer: String) {
        func other() -> String { aliases.isEmpty || random.chance(12) ? random.pick(users) : random.pick(aliases) }
        let more = aliases.isEmpty ? 0 : Int.random(in: 0...2, using: &random)
        facts.append(
            Make.user(
                customer, anyID(), "N\(Int.random(in: 0..<9, using: &random))",
                principal: !aliases.isEmpty && random.chance(45) ? other() : nil,
                aliases: (0..<more).map { _ in other() }))
    }

    /// Whole or in parts, of which some come again and some do not come at all.
    private mutating func addSnapshot(_ customer: String, _ sku: String) {
        let on = near(through: today + 20)
        func named() -> [String] { (users + aliases).filter { _ in random.chance(40) } }
        guard random.chance(40) else {
            facts.append(Make.snapshot(customer, sku, on, named()))
            return
        }
        let count = Int32.random(in: 1...3, using: &random)
        for number in 1...count where random.chance(90) {
            for _ in 0..<(random.chance(15) ? 2 : 1) {
                facts.append(Make.snapshot(customer, sku, on, named(), part: SnapshotPart(number: number, of: count)))
            }
        }
    }

    /// The id of a subscription names its SKU and seller; facts at times tell others.
    private mutating func addSubscription(_ customer: String, _ sku: String) {
        let seller = random.pick(sellers)
        let id = "\(sku)-\(seller.0)-\(Int.random(in: 0..<2, using: &random))"
        let start = near()
        let quantity = random.pick([0, 1, 2, 3, 5, 8, 40, 100_000_000] as [Int64])
        facts.append(
            Make.subscription(
                id, customer, random.chance(15) ? random.pick(skus) : sku,
                random.chance(12) ? random.pick(sellers).1 : seller.1, start, quantity,
                random.pick([.active, .active, .active, .grace, .suspended, .deprovisioned]), trial: random.chance(20),
                termEnd: random.chance(50) ? near() : nil, autoRenew: random.chance(50),
                term: random.pick(["", "P1M", "P1M", "P1Y"])))
        subscriptions[customer, default: []].append((id, start))
    }

    /// Most of what there is and one that may come later, often on a day with an entry.
    private mutating func addSubscriptionSnapshot(_ customer: String) {
        let known = subscriptions[customer] ?? []
        let on = known.isEmpty || random.chance(60) ? near() : random.pick(known).day
        let named = known.map(\.id).filter { _ in random.chance(75) } + ["\(random.pick(skus))-d-0"]
        let seller = random.chance(50) ? nil : random.pick(partners + ["stranger"])
        facts.append(Make.subscriptions(customer, on, named, of: seller))
    }

    /// The facts in batches of random sizes.
    mutating func batches(of facts: [Fact]) -> [[Fact]] {
        var batches: [[Fact]] = []
        var rest = facts[...]
        while !rest.isEmpty {
            let count = min(rest.count, Int.random(in: 1...25, using: &random))
            batches.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return batches
    }

    /// The same knowledge in another order: of facts with one identity only the last is kept, some come twice. Who is
    /// who is told first and in one order, and there are no parts: with those the order counts. Who sold a subscription
    /// is told again at the end of both, because it is told last that counts.
    mutating func commuting() -> (first: [Fact], second: [Fact]) {
        var kept: [Fact.Identity: Fact] = [:]
        var activity: [Fact] = []
        let people = facts.filter { if case .user = $0 { true } else { false } }
        for fact in facts.flatMap(\.parts) {
            if case .user = fact { continue }
            if case .assignmentSnapshot(let fact) = fact, fact.part != nil { continue }
            if let identity = fact.identity { kept[identity] = fact } else { activity.append(fact) }
        }
        let first = activity + kept.values.sorted { "\($0)" < "\($1)" }
        var second = first + first.filter { _ in random.chance(30) }
        second.shuffle(using: &random)
        var telling: [String: Fact] = [:]
        for fact in first {
            guard case .subscription(let told) = fact, told.seller != .unknown else { continue }
            telling["\(told.customer) \(told.subscription)"] = fact
        }
        let last = telling.sorted { $0.key < $1.key }.map(\.value)
        return (people + first + last, people + second + last.shuffled(using: &random))
    }
}

extension Fact {
    /// What a later fact replaces; nil for activity, which only adds.
    enum Identity: Hashable {
        case partner(PartnerID)
        case customer(CustomerID)
        case relationship(PartnerID, CustomerID, Day)
        case sku(SkuID)
        case subscription(CustomerID, SubscriptionID, Day)
        case subscriptions(CustomerID, Day, PartnerID?)
        case user(CustomerID, UserID)
        /// Of anybody: several ids may mean one person.
        case assignment(CustomerID, SkuID, Day)
        case snapshot(CustomerID, SkuID, Day, SnapshotPart?)
        case support(CustomerID, Day, SupportCategory)
        case coverage(CustomerID, Source, WorkloadSet)
    }

    var identity: Identity? {
        switch self {
        case .partner(let fact): .partner(fact.partner)
        case .customer(let fact): .customer(fact.customer)
        case .relationship(let fact): .relationship(fact.partner, fact.customer, fact.days.start)
        case .sku(let fact): .sku(fact.sku)
        case .subscription(let fact): .subscription(fact.customer, fact.subscription, fact.effective)
        case .subscriptionSnapshot(let fact): .subscriptions(fact.customer, fact.day, fact.seller)
        case .user(let fact): .user(fact.customer, fact.user)
        case .assignment(let fact): .assignment(fact.customer, fact.sku, fact.days.start)
        case .assignmentSnapshot(let fact): .snapshot(fact.customer, fact.sku, fact.day, fact.part)
        case .activity: nil
        case .supportRequest(let fact): .support(fact.customer, fact.day, fact.category)
        case .coverage(let fact): .coverage(fact.customer, fact.source, fact.workloads)
        }
    }

    /// Facts of one identity each that say the same: coverage of activity is told for one workload at a time.
    var parts: [Fact] {
        guard case .coverage(let fact) = self, fact.source == .activity else { return [self] }
        return (fact.workloads.isEmpty ? .all : fact.workloads).workloads.map { workload in
            var part = fact
            part.workloads = WorkloadSet([workload])
            return .coverage(part)
        }
    }
}

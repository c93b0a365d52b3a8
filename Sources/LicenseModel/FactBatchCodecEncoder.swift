import Tenancy

/// The low four bits of a fact's first byte. Values are on disk: never reuse one.
enum FactTag: UInt8 {
    case partner = 1
    case customer = 2
    case relationship = 3
    case sku = 4
    case subscription = 5
    case user = 6
    case assignment = 7
    case assignmentSnapshot = 8
    case activity = 9
    case supportRequest = 10
    case coverage = 11
    /// Since version 2.
    case subscriptionSnapshot = 12

    static let mask: UInt8 = 0x0F
}

/// The high four bits of a fact's first byte; which apply depends on the kind.
enum FactFlag {
    /// Relationship, assignment: an end follows. Subscription: a term end follows.
    static let hasEnd: UInt8 = 0x10
    static let trial: UInt8 = 0x20
    static let autoRenew: UInt8 = 0x40
    /// What version 1 knows of a subscription.
    static let firstSubscription: UInt8 = 0x70

    // Since version 2.

    /// Subscription: a term follows.
    static let hasTerm: UInt8 = 0x80
    /// SKU.
    static let free: UInt8 = 0x10
    /// Subscription snapshot: a seller follows.
    static let hasSeller: UInt8 = 0x10
    /// User: a sign-in name follows.
    static let hasPrincipalName: UInt8 = 0x10
    /// User: aliases follow.
    static let hasAliases: UInt8 = 0x20
    /// Assignment snapshot: it is a part.
    static let isPart: UInt8 = 0x10
    /// Activity.
    static let concealed: UInt8 = 0x10
    /// Coverage: workloads follow.
    static let hasWorkloads: UInt8 = 0x10
}

/// How a seller is written. Values are on disk.
enum SellerTag {
    static let unknown: UInt8 = 0
    static let direct: UInt8 = 1
    static let partner: UInt8 = 2
}

struct FactBatchEncoder {
    private var bytes: FactByteWriter
    private var customers = WrittenIDs<CustomerTag>()
    private var partners = WrittenIDs<PartnerTag>()
    private var skus = WrittenIDs<SkuTag>()
    private var users = WrittenIDs<UserTag>()
    private var subscriptions = WrittenIDs<SubscriptionTag>()
    private var lastDay: Int32 = 0
    /// The oldest that can say all that was written.
    private var version = FactBatchCodec.version

    init(capacity: Int) {
        bytes = FactByteWriter(capacity: capacity)
        bytes.write(byte: FactBatchCodec.version)
    }

    mutating func write(_ facts: [Fact]) {
        bytes.write(count: facts.count)
        for fact in facts { write(fact) }
    }

    consuming func finish() -> [UInt8] {
        bytes.rewrite(byte: version, at: 0)
        return bytes.finish()
    }

    private mutating func write(_ fact: Fact) {
        switch fact {
        case .partner(let fact):
            write(.partner)
            write(fact.partner)
            bytes.write(name: fact.name)
        case .customer(let fact):
            write(.customer)
            write(fact.customer)
            bytes.write(name: fact.name)
            bytes.write(name: fact.market)
        case .relationship(let fact):
            write(.relationship, flags: fact.days.end == nil ? 0 : FactFlag.hasEnd)
            write(fact.partner)
            write(fact.customer)
            write(fact.days)
        case .sku(let fact):
            write(.sku, sinceVersion2: fact.isFree ? FactFlag.free : 0)
            write(fact.sku)
            bytes.write(name: fact.name)
            bytes.write(byte: fact.product?.rawValue ?? 0)
            bytes.write(byte: fact.workloads.rawValue)
        case .subscription(let fact):
            write(fact)
        case .subscriptionSnapshot(let fact):
            write(fact)
        case .user(let fact):
            write(fact)
        case .assignment(let fact):
            write(.assignment, flags: fact.days.end == nil ? 0 : FactFlag.hasEnd)
            write(fact.customer)
            write(fact.user)
            write(fact.sku)
            write(fact.days)
        case .assignmentSnapshot(let fact):
            write(fact)
        case .activity(let fact):
            write(.activity, sinceVersion2: fact.isConcealed ? FactFlag.concealed : 0)
            write(fact.customer)
            write(fact.user)
            bytes.write(byte: fact.workload.rawValue)
            bytes.write(count: fact.days.count)
            for day in fact.days { write(day) }
        case .supportRequest(let fact):
            write(.supportRequest)
            write(fact.customer)
            write(fact.day)
            bytes.write(byte: fact.category.rawValue)
            bytes.write(signed: fact.count)
        case .coverage(let fact):
            write(.coverage, sinceVersion2: fact.workloads.isEmpty ? 0 : FactFlag.hasWorkloads)
            write(fact.customer)
            bytes.write(byte: fact.source.rawValue)
            write(fact.through)
            if !fact.workloads.isEmpty { bytes.write(byte: fact.workloads.rawValue) }
        }
    }

    private mutating func write(_ fact: SubscriptionSnapshotFact) {
        version = FactBatchCodec.latestVersion
        write(.subscriptionSnapshot, flags: fact.seller == nil ? 0 : FactFlag.hasSeller)
        write(fact.customer)
        write(fact.day)
        bytes.write(count: fact.subscriptions.count)
        for subscription in fact.subscriptions { write(subscription) }
        if let seller = fact.seller { write(seller) }
    }

    private mutating func write(_ fact: UserFact) {
        write(
            .user,
            sinceVersion2: (fact.principalName == nil ? 0 : FactFlag.hasPrincipalName)
                | (fact.aliases.isEmpty ? 0 : FactFlag.hasAliases))
        write(fact.customer)
        write(fact.user)
        bytes.write(name: fact.displayName)
        if let name = fact.principalName { write(name) }
        if fact.aliases.isEmpty { return }
        bytes.write(count: fact.aliases.count)
        for alias in fact.aliases { write(alias) }
    }

    private mutating func write(_ fact: AssignmentSnapshotFact) {
        write(.assignmentSnapshot, sinceVersion2: fact.part == nil ? 0 : FactFlag.isPart)
        write(fact.customer)
        write(fact.sku)
        write(fact.day)
        bytes.write(count: fact.users.count)
        for user in fact.users { write(user) }
        if let part = fact.part {
            bytes.write(signed: Int64(part.number))
            bytes.write(signed: Int64(part.count))
        }
    }

    private mutating func write(_ fact: SubscriptionFact) {
        var flags: UInt8 = fact.termEnd == nil ? 0 : FactFlag.hasEnd
        if fact.trial { flags |= FactFlag.trial }
        if fact.autoRenew { flags |= FactFlag.autoRenew }
        write(.subscription, flags: flags, sinceVersion2: fact.term == nil ? 0 : FactFlag.hasTerm)
        write(fact.subscription)
        write(fact.customer)
        write(fact.sku)
        switch fact.seller {
        case .unknown: bytes.write(byte: SellerTag.unknown)
        case .direct: bytes.write(byte: SellerTag.direct)
        case .partner(let partner):
            bytes.write(byte: SellerTag.partner)
            write(partner)
        }
        write(fact.effective)
        bytes.write(signed: fact.quantity)
        bytes.write(byte: fact.state.rawValue)
        if let termEnd = fact.termEnd { write(termEnd) }
        if let term = fact.term { bytes.write(name: term.text) }
    }

    private mutating func write(_ tag: FactTag, flags: UInt8 = 0, sinceVersion2 newFlags: UInt8 = 0) {
        if newFlags != 0 { version = FactBatchCodec.latestVersion }
        bytes.write(byte: tag.rawValue | flags | newFlags)
    }

    private mutating func write(_ id: CustomerID) { customers.write(id, to: &bytes) }
    private mutating func write(_ id: PartnerID) { partners.write(id, to: &bytes) }
    private mutating func write(_ id: SkuID) { skus.write(id, to: &bytes) }
    private mutating func write(_ id: UserID) { users.write(id, to: &bytes) }
    private mutating func write(_ id: SubscriptionID) { subscriptions.write(id, to: &bytes) }

    private mutating func write(_ days: DayInterval) {
        write(days.start)
        if let end = days.end { write(end) }
    }

    private mutating func write(_ day: Day) {
        bytes.write(signed: Int64(day.number) - Int64(lastDay))
        lastDay = day.number
    }
}

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

    static let mask: UInt8 = 0x0F
}

/// The high four bits of a fact's first byte; which apply depends on the kind.
enum FactFlag {
    /// Relationship, assignment: an end follows. Subscription: a term end follows.
    static let hasEnd: UInt8 = 0x10
    static let trial: UInt8 = 0x20
    static let autoRenew: UInt8 = 0x40
    static let all: UInt8 = 0x70
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

    init(capacity: Int) {
        bytes = FactByteWriter(capacity: capacity)
        bytes.write(byte: FactBatchCodec.version)
    }

    mutating func write(_ facts: [Fact]) {
        bytes.write(count: facts.count)
        for fact in facts { write(fact) }
    }

    consuming func finish() -> [UInt8] {
        bytes.finish()
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
            write(.sku)
            write(fact.sku)
            bytes.write(name: fact.name)
            bytes.write(byte: fact.product?.rawValue ?? 0)
            bytes.write(byte: fact.workloads.rawValue)
        case .subscription(let fact):
            write(fact)
        case .user(let fact):
            write(.user)
            write(fact.customer)
            write(fact.user)
            bytes.write(name: fact.displayName)
        case .assignment(let fact):
            write(.assignment, flags: fact.days.end == nil ? 0 : FactFlag.hasEnd)
            write(fact.customer)
            write(fact.user)
            write(fact.sku)
            write(fact.days)
        case .assignmentSnapshot(let fact):
            write(.assignmentSnapshot)
            write(fact.customer)
            write(fact.sku)
            write(fact.day)
            bytes.write(count: fact.users.count)
            for user in fact.users { write(user) }
        case .activity(let fact):
            write(.activity)
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
            write(.coverage)
            write(fact.customer)
            bytes.write(byte: fact.source.rawValue)
            write(fact.through)
        }
    }

    private mutating func write(_ fact: SubscriptionFact) {
        var flags: UInt8 = fact.termEnd == nil ? 0 : FactFlag.hasEnd
        if fact.trial { flags |= FactFlag.trial }
        if fact.autoRenew { flags |= FactFlag.autoRenew }
        write(.subscription, flags: flags)
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
    }

    private mutating func write(_ tag: FactTag, flags: UInt8 = 0) {
        bytes.write(byte: tag.rawValue | flags)
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

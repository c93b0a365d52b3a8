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

/// The ids of one kind that a batch has named so far, with their numbers.
struct InternedIDs<Tag: IdentifierTag> {
    private var numbers: [String: Int] = [:]
    private var last = ""

    /// The number to write, and whether the id must follow it.
    mutating func reference(_ id: Identifier<Tag>) -> (number: Int, isNew: Bool) {
        // No id is empty, so that an empty `last` equals none.
        if id.text == last { return (0, false) }
        last = id.text
        if let number = numbers[id.text] { return (number &+ 2, false) }
        numbers[id.text] = numbers.count
        return (1, true)
    }
}

struct FactBatchEncoder {
    private var bytes: [UInt8] = []
    private var customers = InternedIDs<CustomerTag>()
    private var partners = InternedIDs<PartnerTag>()
    private var skus = InternedIDs<SkuTag>()
    private var users = InternedIDs<UserTag>()
    private var subscriptions = InternedIDs<SubscriptionTag>()
    private var lastDay: Int32 = 0

    init(capacity: Int) {
        bytes.reserveCapacity(capacity)
        bytes.append(FactBatchCodec.version)
    }

    mutating func write(_ facts: [Fact]) {
        write(count: facts.count)
        for fact in facts { write(fact) }
    }

    consuming func finish() -> [UInt8] {
        let checksum = CRC32C.checksum(of: bytes)
        for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: checksum >> shift)) }
        return bytes
    }

    private mutating func write(_ fact: Fact) {
        switch fact {
        case .partner(let fact):
            write(.partner)
            write(fact.partner, in: \.partners)
            write(name: fact.name)
        case .customer(let fact):
            write(.customer)
            write(fact.customer, in: \.customers)
            write(name: fact.name)
            write(name: fact.market)
        case .relationship(let fact):
            write(.relationship, flags: fact.days.end == nil ? 0 : FactFlag.hasEnd)
            write(fact.partner, in: \.partners)
            write(fact.customer, in: \.customers)
            write(fact.days)
        case .sku(let fact):
            write(.sku)
            write(fact.sku, in: \.skus)
            write(name: fact.name)
            bytes.append(fact.product?.rawValue ?? 0)
            bytes.append(fact.workloads.rawValue)
        case .subscription(let fact):
            write(fact)
        case .user(let fact):
            write(.user)
            write(fact.customer, in: \.customers)
            write(fact.user, in: \.users)
            write(name: fact.displayName)
        case .assignment(let fact):
            write(.assignment, flags: fact.days.end == nil ? 0 : FactFlag.hasEnd)
            write(fact.customer, in: \.customers)
            write(fact.user, in: \.users)
            write(fact.sku, in: \.skus)
            write(fact.days)
        case .assignmentSnapshot(let fact):
            write(.assignmentSnapshot)
            write(fact.customer, in: \.customers)
            write(fact.sku, in: \.skus)
            write(fact.day)
            write(count: fact.users.count)
            for user in fact.users { write(user, in: \.users) }
        case .activity(let fact):
            write(.activity)
            write(fact.customer, in: \.customers)
            write(fact.user, in: \.users)
            bytes.append(fact.workload.rawValue)
            write(count: fact.days.count)
            for day in fact.days { write(day) }
        case .supportRequest(let fact):
            write(.supportRequest)
            write(fact.customer, in: \.customers)
            write(fact.day)
            bytes.append(fact.category.rawValue)
            write(signed: fact.count)
        case .coverage(let fact):
            write(.coverage)
            write(fact.customer, in: \.customers)
            bytes.append(fact.source.rawValue)
            write(fact.through)
        }
    }

    private mutating func write(_ fact: SubscriptionFact) {
        var flags: UInt8 = fact.termEnd == nil ? 0 : FactFlag.hasEnd
        if fact.trial { flags |= FactFlag.trial }
        if fact.autoRenew { flags |= FactFlag.autoRenew }
        write(.subscription, flags: flags)
        write(fact.subscription, in: \.subscriptions)
        write(fact.customer, in: \.customers)
        write(fact.sku, in: \.skus)
        switch fact.seller {
        case .unknown: bytes.append(SellerTag.unknown)
        case .direct: bytes.append(SellerTag.direct)
        case .partner(let partner):
            bytes.append(SellerTag.partner)
            write(partner, in: \.partners)
        }
        write(fact.effective)
        write(signed: fact.quantity)
        bytes.append(fact.state.rawValue)
        if let termEnd = fact.termEnd { write(termEnd) }
    }

    private mutating func write(_ tag: FactTag, flags: UInt8 = 0) {
        bytes.append(tag.rawValue | flags)
    }

    private mutating func write<Tag>(
        _ id: Identifier<Tag>, in table: WritableKeyPath<FactBatchEncoder, InternedIDs<Tag>>
    ) {
        let (number, isNew) = self[keyPath: table].reference(id)
        write(count: number)
        guard isNew else { return }
        write(count: id.text.utf8.count)
        bytes.append(contentsOf: id.text.utf8)
    }

    private mutating func write(name: String) {
        write(count: name.utf8.count)
        bytes.append(contentsOf: name.utf8)
    }

    private mutating func write(_ days: DayInterval) {
        write(days.start)
        if let end = days.end { write(end) }
    }

    private mutating func write(_ day: Day) {
        write(signed: Int64(day.number) - Int64(lastDay))
        lastDay = day.number
    }

    private mutating func write(count: Int) {
        write(varint: UInt64(truncatingIfNeeded: count))
    }

    private mutating func write(signed value: Int64) {
        write(varint: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    private mutating func write(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}

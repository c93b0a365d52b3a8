import Tenancy

/// Reads facts from bytes whose checksum holds. Trusts nothing else.
struct FactBatchDecoder {
    private var bytes: FactByteReader
    private var customers = ReadIDs<CustomerTag>()
    private var partners = ReadIDs<PartnerTag>()
    private var skus = ReadIDs<SkuTag>()
    private var users = ReadIDs<UserTag>()
    private var subscriptions = ReadIDs<SubscriptionTag>()
    private var lastDay: Int64 = 0

    /// The shortest fact: a tag and two fields.
    private static let minimumFactLength = 3
    /// Room that is reserved on the word of a count alone, in facts.
    private static let reservedFacts = 16_384

    init(bytes: [UInt8], start: Int, end: Int) {
        self.bytes = FactByteReader(bytes: bytes, start: start, end: end)
    }

    mutating func readFacts() throws(FactBatchCodecError) -> [Fact] {
        let count = try bytes.readCount(elementLength: Self.minimumFactLength)
        var facts: [Fact] = []
        facts.reserveCapacity(min(count, Self.reservedFacts))
        for _ in 0..<count { facts.append(try readFact()) }
        guard bytes.isAtEnd else { throw bytes.malformed("bytes follow the last fact") }
        return facts
    }

    private mutating func readFact() throws(FactBatchCodecError) -> Fact {
        let first = try bytes.readByte()
        guard let tag = FactTag(rawValue: first & FactTag.mask) else { throw bytes.malformed("unknown kind of fact") }
        let flags = first & ~FactTag.mask
        guard flags & ~allowedFlags(of: tag) == 0 else { throw bytes.malformed("unknown flag") }
        let hasEnd = flags & FactFlag.hasEnd != 0
        switch tag {
        case .partner:
            return .partner(PartnerFact(partner: try partners.read(from: &bytes), name: try bytes.readName()))
        case .customer:
            return .customer(
                CustomerFact(
                    customer: try customers.read(from: &bytes), name: try bytes.readName(), market: try bytes.readName()
                ))
        case .relationship:
            return .relationship(
                RelationshipFact(
                    partner: try partners.read(from: &bytes), customer: try customers.read(from: &bytes),
                    days: try readInterval(hasEnd)))
        case .sku:
            return .sku(try readSku())
        case .subscription:
            return .subscription(try readSubscription(flags: flags))
        case .user:
            return .user(
                UserFact(
                    customer: try customers.read(from: &bytes), user: try users.read(from: &bytes),
                    displayName: try bytes.readName()))
        case .assignment:
            return .assignment(
                AssignmentFact(
                    customer: try customers.read(from: &bytes), user: try users.read(from: &bytes),
                    sku: try skus.read(from: &bytes),
                    days: try readInterval(hasEnd)))
        case .assignmentSnapshot:
            return .assignmentSnapshot(try readSnapshot())
        case .activity:
            return .activity(try readActivity())
        case .supportRequest:
            return .supportRequest(
                SupportRequestFact(
                    customer: try customers.read(from: &bytes), day: try readDay(),
                    category: try readEnum(SupportCategory.init(rawValue:), "support category"),
                    count: try bytes.readSigned()))
        case .coverage:
            return .coverage(
                CoverageFact(
                    customer: try customers.read(from: &bytes), source: try readEnum(Source.init(rawValue:), "source"),
                    through: try readDay()))
        }
    }

    private func allowedFlags(of tag: FactTag) -> UInt8 {
        switch tag {
        case .subscription: FactFlag.all
        case .relationship, .assignment: FactFlag.hasEnd
        default: 0
        }
    }

    private mutating func readSku() throws(FactBatchCodecError) -> SkuFact {
        let sku = try skus.read(from: &bytes)
        let name = try bytes.readName()
        let productByte = try bytes.readByte()
        let product = Product(rawValue: productByte)
        guard productByte == 0 || product != nil else { throw bytes.malformed("unknown product") }
        return SkuFact(
            sku: sku, name: name, product: product, workloads: WorkloadSet(rawValue: try bytes.readByte()))
    }

    private mutating func readSubscription(flags: UInt8) throws(FactBatchCodecError) -> SubscriptionFact {
        let subscription = try subscriptions.read(from: &bytes)
        let customer = try customers.read(from: &bytes)
        let sku = try skus.read(from: &bytes)
        let seller: Seller
        switch try bytes.readByte() {
        case SellerTag.unknown: seller = .unknown
        case SellerTag.direct: seller = .direct
        case SellerTag.partner: seller = .partner(try partners.read(from: &bytes))
        default: throw bytes.malformed("unknown kind of seller")
        }
        return SubscriptionFact(
            subscription: subscription, customer: customer, sku: sku, seller: seller, effective: try readDay(),
            quantity: try bytes.readSigned(),
            state: try readEnum(SubscriptionState.init(rawValue:), "subscription state"),
            trial: flags & FactFlag.trial != 0, termEnd: flags & FactFlag.hasEnd != 0 ? try readDay() : nil,
            autoRenew: flags & FactFlag.autoRenew != 0)
    }

    private mutating func readSnapshot() throws(FactBatchCodecError) -> AssignmentSnapshotFact {
        let customer = try customers.read(from: &bytes)
        let sku = try skus.read(from: &bytes)
        let day = try readDay()
        let count = try bytes.readCount(elementLength: 1)
        var named: [UserID] = []
        named.reserveCapacity(count)
        for _ in 0..<count { named.append(try users.read(from: &bytes)) }
        return AssignmentSnapshotFact(customer: customer, sku: sku, day: day, users: named)
    }

    private mutating func readActivity() throws(FactBatchCodecError) -> ActivityFact {
        let customer = try customers.read(from: &bytes)
        let user = try users.read(from: &bytes)
        let workload = try readEnum(Workload.init(rawValue:), "workload")
        let count = try bytes.readCount(elementLength: 1)
        var days: [Day] = []
        days.reserveCapacity(count)
        for _ in 0..<count { days.append(try readDay()) }
        return ActivityFact(customer: customer, user: user, workload: workload, days: days)
    }

    private mutating func readInterval(_ hasEnd: Bool) throws(FactBatchCodecError) -> DayInterval {
        let start = try readDay()
        return DayInterval(start: start, end: hasEnd ? try readDay() : nil)
    }

    private mutating func readDay() throws(FactBatchCodecError) -> Day {
        let (number, overflow) = lastDay.addingReportingOverflow(try bytes.readSigned())
        guard !overflow, number >= Int64(Day.first.number), number <= Int64(Day.last.number) else {
            throw bytes.malformed("day is out of range")
        }
        lastDay = number
        return Day(number: Int32(truncatingIfNeeded: number))
    }

    private mutating func readEnum<Value>(
        _ make: (UInt8) -> Value?, _ name: String
    ) throws(FactBatchCodecError) -> Value {
        guard let value = make(try bytes.readByte()) else { throw bytes.malformed("unknown \(name)") }
        return value
    }
}

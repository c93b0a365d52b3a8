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
    private let version: UInt8

    /// The shortest fact: a tag and two fields.
    private static let minimumFactLength = 3
    /// Room that is reserved on the word of a count alone, in facts.
    private static let reservedFacts = 16_384

    init(bytes: [UInt8], start: Int, end: Int, version: UInt8) {
        self.bytes = FactByteReader(bytes: bytes, start: start, end: end)
        self.version = version
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
            return .sku(try readSku(flags: flags))
        case .subscription:
            return .subscription(try readSubscription(flags: flags))
        case .subscriptionSnapshot:
            return .subscriptionSnapshot(try readSubscriptionSnapshot(flags: flags))
        case .user:
            return .user(try readUser(flags: flags))
        case .assignment:
            return .assignment(
                AssignmentFact(
                    customer: try customers.read(from: &bytes), user: try users.read(from: &bytes),
                    sku: try skus.read(from: &bytes),
                    days: try readInterval(hasEnd)))
        case .assignmentSnapshot:
            return .assignmentSnapshot(try readSnapshot(flags: flags))
        case .activity:
            return .activity(try readActivity(flags: flags))
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
                    through: try readDay(),
                    workloads: WorkloadSet(rawValue: flags & FactFlag.hasWorkloads == 0 ? 0 : try bytes.readByte())))
        }
    }

    private func allowedFlags(of tag: FactTag) -> UInt8 {
        let isFirst = version == FactBatchCodec.version
        return switch tag {
        case .relationship, .assignment: FactFlag.hasEnd
        case .subscription: isFirst ? FactFlag.firstSubscription : FactFlag.firstSubscription | FactFlag.hasTerm
        case .user: isFirst ? 0 : FactFlag.hasPrincipalName | FactFlag.hasAliases
        case .sku: isFirst ? 0 : FactFlag.free
        case .subscriptionSnapshot: isFirst ? 0 : FactFlag.hasSeller
        case .assignmentSnapshot: isFirst ? 0 : FactFlag.isPart
        case .activity: isFirst ? 0 : FactFlag.concealed
        case .coverage: isFirst ? 0 : FactFlag.hasWorkloads
        case .partner, .customer, .supportRequest: 0
        }
    }

    private mutating func readSku(flags: UInt8) throws(FactBatchCodecError) -> SkuFact {
        let sku = try skus.read(from: &bytes)
        let name = try bytes.readName()
        let productByte = try bytes.readByte()
        let product = Product(rawValue: productByte)
        guard productByte == 0 || product != nil else { throw bytes.malformed("unknown product") }
        return SkuFact(
            sku: sku, name: name, product: product, workloads: WorkloadSet(rawValue: try bytes.readByte()),
            isFree: flags & FactFlag.free != 0)
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
            autoRenew: flags & FactFlag.autoRenew != 0, term: flags & FactFlag.hasTerm != 0 ? try readTerm() : nil)
    }

    private mutating func readTerm() throws(FactBatchCodecError) -> Term {
        guard let term = Term(try bytes.readName()) else { throw bytes.malformed("no term") }
        return term
    }

    private mutating func readSubscriptionSnapshot(
        flags: UInt8
    ) throws(FactBatchCodecError) -> SubscriptionSnapshotFact {
        let customer = try customers.read(from: &bytes)
        let day = try readDay()
        let count = try bytes.readCount(elementLength: 1)
        var named: [SubscriptionID] = []
        named.reserveCapacity(count)
        for _ in 0..<count { named.append(try subscriptions.read(from: &bytes)) }
        return SubscriptionSnapshotFact(
            customer: customer, day: day, subscriptions: named,
            seller: flags & FactFlag.hasSeller != 0 ? try partners.read(from: &bytes) : nil)
    }

    private mutating func readUser(flags: UInt8) throws(FactBatchCodecError) -> UserFact {
        var fact = UserFact(
            customer: try customers.read(from: &bytes), user: try users.read(from: &bytes),
            displayName: try bytes.readName(),
            principalName: flags & FactFlag.hasPrincipalName != 0 ? try users.read(from: &bytes) : nil)
        guard flags & FactFlag.hasAliases != 0 else { return fact }
        for _ in 0..<(try bytes.readCount(elementLength: 1)) { fact.aliases.append(try users.read(from: &bytes)) }
        return fact
    }

    private mutating func readSnapshot(flags: UInt8) throws(FactBatchCodecError) -> AssignmentSnapshotFact {
        let customer = try customers.read(from: &bytes)
        let sku = try skus.read(from: &bytes)
        let day = try readDay()
        let count = try bytes.readCount(elementLength: 1)
        var named: [UserID] = []
        named.reserveCapacity(count)
        for _ in 0..<count { named.append(try users.read(from: &bytes)) }
        var fact = AssignmentSnapshotFact(customer: customer, sku: sku, day: day, users: named)
        guard flags & FactFlag.isPart != 0 else { return fact }
        guard let number = Int32(exactly: try bytes.readSigned()), let count = Int32(exactly: try bytes.readSigned())
        else { throw bytes.malformed("no part") }
        fact.part = SnapshotPart(number: number, of: count)
        return fact
    }

    private mutating func readActivity(flags: UInt8) throws(FactBatchCodecError) -> ActivityFact {
        let customer = try customers.read(from: &bytes)
        let user = try users.read(from: &bytes)
        let workload = try readEnum(Workload.init(rawValue:), "workload")
        let count = try bytes.readCount(elementLength: 1)
        var days: [Day] = []
        days.reserveCapacity(count)
        for _ in 0..<count { days.append(try readDay()) }
        return ActivityFact(
            customer: customer, user: user, workload: workload, days: days,
            isConcealed: flags & FactFlag.concealed != 0)
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

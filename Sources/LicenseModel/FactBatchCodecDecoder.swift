import Tenancy

/// The ids of one kind that were read so far.
struct ReadIDs<Tag: IdentifierTag> {
    var all: [Identifier<Tag>] = []
    var last: Identifier<Tag>?
}

/// Reads facts from bytes whose checksum holds. Trusts nothing else: every length is compared with the bytes that are
/// left before anything is kept.
struct FactBatchDecoder {
    private let bytes: [UInt8]
    private let end: Int
    private var offset: Int
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
        self.bytes = bytes
        self.offset = start
        self.end = end
    }

    mutating func readFacts() throws(FactBatchCodecError) -> [Fact] {
        let count = try readCount(elementLength: Self.minimumFactLength)
        var facts: [Fact] = []
        facts.reserveCapacity(min(count, Self.reservedFacts))
        for _ in 0..<count { facts.append(try readFact()) }
        guard offset == end else { throw malformed("bytes follow the last fact") }
        return facts
    }

    private mutating func readFact() throws(FactBatchCodecError) -> Fact {
        let first = try readByte()
        guard let tag = FactTag(rawValue: first & FactTag.mask) else { throw malformed("unknown kind of fact") }
        let flags = first & ~FactTag.mask
        guard flags & ~allowedFlags(of: tag) == 0 else { throw malformed("unknown flag") }
        let hasEnd = flags & FactFlag.hasEnd != 0
        switch tag {
        case .partner:
            return .partner(PartnerFact(partner: try read(\.partners), name: try readName()))
        case .customer:
            return .customer(
                CustomerFact(customer: try read(\.customers), name: try readName(), market: try readName()))
        case .relationship:
            return .relationship(
                RelationshipFact(
                    partner: try read(\.partners), customer: try read(\.customers), days: try readInterval(hasEnd)))
        case .sku:
            return .sku(try readSku())
        case .subscription:
            return .subscription(try readSubscription(flags: flags))
        case .user:
            return .user(
                UserFact(customer: try read(\.customers), user: try read(\.users), displayName: try readName()))
        case .assignment:
            return .assignment(
                AssignmentFact(
                    customer: try read(\.customers), user: try read(\.users), sku: try read(\.skus),
                    days: try readInterval(hasEnd)))
        case .assignmentSnapshot:
            return .assignmentSnapshot(try readSnapshot())
        case .activity:
            return .activity(try readActivity())
        case .supportRequest:
            return .supportRequest(
                SupportRequestFact(
                    customer: try read(\.customers), day: try readDay(),
                    category: try readEnum(SupportCategory.init(rawValue:), "support category"),
                    count: try readSigned()))
        case .coverage:
            return .coverage(
                CoverageFact(
                    customer: try read(\.customers), source: try readEnum(Source.init(rawValue:), "source"),
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
        let sku = try read(\.skus)
        let name = try readName()
        let productByte = try readByte()
        let product = Product(rawValue: productByte)
        guard productByte == 0 || product != nil else { throw malformed("unknown product") }
        return SkuFact(
            sku: sku, name: name, product: product, workloads: WorkloadSet(rawValue: try readByte()))
    }

    private mutating func readSubscription(flags: UInt8) throws(FactBatchCodecError) -> SubscriptionFact {
        let subscription = try read(\.subscriptions)
        let customer = try read(\.customers)
        let sku = try read(\.skus)
        let seller: Seller
        switch try readByte() {
        case SellerTag.unknown: seller = .unknown
        case SellerTag.direct: seller = .direct
        case SellerTag.partner: seller = .partner(try read(\.partners))
        default: throw malformed("unknown kind of seller")
        }
        return SubscriptionFact(
            subscription: subscription, customer: customer, sku: sku, seller: seller, effective: try readDay(),
            quantity: try readSigned(), state: try readEnum(SubscriptionState.init(rawValue:), "subscription state"),
            trial: flags & FactFlag.trial != 0, termEnd: flags & FactFlag.hasEnd != 0 ? try readDay() : nil,
            autoRenew: flags & FactFlag.autoRenew != 0)
    }

    private mutating func readSnapshot() throws(FactBatchCodecError) -> AssignmentSnapshotFact {
        let customer = try read(\.customers)
        let sku = try read(\.skus)
        let day = try readDay()
        let count = try readCount(elementLength: 1)
        var named: [UserID] = []
        named.reserveCapacity(count)
        for _ in 0..<count { named.append(try read(\.users)) }
        return AssignmentSnapshotFact(customer: customer, sku: sku, day: day, users: named)
    }

    private mutating func readActivity() throws(FactBatchCodecError) -> ActivityFact {
        let customer = try read(\.customers)
        let user = try read(\.users)
        let workload = try readEnum(Workload.init(rawValue:), "workload")
        let count = try readCount(elementLength: 1)
        var days: [Day] = []
        days.reserveCapacity(count)
        for _ in 0..<count { days.append(try readDay()) }
        return ActivityFact(customer: customer, user: user, workload: workload, days: days)
    }

    private mutating func read<Tag>(
        _ table: WritableKeyPath<FactBatchDecoder, ReadIDs<Tag>>
    ) throws(FactBatchCodecError) -> Identifier<Tag> {
        let number = try readVarint()
        switch number {
        case 0:
            guard let last = self[keyPath: table].last else { throw malformed("no id was named before") }
            return last
        case 1:
            let length = try readCount(elementLength: 1)
            guard length <= Identifier<Tag>.maximumLength else { throw malformed("id is too long") }
            let text = String(decoding: bytes[offset..<(offset + length)], as: UTF8.self)
            let id: Identifier<Tag>
            do { id = try Identifier<Tag>(text) } catch { throw malformed("id \(error.reason)") }
            offset += length
            self[keyPath: table].all.append(id)
            self[keyPath: table].last = id
            return id
        default:
            guard number - 2 < UInt64(self[keyPath: table].all.count) else { throw malformed("unknown id number") }
            let id = self[keyPath: table].all[Int(truncatingIfNeeded: number - 2)]
            self[keyPath: table].last = id
            return id
        }
    }

    private mutating func readName() throws(FactBatchCodecError) -> String {
        let length = try readCount(elementLength: 1)
        guard let name = String(validating: bytes[offset..<(offset + length)], as: UTF8.self) else {
            throw malformed("name is not UTF-8")
        }
        offset += length
        return name
    }

    private mutating func readInterval(_ hasEnd: Bool) throws(FactBatchCodecError) -> DayInterval {
        let start = try readDay()
        return DayInterval(start: start, end: hasEnd ? try readDay() : nil)
    }

    private mutating func readDay() throws(FactBatchCodecError) -> Day {
        let (number, overflow) = lastDay.addingReportingOverflow(try readSigned())
        guard !overflow, number >= Int64(Day.first.number), number <= Int64(Day.last.number) else {
            throw malformed("day is out of range")
        }
        lastDay = number
        return Day(number: Int32(truncatingIfNeeded: number))
    }

    private mutating func readEnum<Value>(
        _ make: (UInt8) -> Value?, _ name: String
    ) throws(FactBatchCodecError) -> Value {
        guard let value = make(try readByte()) else { throw malformed("unknown \(name)") }
        return value
    }

    /// A count of elements, each of which takes at least `elementLength` of the bytes that are left.
    private mutating func readCount(elementLength: Int) throws(FactBatchCodecError) -> Int {
        let value = try readVarint()
        guard value <= UInt64((end - offset) / elementLength) else { throw malformed("count is beyond the end") }
        return Int(truncatingIfNeeded: value)
    }

    private mutating func readSigned() throws(FactBatchCodecError) -> Int64 {
        let value = try readVarint()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    private mutating func readVarint() throws(FactBatchCodecError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try readByte()
            // The tenth byte holds the one bit that is left of 64.
            guard shift < 63 || byte <= 1 else { throw malformed("number is too large") }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    private mutating func readByte() throws(FactBatchCodecError) -> UInt8 {
        guard offset < end else { throw malformed("bytes are missing") }
        defer { offset += 1 }
        return bytes[offset]
    }

    private func malformed(_ reason: String) -> FactBatchCodecError {
        .malformed(offset: offset, reason: reason)
    }
}

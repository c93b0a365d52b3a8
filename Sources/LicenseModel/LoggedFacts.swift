import Tenancy

/// The facts of a batch as the log has them: all, or all but those about customers that were withdrawn when a person
/// was erased. Those are in the rows of the customer's bucket, which the erasure folded.
///
/// ```
/// as the batch came     FactBatchCodec
/// something withdrawn   0, which is no version of it; count and numbers of the buckets as varints; then
///                       FactBatchCodec; CRC-32C of everything before
/// ```
public struct LoggedFacts: Sendable, Hashable {
    /// Each at its place in the batch: of a withdrawn one only the customer is left.
    public let facts: [Fact]
    /// Buckets of which facts are missing: in order.
    public let withdrawn: [Int]

    private static let mark: UInt8 = 0

    /// Any bytes give facts or an error.
    public init(_ bytes: [UInt8]) throws(FactBatchCodecError) {
        guard bytes.first == Self.mark else {
            self.facts = try FactBatchCodec.decode(bytes)
            withdrawn = []
            return
        }
        let end = try CRC32C.checkedEnd(of: bytes)
        guard end > 0 else { throw .truncated }
        var reader = FactByteReader(bytes: bytes, start: 1, end: end)
        var buckets: [Int] = []
        for _ in 0..<(try reader.readCount(elementLength: 1)) {
            let bucket = try reader.readVarint()
            guard bucket < UInt64(StateBuckets.count), buckets.last.map({ $0 < bucket }) ?? true else {
                throw reader.malformed("there is no such bucket")
            }
            buckets.append(Int(bucket))
        }
        facts = try FactBatchCodec.decode(reader.rest())
        withdrawn = buckets
    }

    private init(facts: [Fact], withdrawn: [Int]) {
        self.facts = facts
        self.withdrawn = withdrawn
    }

    /// Without the facts about the customer; nil when there are none.
    public func withdrawing(_ customer: CustomerID) -> LoggedFacts? {
        let gone = Fact.customer(CustomerFact(customer: customer, name: "", market: ""))
        let left = facts.map { $0.customer == customer ? gone : $0 }
        guard left != facts else { return nil }
        let buckets = Set(withdrawn).union([StateBuckets.bucket(of: customer)])
        return LoggedFacts(facts: left, withdrawn: buckets.sorted())
    }

    public var bytes: [UInt8] {
        let facts = FactBatchCodec.encode(facts)
        if withdrawn.isEmpty { return facts }
        var writer = FactByteWriter(capacity: facts.count + 4 * withdrawn.count + 16)
        writer.write(byte: Self.mark)
        writer.write(count: withdrawn.count)
        for bucket in withdrawn { writer.write(count: bucket) }
        writer.write(bytes: facts)
        return writer.finish()
    }
}

extension Fact {
    /// Whom the fact is about; nil for partners and SKUs.
    @inlinable public var customer: CustomerID? {
        switch self {
        case .partner, .sku: nil
        case .customer(let fact): fact.customer
        case .relationship(let fact): fact.customer
        case .subscription(let fact): fact.customer
        case .subscriptionSnapshot(let fact): fact.customer
        case .user(let fact): fact.customer
        case .assignment(let fact): fact.customer
        case .assignmentSnapshot(let fact): fact.customer
        case .activity(let fact): fact.customer
        case .supportRequest(let fact): fact.customer
        case .coverage(let fact): fact.customer
        }
    }
}

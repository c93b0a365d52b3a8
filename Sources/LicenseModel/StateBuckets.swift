import Tenancy

/// The parts in which stores that several servers share keep the folded state: each is folded by itself, by whichever
/// server comes to it first. What is about no customer is in bucket 0 too.
public enum StateBuckets {
    /// Fixed: rows on disk were put in by it.
    public static let count = 256

    public static func bucket(of customer: CustomerID) -> Int {
        Int(CRC32C.checksum(of: Array(customer.text.utf8)) % UInt32(count))
    }
}

/// How far each bucket is folded.
public struct BucketFolds: Sendable, Hashable {
    private var through: [Revision]

    /// One bucket, with everything, where a single server has the store.
    public init(count: Int, through: Revision = .none) {
        self.through = Array(repeating: through, count: max(count, 1))
    }

    public var count: Int { through.count }

    /// The last revision whose facts are all in the rows of the bucket.
    public subscript(bucket: Int) -> Revision {
        get { through.indices.contains(bucket) ? through[bucket] : .none }
        set { if through.indices.contains(bucket) { through[bucket] = newValue } }
    }

    /// The log after it is needed to read everything back.
    public var least: Revision { through.min() ?? .none }

    public var most: Revision { through.max() ?? .none }

    /// Of what is about the customer; nil: about none.
    public func folded(_ customer: CustomerID?) -> Revision {
        guard count > 1, let customer else { return self[0] }
        return self[StateBuckets.bucket(of: customer)]
    }
}

import LicenseModel

/// Tells one history of a store from every other: drawn at random when the history begins.
public struct StoreID: Sendable, Hashable, CustomStringConvertible {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    public static func random() -> StoreID {
        StoreID(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
    }

    /// 32 hex digits.
    public var description: String {
        [high, low].map { number in
            let digits = String(number, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}

/// How far a store's history goes. Of two marks of one history the one with more changes is the later.
public struct StoreMark: Sendable, Hashable {
    public let store: StoreID
    /// Batches, changes of who may call and erasures since the store first counted them: a store of an older version
    /// begins with 0 when it is brought up to date. Folds change nothing that was acknowledged.
    public let changes: Int64
    public let revision: Revision

    public init(store: StoreID, changes: Int64, revision: Revision) {
        self.store = store
        self.changes = changes
        self.revision = revision
    }
}

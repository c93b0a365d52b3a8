import Tenancy

public enum BatchTag: IdentifierTag {}
/// The caller's name for a batch.
public typealias BatchID = Identifier<BatchTag>

/// Bounds on facts, batches and what is asked about them, for whoever sends and whoever receives. Each is checked where
/// the fact is read, before memory is spent on it.
public enum FactLimits {
    /// Licenses of one subscription entry.
    public static let maximumQuantity: Int64 = 100_000_000
    /// Support requests of one customer, day and category.
    public static let maximumSupportRequests: Int64 = 1_000_000
    /// Names and markets, in characters (Unicode scalars).
    public static let maximumNameLength = 256
    /// Days in one activity fact.
    public static let maximumActivityDays = 4_000
    /// Other ids of one person in one fact.
    public static let maximumAliases = 100
    /// Parts of one snapshot of who holds a SKU.
    public static let maximumSnapshotParts: Int32 = 10_000
    /// Days in one trend or export range, both ends included.
    public static let maximumRangeDays = 400
    /// Facts in one batch, by default.
    public static let defaultMaximumBatchFacts = 100_000
    /// Bytes of one message, a batch among them, by default.
    public static let defaultMaximumMessageBytes = 4 << 20
}

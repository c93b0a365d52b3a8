/// Bounds on input files and batches, each checked before memory is spent.
public struct ImportLimits: Sendable, Equatable {
    /// Bytes of a CSV or JSON lines file, which are read piece by piece.
    public var maximumFileBytes = 1 << 30
    /// Bytes of a JSON document, which is held in memory.
    public var maximumDocumentBytes = 256 << 20
    /// Bytes of one CSV record or one JSON line.
    public var maximumLineBytes = 4 << 20
    /// Bytes of one CSV field.
    public var maximumFieldBytes = 64 << 10
    public var maximumColumns = 256
    /// CSV records or JSON objects in one file.
    public var maximumRows = 20_000_000
    /// Nesting of a JSON document.
    public var maximumDepth = 32
    /// Facts of one import.
    public var maximumFacts = 50_000_000
    /// Facts and bytes up to which an import travels as a single batch, which is all or nothing.
    public var singleBatchFacts = 100_000
    public var singleBatchBytes = (4 << 20) - (64 << 10)
    /// Facts and bytes of each batch of a larger import.
    public var batchFacts = 20_000
    public var batchBytes = 3 << 20

    public init() {}
}

/// Bounds of the contract on single facts; the server checks them again.
enum FactBounds {
    static let idLength = 128
    /// In Unicode scalars.
    static let nameLength = 256
    static let quantity: Int64 = 100_000_000
    static let supportRequests: Int64 = 1_000_000
    static let activityDays = 4_000
}

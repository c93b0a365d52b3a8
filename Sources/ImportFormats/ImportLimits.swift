import LicenseModel

/// Bounds on input files and batches, each checked before memory is spent.
public struct ImportLimits: Sendable, Equatable {
    /// Bytes of a file, which is read piece by piece: a million users with all their properties are some 5 GiB.
    public var maximumFileBytes = 16 << 30
    /// Bytes of a small file beside an import, which is held in memory.
    public var maximumDocumentBytes = 64 << 20
    /// Bytes of one CSV record, one JSON line or one element of a JSON list, which is held in memory.
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
    /// Facts and bytes up to which an import travels as a single batch, which is all or nothing: what a server takes
    /// by default, with room for what stands around the facts.
    public var singleBatchFacts = FactLimits.defaultMaximumBatchFacts
    public var singleBatchBytes = FactLimits.defaultMaximumMessageBytes - (64 << 10)
    /// Facts and bytes of each batch of a larger import.
    public var batchFacts = 20_000
    public var batchBytes = 3 << 20

    public init() {}
}

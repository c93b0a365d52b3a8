import LicenseModel

/// A row of folded state: a key and bytes whose meaning is their writer's.
public struct StateRow: Sendable, Hashable {
    public let key: String
    /// Nil in a fold deletes the row.
    public let body: [UInt8]?

    public init(key: String, body: [UInt8]?) {
        self.key = key
        self.body = body
    }
}

/// Figures for operators. Bytes are those of files, or of bodies for an engine without files.
public struct DatastoreStatistics: Sendable, Hashable {
    /// The engine's name, such as `sqlite`.
    public let engine: String
    public let revision: Revision
    /// Of the bucket that is folded least.
    public let foldedThrough: Revision
    public let stateRows: Int
    /// The main file.
    public let storeBytes: Int64
    /// Changes that are durable beside the main file and not yet in it.
    public let pendingBytes: Int64
    /// Whether bytes of an erased person wait for a long reader before they can be overwritten.
    public let erasurePending: Bool

    public init(
        engine: String, revision: Revision, foldedThrough: Revision, stateRows: Int, storeBytes: Int64,
        pendingBytes: Int64, erasurePending: Bool
    ) {
        self.engine = engine
        self.revision = revision
        self.foldedThrough = foldedThrough
        self.stateRows = stateRows
        self.storeBytes = storeBytes
        self.pendingBytes = pendingBytes
        self.erasurePending = erasurePending
    }

    /// Entries that a restart replays after it has read the state rows.
    public var entriesToReplay: Int64 { revision.number - foldedThrough.number }
}

import LicenseModel

/// One row of the folded state: opaque to the store, replaced by the next row of the same key.
public struct CoreState: Sendable, Hashable {
    /// Visible ASCII.
    public var key: String
    public var body: [UInt8]

    public init(key: String, body: [UInt8]) {
        self.key = key
        self.body = body
    }
}

/// A stored row that this version cannot read.
public struct CoreStateError: Error, Sendable, Hashable {
    public let key: String
    public let reason: String
}

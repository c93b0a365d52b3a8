import LicenseModel

/// What made a revision. Raw values are on disk.
public enum LogEntryKind: UInt8, CaseIterable, Sendable, Hashable {
    /// An accepted batch of facts.
    case batch = 1
    /// A person was replaced by an anonymous one, and the bucket of its customer was folded with that.
    case erasure = 2
    /// A partner was created; it is in the access registry. Replaying one only advances the revision.
    case partnerCreated = 3
}

/// The SHA-256 of what a caller sent, to tell a repeated batch from another one of the same id.
public struct ContentDigest: Sendable, Hashable {
    public static let length = 32

    public let bytes: [UInt8]

    /// Nil unless there are exactly 32 bytes.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.length else { return nil }
        self.bytes = bytes
    }
}

/// One accepted change.
public struct LogEntry: Sendable, Hashable {
    public let revision: Revision
    public let kind: LogEntryKind
    /// Of a batch: what a repetition is answered with. Nil for the other kinds.
    public let receipt: BatchReceipt?
    /// Of a batch: its facts by `FactBatchCodec`, but for what an erasure withdrew. Of an erasure: who was replaced, by
    /// `ErasedPlace`, for those that follow; empty where one server has the store. Empty for created partners.
    public let body: [UInt8]

    private init(revision: Revision, kind: LogEntryKind, receipt: BatchReceipt?, body: [UInt8]) {
        self.revision = revision
        self.kind = kind
        self.receipt = receipt
        self.body = body
    }

    /// - Parameters:
    ///   - accepted: facts in the batch
    ///   - body: the facts by `FactBatchCodec`
    public static func batch(
        _ id: BatchID, revision: Revision, accepted: Int, digest: ContentDigest, body: [UInt8]
    ) -> LogEntry {
        let receipt = BatchReceipt(batch: id, revision: revision, accepted: accepted, digest: digest)
        return LogEntry(revision: revision, kind: .batch, receipt: receipt, body: body)
    }

    public static func erasure(revision: Revision, body: [UInt8] = []) -> LogEntry {
        LogEntry(revision: revision, kind: .erasure, receipt: nil, body: body)
    }

    /// The same batch, of which something was withdrawn.
    public func replacingBody(by body: [UInt8]) -> LogEntry {
        LogEntry(revision: revision, kind: kind, receipt: receipt, body: body)
    }

    public static func partnerCreated(revision: Revision) -> LogEntry {
        LogEntry(revision: revision, kind: .partnerCreated, receipt: nil, body: [])
    }
}

/// What a batch was answered with when it was accepted.
public struct BatchReceipt: Sendable, Hashable {
    public let batch: BatchID
    public let revision: Revision
    /// Facts in the batch.
    public let accepted: Int
    public let digest: ContentDigest

    public init(batch: BatchID, revision: Revision, accepted: Int, digest: ContentDigest) {
        self.batch = batch
        self.revision = revision
        self.accepted = accepted
        self.digest = digest
    }
}

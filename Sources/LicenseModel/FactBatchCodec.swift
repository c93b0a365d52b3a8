import Tenancy

/// The log's encoding of a batch's facts: compact, versioned, checksummed, and the same bytes for the same facts.
///
/// ```
/// version   1 byte   1, or 2 where a fact says what version 1 cannot
/// count     varint   facts
/// fact …             a tag byte (kind and flags), then the fields in the order of the declaration
/// checksum  4 bytes  CRC-32C of everything before, little endian
/// ```
///
/// Ids are written once per batch and kind of id: `0` = the one named last, `1` = a new one follows, `n ≥ 2` = the
/// `n − 2`nd new one. A day is the zigzag distance from the day named last. Names are written as they are, because
/// equal strings may differ in their bytes. Flags that only version 2 has are refused in version 1.
public enum FactBatchCodec {
    /// Facts that an older server can read are written as it writes them, so that a batch which is sent again after an
    /// upgrade is known by its bytes.
    static let version: UInt8 = 1
    static let latestVersion: UInt8 = 2
    /// The version byte, the count and the checksum of an empty batch.
    static let minimumLength = 6

    /// The facts of a batch as bytes; the id is kept beside them.
    public static func encode(_ batch: FactBatch) -> [UInt8] {
        encode(batch.facts)
    }

    public static func encode(_ facts: [Fact]) -> [UInt8] {
        var encoder = FactBatchEncoder(capacity: facts.count &* 12 &+ 64)
        encoder.write(facts)
        return encoder.finish()
    }

    /// The facts that `encode` was given. Any bytes give facts or an error, and memory is spent only on what the bytes
    /// can hold.
    public static func decode(_ bytes: [UInt8]) throws(FactBatchCodecError) -> [Fact] {
        guard bytes.count >= minimumLength else { throw .truncated }
        let end = try CRC32C.checkedEnd(of: bytes)
        guard (version...latestVersion).contains(bytes[0]) else { throw .unknownVersion(bytes[0]) }
        var decoder = FactBatchDecoder(bytes: bytes, start: 1, end: end, version: bytes[0])
        return try decoder.readFacts()
    }
}

/// Why bytes are no batch.
public enum FactBatchCodecError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Fewer bytes than the shortest batch.
    case truncated
    case checksumMismatch
    /// Written by a newer version.
    case unknownVersion(UInt8)
    /// The checksum holds and the content does not.
    case malformed(offset: Int, reason: String)

    public var description: String {
        switch self {
        case .truncated: "the batch is cut short"
        case .checksumMismatch: "the checksum of the batch does not match its bytes"
        case .unknownVersion(let version): "the batch has format version \(version), which is not known"
        case .malformed(let offset, let reason): "the batch is malformed at byte \(offset): \(reason)"
        }
    }
}

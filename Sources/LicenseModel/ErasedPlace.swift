import Tenancy

/// Who was erased, for those that follow the log: by a place that is the same in every core, because it follows from
/// the order of the log and stored rows keep it. Does not name the person.
///
/// ```
/// version      1 byte   1
/// kind         1 byte   1 person, 2 part of a snapshot
/// place        varints  the number of the person within the customer; or slot of the part and number within it
/// check        varint
/// customer, replacement
/// checksum     4 bytes  CRC-32C of everything before, little endian
/// ```
public struct ErasedPlace: Sendable, Hashable {
    public enum Place: Sendable, Hashable {
        case person(Int32)
        /// Named by a snapshot alone whose parts have not all come.
        case part(slot: Int32, index: Int32)
    }

    public let customer: CustomerID
    public let place: Place
    /// Of the id that is there: finds a core that is not what it should be.
    public let check: UInt16
    public let replacement: UserID

    private static let version: UInt8 = 1
    /// Version, kind and checksum.
    private static let minimumLength = 6

    public init(_ place: Place, of customer: CustomerID, id: UserID, replacement: UserID) {
        self.customer = customer
        self.place = place
        check = Self.check(of: id)
        self.replacement = replacement
    }

    /// Too short to tell whose it is.
    public static func check(of id: UserID) -> UInt16 {
        UInt16(truncatingIfNeeded: CRC32C.checksum(of: Array(id.text.utf8)))
    }

    /// Any bytes give a place or an error.
    public init(_ bytes: [UInt8]) throws(FactBatchCodecError) {
        guard bytes.count >= Self.minimumLength else { throw .truncated }
        let end = try CRC32C.checkedEnd(of: bytes)
        var reader = FactByteReader(bytes: bytes, start: 0, end: end)
        let version = try reader.readByte()
        guard version == Self.version else { throw .unknownVersion(version) }
        switch try reader.readByte() {
        case 1: place = .person(try reader.readNumber())
        case 2: place = .part(slot: try reader.readNumber(), index: try reader.readNumber())
        default: throw reader.malformed("the kind is unknown")
        }
        guard let check = UInt16(exactly: try reader.readVarint()) else { throw reader.malformed("the check") }
        self.check = check
        customer = try reader.readID()
        replacement = try reader.readID()
        guard reader.isAtEnd else { throw reader.malformed("more bytes than expected") }
    }

    public var bytes: [UInt8] {
        var writer = FactByteWriter(capacity: 64)
        writer.write(byte: Self.version)
        switch place {
        case .person(let person):
            writer.write(byte: 1)
            writer.write(count: Int(person))
        case .part(let slot, let index):
            writer.write(byte: 2)
            writer.write(count: Int(slot))
            writer.write(count: Int(index))
        }
        writer.write(count: Int(check))
        writer.write(name: customer.text)
        writer.write(name: replacement.text)
        return writer.finish()
    }
}

extension FactByteReader {
    fileprivate mutating func readNumber() throws(FactBatchCodecError) -> Int32 {
        guard let number = Int32(exactly: try readVarint()) else { throw malformed("number is too large") }
        return number
    }

    fileprivate mutating func readID<Tag>() throws(FactBatchCodecError) -> Identifier<Tag> {
        let text = try readName()
        do { return try Identifier<Tag>(stored: text) } catch { throw malformed("id \(error.reason)") }
    }
}

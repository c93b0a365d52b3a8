import Tenancy

/// The bytes of a batch as they are written.
struct FactByteWriter {
    private var bytes: [UInt8] = []

    init(capacity: Int) {
        bytes.reserveCapacity(capacity)
    }

    /// All bytes with their checksum.
    consuming func finish() -> [UInt8] {
        let checksum = CRC32C.checksum(of: bytes)
        for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: checksum >> shift)) }
        return bytes
    }

    mutating func write(byte: UInt8) {
        bytes.append(byte)
    }

    mutating func write(bytes more: [UInt8]) {
        bytes.append(contentsOf: more)
    }

    /// Replaces a byte that was written.
    mutating func rewrite(byte: UInt8, at place: Int) {
        bytes[place] = byte
    }

    mutating func write(name: String) {
        let text = name.utf8
        write(count: text.count)
        bytes.append(contentsOf: text)
    }

    mutating func write(count: Int) {
        write(varint: UInt64(truncatingIfNeeded: count))
    }

    mutating func write(signed value: Int64) {
        write(varint: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    private mutating func write(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}

extension CRC32C {
    /// Where the bytes before their checksum end. Throws unless the checksum is that of these.
    static func checkedEnd(of bytes: [UInt8]) throws(FactBatchCodecError) -> Int {
        let end = bytes.count - 4
        guard end >= 0 else { throw .truncated }
        var stored: UInt32 = 0
        for index in 0..<4 { stored |= UInt32(bytes[end + index]) << UInt32(8 * index) }
        guard checksum(of: bytes, count: end) == stored else { throw .checksumMismatch }
        return end
    }
}

/// The ids of one kind that a batch has named so far, with their numbers.
struct WrittenIDs<Tag: IdentifierTag> {
    private var numbers: [String: Int] = [:]
    private var last = ""

    mutating func write(_ id: Identifier<Tag>, to bytes: inout FactByteWriter) {
        // No id is empty, so that an empty `last` equals none.
        if id.text == last { return bytes.write(count: 0) }
        last = id.text
        if let number = numbers[id.text] { return bytes.write(count: number &+ 2) }
        numbers[id.text] = numbers.count
        bytes.write(count: 1)
        bytes.write(name: id.text)
    }
}

/// The bytes of a batch as they are read. Every length is compared with the bytes that are left before anything is
/// kept.
struct FactByteReader {
    private let bytes: [UInt8]
    private let end: Int
    private var offset: Int

    /// `start...end` must be within the bytes.
    init(bytes: [UInt8], start: Int, end: Int) {
        self.bytes = bytes
        self.offset = start
        self.end = end
    }

    var isAtEnd: Bool { offset == end }

    /// What was not read.
    func rest() -> [UInt8] { Array(bytes[offset..<end]) }

    func malformed(_ reason: String) -> FactBatchCodecError {
        .malformed(offset: offset, reason: reason)
    }

    mutating func readByte() throws(FactBatchCodecError) -> UInt8 {
        guard offset < end else { throw malformed("bytes are missing") }
        defer { offset &+= 1 }
        return bytes[offset]
    }

    mutating func readVarint() throws(FactBatchCodecError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try readByte()
            // The tenth byte holds the one bit that is left of 64.
            guard shift < 63 || byte <= 1 else { throw malformed("number is too large") }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    mutating func readSigned() throws(FactBatchCodecError) -> Int64 {
        let value = try readVarint()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    /// A count of elements, each of which takes at least `elementLength` of the bytes that are left.
    mutating func readCount(elementLength: Int) throws(FactBatchCodecError) -> Int {
        let value = try readVarint()
        guard value <= UInt64((end - offset) / elementLength) else { throw malformed("count is beyond the end") }
        return Int(truncatingIfNeeded: value)
    }

    mutating func readName() throws(FactBatchCodecError) -> String {
        let length = try readCount(elementLength: 1)
        guard let name = String(validating: bytes[offset..<(offset + length)], as: UTF8.self) else {
            throw malformed("name is not UTF-8")
        }
        offset += length
        return name
    }
}

/// The ids of one kind that were read so far.
struct ReadIDs<Tag: IdentifierTag> {
    private var all: [Identifier<Tag>] = []
    private var last: Identifier<Tag>?

    mutating func read(from bytes: inout FactByteReader) throws(FactBatchCodecError) -> Identifier<Tag> {
        let number = try bytes.readVarint()
        let id: Identifier<Tag>
        switch number {
        case 0:
            guard let last else { throw bytes.malformed("no id was named before") }
            return last
        case 1:
            let text = try bytes.readName()
            do { id = try Identifier<Tag>(stored: text) } catch { throw bytes.malformed("id \(error.reason)") }
            all.append(id)
        default:
            guard number - 2 < UInt64(all.count) else { throw bytes.malformed("unknown id number") }
            id = all[Int(truncatingIfNeeded: number - 2)]
        }
        last = id
        return id
    }
}

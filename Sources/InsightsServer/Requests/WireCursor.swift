/// The bytes are no message of the expected type.
struct WireError: Error, Sendable, Hashable {}

/// A position in a serialized message. Total on any bytes: what swift-protobuf refuses is refused here, with the same
/// limits, and nothing is allocated.
struct WireCursor {
    private(set) var offset: Int
    private(set) var end: Int

    /// Message and groups nested in each other, as swift-protobuf counts them.
    private static let maximumDepth = 100

    struct Tag: Equatable {
        let field: Int
        /// 0 varint, 1 eight bytes, 2 length-delimited, 3 start of a group, 4 its end, 5 four bytes.
        let wireType: UInt8
    }

    init(_ bytes: borrowing Span<UInt8>) {
        offset = 0
        end = bytes.count
    }

    /// Reads only `range`, which must lie within the bytes.
    init(range: Range<Int>) {
        offset = range.lowerBound
        end = range.upperBound
    }

    var isAtEnd: Bool { offset >= end }

    /// At most ten bytes; bits above 64 are dropped.
    mutating func varint(_ bytes: borrowing Span<UInt8>) throws(WireError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while offset < end, shift <= 63 {
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7F) &<< shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw WireError()
    }

    /// The tag of a field of the message itself: at most five bytes. The end of a group is refused.
    mutating func fieldTag(_ bytes: borrowing Span<UInt8>) throws(WireError) -> Tag {
        let start = offset
        let raw = try varint(bytes)
        guard offset - start <= 5, let tag = Self.tag(raw), tag.wireType != 4 else { throw WireError() }
        return tag
    }

    private static func tag(_ raw: UInt64) -> Tag? {
        let (field, wireType) = (raw >> 3, UInt8(truncatingIfNeeded: raw & 7))
        guard raw < UInt64(UInt32.max), field > 0, wireType <= 5 else { return nil }
        return Tag(field: Int(field), wireType: wireType)
    }

    /// The body of a length-delimited field.
    mutating func body(_ bytes: borrowing Span<UInt8>) throws(WireError) -> Range<Int> {
        let length = try varint(bytes)
        guard length <= UInt64(end - offset) else { throw WireError() }
        let start = offset
        offset += Int(length)
        return start..<offset
    }

    /// The body of a string, which must be UTF-8.
    mutating func text(_ bytes: borrowing Span<UInt8>) throws(WireError) -> Range<Int> {
        let range = try body(bytes)
        do {
            _ = try UTF8Span(validating: bytes.extracting(range))
        } catch {
            throw WireError()
        }
        return range
    }

    /// An enum value: the low 32 bits of a varint.
    mutating func enumeration(_ bytes: borrowing Span<UInt8>) throws(WireError) -> Int32 {
        Int32(truncatingIfNeeded: try varint(bytes))
    }

    /// Skips a field of a message whose tag was read.
    mutating func skip(_ tag: Tag, _ bytes: borrowing Span<UInt8>) throws(WireError) {
        try skip(tag, bytes, depth: 1)
    }

    private mutating func skip(_ tag: Tag, _ bytes: borrowing Span<UInt8>, depth: Int) throws(WireError) {
        switch tag.wireType {
        case 0: _ = try varint(bytes)
        case 1: try advance(by: 8)
        case 2: _ = try body(bytes)
        case 3:
            guard depth < Self.maximumDepth else { throw WireError() }
            while true {
                guard let inner = Self.tag(try varint(bytes)) else { throw WireError() }
                if inner.wireType == 4 {
                    guard inner.field == tag.field else { throw WireError() }
                    return
                }
                try skip(inner, bytes, depth: depth + 1)
            }
        case 5: try advance(by: 4)
        default: throw WireError()
        }
    }

    private mutating func advance(by count: Int) throws(WireError) {
        guard count <= end - offset else { throw WireError() }
        offset += count
    }
}

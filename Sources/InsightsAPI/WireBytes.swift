/// The primitives of the wire format, written to memory that the caller has reserved; every store is checked against
/// the bounds of the memory, so that positions, which follow the stores, need no check of their own.
public enum WireBytes {
    /// Bytes of the longest varint.
    public static let maximumVarint = 10

    /// Bytes behind the position that a primitive may overwrite beyond what it counts: values are stored as whole
    /// machine words.
    public static let slack = 8

    @inlinable
    public static func varintWidth(_ value: UInt64) -> Int {
        // One byte for every seven significant bits.
        (70 - (value | 1).leadingZeroBitCount) / 7
    }

    @inlinable
    @inline(__always)
    public static func varint(_ value: UInt64, to raw: inout MutableRawSpan, at position: inout Int) {
        if value < 0x80 {
            byte(UInt8(truncatingIfNeeded: value), to: &raw, at: &position)
        } else {
            longVarint(value, to: &raw, at: &position)
        }
    }

    @inlinable
    @inline(never)
    static func longVarint(_ value: UInt64, to raw: inout MutableRawSpan, at position: inout Int) {
        var rest = value
        while rest >= 0x80 {
            byte(UInt8(truncatingIfNeeded: rest) | 0x80, to: &raw, at: &position)
            rest >>= 7
        }
        byte(UInt8(truncatingIfNeeded: rest), to: &raw, at: &position)
    }

    /// A varint field whose tag is one byte: field numbers up to 15. Counts below 16,384 take one store.
    @inlinable
    @inline(__always)
    public static func int64(_ field: UInt8, _ value: Int64, to raw: inout MutableRawSpan, at position: inout Int) {
        let bits = UInt64(bitPattern: value)
        let tag = UInt32(field) << 3
        if bits < 0x80 {
            raw.storeBytes(
                of: UInt16(truncatingIfNeeded: tag | UInt32(bits) << 8), toByteOffset: position, as: UInt16.self)
            position &+= 2
        } else if bits < 0x4000 {
            let (low, high) = (UInt32(bits & 0x7F) | 0x80, UInt32(bits >> 7))
            raw.storeBytes(of: tag | low << 8 | high << 16, toByteOffset: position, as: UInt32.self)
            position &+= 3
        } else {
            byte(UInt8(truncatingIfNeeded: tag), to: &raw, at: &position)
            longVarint(bits, to: &raw, at: &position)
        }
    }

    @inlinable
    @inline(__always)
    public static func tag(_ field: Int, _ wireType: UInt8, to raw: inout MutableRawSpan, at position: inout Int) {
        varint(UInt64(truncatingIfNeeded: field) << 3 | UInt64(wireType), to: &raw, at: &position)
    }

    @inlinable
    @inline(__always)
    public static func byte(_ value: UInt8, to raw: inout MutableRawSpan, at position: inout Int) {
        raw.storeBytes(of: value, toByteOffset: position, as: UInt8.self)
        position &+= 1
    }

    @inlinable
    @inline(__always)
    public static func fixed64(_ value: UInt64, to raw: inout MutableRawSpan, at position: inout Int) {
        raw.storeBytes(of: value.littleEndian, toByteOffset: position, as: UInt64.self)
        position &+= 8
    }

    /// Copies eight bytes at a time; the last eight overlap those before them.
    @inline(__always)
    static func copy(_ content: RawSpan, to raw: inout MutableRawSpan, at position: inout Int) {
        let count = content.byteCount
        var offset = 0
        if count >= 8 {
            while offset < count {
                let start = min(offset, count - 8)
                // Checked against the bounds of `content`; every eight bytes are a UInt64.
                let word = content.unsafeLoadUnaligned(fromByteOffset: start, as: UInt64.self)
                raw.storeBytes(of: word, toByteOffset: position + start, as: UInt64.self)
                offset += 8
            }
        } else {
            while offset < count {
                // Checked like the words.
                let byte = content.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                raw.storeBytes(of: byte, toByteOffset: position + offset, as: UInt8.self)
                offset += 1
            }
        }
        position += count
    }
}

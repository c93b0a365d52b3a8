/// Appends protobuf wire format to an array of bytes, in one pass and without intermediate messages.
///
/// What it writes equals what swift-protobuf serializes: fields in the order of the calls, minimal varints, proto3
/// default values left out (`int64`, `string`, …) and `optional` fields written whenever they are present
/// (`optionalInt64`, …). Field numbers must be in `1...maximumFieldNumber`; tests hold the encoders to that.
public struct WireWriter: ~Copyable {
    /// The highest field number of protobuf.
    public static let maximumFieldNumber = 536_870_911

    @usableFromInline
    var bytes: [UInt8]

    /// Writes behind what `bytes` holds already.
    public init(_ bytes: consuming [UInt8] = []) {
        self.bytes = bytes
    }

    /// Takes over the memory of `reply`; ``finish(into:)`` gives it back.
    public init(taking reply: inout [UInt8]) {
        bytes = []
        swap(&bytes, &reply)
    }

    /// The bytes written.
    public consuming func finish() -> [UInt8] {
        bytes
    }

    public consuming func finish(into reply: inout [UInt8]) {
        swap(&bytes, &reply)
    }

    /// Bytes in the array so far.
    @inlinable
    public var count: Int { bytes.count }

    /// Makes room for `count` further bytes at once.
    public mutating func reserve(_ count: Int) {
        bytes.reserveCapacity(bytes.count + count)
    }

    // MARK: Fields that are left out when they have the default value

    @inlinable
    public mutating func int64(_ field: Int, _ value: Int64) {
        if value != 0 { optionalInt64(field, value) }
    }

    @inlinable
    public mutating func int32(_ field: Int, _ value: Int32) {
        if value != 0 { optionalInt64(field, Int64(value)) }
    }

    @inlinable
    public mutating func bool(_ field: Int, _ value: Bool) {
        if value { optionalInt64(field, 1) }
    }

    /// An enum value by its number.
    @inlinable
    public mutating func enumeration(_ field: Int, _ value: Int) {
        if value != 0 { optionalInt64(field, Int64(value)) }
    }

    /// Left out only for positive zero, as swift-protobuf does.
    @inlinable
    public mutating func double(_ field: Int, _ value: Double) {
        if value.bitPattern != 0 { optionalDouble(field, value) }
    }

    @inlinable
    public mutating func string(_ field: Int, _ value: String) {
        if !value.utf8.isEmpty { optionalString(field, value) }
    }

    @inlinable
    public mutating func bytes(_ field: Int, _ value: [UInt8]) {
        if value.isEmpty { return }
        tag(field, 2)
        varint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    // MARK: Fields with presence

    @inlinable
    public mutating func optionalInt64(_ field: Int, _ value: Int64?) {
        guard let value else { return }
        bytes.append(addingCapacity: 2 * WireBytes.maximumVarint) { output in
            WireBytes.tag(field, 0, to: &output)
            WireBytes.varint(UInt64(bitPattern: value), to: &output)
        }
    }

    @inlinable
    public mutating func optionalDouble(_ field: Int, _ value: Double?) {
        guard let value else { return }
        bytes.append(addingCapacity: WireBytes.maximumVarint + 8) { output in
            WireBytes.tag(field, 1, to: &output)
            WireBytes.fixed64(value.bitPattern, to: &output)
        }
    }

    @inlinable
    public mutating func optionalString(_ field: Int, _ value: String?) {
        guard let value else { return }
        let text = value.utf8
        tag(field, 2)
        varint(UInt64(text.count))
        bytes.append(contentsOf: text)
    }

    // MARK: Nested messages

    /// Where a nested message began.
    public struct Mark {
        @usableFromInline
        let start: Int
        /// Bytes reserved for the length.
        @usableFromInline
        let width: Int

        @inlinable
        init(start: Int, width: Int) {
            self.start = start
            self.width = width
        }
    }

    /// Begins a nested message. `expecting` is a guess of its size in bytes: a right guess saves moving the content
    /// when the length turns out to need more or fewer bytes.
    @inlinable
    public mutating func begin(_ field: Int, expecting size: Int = 0) -> Mark {
        tag(field, 2)
        let mark = Mark(start: bytes.count, width: WireBytes.varintWidth(UInt64(max(size, 0))))
        for _ in 0..<mark.width { bytes.append(0) }
        return mark
    }

    /// Ends the nested message that began last.
    @inlinable
    public mutating func end(_ mark: Mark) {
        let length = bytes.count - mark.start - mark.width
        let width = WireBytes.varintWidth(UInt64(length))
        if width > mark.width {
            bytes.insert(contentsOf: repeatElement(0, count: width - mark.width), at: mark.start)
        } else if width < mark.width {
            bytes.removeSubrange(mark.start..<mark.start + mark.width - width)
        }
        var rest = UInt64(length)
        for index in mark.start..<mark.start + width {
            bytes[index] = UInt8(truncatingIfNeeded: rest & 0x7F) | (index + 1 < mark.start + width ? 0x80 : 0)
            rest >>= 7
        }
    }

    // MARK: Raw

    /// Appends at most `capacity` bytes that `body` writes itself: one capacity check for a group of fields.
    @inlinable
    public mutating func group(capacity: Int, _ body: (inout OutputSpan<UInt8>) -> Void) {
        bytes.append(addingCapacity: capacity, initializingWith: body)
    }

    /// Appends bytes that are wire format already.
    @inlinable
    public mutating func raw(_ encoded: [UInt8]) {
        bytes.append(contentsOf: encoded)
    }

    @inlinable
    public mutating func varint(_ value: UInt64) {
        bytes.append(addingCapacity: WireBytes.maximumVarint) { output in
            WireBytes.varint(value, to: &output)
        }
    }

    /// Wire types: 0 varint, 1 eight bytes, 2 length-delimited.
    @inlinable
    public mutating func tag(_ field: Int, _ wireType: UInt8) {
        bytes.append(addingCapacity: WireBytes.maximumVarint) { output in
            WireBytes.tag(field, wireType, to: &output)
        }
    }
}

/// The primitives of the wire format, written to memory that the caller has reserved.
public enum WireBytes {
    /// Bytes of the longest varint.
    public static let maximumVarint = 10

    @inlinable
    public static func varintWidth(_ value: UInt64) -> Int {
        // One byte for every seven significant bits.
        (70 - (value | 1).leadingZeroBitCount) / 7
    }

    @inlinable
    public static func varint(_ value: UInt64, to output: inout OutputSpan<UInt8>) {
        var rest = value
        while rest >= 0x80 {
            output.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        output.append(UInt8(truncatingIfNeeded: rest))
    }

    @inlinable
    public static func tag(_ field: Int, _ wireType: UInt8, to output: inout OutputSpan<UInt8>) {
        varint(UInt64(truncatingIfNeeded: field) << 3 | UInt64(wireType), to: &output)
    }

    @inlinable
    public static func fixed64(_ value: UInt64, to output: inout OutputSpan<UInt8>) {
        var rest = value
        for _ in 0..<8 {
            output.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }
}

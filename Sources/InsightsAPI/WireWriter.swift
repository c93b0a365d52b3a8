/// Appends protobuf wire format to an array of bytes, in one pass and without intermediate messages.
///
/// What it writes equals what swift-protobuf serializes: fields in the order of the calls, minimal varints, proto3
/// default values left out (`int64`, `string`, …) and `optional` fields written whenever they are present
/// (`optionalInt64`, …). Field numbers must be in `1...maximumFieldNumber`; tests hold the encoders to that.
public struct WireWriter: ~Copyable {
    /// The highest field number of protobuf.
    public static let maximumFieldNumber = 536_870_911

    /// Written up to `end`; behind it is room that ``finish()`` cuts off.
    @usableFromInline
    var storage: [UInt8]
    @usableFromInline
    var end: Int

    /// Writes behind what `bytes` holds already.
    public init(_ bytes: consuming [UInt8] = []) {
        end = bytes.count
        storage = bytes
    }

    /// Takes over the memory of `reply`; ``finish(into:)`` gives it back.
    public init(taking reply: inout [UInt8]) {
        storage = []
        end = reply.count
        swap(&storage, &reply)
    }

    /// The bytes written.
    public consuming func finish() -> [UInt8] {
        storage.removeLast(storage.count - end)
        return storage
    }

    public consuming func finish(into reply: inout [UInt8]) {
        storage.removeLast(storage.count - end)
        swap(&storage, &reply)
    }

    /// Bytes written so far, with those that were there before.
    @inlinable
    public var count: Int { end }

    /// Makes room for `count` further bytes.
    @inlinable
    public mutating func reserve(_ count: Int) {
        if storage.count - end < count { grow(count) }
    }

    @usableFromInline
    mutating func grow(_ count: Int) {
        // Doubling keeps the cost of growing in proportion to what is written. Memory that is there is used first.
        let first = storage.capacity == 0 ? 1_024 : min(storage.capacity, 1_024)
        let size = max(2 * storage.count, end + count, first)
        storage.append(addingCapacity: size - storage.count) { output in
            output.append(repeating: 0, count: output.freeCapacity)
        }
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

    @inlinable
    public mutating func string(_ field: Int, _ value: String) {
        if !value.utf8.isEmpty { optionalString(field, value) }
    }

    public mutating func fixed64(_ field: Int, _ value: UInt64) {
        if value == 0 { return }
        put(WireBytes.maximumVarint + 8) { raw, position in
            WireBytes.tag(field, 1, to: &raw, at: &position)
            WireBytes.fixed64(value, to: &raw, at: &position)
        }
    }

    public mutating func bytes(_ field: Int, _ value: [UInt8]) {
        if value.isEmpty { return }
        lengthDelimited(field, value.span.bytes)
    }

    // MARK: Fields with presence

    public mutating func optionalInt64(_ field: Int, _ value: Int64?) {
        guard let value else { return }
        put(2 * WireBytes.maximumVarint) { raw, position in
            WireBytes.tag(field, 0, to: &raw, at: &position)
            WireBytes.varint(UInt64(bitPattern: value), to: &raw, at: &position)
        }
    }

    public mutating func optionalDouble(_ field: Int, _ value: Double?) {
        guard let value else { return }
        put(WireBytes.maximumVarint + 8) { raw, position in
            WireBytes.tag(field, 1, to: &raw, at: &position)
            WireBytes.fixed64(value.bitPattern, to: &raw, at: &position)
        }
    }

    public mutating func optionalString(_ field: Int, _ value: String?) {
        guard let value else { return }
        lengthDelimited(field, value.utf8.span.bytes)
    }

    @usableFromInline
    mutating func lengthDelimited(_ field: Int, _ content: RawSpan) {
        put(2 * WireBytes.maximumVarint + content.byteCount) { raw, position in
            WireBytes.tag(field, 2, to: &raw, at: &position)
            WireBytes.varint(UInt64(content.byteCount), to: &raw, at: &position)
            WireBytes.copy(content, to: &raw, at: &position)
        }
    }

    // MARK: Nested messages

    /// Where a nested message began.
    public struct Mark {
        /// Offset of the length.
        let start: Int
        /// Bytes reserved for the length.
        let width: Int
    }

    /// Begins a nested message. `expecting` is a guess of its size in bytes: a right guess saves moving the content
    /// when the length turns out to need more or fewer bytes.
    public mutating func begin(_ field: Int, expecting size: Int = 0) -> Mark {
        let width = WireBytes.varintWidth(UInt64(max(size, 0)))
        put(2 * WireBytes.maximumVarint) { raw, position in
            WireBytes.tag(field, 2, to: &raw, at: &position)
            position += width
        }
        return Mark(start: end - width, width: width)
    }

    /// Ends the nested message that began last.
    public mutating func end(_ mark: Mark) {
        let content = mark.start + mark.width..<end
        let width = WireBytes.varintWidth(UInt64(content.count))
        if width != mark.width { move(content, by: width - mark.width) }
        var position = mark.start
        var span = storage.mutableSpan
        var raw = span.mutableBytes
        WireBytes.varint(UInt64(content.count), to: &raw, at: &position)
    }

    /// Moves the last bytes written; at most nine bytes to the right.
    private mutating func move(_ content: Range<Int>, by distance: Int) {
        reserve(WireBytes.maximumVarint)
        var span = storage.mutableSpan
        if distance > 0 {
            for index in content.reversed() { span[index + distance] = span[index] }
        } else {
            for index in content { span[index + distance] = span[index] }
        }
        end += distance
    }

    // MARK: Raw

    /// Writes a group of fields with one check for room: `body` may write `capacity` bytes from the position on and
    /// advances it. ``WireBytes/slack`` further bytes may be overwritten behind them.
    @inlinable
    @inline(__always)
    public mutating func put(_ capacity: Int, _ body: (inout MutableRawSpan, inout Int) -> Void) {
        reserve(capacity + WireBytes.slack)
        var position = end
        var span = storage.mutableSpan
        var raw = span.mutableBytes
        body(&raw, &position)
        end = position
    }

    /// Appends bytes that are wire format already.
    public mutating func raw(_ encoded: [UInt8]) {
        let content = encoded.span.bytes
        put(content.byteCount) { raw, position in
            WireBytes.copy(content, to: &raw, at: &position)
        }
    }
}

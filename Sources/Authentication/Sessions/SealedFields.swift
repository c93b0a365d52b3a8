/// Fields in a fixed order, as they stand in a sealed text: numbers of eight bytes, texts behind their length.
struct FieldWriter {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ number: Int64) {
        withUnsafeBytes(of: number.bigEndian) { bytes += $0 }
    }

    mutating func add(_ byte: UInt8) { bytes.append(byte) }

    /// Of a length that the reader knows.
    mutating func add(fixed field: [UInt8]) { bytes += field }

    /// Of at most 65,535 bytes: what is longer has no place in a cookie and is left empty.
    mutating func add(_ text: String) {
        let field = Array(text.utf8)
        let count = UInt16(exactly: field.count) ?? 0
        bytes += [UInt8(truncatingIfNeeded: count >> 8), UInt8(truncatingIfNeeded: count)]
        bytes += field.prefix(Int(count))
    }
}

/// Reads them back; nil at the first that is not there.
struct FieldReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    /// Whether everything was read.
    var isAtEnd: Bool { rest.isEmpty }

    mutating func byte() -> UInt8? { rest.popFirst() }

    mutating func fixed(_ count: Int) -> [UInt8]? {
        guard rest.count >= count else { return nil }
        defer { rest.removeFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func number() -> Int64? {
        fixed(8).map { field in Int64(bitPattern: field.reduce(0 as UInt64) { $0 << 8 | UInt64($1) }) }
    }

    mutating func text() -> String? {
        guard let length = fixed(2), let field = fixed(Int(length[0]) << 8 | Int(length[1])) else { return nil }
        return String(validating: field, as: UTF8.self)
    }
}

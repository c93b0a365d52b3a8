/// Request metadata: names are lower case, a name may occur several times, order is kept.
///
/// Everything lies in one byte arena, so that reading a call's headers allocates nothing; text is made on demand.
/// The total size is bounded by ``Limits/maxHeaderListBytes``.
public struct Metadata: Sendable {
    struct Entry: Sendable {
        var offset: UInt32
        var nameLength: UInt32
        var valueLength: UInt32
    }

    private(set) var arena: [UInt8] = []
    private(set) var entries: [Entry] = []

    public init() {}

    /// Number of entries; a name that occurs twice counts twice.
    public var count: Int { entries.count }

    /// The first value of a name, or nil.
    public subscript(name: String) -> String? {
        for entry in entries where matches(entry, name) { return text(of: entry) }
        return nil
    }

    /// All values of a name in the order received.
    public func values(for name: String) -> [String] {
        entries.filter { matches($0, name) }.map { text(of: $0) }
    }

    public func contains(_ name: String) -> Bool { entries.contains { matches($0, name) } }

    /// The first value of a `-bin` name, decoded; nil when absent or when it is no base64. One header may join several
    /// by commas.
    public func binary(_ name: String) -> [UInt8]? {
        for entry in entries where matches(entry, name) {
            let value = valueBytes(of: entry)
            guard let first = value.split(separator: 0x2C, omittingEmptySubsequences: false).first else { return [] }
            return Base64.decode(first)
        }
        return nil
    }

    /// Every entry as name and raw value, in order.
    public func forEach(_ body: (String, String) -> Void) {
        for entry in entries {
            let start = Int(entry.offset)
            body(String(decoding: arena[start..<start + Int(entry.nameLength)], as: UTF8.self), text(of: entry))
        }
    }

    /// A value for a `-bin` header in the form the wire wants.
    public static func encodeBinary(_ bytes: [UInt8]) -> String {
        var output: [UInt8] = []
        Base64.append(bytes, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// Adds an entry to the metadata of a call without an event loop.
    package mutating func append(_ name: String, _ value: String) {
        entries.append(
            Entry(
                offset: UInt32(truncatingIfNeeded: arena.count),
                nameLength: UInt32(truncatingIfNeeded: name.utf8.count),
                valueLength: UInt32(truncatingIfNeeded: value.utf8.count)))
        arena.append(contentsOf: name.utf8)
        arena.append(contentsOf: value.utf8)
    }

    mutating func append(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        // Both are parts of one header list, whose limit is far below 4 GiB.
        entries.append(
            Entry(
                offset: UInt32(truncatingIfNeeded: arena.count), nameLength: UInt32(truncatingIfNeeded: name.count),
                valueLength: UInt32(truncatingIfNeeded: value.count)))
        arena.append(contentsOf: name)
        arena.append(contentsOf: value)
    }

    mutating func removeAll() {
        arena.removeAll(keepingCapacity: true)
        entries.removeAll(keepingCapacity: true)
    }

    private func matches(_ entry: Entry, _ name: String) -> Bool {
        guard Int(entry.nameLength) == name.utf8.count else { return false }
        let start = Int(entry.offset)
        return arena[start..<start + Int(entry.nameLength)].elementsEqual(name.utf8)
    }

    private func valueBytes(of entry: Entry) -> ArraySlice<UInt8> {
        let start = Int(entry.offset) + Int(entry.nameLength)
        return arena[start..<start + Int(entry.valueLength)]
    }

    private func text(of entry: Entry) -> String {
        String(decoding: valueBytes(of: entry), as: UTF8.self)
    }
}

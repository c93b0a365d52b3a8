import LicenseModel
import Tenancy

/// Writes a state row: numbers as LEB128 varints, texts and lists with their length first.
struct StateWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func put(_ count: Int) { put(UInt64(count)) }
    mutating func put(_ flag: Bool) { bytes.append(flag ? 1 : 0) }
    mutating func put(day: Int32) { put(UInt64(UInt32(bitPattern: day))) }
    /// Nil is 0, so that days are one more than they are.
    mutating func put(_ day: Day?) { put(day.map { UInt64($0.number) + 1 } ?? 0) }

    mutating func put(_ moment: Moment) {
        put(UInt64(bitPattern: moment.revision.number))
        put(moment.place)
    }

    /// 8 bytes, the lowest first.
    mutating func put(word: UInt64) {
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift * 8))) }
    }

    mutating func put(_ text: String) {
        put(text.utf8.count)
        bytes.append(contentsOf: text.utf8)
    }

    mutating func put<Tag>(_ id: Identifier<Tag>) { put(id.text) }

    mutating func put(_ set: DaySet) {
        put(set.words.count)
        for word in set.words {
            put(day: word.index)
            put(word.bits)
        }
    }
}

/// Reads a state row; every length is checked against what is left.
struct StateReader {
    let key: String
    private let bytes: [UInt8]
    private var place = 0

    init(_ state: CoreState) {
        key = state.key
        bytes = state.body
    }

    var isAtEnd: Bool { place == bytes.count }

    func error(_ reason: String) -> CoreStateError { CoreStateError(key: key, reason: reason) }

    mutating func number() throws(CoreStateError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while place < bytes.count, shift < 64 {
            let byte = bytes[place]
            place += 1
            value |= UInt64(byte & 0x7F) &<< shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
        throw error("a number is cut off")
    }

    /// 8 bytes, the lowest first.
    mutating func word() throws(CoreStateError) -> UInt64 {
        guard bytes.count - place >= 8 else { throw error("a number is cut off") }
        defer { place += 8 }
        return (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[place + $1]) << UInt64($1 * 8) }
    }

    mutating func signed() throws(CoreStateError) -> Int64 {
        guard let value = Int64(exactly: try number()) else { throw error("a number is too large") }
        return value
    }

    /// A number of things that take at least one byte each.
    mutating func count() throws(CoreStateError) -> Int {
        guard let value = Int(exactly: try number()), value <= bytes.count - place else {
            throw error("a list is cut off")
        }
        return value
    }

    mutating func flag() throws(CoreStateError) -> Bool { try number() != 0 }

    mutating func dayNumber() throws(CoreStateError) -> Int32 {
        guard let value = UInt32(exactly: try number()) else { throw error("a day is out of range") }
        return Int32(bitPattern: value)
    }

    mutating func day() throws(CoreStateError) -> Day? {
        let value = try number()
        guard value <= UInt64(Day.last.number) + 1 else { throw error("a day is out of range") }
        return value == 0 ? nil : Day(number: Int32(value - 1))
    }

    mutating func text() throws(CoreStateError) -> String {
        let count = try count()
        defer { place += count }
        return String(decoding: bytes[place..<place + count], as: UTF8.self)
    }

    mutating func id<Tag>(_: Identifier<Tag>.Type) throws(CoreStateError) -> Identifier<Tag> {
        try id(of: try text())
    }

    /// Nil for no text.
    mutating func optionalID<Tag>(_: Identifier<Tag>.Type) throws(CoreStateError) -> Identifier<Tag>? {
        let text = try text()
        return text.isEmpty ? nil : try id(of: text)
    }

    private func id<Tag>(of text: String) throws(CoreStateError) -> Identifier<Tag> {
        do { return try Identifier<Tag>(stored: text) } catch { throw self.error("an id \(error.reason)") }
    }

    mutating func days() throws(CoreStateError) -> [Int32] {
        var days: [Int32] = []
        var last: Int32 = 0
        for _ in 0..<(try count()) {
            last = last &+ (try dayNumber())
            guard last >= 0, last <= Day.last.number else { throw error("a day is out of range") }
            days.append(last)
        }
        return days
    }

    mutating func daySet() throws(CoreStateError) -> DaySet {
        var set = DaySet()
        for _ in 0..<(try count()) {
            let index = try dayNumber()
            let bits = try number()
            guard index >= 0, index <= Day.last.number >> 6 else { throw error("a day is out of range") }
            for bit in 0..<Int32(64) where bits & (1 << UInt64(bit)) != 0 { set.insert(index * 64 + bit) }
        }
        return set
    }

    mutating func moment() throws(CoreStateError) -> Moment {
        let revision = try number()
        guard revision < 1 << 36, let place = Int(exactly: try number()) else { throw error("a number is too large") }
        return Moment(Revision(number: Int64(revision)), place: place)
    }

    mutating func value<Value: RawRepresentable>(_: Value.Type) throws(CoreStateError) -> Value
    where Value.RawValue == UInt8 {
        guard let raw = UInt8(exactly: try number()), let value = Value(rawValue: raw) else {
            throw error("a value is unknown")
        }
        return value
    }
}

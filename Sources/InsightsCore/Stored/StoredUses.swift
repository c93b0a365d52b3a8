import LicenseModel

/// 128 days, one bit each, from the first day of an epoch.
struct EpochDays: Sendable, Equatable {
    /// Days of an epoch, as a power of two.
    static let shift: Int32 = 7
    static let count = 128

    var low: UInt64 = 0
    var high: UInt64 = 0

    var isEmpty: Bool { low | high == 0 }
    var dayCount: Int { low.nonzeroBitCount + high.nonzeroBitCount }

    mutating func insert(_ offset: Int) {
        if offset < 64 { low |= 1 << UInt64(offset) } else { high |= 1 << UInt64(offset - 64) }
    }

    /// Ascending.
    var offsets: [Int] {
        var offsets: [Int] = []
        for (word, base) in [(low, 0), (high, 64)] {
            var rest = word
            while rest != 0 {
                offsets.append(base + rest.trailingZeroBitCount)
                rest &= rest &- 1
            }
        }
        return offsets
    }
}

/// A row of activity days: who of a group was active in an epoch, where and when. Of a person and a workload it takes
/// a byte for each day, and 17 bytes from 16 days on.
struct StoredUses: Sendable {
    struct Row: Sendable {
        /// Of the activity table.
        var row: Int
        var days: EpochDays
    }

    struct Person: Sendable {
        /// In the group.
        var place: Int
        /// Ascending by `row`.
        var rows: [Row]
    }

    var epoch: Int32
    /// Ascending by place.
    var people: [Person] = []

    /// From so many days on they are written as bits.
    private static let bitsFrom = 16

    var bytes: [UInt8] {
        var writer = StateWriter()
        writer.put(StateKey.usesVersion)
        writer.put(people.count)
        for person in people {
            writer.put(person.place)
            writer.put(person.rows.reduce(UInt64(0)) { $0 | 1 << UInt64($1.row) })
            for row in person.rows {
                let count = row.days.dayCount
                writer.put(min(count, Self.bitsFrom))
                if count < Self.bitsFrom {
                    for offset in row.days.offsets { writer.put(offset) }
                } else {
                    writer.put(word: row.days.low)
                    writer.put(word: row.days.high)
                }
            }
        }
        return writer.bytes
    }

    /// Reads what follows the version.
    init(_ reader: inout StateReader, epoch: Int32) throws(CoreStateError) {
        self.epoch = epoch
        let last = Int(Day.last.number) - Int(epoch) << Int(EpochDays.shift)
        var previous = -1
        for _ in 0..<(try reader.count()) {
            guard let place = Int(exactly: try reader.number()), place > previous, place < DirtyStates.peoplePerRow
            else { throw reader.error("a person is out of order") }
            previous = place
            let mask = try reader.number()
            guard mask > 0, mask < 1 << UInt64(ActivityTable.firstUnionRow) else {
                throw reader.error("a workload is unknown")
            }
            var person = Person(place: place, rows: [])
            for row in 0..<ActivityTable.firstUnionRow where mask & (1 << UInt64(row)) != 0 {
                let days = try Self.days(&reader)
                guard !days.isEmpty, days.offsets.last ?? 0 <= last else { throw reader.error("a day is out of range") }
                person.rows.append(Row(row: row, days: days))
            }
            people.append(person)
        }
    }

    init(epoch: Int32) {
        self.epoch = epoch
    }

    private static func days(_ reader: inout StateReader) throws(CoreStateError) -> EpochDays {
        var days = EpochDays()
        let count = try reader.number()
        guard count <= UInt64(bitsFrom) else { throw reader.error("too many days") }
        if count == UInt64(bitsFrom) {
            days.low = try reader.word()
            days.high = try reader.word()
            return days
        }
        for _ in 0..<count {
            guard let offset = Int(exactly: try reader.number()), offset < EpochDays.count else {
                throw reader.error("a day is out of range")
            }
            days.insert(offset)
        }
        return days
    }
}

import LicenseModel

/// 512 consecutive days of one person and one row of the activity table, one bit each: one cache line and a header.
struct DayLine: Sendable {
    /// Which 512 days: bit number divided by 512.
    var epoch: Int32
    /// One more than the index of the next line of the same list; 0 ends the list.
    var next: UInt32
    var words: InlineArray<8, UInt64> = InlineArray(repeating: 0)
}

/// The active days of every person of a customer, per workload and per union of workloads.
///
/// Lines exist only where a day is set, whatever the distance between days: a list per (person, row).
struct ActivityTable: Sendable {
    /// One per subject: the workloads, then a union per product.
    @inline(__always) static var rowCount: Int { Subject.count }
    /// Days are shifted by a word so that a window that begins before 1970-01-01 needs no special case.
    static let shift = 64

    /// Per person `rowCount` list heads: one more than a line's index, 0 = empty.
    private var heads = SharedVector<UInt32>()
    private var lines = SharedVector<DayLine>()

    var personCount: Int { heads.count / Self.rowCount }

    mutating func addPerson() {
        for _ in 0..<Self.rowCount { heads.append(0) }
    }

    /// What an inserted day changes.
    enum Insertion {
        /// The day was known.
        case duplicate
        /// A new day; `first...last` are the days that its window covers and no other day of the row did (it may be
        /// empty: `last < first`).
        case new(first: Int32, last: Int32)
    }

    /// Sets a day. O(1): only the days within reach on either side can cover the same days.
    mutating func insert(person: Int, row: Int, day: Int32) -> Insertion {
        let slot = person &* Self.rowCount &+ row
        let head = heads[slot]
        let bit = Int(day) &+ Self.shift
        // From the lowest bit on: the days before, the day itself, the days after. All fit a word.
        let itself: UInt64 = 1 &<< UInt64(Day.windowReach)
        let near = bits(head: head, from: bit &- Day.windowReach)
        if near & itself != 0 { return .duplicate }
        set(slot: slot, head: head, bit: bit)
        let before = near & (itself &- 1)
        let first = day &+ Int32(truncatingIfNeeded: 64 &- before.leadingZeroBitCount)
        let after = (near &>> UInt64(Day.windowLength)) | itself
        let last = day &+ Int32(truncatingIfNeeded: after.trailingZeroBitCount)
        return .new(first: first, last: last)
    }

    /// Whether any day of the window is set.
    @inline(__always)
    func isActive(person: Int, row: Int, inWindowEnding day: Int32) -> Bool {
        let head = heads[person &* Self.rowCount &+ row]
        if head == 0 { return false }
        let window: UInt64 = (1 &<< UInt64(Day.windowLength)) &- 1
        return bits(head: head, from: Int(day) &+ Self.shift &- Day.windowReach) & window != 0
    }

    /// The last set day on or before `day`.
    func lastActive(person: Int, row: Int, onOrBefore day: Int32) -> Int32? {
        var best: Int32?
        var next = heads[person &* Self.rowCount &+ row]
        let limit = Int(day) &+ Self.shift
        while next != 0 {
            let line = lines[Int(next) &- 1]
            next = line.next
            let base = Int(line.epoch) &* 512
            if base > limit { continue }
            for index in stride(from: min(7, (limit &- base) &>> 6), through: 0, by: -1) {
                var word = line.words[index]
                let offset = limit &- base &- index &* 64
                if offset < 63 { word &= (1 &<< (UInt64(offset) &+ 1)) &- 1 }
                if word == 0 { continue }
                let found = Int32(base &+ index &* 64 &+ 63 &- word.leadingZeroBitCount &- Self.shift)
                best = max(best ?? found, found)
                break
            }
        }
        return best
    }

    /// Every set day of a row, ascending.
    func days(person: Int, row: Int) -> [Int32] {
        var found: [DayLine] = []
        var next = heads[person &* Self.rowCount &+ row]
        while next != 0 {
            let line = lines[Int(next) &- 1]
            found.append(line)
            next = line.next
        }
        found.sort { $0.epoch < $1.epoch }
        var days: [Int32] = []
        for line in found {
            for index in 0..<8 {
                var word = line.words[index]
                while word != 0 {
                    let bit = Int(line.epoch) &* 512 &+ index &* 64 &+ word.trailingZeroBitCount
                    days.append(Int32(truncatingIfNeeded: bit &- Self.shift))
                    word &= word &- 1
                }
            }
        }
        return days
    }

    /// The set days of a row in one epoch of 128 days: two words, since days are shifted by one.
    func days(person: Int, row: Int, epoch: Int32) -> EpochDays {
        let head = heads[person &* Self.rowCount &+ row]
        if head == 0 { return EpochDays() }
        let index = (Int(epoch) &<< Int(EpochDays.shift) &+ Self.shift) &>> 6
        return EpochDays(low: word(head: head, index: index), high: word(head: head, index: index &+ 1))
    }

    /// A table of the same days without the union rows: the lines of those are not kept.
    func withoutUnions() -> ActivityTable {
        var table = ActivityTable()
        for person in 0..<personCount {
            table.addPerson()
            for row in 0..<Self.firstUnionRow {
                let slot = person &* Self.rowCount &+ row
                var next = heads[slot]
                while next != 0 {
                    var line = lines[Int(next) &- 1]
                    next = line.next
                    line.next = table.heads[slot]
                    table.lines.append(line)
                    table.heads[slot] = UInt32(truncatingIfNeeded: table.lines.count)
                }
            }
        }
        return table
    }

    /// Rows from here on are unions.
    @inline(__always) static var firstUnionRow: Int { Workload.count }

    /// The 64 bits from bit `from` on.
    @inline(__always)
    private func bits(head: UInt32, from: Int) -> UInt64 {
        let index = from &>> 6
        let offset = UInt64(truncatingIfNeeded: from & 63)
        let low = word(head: head, index: index)
        if offset == 0 { return low }
        return low &>> offset | word(head: head, index: index &+ 1) &<< (64 &- offset)
    }

    @inline(__always)
    private func word(head: UInt32, index: Int) -> UInt64 {
        let epoch = Int32(truncatingIfNeeded: index &>> 3)
        var next = head
        while next != 0 {
            let place = Int(next) &- 1
            if lines[place].epoch == epoch { return lines[place].words[index & 7] }
            next = lines[place].next
        }
        return 0
    }

    private mutating func set(slot: Int, head: UInt32, bit: Int) {
        let epoch = Int32(truncatingIfNeeded: bit &>> 9)
        let mask: UInt64 = 1 &<< UInt64(truncatingIfNeeded: bit & 63)
        var next = head
        while next != 0 {
            let place = Int(next) &- 1
            if lines[place].epoch == epoch {
                lines[place].words[(bit &>> 6) & 7] |= mask
                return
            }
            next = lines[place].next
        }
        var line = DayLine(epoch: epoch, next: head)
        line.words[(bit &>> 6) & 7] = mask
        lines.append(line)
        heads[slot] = UInt32(truncatingIfNeeded: lines.count)
    }
}

/// A sparse set of days.
struct DaySet: Sendable, Equatable {
    struct Word: Sendable, Equatable {
        /// Day divided by 64.
        var index: Int32
        var bits: UInt64
    }

    /// By index; no word is 0.
    private(set) var words: [Word] = []

    /// The place of the first word at or after `index`.
    private func place(of index: Int32) -> Int {
        if let last = words.last, last.index < index { return words.count }
        return words.partitioningIndex { $0.index >= index }
    }

    func contains(_ day: Int32) -> Bool {
        let place = place(of: day >> 6)
        return place < words.count && words[place].index == day >> 6 && words[place].bits & Self.bit(day) != 0
    }

    /// Returns whether the day was new.
    @discardableResult
    mutating func insert(_ day: Int32) -> Bool {
        let place = place(of: day >> 6)
        guard place < words.count, words[place].index == day >> 6 else {
            words.insert(Word(index: day >> 6, bits: Self.bit(day)), at: place)
            return true
        }
        if words[place].bits & Self.bit(day) != 0 { return false }
        words[place].bits |= Self.bit(day)
        return true
    }

    mutating func remove(_ day: Int32) {
        let place = place(of: day >> 6)
        guard place < words.count, words[place].index == day >> 6 else { return }
        words[place].bits &= ~Self.bit(day)
        if words[place].bits == 0 { words.remove(at: place) }
    }

    mutating func formUnion(_ other: DaySet) {
        for word in other.words {
            let place = place(of: word.index)
            if place < words.count, words[place].index == word.index {
                words[place].bits |= word.bits
            } else {
                words.insert(word, at: place)
            }
        }
    }

    /// The first day at or after `day` that is in this set and not in `other`.
    func first(from day: Int32, notIn other: DaySet = DaySet()) -> Int32? {
        var place = place(of: day >> 6)
        var otherPlace = other.place(of: day >> 6)
        while place < words.count {
            let word = words[place]
            var bits = word.bits
            if word.index == day >> 6 { bits &= ~(Self.bit(day) &- 1) }
            while otherPlace < other.words.count, other.words[otherPlace].index < word.index { otherPlace += 1 }
            if otherPlace < other.words.count, other.words[otherPlace].index == word.index {
                bits &= ~other.words[otherPlace].bits
            }
            if bits != 0 { return word.index &* 64 &+ Int32(bits.trailingZeroBitCount) }
            place += 1
        }
        return nil
    }

    private static func bit(_ day: Int32) -> UInt64 { 1 &<< UInt64(truncatingIfNeeded: day & 63) }
}

extension Array {
    /// The first index whose element satisfies the predicate; false elements come before true ones.
    @inline(__always)
    func partitioningIndex(where predicate: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low &+ high) &>> 1
            if predicate(self[middle]) { high = middle } else { low = middle &+ 1 }
        }
        return low
    }
}

/// A count per day, in pages of 64 days that exist only where a count was ever changed.
struct DaySeries: Sendable {
    /// Day divided by 64, ascending.
    private(set) var keys: [Int32] = []
    /// 64 counts for each key.
    private var cells: [Int32] = []

    var isEmpty: Bool { keys.isEmpty }

    /// The place of the first page at or after `key`. Pages are mostly without gaps, and asked near the end.
    @inline(__always)
    private func place(of key: Int32) -> Int {
        guard let first = keys.first else { return 0 }
        let guess = Int(key) &- Int(first)
        if guess >= 0, guess < keys.count, keys[guess] == key { return guess }
        return keys.partitioningIndex { $0 >= key }
    }

    subscript(day: Int32) -> Int64 {
        let key = day >> 6
        let place = place(of: key)
        guard place < keys.count, keys[place] == key else { return 0 }
        return Int64(cells[place &* 64 &+ Int(day & 63)])
    }

    /// Adds `delta` to every day of `first...last`; none when `last < first`.
    mutating func add(_ delta: Int32, from first: Int32, through last: Int32) {
        var day = first
        while day <= last {
            let key = day >> 6
            let place = page(key)
            let end = min(last, key &* 64 &+ 63)
            let base = place &* 64
            for cell in (base &+ Int(day & 63))...(base &+ Int(end & 63)) { cells[cell] &+= delta }
            day = end &+ 1
        }
    }

    /// Adds the difference of two series on the days of `first..<end`.
    mutating func add(_ new: DaySeries, minus old: DaySeries, from first: Int32, until end: Int32) {
        guard first < end else { return }
        combine(new, sign: 1, minus: old, from: first, until: end)
        // Pages of `old` alone: there `new` has nothing.
        for key in old.keys where !new.hasPage(key) {
            subtractPage(key, of: old, from: first, until: end)
        }
    }

    private func hasPage(_ key: Int32) -> Bool {
        let place = place(of: key)
        return place < keys.count && keys[place] == key
    }

    private mutating func combine(_ new: DaySeries, sign: Int32, minus old: DaySeries, from: Int32, until: Int32) {
        let firstPlace = new.keys.partitioningIndex { $0 >= from >> 6 }
        for place in firstPlace..<new.keys.count {
            let key = new.keys[place]
            let start = max(from, key &* 64)
            let stop = min(until, key &* 64 &+ 64)
            if start >= stop { break }
            let oldPlace = old.place(of: key)
            let hasOld = oldPlace < old.keys.count && old.keys[oldPlace] == key
            let base = page(key) &* 64
            for day in start..<stop {
                let offset = Int(day & 63)
                let before = hasOld ? old.cells[oldPlace &* 64 &+ offset] : 0
                cells[base &+ offset] &+= new.cells[place &* 64 &+ offset] &- before
            }
        }
    }

    private mutating func subtractPage(_ key: Int32, of old: DaySeries, from: Int32, until: Int32) {
        let start = max(from, key &* 64)
        let stop = min(until, key &* 64 &+ 64)
        guard start < stop else { return }
        let oldBase = old.place(of: key) &* 64
        let base = page(key) &* 64
        for day in start..<stop {
            cells[base &+ Int(day & 63)] &-= old.cells[oldBase &+ Int(day & 63)]
        }
    }

    /// The place of a page, made when it is missing.
    private mutating func page(_ key: Int32) -> Int {
        let place = place(of: key)
        if place < keys.count, keys[place] == key { return place }
        keys.insert(key, at: place)
        cells.insert(contentsOf: repeatElement(0, count: 64), at: place &* 64)
        return place
    }
}

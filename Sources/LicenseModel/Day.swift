/// A calendar day in UTC, counted from 1970-01-01. A label, never an instant: no time zone enters.
public struct Day: Hashable, Comparable, Sendable, Strideable, CustomStringConvertible {
    /// Days since 1970-01-01.
    public let number: Int32

    /// 1970-01-01, the first day that the system knows.
    public static let first = Day(number: 0)
    /// 9999-12-31, the last day that ten characters can write.
    public static let last = Day(number: 2_932_896)

    /// Days outside `first…last` are moved to the nearer end, so that arithmetic cannot leave the range.
    public init(number: Int32) {
        self.number = min(max(number, 0), 2_932_896)
    }

    /// The day of a Unix time in seconds.
    public init(unixSeconds: Int64) {
        // Towards zero is good enough: everything before 1970 becomes the first day.
        self.init(number: Int32(clamping: unixSeconds / 86_400))
    }

    public static func < (left: Day, right: Day) -> Bool { left.number < right.number }

    public func distance(to other: Day) -> Int { Int(other.number) - Int(number) }

    public func advanced(by days: Int) -> Day {
        let (sum, overflow) = Int(number).addingReportingOverflow(days)
        return overflow ? (days > 0 ? .last : .first) : Day(number: Int32(clamping: sum))
    }

    /// Days in the window of active use, the last one included.
    @inlinable public static var windowLength: Int { 28 }
    /// Days before its last one that a window reaches back.
    @inlinable public static var windowReach: Int { windowLength - 1 }

    /// The first day of the window that ends on this day.
    public var windowStart: Day { advanced(by: -Self.windowReach) }

    /// Year, month 1–12 and day of the month 1–31 in the proleptic Gregorian calendar.
    public var civil: (year: Int, month: Int, day: Int) {
        let shifted = Int(number) + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    /// Nil when there is no such day or the year is not in 1970…9999.
    public init?(year: Int, month: Int, day: Int) {
        guard (1970...9999).contains(year), (1...12).contains(month), day >= 1,
            day <= Self.daysInMonth(month, year: year)
        else { return nil }
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        self.init(number: Int32(clamping: era * 146_097 + dayOfEra - 719_468))
    }

    static func daysInMonth(_ month: Int, year: Int) -> Int {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// ISO 8601 weekday: 1 = Monday … 7 = Sunday.
    public var isoWeekday: Int { (Int(number) + 3) % 7 + 1 }

    /// The Sunday of this day's ISO week.
    public var lastOfWeek: Day { advanced(by: 7 - isoWeekday) }

    /// The last day of this day's month.
    public var lastOfMonth: Day {
        let (year, month, day) = civil
        return advanced(by: Self.daysInMonth(month, year: year) - day)
    }

    /// `YYYY-MM-DD`.
    public var description: String {
        String(decoding: text, as: UTF8.self)
    }

    /// The ten ASCII bytes of `YYYY-MM-DD`.
    public var text: [UInt8] {
        let (year, month, day) = civil
        func digit(_ value: Int) -> UInt8 { UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value % 10) }
        let dash = UInt8(ascii: "-")
        return [
            digit(year / 1000), digit(year / 100), digit(year / 10), digit(year), dash,
            digit(month / 10), digit(month), dash, digit(day / 10), digit(day),
        ]
    }

    /// Reads exactly ten ASCII characters `YYYY-MM-DD`; nil for anything else, also for days that do not exist and
    /// years below 1970. Not generic: it is called for every day of every request and fact.
    public init?(_ text: String) {
        guard text.utf8.count == 10 else { return nil }
        // Year, month and day one after another; a dash moves on to the next.
        var year = 0
        var month = 0
        var day = 0
        var offset = 0
        for byte in text.utf8 {
            defer { offset += 1 }
            if offset == 4 || offset == 7 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            let digit = Int(byte &- UInt8(ascii: "0"))
            if offset < 4 {
                year = year &* 10 &+ digit
            } else if offset < 7 {
                month = month &* 10 &+ digit
            } else {
                day = day &* 10 &+ digit
            }
        }
        self.init(year: year, month: month, day: day)
    }
}

/// A half-open interval of days `[start, end)`; no end means open.
public struct DayInterval: Hashable, Sendable {
    public let start: Day
    public let end: Day?

    /// `end` at or before `start` makes an interval that contains no day.
    public init(start: Day, end: Day?) {
        self.start = start
        self.end = end
    }

    public func contains(_ day: Day) -> Bool {
        guard day >= start else { return false }
        guard let end else { return true }
        return day < end
    }

    public var isEmpty: Bool {
        guard let end else { return false }
        return end <= start
    }
}

import LicenseModel
import Testing

@Suite struct DayTests {
    /// A calendar that counts, one day after the other, and shares nothing with the arithmetic under test.
    private struct NaiveCalendar: Sequence, IteratorProtocol {
        var year = 1970
        var month = 1
        var day = 1
        var number: Int32 = 0
        var weekday = 4
        let lastYear: Int

        init(through lastYear: Int) { self.lastYear = lastYear }

        static func length(_ month: Int, _ year: Int) -> Int {
            let leap = year.isMultiple(of: 400) || (year.isMultiple(of: 4) && !year.isMultiple(of: 100))
            return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
        }

        mutating func next() -> NaiveCalendar? {
            guard year <= lastYear else { return nil }
            let today = self
            number += 1
            weekday = weekday == 7 ? 1 : weekday + 1
            day += 1
            if day > Self.length(month, year) { (day, month) = (1, month + 1) }
            if month > 12 { (month, year) = (1, year + 1) }
            return today
        }

        var text: String {
            func padded(_ value: Int, _ width: Int) -> String {
                let digits = String(value)
                return String(repeating: "0", count: width - digits.count) + digits
            }
            return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
        }
    }

    @Test func everyDayGoesThereAndBack() throws {
        var days = 0
        for naive in NaiveCalendar(through: 2110) {
            let day = Day(number: naive.number)
            let same =
                day.civil == (naive.year, naive.month, naive.day) && day.description == naive.text
                && String(decoding: day.text, as: UTF8.self) == naive.text && Day(naive.text) == day
                && Day(year: naive.year, month: naive.month, day: naive.day) == day
                && day.isoWeekday == naive.weekday && Day(unixSeconds: Int64(naive.number) * 86_400) == day
                && Day(unixSeconds: Int64(naive.number) * 86_400 + 86_399) == day
            try #require(same, "\(naive.text)")
            days += 1
        }
        #expect(days == 51_499)
    }

    @Test func weeksEndOnSundayAndMonthsOnTheirLastDay() throws {
        for naive in NaiveCalendar(through: 2110) {
            let day = Day(number: naive.number)
            try #require(day.lastOfWeek == day.advanced(by: 7 - naive.weekday), "\(naive.text)")
            let length = NaiveCalendar.length(naive.month, naive.year)
            let last = Day(year: naive.year, month: naive.month, day: length)
            try #require(day.lastOfMonth == last, "\(naive.text)")
        }
        // 2026-W53 runs through Sunday 3 January 2027.
        #expect(Day("2026-12-28")?.lastOfWeek == Day("2027-01-03"))
        #expect(Day("2024-02-01")?.lastOfMonth == Day("2024-02-29"))
        #expect(Day("2100-02-01")?.lastOfMonth == Day("2100-02-28"))
        #expect(Day("2000-02-28")?.lastOfMonth == Day("2000-02-29"))
    }

    @Test func everyDayThroughTheLastYear() throws {
        var expected: Int32 = 0
        for naive in NaiveCalendar(through: 9999) {
            try #require(Day(year: naive.year, month: naive.month, day: naive.day)?.number == expected)
            expected += 1
        }
        #expect(expected - 1 == Day.last.number)
        #expect(Day.last.description == "9999-12-31")
        #expect(Day.first.description == "1970-01-01")
    }

    @Test(arguments: [
        "", "2026", "2026-1-1", "2026-01-1", "2026-01-011", " 2026-01-01", "2026-01-01 ", "2026-01-01\n", "2026/01/01",
        "20260101", "2026-13-01", "2026-00-10", "2026-01-00", "2026-01-32", "2026-02-29", "2100-02-29", "2026-04-31",
        "1969-12-31", "0000-00-00", "0000-01-01", "-026-01-01", "+026-01-01", "2026-01-0１", "２026-01-0", "10000-01-01",
        "2026-01-1\u{301}", "2026-W01-1", "today-----", "----------", "2026-01-01T00:00:00Z", "202a-01-01",
        "2026-01--1",
    ])
    func whatIsNoDayIsRefused(_ text: String) {
        #expect(Day(text) == nil)
    }

    @Test func partsOutOfRangeAreRefused() {
        for (year, month, day) in [
            (1969, 12, 31), (10_000, 1, 1), (2026, 0, 1), (2026, 13, 1), (2026, 1, 0), (2026, 1, 32), (2026, 1, -1),
            (Int.max, 1, 1), (Int.min, 1, 1), (2026, Int.max, 1), (2026, 1, Int.max), (2026, 1, Int.min),
        ] {
            #expect(Day(year: year, month: month, day: day) == nil, "\(year)-\(month)-\(day)")
        }
    }

    @Test func arithmeticStaysInRange() {
        #expect(Day(number: -1) == .first)
        #expect(Day(number: .max) == .last)
        #expect(Day(number: .min) == .first)
        #expect(Day.last.advanced(by: 1) == .last)
        #expect(Day.first.advanced(by: -1) == .first)
        #expect(Day(unixSeconds: -1) == .first)
        #expect(Day(unixSeconds: .max) == .last)
        #expect(Day(unixSeconds: .min / 2) == .first)
        #expect(Day.first.windowStart == .first)
        #expect(Day.last.lastOfWeek == .last)
        #expect(Day(number: 100).windowStart == Day(number: 73))
        #expect(Day.first.distance(to: .last) == 2_932_896)
        #expect(Day.last.distance(to: .first) == -2_932_896)
        #expect(Array(Day(number: 5)...Day(number: 7)) == [Day(number: 5), Day(number: 6), Day(number: 7)])
    }

    @Test func intervalsAreHalfOpen() {
        let (first, second, third) = (Day(number: 10), Day(number: 11), Day(number: 12))
        let one = DayInterval(start: first, end: second)
        #expect(one.contains(first) && !one.contains(second) && !one.isEmpty)
        let open = DayInterval(start: second, end: nil)
        #expect(!open.contains(first) && open.contains(.last) && !open.isEmpty)
        for end in [first, second] {
            let none = DayInterval(start: second, end: end)
            #expect(none.isEmpty)
            for day in [first, second, third] { #expect(!none.contains(day)) }
        }
    }
}

@Suite struct DayEdgeTests {
    @Test func arithmeticSaturates() {
        #expect(Day(unixSeconds: .min) == .first)
        #expect(Day(unixSeconds: -1) == .first)
        #expect(Day(unixSeconds: .max) == .last)
        #expect(Day.last.advanced(by: .max) == .last)
        #expect(Day.last.advanced(by: .min) == .first)
    }
}

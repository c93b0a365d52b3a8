/// Days of the proleptic Gregorian calendar in UTC, as the text `YYYY-MM-DD`, which sorts like the days themselves.
enum CivilDay {
    /// Days since 1970-01-01, or nil when the text is not exactly a day of the years 1970 to 9999.
    static func number(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count == 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-") else { return nil }
        guard let year = digits(bytes[0..<4]), let month = digits(bytes[5..<7]), let day = digits(bytes[8..<10]),
            year >= 1970, (1...12).contains(month), day >= 1, day <= length(ofMonth: month, year: year)
        else { return nil }
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// The text of a day number of the years 1970 to 9999.
    static func text(_ number: Int) -> String {
        let shifted = number + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return "\(padded(year, to: 4))-\(padded(month, to: 2))-\(padded(day, to: 2))"
    }

    /// The UTC day of an ISO 8601 day or timestamp. Blanks inside are dropped (published samples contain
    /// `2015-11-25T06: 41: 12Z`); a timestamp without a zone is UTC.
    static func utcDay(ofTimestamp raw: String) -> String? {
        guard raw.utf8.count <= 64 else { return nil }
        let bytes = raw.utf8.filter { $0 != UInt8(ascii: " ") }
        guard bytes.count >= 10, let day = number(String(decoding: bytes[0..<10], as: UTF8.self)) else { return nil }
        if bytes.count == 10 { return text(day) }
        guard bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: "t") else { return nil }
        guard let minutes = utcMinutes(Array(bytes[11...])) else { return nil }
        let shift = minutes < 0 ? -1 : minutes >= 1_440 ? 1 : 0
        let result = day + shift
        return result >= 0 ? text(result) : nil
    }

    /// Minutes since the start of the named day, moved to UTC: −840 … 2,280.
    private static func utcMinutes(_ time: [UInt8]) -> Int? {
        guard time.count >= 5, time[2] == UInt8(ascii: ":"), let hour = digits(time[0..<2]),
            let minute = digits(time[3..<5]), hour < 24, minute < 60
        else { return nil }
        var rest = time[5...]
        if rest.first == UInt8(ascii: ":") {
            guard rest.count >= 3, let second = digits(rest.dropFirst().prefix(2)), second <= 60 else { return nil }
            rest = rest.dropFirst(3)
            if rest.first == UInt8(ascii: ".") {
                rest = rest.dropFirst()
                let fraction = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
                guard !fraction.isEmpty else { return nil }
                rest = rest.dropFirst(fraction.count)
            }
        }
        guard let offset = zoneOffset(Array(rest)) else { return nil }
        return hour * 60 + minute - offset
    }

    private static func zoneOffset(_ zone: [UInt8]) -> Int? {
        if zone.isEmpty || zone == [UInt8(ascii: "Z")] || zone == [UInt8(ascii: "z")] { return 0 }
        guard zone.count == 6, zone[3] == UInt8(ascii: ":"), let hours = digits(zone[1..<3]),
            let minutes = digits(zone[4..<6]), hours <= 14, minutes < 60
        else { return nil }
        switch zone[0] {
        case UInt8(ascii: "+"): return hours * 60 + minutes
        case UInt8(ascii: "-"): return -(hours * 60 + minutes)
        default: return nil
        }
    }

    private static func length(ofMonth month: Int, year: Int) -> Int {
        switch month {
        case 2: return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: return 30
        default: return 31
        }
    }

    private static func digits(_ bytes: ArraySlice<UInt8>) -> Int? {
        var value = 0
        for byte in bytes {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return value
    }

    private static func padded(_ value: Int, to width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}

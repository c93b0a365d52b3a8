import LicenseModel

extension Day {
    /// The UTC day of an ISO 8601 day or timestamp. Blanks inside are dropped (published samples contain
    /// `2015-11-25T06: 41: 12Z`); a timestamp without a zone is UTC.
    init?(ofTimestamp raw: String) {
        guard raw.utf8.count <= 64 else { return nil }
        var written = Array(raw.utf8)
        // A blank between day and time stands for the T.
        if written.count >= 16, written[10] == UInt8(ascii: " "), written[13] == UInt8(ascii: ":") {
            written[10] = UInt8(ascii: "T")
        }
        let bytes = written.filter { $0 != UInt8(ascii: " ") }
        guard bytes.count >= 10, let day = Day(String(decoding: bytes[0..<10], as: UTF8.self)) else { return nil }
        var shift = 0
        if bytes.count > 10 {
            guard bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: "t"),
                let minutes = Self.utcMinutes(Array(bytes[11...]))
            else { return nil }
            shift = minutes < 0 ? -1 : minutes >= 1_440 ? 1 : 0
        }
        // No day comes before the first. One after the last is as far away as the last: both mean “no end”.
        if day == .first, shift < 0 { return nil }
        self = day.advanced(by: shift)
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

    private static func digits(_ bytes: ArraySlice<UInt8>) -> Int? {
        var value = 0
        for byte in bytes {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return value
    }
}

import Foundation
import LicenseModel

/// The `Retry-After` header (RFC 9110, 10.2.3): seconds, or a date.
enum RetryAfter {
    /// Nil for no header, for one that says neither, and for a time that is over, by this clock at least: none of them
    /// says how long to wait.
    static func pause(_ header: String?, now: Date) -> Duration? {
        guard let text = header?.trimmingCharacters(in: .whitespaces), !text.isEmpty, text.utf8.count <= 64 else {
            return nil
        }
        if text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            let seconds = Int64(text) ?? Int64.max
            return seconds > 0 ? .seconds(seconds) : nil
        }
        guard let time = time(text, now: now) else { return nil }
        let seconds = Double(time) - now.timeIntervalSince1970
        return seconds > 0 ? .seconds(seconds) : nil
    }

    private static let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Seconds since 1970 of a date in the form of today or one of the two old ones (RFC 9110, 5.6.7). By hand:
    /// `DateFormatter` leaks memory with every text that is none.
    private static func time(_ text: String, now: Date) -> Int64? {
        let words = text.split(separator: " ").map(String.init)
        guard let weekday = words.first, weekdays.contains(where: weekday.hasPrefix) else { return nil }
        switch (words.count, words.last) {
        // Sun, 06 Nov 1994 08:49:37 GMT
        case (6, "GMT") where weekday.hasSuffix(","):
            guard let year = number(words[3], digits: 4) else { return nil }
            return time(year, words[2], words[1], words[4])
        // Sunday, 06-Nov-94 08:49:37 GMT
        case (4, "GMT") where weekday.hasSuffix(","):
            let parts = words[1].split(separator: "-", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3, let short = number(parts[2], digits: 2) else { return nil }
            let today = Day(unixSeconds: Int64(now.timeIntervalSince1970)).description
            let thisYear = Int(today.prefix(4)) ?? 0
            // What would be more than fifty years ahead is behind.
            let ahead = (short - thisYear % 100 + 100) % 100
            return time(thisYear + (ahead > 50 ? ahead - 100 : ahead), parts[1], parts[0], words[2])
        // Sun Nov  6 08:49:37 1994
        case (5, _):
            guard let year = number(words[4], digits: 4) else { return nil }
            return time(year, words[1], words[2].count == 1 ? "0" + words[2] : words[2], words[3])
        default: return nil
        }
    }

    private static func time(_ year: Int, _ monthName: String, _ dayText: String, _ clock: String) -> Int64? {
        let parts = clock.split(separator: ":", omittingEmptySubsequences: false).compactMap { number($0, digits: 2) }
        guard parts.count == 3, parts[0] < 24, parts[1] < 60, parts[2] <= 60,
            let month = months.firstIndex(of: monthName), let dayOfMonth = number(dayText, digits: 2),
            let day = Day(year: year, month: month + 1, day: dayOfMonth)
        else { return nil }
        return Int64(day.number) * 86_400 + Int64(parts[0] * 3_600 + parts[1] * 60 + parts[2])
    }

    /// So many digits and nothing else.
    private static func number(_ text: some StringProtocol, digits: Int) -> Int? {
        guard text.utf8.count == digits,
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int(text)
    }
}

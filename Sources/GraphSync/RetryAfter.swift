import Foundation

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
        for format in formats {
            let formatter = DateFormatter()
            formatter.locale = Locale(identifier: "en_US_POSIX")
            formatter.timeZone = TimeZone(secondsFromGMT: 0)
            formatter.dateFormat = format
            guard let date = formatter.date(from: text) else { continue }
            let seconds = date.timeIntervalSince(now)
            return seconds > 0 ? .seconds(seconds) : nil
        }
        return nil
    }

    /// The form of today and the two old ones (RFC 9110, 5.6.7).
    private static let formats = [
        "EEE',' dd MMM yyyy HH':'mm':'ss 'GMT'", "EEEE',' dd'-'MMM'-'yy HH':'mm':'ss 'GMT'",
        "EEE MMM d HH':'mm':'ss yyyy",
    ]
}

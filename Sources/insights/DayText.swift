import Foundation

/// Days as `YYYY-MM-DD` and as numbers since 1970-01-01, in UTC.
enum DayText {
    static func number(_ text: String) -> Int? {
        guard text.utf8.count == 10 else { return nil }
        return (try? Date(text + "T00:00:00Z", strategy: .iso8601)).map {
            Int(($0.timeIntervalSince1970 / 86_400).rounded(.down))
        }
    }

    static func text(_ number: Int) -> String {
        Date(timeIntervalSince1970: Double(number) * 86_400).formatted(.iso8601.year().month().day())
    }

    /// The day that lies `days` after another; nil when that is no day.
    static func adding(_ days: Int, to text: String) -> String? {
        number(text).map { DayText.text($0 + days) }
    }
}

import LicenseModel
import SwiftProtobuf

/// Numbers and days in the form of a language.
struct Numerals: Sendable {
    let language: PageLanguage

    private var separator: String { language == .dutch ? "." : "," }
    private var point: String { language == .dutch ? "," : "." }
    /// Between a number and `%`: one that no line breaks at.
    private static let space = "\u{A0}"

    /// With separators of thousands.
    func count(_ value: Int64) -> String {
        let digits = String(value.magnitude)
        if digits.utf8.count <= 3 { return value < 0 ? "−" + digits : digits }
        var text = value < 0 ? "−" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.utf8.count - index) % 3 == 0 { text += separator }
            text.append(digit)
        }
        return text
    }

    /// One decimal, never held down at 100; nil where it cannot be written.
    func percent(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "–" }
        let tenths = Int64((value * 10).rounded())
        let sign = tenths < 0 ? "−" : ""
        return sign + count(Int64(tenths.magnitude / 10)) + point + "\(tenths.magnitude % 10)" + Self.space + "%"
    }

    /// Of an axis.
    func wholePercent(_ value: Double) -> String { count(Int64(exactly: value) ?? 0) + Self.space + "%" }

    /// `2026-03-31` as `31 Mar 2026` or `31 mrt 2026`; what is no day stays as it is.
    func day(_ iso: String) -> String {
        Day(iso).map { "\(shortDay($0))\(Self.space)\($0.civil.year)" } ?? iso
    }

    /// Without the year.
    func shortDay(_ day: Day) -> String {
        let (_, month, day) = day.civil
        return "\(day)\(Self.space)\(months[month - 1])"
    }

    /// Day and time in UTC.
    func moment(_ time: Google_Protobuf_Timestamp) -> String {
        let second = max(0, time.seconds) % 86_400
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let day = day(Day(unixSeconds: time.seconds).description)
        return "\(day) \(two(second / 3_600)):\(two(second / 60 % 60))\(Self.space)UTC"
    }

    private var months: [String] { language == .dutch ? Self.dutchMonths : Self.englishMonths }
    private static let englishMonths = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    private static let dutchMonths = [
        "jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec",
    ]
}

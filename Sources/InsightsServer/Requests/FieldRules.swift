import InsightsAPI
import LicenseModel
import Tenancy

/// The rules of single fields, shared by facts and requests. `field` is the path that an error names.
enum FieldRules {
    static func id<Tag>(_ text: String, _ field: @autoclosure () -> String) throws(FieldError) -> Identifier<Tag> {
        do {
            return try Identifier<Tag>(text)
        } catch {
            throw FieldError(field(), error.reason)
        }
    }

    /// Nil for an empty text.
    static func optionalID<Tag>(
        _ text: String, _ field: @autoclosure () -> String
    ) throws(FieldError) -> Identifier<Tag>? {
        text.isEmpty ? nil : try id(text, field())
    }

    /// At most `Limits.maximumNameLength` Unicode scalars; may be empty.
    static func name(_ text: String, _ field: @autoclosure () -> String) throws(FieldError) -> String {
        // No scalar is longer than four bytes, so a huge text is refused without counting its scalars.
        guard text.utf8.count <= 4 * Limits.maximumNameLength,
            text.utf8.count <= Limits.maximumNameLength || text.unicodeScalars.count <= Limits.maximumNameLength
        else { throw FieldError(field(), "is longer than \(Limits.maximumNameLength) characters") }
        return text
    }

    static func day(_ text: String, _ field: @autoclosure () -> String) throws(FieldError) -> Day {
        if text.isEmpty { throw FieldError(field(), "is required, as YYYY-MM-DD") }
        guard let day = Day(text) else {
            throw FieldError(field(), "is not a day written YYYY-MM-DD, from \(Day.first) to \(Day.last)")
        }
        return day
    }

    /// Nil for an empty text.
    static func optionalDay(_ text: String, _ field: @autoclosure () -> String) throws(FieldError) -> Day? {
        text.isEmpty ? nil : try day(text, field())
    }

    static func day(
        _ text: String, notAfter today: Day, _ field: @autoclosure () -> String
    ) throws(FieldError) -> Day {
        let day = try day(text, field())
        if day > today { throw FieldError(field(), "is after today (\(today))") }
        return day
    }

    /// Half-open; an empty end means open, an end equal to the start takes the thing back.
    static func interval(
        start: String, _ startField: @autoclosure () -> String, end: String, _ endField: @autoclosure () -> String
    ) throws(FieldError) -> DayInterval {
        let first = try day(start, startField())
        let end = try optionalDay(end, endField())
        if let end, end < first { throw FieldError(endField(), "is before the start (\(first))") }
        return DayInterval(start: first, end: end)
    }

    static func workload(_ code: String, _ field: @autoclosure () -> String) throws(FieldError) -> Workload {
        if code.isEmpty { throw FieldError(field(), "is required: one of \(workloadCodes)") }
        guard let workload = Workload(code: code) else {
            throw FieldError(field(), "is no workload code: one of \(workloadCodes)")
        }
        return workload
    }

    private static let workloadCodes = (Workload.allCases.map(\.code) + ["ODB"]).joined(separator: ", ")

    /// A count in `0...maximum`.
    static func count(
        _ value: Int64, upTo maximum: Int64, _ field: @autoclosure () -> String
    ) throws(FieldError) -> Int64 {
        guard value >= 0, value <= maximum else {
            throw FieldError(field(), "is \(value): it must be between 0 and \(maximum)")
        }
        return value
    }
}

import Tenancy

/// The rules of single fields, shared by facts, requests and options. `field` is the path that an error names.
public enum FieldRules {
    @inlinable
    public static func id<Tag>(_ text: String, _ field: @autoclosure () -> String) throws(FieldError) -> Identifier<Tag>
    {
        do {
            return try Identifier<Tag>(text)
        } catch {
            throw FieldError(field(), error.reason)
        }
    }

    /// Nil for an empty text.
    @inlinable
    public static func optionalID<Tag>(
        _ text: String, _ field: @autoclosure () -> String
    ) throws(FieldError) -> Identifier<Tag>? {
        text.isEmpty ? nil : try id(text, field())
    }

    /// At most `FactLimits.maximumNameLength` Unicode scalars; may be empty.
    public static func name(_ text: String, _ field: @autoclosure () -> String) throws(FieldError) -> String {
        // No scalar is longer than four bytes, so a huge text is refused without counting its scalars.
        guard text.utf8.count <= 4 * FactLimits.maximumNameLength,
            text.utf8.count <= FactLimits.maximumNameLength || text.unicodeScalars.count <= FactLimits.maximumNameLength
        else { throw FieldError(field(), "is longer than \(FactLimits.maximumNameLength) characters") }
        return text
    }

    public static func day(_ text: String, _ field: @autoclosure () -> String) throws(FieldError) -> Day {
        if text.isEmpty { throw FieldError(field(), "is required, as YYYY-MM-DD") }
        guard let day = Day(text) else {
            throw FieldError(field(), "is not a day written YYYY-MM-DD, from \(Day.first) to \(Day.last)")
        }
        return day
    }

    /// Nil for an empty text.
    public static func optionalDay(_ text: String, _ field: @autoclosure () -> String) throws(FieldError) -> Day? {
        text.isEmpty ? nil : try day(text, field())
    }

    public static func day(
        _ text: String, notAfter today: Day, _ field: @autoclosure () -> String
    ) throws(FieldError) -> Day {
        let day = try day(text, field())
        if day > today { throw FieldError(field(), "is after today (\(today))") }
        return day
    }

    /// Half-open; an empty end means open, an end equal to the start takes the thing back.
    public static func interval(
        start: String, _ startField: @autoclosure () -> String, end: String, _ endField: @autoclosure () -> String
    ) throws(FieldError) -> DayInterval {
        let first = try day(start, startField())
        let end = try optionalDay(end, endField())
        if let end, end < first { throw FieldError(endField(), "is before the start (\(first))") }
        return DayInterval(start: first, end: end)
    }

    public static func workload(_ code: String, _ field: @autoclosure () -> String) throws(FieldError) -> Workload {
        if code.isEmpty { throw FieldError(field(), "is required: one of \(workloadCodes)") }
        guard let workload = Workload(code: code) else {
            throw FieldError(field(), "is no workload code: one of \(workloadCodes)")
        }
        return workload
    }

    private static let workloadCodes = (Workload.allCases.map(\.code) + [Workload.oneDriveCode]).joined(separator: ", ")

    /// Nil for an empty text.
    public static func term(_ text: String, _ field: @autoclosure () -> String) throws(FieldError) -> Term? {
        if text.isEmpty { return nil }
        guard let term = Term(text) else {
            throw FieldError(
                field(),
                "is no ISO 8601 duration of years, months, weeks or days, such as P1M or P1Y, of at most \(Term.maximumLength) characters"
            )
        }
        return term
    }

    /// Nil when both are 0: the whole.
    public static func part(
        _ number: Int32, of count: Int32, _ numberField: @autoclosure () -> String,
        _ countField: @autoclosure () -> String
    ) throws(FieldError) -> SnapshotPart? {
        if number == 0, count == 0 { return nil }
        guard (1...FactLimits.maximumSnapshotParts).contains(count) else {
            let bound = FactLimits.maximumSnapshotParts
            throw FieldError(countField(), "is \(count): it must be between 1 and \(bound), or 0 with part 0")
        }
        guard (1...count).contains(number) else {
            throw FieldError(numberField(), "is \(number): it must be between 1 and \(count), the number of parts")
        }
        return SnapshotPart(number: number, of: count)
    }

    /// A count in `0...maximum`.
    public static func count(
        _ value: Int64, upTo maximum: Int64, _ field: @autoclosure () -> String
    ) throws(FieldError) -> Int64 {
        guard value >= 0, value <= maximum else {
            throw FieldError(field(), "is \(value): it must be between 0 and \(maximum)")
        }
        return value
    }
}

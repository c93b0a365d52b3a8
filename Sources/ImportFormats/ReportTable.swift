import LicenseModel

/// One row of a report, from CSV or from JSON.
struct ReportRow {
    private enum Form {
        case csv(CSVRow)
        case json(JSONObject, locate: (Int) -> FilePosition)
    }

    private let form: Form

    init(_ row: CSVRow) { form = .csv(row) }

    init(_ object: JSONObject, locate: @escaping (Int) -> FilePosition) { form = .json(object, locate: locate) }

    /// Where the row starts.
    var position: FilePosition {
        switch form {
        case .csv(let row): row.position
        case .json(let object, let locate): locate(object.offset)
        }
    }

    /// Where the column's value starts.
    func position(_ name: String) -> FilePosition {
        switch form {
        case .csv(let row): row.position(name)
        case .json(let object, let locate): locate(object.offset(name))
        }
    }

    /// The trimmed text of a column; nil when the report has no such column.
    func text(_ name: String) throws -> String? {
        switch form {
        case .csv(let row): try row.text(name)
        case .json(let object, _): try object.text(name)
        }
    }

    /// The day of a column as `YYYY-MM-DD`; nil without a column or a value.
    func day(_ name: String) throws -> String? {
        if case .json(let object, _) = form { return try object.timestamp(name)?.description }
        guard let text = try text(name), !text.isEmpty else { return nil }
        if let day = Day(ofTimestamp: text) { return day.description }
        throw PositionedProblem(position(name), "\(name) \(text.excerpt) \(DayForm.complaint(text))")
    }

    /// The day of a column that must not be empty.
    func requiredDay(_ name: String) throws -> String {
        guard let day = try day(name) else { throw PositionedProblem(position(name), "\(name) is empty") }
        return day
    }
}

/// Reads a report row by row, as CSV or as the same rows in JSON.
enum ReportTable {
    struct Summary {
        var rows = 0
        /// Every column, as the header or the rows of JSON name it, in lower case.
        var columns = [String]()
        /// The pages of JSON.
        var envelope: JSONDocument.Envelope?
    }

    /// - Parameters:
    ///   - required: columns that must be there; in JSON, in one of the rows.
    ///   - anyOf: columns of which at least one must be there.
    static func read(
        _ file: InputFile, as kind: ImportKind, required: [String], anyOf: [String], limits: ImportLimits,
        onRow: (ReportRow) throws -> Void
    ) throws -> Summary {
        var summary = Summary()
        guard try JSONDocument.isJSON(file, limits: limits) else {
            let header = try CSVTable.read(file, as: kind, required: required, anyOf: anyOf, limits: limits) { row in
                summary.rows += 1
                try onRow(ReportRow(row))
            }
            summary.columns = header.names
            return summary
        }
        var seen = Set<String>()
        summary.envelope = try JSONDocument.readList(file, as: kind, limits: limits) { object, locate in
            summary.rows += 1
            for (folded, name) in object.members.names where !seen.contains(folded) {
                guard seen.count < limits.maximumColumns else {
                    throw JSONProblem(
                        offset: object.offset, message: "the report has more than \(limits.maximumColumns) columns")
                }
                seen.insert(folded)
                summary.columns.append(name.lowercased())
            }
            // The message about a wrong type names the place itself.
            try withoutActuallyEscaping(locate) { try onRow(ReportRow(object, locate: $0)) }
        }
        // Members of an object have no order.
        summary.columns.sort()
        guard summary.rows > 0 else { return summary }
        let missing = required.filter { !seen.contains($0.foldedName) }
        guard missing.isEmpty else {
            throw PositionedProblem(
                .wholeFile, "no row has the column \(missing.map(\.excerpt).joined(separator: ", "))")
        }
        guard anyOf.contains(where: { seen.contains($0.foldedName) }) else {
            throw PositionedProblem(
                .wholeFile,
                "no row has a known column such as \(anyOf.prefix(3).map(\.excerpt).joined(separator: ", "))")
        }
        return summary
    }
}

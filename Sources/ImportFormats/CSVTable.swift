/// One record of a table, with access by column name.
struct CSVRow {
    let fields: [CSVField]
    let header: CSVHeader

    /// Where the record starts.
    var position: FilePosition { fields.first?.position ?? .wholeFile }

    /// Where the column's field starts.
    func position(_ name: String) -> FilePosition {
        guard let index = header.index[name], index < fields.count else { return position }
        return fields[index].position
    }

    /// The trimmed text of a column; nil when the table has no such column.
    func text(_ name: String) throws -> String? {
        guard let index = header.index[name], index < fields.count else { return nil }
        guard let text = fields[index].text else {
            throw PositionedProblem(fields[index].position, "the field is not UTF-8")
        }
        return text.trimmedBlanks
    }

    /// The trimmed text of a column that must not be empty.
    func required(_ name: String) throws -> String {
        guard let text = try text(name), !text.isEmpty else {
            throw PositionedProblem(position(name), "\(name) is empty")
        }
        return text
    }
}

/// The columns of a table by lower-cased name, in whatever order they come.
struct CSVHeader {
    let index: [String: Int]
    let names: [String]

    init(_ fields: [CSVField]) throws {
        var index = [String: Int]()
        var names = [String]()
        for (position, field) in fields.enumerated() {
            guard let name = field.text?.trimmedBlanks.lowercased() else {
                throw PositionedProblem(field.position, "the column name is not UTF-8")
            }
            names.append(name)
            guard !name.isEmpty else { continue }
            guard index.updateValue(position, forKey: name) == nil else {
                throw PositionedProblem(field.position, "the column \(name.excerpt) occurs twice")
            }
        }
        self.index = index
        self.names = names
    }

    /// True when a record repeats the header, as files that were put together do.
    func isRepeated(by fields: [CSVField]) -> Bool {
        fields.count == names.count && fields.first?.text?.trimmedBlanks.lowercased().withoutMark == names.first
            && zip(fields.dropFirst(), names.dropFirst()).allSatisfy { $0.text?.trimmedBlanks.lowercased() == $1 }
    }
}

/// Reads a CSV file with a header line, row by row.
enum CSVTable {
    /// - Parameter onHeader: sees the columns before anything is asked of them, also of a table without rows.
    static func read(
        _ file: InputFile, required: [String], limits: ImportLimits,
        onHeader: (CSVHeader) throws -> Void = { _ in }, onRow: (CSVRow) throws -> Void
    ) throws {
        var pieces = try PieceReader(file, maximumBytes: limits.maximumFileBytes)
        var reader = CSVReader(limits: limits)
        var header: CSVHeader?
        var rows = 0
        let onRecord = { (fields: [CSVField]) throws in
            guard let known = header else {
                header = try checkedHeader(fields, required: required, onHeader: onHeader)
                return
            }
            if known.isRepeated(by: fields) { return }
            guard fields.count == known.names.count else {
                throw PositionedProblem(
                    fields.first?.position ?? .wholeFile,
                    "the row has \(fields.count) fields, the header has \(known.names.count)")
            }
            rows += 1
            guard rows <= limits.maximumRows else {
                throw PositionedProblem(.wholeFile, "the file has more than \(limits.maximumRows) rows")
            }
            try onRow(CSVRow(fields: fields, header: known))
        }
        while let piece = try pieces.next() { try reader.feed(piece, onRecord: onRecord) }
        try reader.finish(onRecord: onRecord)
        guard header != nil else { throw PositionedProblem(.wholeFile, "the file is empty") }
    }

    private static func checkedHeader(
        _ fields: [CSVField], required: [String], onHeader: (CSVHeader) throws -> Void
    ) throws -> CSVHeader {
        let header = try CSVHeader(fields)
        try onHeader(header)
        let missing = required.filter { header.index[$0] == nil }
        guard missing.isEmpty else {
            throw PositionedProblem(
                FilePosition(line: 1, column: 0),
                "the header has no column \(missing.map(\.excerpt).joined(separator: ", "))")
        }
        return header
    }
}

extension String {
    /// Without blanks at both ends. No-break spaces count: the vendor's table ends several ids with one.
    var trimmedBlanks: String {
        let isBlank = { (scalar: Unicode.Scalar) in scalar.properties.isWhitespace || scalar == "\u{FEFF}" }
        let scalars = unicodeScalars
        guard let first = scalars.firstIndex(where: { !isBlank($0) }),
            let last = scalars.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(scalars[first...last])
    }

    /// Without a byte order mark, which a file appended to another one brings into the middle.
    fileprivate var withoutMark: String {
        hasPrefix("\u{FEFF}") ? String(dropFirst()) : self
    }
}

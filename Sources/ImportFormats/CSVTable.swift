/// One record of a table, with access by column name.
struct CSVRow {
    let record: CSVRecord
    let header: CSVHeader

    /// Where the record starts.
    var position: FilePosition { record.position }

    /// Where the column's field starts.
    func position(_ name: String) -> FilePosition {
        guard let index = header.index[name.foldedName] else { return position }
        return record.position(index)
    }

    /// The trimmed text of a column; nil when the table has no such column.
    func text(_ name: String) throws -> String? {
        guard let index = try header.index(of: name) else { return nil }
        return record.text(index)
    }

    /// The trimmed text of a column that must not be empty.
    func required(_ name: String) throws -> String {
        guard let text = try text(name), !text.isEmpty else {
            throw PositionedProblem(position(name), "\(name) is empty")
        }
        return text
    }
}

/// The columns of a table, in whatever order they come.
struct CSVHeader {
    /// Columns by folded name, and by the name as `names` has it, so that asking for that costs no folding; of two that
    /// are the same, the first.
    let index: [String: Int]
    /// Trimmed and in lower case, without a byte order mark.
    let names: [String]
    private let doubled: [String: FilePosition]

    init(_ record: CSVRecord) {
        var index = [String: Int]()
        var names = [String]()
        var doubled = [String: FilePosition]()
        for column in 0..<record.count {
            let name = ByteOrderMark.stripped(record.text(column)).trimmedBlanks.lowercased()
            names.append(name)
            let folded = name.foldedName
            guard !folded.isEmpty else { continue }
            for key in name == folded ? [folded] : [folded, name] {
                if index[key] == nil {
                    index[key] = column
                } else {
                    doubled[key] = record.position(column)
                }
            }
        }
        self.index = index
        self.names = names
        self.doubled = doubled
    }

    /// Nil when there is no such column. Columns that nobody asks for may occur twice.
    func index(of name: String) throws -> Int? {
        if doubled.isEmpty, let column = index[name] { return column }
        let folded = name.foldedName
        if let second = doubled[folded] { throw PositionedProblem(second, "the column \(name.excerpt) occurs twice") }
        return index[folded]
    }

    /// True when a record repeats the header, as files that were put together do.
    func isRepeated(by record: CSVRecord) -> Bool {
        guard record.count == names.count, let first = names.first?.utf8.first, let byte = record.bytes.first,
            byte >= 0x80 || byte | 0x20 == first | 0x20
        else { return false }
        return ByteOrderMark.stripped(record.text(0)).trimmedBlanks.lowercased() == names[0]
            && (1..<names.count).allSatisfy { record.text($0).lowercased() == names[$0] }
    }
}

/// Reads a CSV file with a header line, row by row. The separator is a comma, a semicolon, a tab or a bar, as a line
/// `sep=…` says or the header line shows. Rows of nothing but separators are none.
enum CSVTable {
    /// - Parameters:
    ///   - required: columns that the table must have.
    ///   - anyOf: columns of which it must have at least one; no matter when empty.
    ///   - kind: what the caller reads, for the message about a file of another kind.
    @discardableResult
    static func read(
        _ file: InputFile, as kind: ImportKind? = nil, required: [String], anyOf: [String] = [],
        limits: ImportLimits, onRow: (CSVRow) throws -> Void
    ) throws -> CSVHeader {
        var text = try TextReader(file, maximumBytes: limits.maximumFileBytes)
        let start = try CSVStart(&text, required: required, limits: limits)
        var reader = CSVReader(limits: limits, separator: start.separator, line: start.line)
        var header: CSVHeader?
        var rows = 0
        let onRecord = { (record: CSVRecord) throws in
            if record.isBlank { return }
            guard let known = header else {
                header = try checkedHeader(record, kind: kind, required: required, anyOf: anyOf)
                return
            }
            if known.isRepeated(by: record) || CSVStart.isPreamble(record) { return }
            guard record.count == known.names.count else {
                throw PositionedProblem(
                    record.position, "the row has \(record.count) fields, the header has \(known.names.count)")
            }
            rows += 1
            guard rows <= limits.maximumRows else {
                throw PositionedProblem(.wholeFile, "the file has more than \(limits.maximumRows) rows")
            }
            try onRow(CSVRow(record: record, header: known))
        }
        try reader.feed(start.rest, onRecord: onRecord)
        while let piece = try text.next() { try reader.feed(piece, onRecord: onRecord) }
        try reader.finish(onRecord: onRecord)
        guard let header else { throw PositionedProblem(.wholeFile, "the file is empty") }
        return header
    }

    /// What a file that should be JSON is, as far as its header line tells.
    static func complaintAboutText(_ file: InputFile, limits: ImportLimits) throws -> String {
        var text = try TextReader(file, maximumBytes: limits.maximumFileBytes)
        let start = try CSVStart(&text, required: [], limits: limits)
        var reader = CSVReader(limits: limits, separator: start.separator)
        var header: CSVHeader?
        try? reader.feed(start.rest.prefix(limits.maximumFieldBytes)) { header = header ?? CSVHeader($0) }
        if let header, let form = KnownForm.of({ header.index[$0] != nil }),
            form.kind == nil || form.kind == .skuTable || form.kind == .graphActiveUsers
        {
            return form.message
        }
        return "the file is CSV or other text; this needs JSON"
    }

    private static func checkedHeader(
        _ record: CSVRecord, kind: ImportKind?, required: [String], anyOf: [String]
    ) throws -> CSVHeader {
        let header = CSVHeader(record)
        let missing = try required.filter { try header.index(of: $0) == nil }
        let hasOne = anyOf.isEmpty || anyOf.contains { header.index[$0.foldedName] != nil }
        if missing.isEmpty && hasOne { return header }
        let position = FilePosition(line: record.position.line, column: 0)
        let first = header.names.first ?? ""
        if let column = missing.first(where: { first.foldedName.hasSuffix($0.foldedName) }) {
            let junk = String(first.dropLast(min(column.count, first.count - 1)))
            throw PositionedProblem(record.position, ByteOrderMark.complaint(about: junk))
        }
        if let form = KnownForm.of({ header.index[$0] != nil }), kind == nil || form.kind != kind {
            throw PositionedProblem(position, form.message)
        }
        guard !missing.isEmpty else {
            let names = anyOf.prefix(3).map(\.excerpt).joined(separator: ", ")
            throw PositionedProblem(position, "the header has no known column such as \(names)")
        }
        throw PositionedProblem(
            position, "the header has no column \(missing.map(\.excerpt).joined(separator: ", "))")
    }
}

/// The start of a CSV file up to its header line, which tells the separator.
private struct CSVStart {
    private(set) var separator = UInt8(ascii: ",")
    /// The number of the header line.
    private(set) var line = 1
    /// What has been read, from the header line on.
    private(set) var rest: ArraySlice<UInt8> = []

    private static let separators: [UInt8] = [",", ";", "\t", "|"].map { UInt8(ascii: $0) }

    init(_ text: inout TextReader, required: [String], limits: ImportLimits) throws {
        var named: UInt8?
        var isEnded = false
        while true {
            let end = rest.firstIndex { $0 == 0x0A || $0 == 0x0D }
            // A carriage return at the end of what is there may be half of a line end.
            if !isEnded, end.map({ $0 == rest.endIndex - 1 && rest[$0] == 0x0D }) ?? true {
                guard let piece = try text.next() else {
                    isEnded = true
                    continue
                }
                rest = ArraySlice(Array(rest) + piece)
                guard rest.count - piece.count <= limits.maximumLineBytes else {
                    throw PositionedProblem(
                        FilePosition(line: line, column: 0),
                        "the record is longer than \(limits.maximumLineBytes) bytes")
                }
                continue
            }
            let content = rest[..<(end ?? rest.endIndex)]
            if let separator = try Self.separatorLine(content, line: line) {
                named = separator
            } else if !Self.isType(content), !Self.isEmpty(content) {
                try refuseOthers(content)
                separator = named ?? Self.found(content, required: required, limits: limits)
                return
            }
            guard let end else {
                rest = []
                return
            }
            let isPair = rest[end] == 0x0D && end + 1 < rest.endIndex && rest[end + 1] == 0x0A
            rest = rest[(end + (isPair ? 2 : 1))...]
            line += 1
        }
    }

    private func refuseOthers(_ content: ArraySlice<UInt8>) throws {
        let position = FilePosition(line: line, column: 1)
        if let first = content.first(where: { $0 > 0x20 }), first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
            throw PositionedProblem(position, "the file is JSON; this needs CSV with a header line")
        }
        if let quote = content.firstIndex(of: UInt8(ascii: "\"")), (1...16).contains(quote - content.startIndex),
            !content[..<quote].contains(where: Self.separators.contains),
            content.contains(where: Self.separators.contains)
        {
            let junk = String(decoding: content[..<quote], as: UTF8.self)
            throw PositionedProblem(position, ByteOrderMark.complaint(about: junk))
        }
    }

    /// The separator with which the header has the columns that it must have, else the one that cuts it most.
    private static func found(_ content: ArraySlice<UInt8>, required: [String], limits: ImportLimits) -> UInt8 {
        var best = (separator: separators[0], columns: 0)
        for separator in separators {
            var reader = CSVReader(limits: limits, separator: separator)
            var header: CSVHeader?
            try? reader.feed(content) { header = CSVHeader($0) }
            try? reader.finish { header = CSVHeader($0) }
            guard let header else { continue }
            if !required.isEmpty, required.allSatisfy({ header.index[$0.foldedName] != nil }) { return separator }
            if header.names.count > best.columns { best = (separator, header.names.count) }
        }
        return best.separator
    }

    /// Spreadsheets are told their separator by a first line `sep=;`, which some tools put in quotes.
    private static func separatorLine(_ content: ArraySlice<UInt8>, line: Int) throws -> UInt8? {
        let text = content.filter { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: " ") }
        guard text.count >= 5, String(decoding: text.prefix(4), as: UTF8.self).lowercased() == "sep=",
            text[5...].allSatisfy({ separators.contains($0) })
        else { return nil }
        guard separators.contains(text[4]) else {
            throw PositionedProblem(
                FilePosition(line: line, column: 5), "the separator is not a comma, semicolon, tab or bar")
        }
        return text[4]
    }

    /// PowerShell before 7 writes the type of its objects into the first line.
    private static func isType(_ content: ArraySlice<UInt8>) -> Bool {
        let text = content.drop { $0 == UInt8(ascii: "\"") || $0 == 0x20 }.prefix(5)
        return String(decoding: text, as: UTF8.self).uppercased() == "#TYPE"
    }

    private static func isEmpty(_ content: ArraySlice<UInt8>) -> Bool {
        content.allSatisfy { $0 <= 0x20 || $0 == UInt8(ascii: "\"") || separators.contains($0) }
    }

    /// True for a line before the header in the middle of files that were put together.
    static func isPreamble(_ record: CSVRecord) -> Bool {
        guard let first = record.bytes.first, first == UInt8(ascii: "#") || first | 0x20 == UInt8(ascii: "s") else {
            return false
        }
        return isType(record.bytes[...])
            || (try? separatorLine(record.bytes + [UInt8(ascii: ",")], line: 0)) != nil
                && record.bytes.count <= 5
    }
}

extension String {
    /// Without blanks at both ends. No-break spaces count: the vendor's table ends several ids with one.
    var trimmedBlanks: String {
        // Most texts have a letter at both ends.
        let letters = UInt8(ascii: "!")...UInt8(ascii: "~")
        if let first = utf8.first, let last = utf8.last, letters.contains(first), letters.contains(last) { return self }
        let isBlank = { (scalar: Unicode.Scalar) in scalar.properties.isWhitespace || scalar == "\u{FEFF}" }
        let scalars = unicodeScalars
        guard let first = scalars.firstIndex(where: { !isBlank($0) }),
            let last = scalars.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(scalars[first...last])
    }
}

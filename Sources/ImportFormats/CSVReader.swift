/// One record: its fields stand one after the other in one buffer.
struct CSVRecord {
    fileprivate(set) var bytes = [UInt8]()
    fileprivate var fields = [(end: Int, position: FilePosition)]()

    var count: Int { fields.count }

    /// Where the record starts.
    var position: FilePosition { fields.first?.position ?? .wholeFile }

    /// Where a field starts.
    func position(_ index: Int) -> FilePosition { fields[index].position }

    func field(_ index: Int) -> ArraySlice<UInt8> {
        bytes[(index == 0 ? 0 : fields[index - 1].end)..<fields[index].end]
    }

    /// The trimmed text of a field; `TextReader` has seen to it that it is UTF-8.
    func text(_ index: Int) -> String { String(decoding: field(index), as: UTF8.self).trimmedBlanks }

    /// True for a record of nothing but separators and blanks.
    var isBlank: Bool {
        // Most records show it by their first byte.
        if let first = bytes.first, first > 0x20, first < 0x80 { return false }
        return String(decoding: bytes, as: UTF8.self).trimmedBlanks.isEmpty
    }

    fileprivate mutating func clear() {
        bytes.removeAll(keepingCapacity: true)
        fields.removeAll(keepingCapacity: true)
    }
}

/// An RFC 4180 reader, with any separator, that is fed piece by piece and knows where it is. Records end with CRLF, LF
/// or CR. Accepts a quote only around a whole field and doubled inside one; anything else is an error, never a guess.
struct CSVReader {
    private enum State { case fieldStart, plain, quoted, quoteInQuoted }

    private let limits: ImportLimits
    private let separator: UInt8
    private var state = State.fieldStart
    private var record = CSVRecord()
    private var fieldStart = 0
    private var fieldPosition = FilePosition(line: 1, column: 1)
    private var line: Int
    /// Bytes of the line before the byte that is looked at.
    private var column = 0
    /// Bytes of the record so far.
    private var recordBytes = 0
    private var previousWasReturn = false

    /// - Parameter line: the number of the first line.
    init(limits: ImportLimits, separator: UInt8 = UInt8(ascii: ","), line: Int = 1) {
        self.limits = limits
        self.separator = separator
        self.line = line
    }

    /// Reads on, handing over every completed record; empty lines are no records.
    mutating func feed(_ piece: ArraySlice<UInt8>, onRecord: (CSVRecord) throws -> Void) throws {
        let bytes = piece.span
        var index = 0
        while index < bytes.count {
            let run =
                switch state {
                case .fieldStart, .plain: plainRun(bytes, from: index)
                case .quoted: quotedRun(bytes, from: index)
                case .quoteInQuoted: index
                }
            if run > index {
                if state == .fieldStart { start(.plain) }
                try append(piece[(piece.startIndex + index)..<(piece.startIndex + run)])
                index = run
                if index == bytes.count { return }
            }
            try take(bytes[index], onRecord: onRecord)
            index += 1
        }
    }

    /// Ends the input; the last record needs no line end.
    mutating func finish(onRecord: (CSVRecord) throws -> Void) throws {
        switch state {
        case .quoted:
            throw PositionedProblem(
                fieldPosition, "the quote that starts this field is never closed: is the file cut short?")
        case .fieldStart where record.count == 0: return
        default:
            try endField()
            try endRecord(onRecord)
        }
    }

    private func plainRun(_ piece: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < piece.count {
            let byte = piece[index]
            if byte == separator || byte == 0x0A || byte == 0x0D || byte == UInt8(ascii: "\"") { break }
            index += 1
        }
        return index
    }

    private func quotedRun(_ piece: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < piece.count {
            let byte = piece[index]
            if byte == 0x0A || byte == 0x0D || byte == UInt8(ascii: "\"") { break }
            index += 1
        }
        return index
    }

    /// A byte that may end a field or a record.
    private mutating func take(_ byte: UInt8, onRecord: (CSVRecord) throws -> Void) throws {
        let followsReturn = previousWasReturn
        previousWasReturn = byte == 0x0D
        try count(1)
        if state == .quoted {
            try takeQuoted(byte, followsReturn: followsReturn)
            return
        }
        switch byte {
        case 0x0A where followsReturn && state == .fieldStart && record.count == 0:
            // The second half of CRLF: the record has ended already.
            column = 0
            recordBytes = 0
        case 0x0A, 0x0D:
            if state == .fieldStart && record.count == 0 {
                startLine()
            } else {
                try endField()
                try endRecord(onRecord)
            }
        case separator:
            if state == .fieldStart { start(.fieldStart) }
            try endField()
        case UInt8(ascii: "\""): try takeQuote()
        default: throw PositionedProblem(here, "text after the closing quote of a field")
        }
    }

    private mutating func takeQuote() throws {
        switch state {
        case .fieldStart: start(.quoted)
        case .quoteInQuoted:
            state = .quoted
            try append(UInt8(ascii: "\""))
        case .plain where record.count == 0 && ByteOrderMark.stripped(record.bytes[...]).isEmpty:
            // A file that was put behind another one brings its mark along.
            record.bytes.removeAll(keepingCapacity: true)
            start(.quoted)
        default: throw PositionedProblem(here, "a quote inside a field that does not start with one")
        }
    }

    private mutating func takeQuoted(_ byte: UInt8, followsReturn: Bool) throws {
        if byte == UInt8(ascii: "\"") {
            state = .quoteInQuoted
            return
        }
        try append(byte)
        if byte == 0x0D || !followsReturn { line += 1 }
        column = 0
    }

    private var here: FilePosition { FilePosition(line: line, column: column) }

    private mutating func start(_ state: State) {
        self.state = state
        fieldPosition = FilePosition(line: line, column: state == .plain ? column + 1 : column)
    }

    /// A run of bytes that are nothing but content.
    private mutating func append(_ run: ArraySlice<UInt8>) throws {
        previousWasReturn = false
        try count(run.count)
        guard record.bytes.count - fieldStart + run.count <= limits.maximumFieldBytes else { throw tooLong }
        record.bytes.append(contentsOf: run)
    }

    private mutating func append(_ byte: UInt8) throws {
        guard record.bytes.count - fieldStart < limits.maximumFieldBytes else { throw tooLong }
        record.bytes.append(byte)
    }

    private var tooLong: PositionedProblem {
        PositionedProblem(fieldPosition, "the field is longer than \(limits.maximumFieldBytes) bytes")
    }

    private mutating func count(_ bytes: Int) throws {
        column += bytes
        recordBytes += bytes
        guard recordBytes <= limits.maximumLineBytes else {
            throw PositionedProblem(
                FilePosition(line: line, column: 0), "the record is longer than \(limits.maximumLineBytes) bytes")
        }
    }

    private mutating func endField() throws {
        guard record.count < limits.maximumColumns else {
            throw PositionedProblem(here, "the record has more than \(limits.maximumColumns) columns")
        }
        // A field that never started (after the last separator) lies where its end is.
        record.fields.append((record.bytes.count, state == .fieldStart ? here : fieldPosition))
        fieldStart = record.bytes.count
        state = .fieldStart
    }

    private mutating func endRecord(_ onRecord: (CSVRecord) throws -> Void) throws {
        startLine()
        try onRecord(record)
        record.clear()
        fieldStart = 0
    }

    private mutating func startLine() {
        line += 1
        column = 0
        recordBytes = 0
        fieldPosition = FilePosition(line: line, column: 1)
    }
}

/// One field of a record with the place of its first byte.
struct CSVField {
    var bytes: [UInt8]
    var position: FilePosition

    /// The text, or nil when it is not UTF-8.
    var text: String? { String(validating: bytes, as: UTF8.self) }
}

/// An RFC 4180 reader that is fed piece by piece and knows where it is. Records end with CRLF, LF or CR.
/// Accepts a quote only around a whole field and doubled inside one; anything else is an error, never a guess.
struct CSVReader {
    private enum State { case fieldStart, plain, quoted, quoteInQuoted }

    private let limits: ImportLimits
    private var state = State.fieldStart
    private var field = [UInt8]()
    private var record = [CSVField]()
    private var recordBytes = 0
    private var line = 1
    private var column = 0
    private var fieldPosition = FilePosition(line: 1, column: 1)
    private var previousWasReturn = false

    init(limits: ImportLimits) {
        self.limits = limits
    }

    /// Reads on, handing over every completed record; empty lines are no records.
    mutating func feed(_ piece: ArraySlice<UInt8>, onRecord: ([CSVField]) throws -> Void) throws {
        for byte in piece {
            column += 1
            recordBytes += 1
            guard recordBytes <= limits.maximumLineBytes else {
                throw PositionedProblem(
                    FilePosition(line: line, column: 0), "the record is longer than \(limits.maximumLineBytes) bytes")
            }
            try step(byte, onRecord: onRecord)
        }
    }

    /// Ends the input; the last record needs no line end.
    mutating func finish(onRecord: ([CSVField]) throws -> Void) throws {
        switch state {
        case .quoted:
            throw PositionedProblem(fieldPosition, "the quote that starts this field is never closed")
        case .fieldStart where record.isEmpty:
            return
        default:
            try endField()
            try endRecord(onRecord)
        }
    }

    private mutating func step(_ byte: UInt8, onRecord: ([CSVField]) throws -> Void) throws {
        let followsReturn = previousWasReturn
        previousWasReturn = byte == 0x0D
        if state == .quoted {
            try stepQuoted(byte, followsReturn: followsReturn)
            return
        }
        switch byte {
        case 0x0A where followsReturn:
            // The second half of CRLF: the record has ended already.
            column = 0
            recordBytes = 0
        case 0x0A, 0x0D:
            if state == .fieldStart && record.isEmpty {
                startLine()
            } else {
                try endField()
                try endRecord(onRecord)
            }
        case UInt8(ascii: ","):
            if state == .fieldStart { markFieldStart() }
            try endField()
        case UInt8(ascii: "\""):
            try stepQuote()
        default:
            guard state != .quoteInQuoted else {
                throw PositionedProblem(here, "text after the closing quote of a field")
            }
            if state == .fieldStart { markFieldStart() }
            state = .plain
            try append(byte)
        }
    }

    private mutating func stepQuote() throws {
        switch state {
        case .fieldStart:
            markFieldStart()
            state = .quoted
        case .quoteInQuoted:
            state = .quoted
            try append(UInt8(ascii: "\""))
        default:
            throw PositionedProblem(here, "a quote inside a field that does not start with one")
        }
    }

    private mutating func stepQuoted(_ byte: UInt8, followsReturn: Bool) throws {
        if byte == UInt8(ascii: "\"") {
            state = .quoteInQuoted
            previousWasReturn = false
            return
        }
        try append(byte)
        if byte == 0x0D || (byte == 0x0A && !followsReturn) {
            line += 1
            column = 0
        } else if byte == 0x0A {
            column = 0
        }
    }

    private var here: FilePosition { FilePosition(line: line, column: column) }

    private mutating func markFieldStart() { fieldPosition = here }

    private mutating func append(_ byte: UInt8) throws {
        guard field.count < limits.maximumFieldBytes else {
            throw PositionedProblem(fieldPosition, "the field is longer than \(limits.maximumFieldBytes) bytes")
        }
        field.append(byte)
    }

    private mutating func endField() throws {
        guard record.count < limits.maximumColumns else {
            throw PositionedProblem(here, "the record has more than \(limits.maximumColumns) columns")
        }
        // A field that never started (after the last comma) lies where its end is.
        let position = state == .fieldStart && fieldPosition != here ? here : fieldPosition
        record.append(CSVField(bytes: field, position: position))
        field.removeAll(keepingCapacity: true)
        state = .fieldStart
    }

    private mutating func endRecord(_ onRecord: ([CSVField]) throws -> Void) throws {
        let finished = record
        record.removeAll(keepingCapacity: true)
        startLine()
        try onRecord(finished)
    }

    private mutating func startLine() {
        line += 1
        column = 0
        recordBytes = 0
        fieldPosition = FilePosition(line: line, column: 1)
    }
}

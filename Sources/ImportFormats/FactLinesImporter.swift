import InsightsAPI
import SwiftProtobuf

/// Facts as JSON lines: one `Fact` in the JSON form of protobuf on each line.
struct FactLinesImporter: FactImporter {
    private let options: ImportOptions
    private(set) var report = ImportReport()

    init(options: ImportOptions) { self.options = options }

    mutating func read(_ file: InputFile, into sink: inout FactSink) throws {
        sink.file = file.name
        var pieces = try TextReader(file, maximumBytes: options.limits.maximumFileBytes)
        var line = [UInt8]()
        var number = 1
        while let piece = try pieces.next() {
            var rest = piece
            while let end = rest.firstIndex(of: 0x0A) {
                try append(rest[..<end], to: &line, number: number)
                try read(line, number: number, into: &sink)
                line.removeAll(keepingCapacity: true)
                number += 1
                rest = rest[(end + 1)...]
            }
            try append(rest, to: &line, number: number)
        }
        try read(line, number: number, into: &sink)
    }

    mutating func finish(into sink: inout FactSink) throws {}

    private func append(_ piece: ArraySlice<UInt8>, to line: inout [UInt8], number: Int) throws {
        guard line.count + piece.count <= options.limits.maximumLineBytes else {
            throw PositionedProblem(
                FilePosition(line: number, column: 0),
                "the line is longer than \(options.limits.maximumLineBytes) bytes")
        }
        line += piece
    }

    private mutating func read(_ line: [UInt8], number: Int, into sink: inout FactSink) throws {
        var reader = JSONReader(bytes: line, maximumDepth: options.limits.maximumDepth)
        guard try reader.peek() != nil else { return }
        let start = FilePosition(line: number, column: reader.offset + 1)
        do {
            _ = try reader.value(depth: 1)
            try reader.end()
        } catch let problem as JSONProblem {
            throw PositionedProblem(FilePosition(line: number, column: problem.offset + 1), problem.message)
        }
        report.rows += 1
        guard report.rows <= options.limits.maximumRows else {
            throw PositionedProblem(.wholeFile, "the file has more than \(options.limits.maximumRows) rows")
        }
        let message: PBFact
        do {
            message = try PBFact(jsonUTF8Bytes: line)
        } catch {
            throw PositionedProblem(start, "the line is no Fact: \(Self.reason(error))")
        }
        try sink.add(message, at: start)
        report.add("facts", one: "fact")
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? JSONDecodingError else { return "it cannot be read" }
        switch error {
        case .unknownField(let name): return "field \(name.excerpt) is unknown"
        case .unrecognizedEnumValue: return "an enum value is unknown"
        case .conflictingOneOf: return "it holds two facts or two sellers"
        case .malformedBool, .illegalNull, .malformedString, .malformedNumber, .numberRange:
            return "a value has the wrong type or range"
        default: return "it does not have the form of a Fact"
        }
    }
}

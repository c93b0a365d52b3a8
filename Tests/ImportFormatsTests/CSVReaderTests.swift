import Testing

@testable import ImportFormats

@Suite struct CSVReaderTests {
    private func records(_ text: String, pieces: Int = 1_000, limits: ImportLimits = ImportLimits()) throws
        -> [[String]]
    {
        var reader = CSVReader(limits: limits)
        var records = [[String]]()
        let bytes = Array(text.utf8)
        var rest = bytes[...]
        while !rest.isEmpty {
            try reader.feed(rest.prefix(pieces)) { records.append(Self.texts($0)) }
            rest = rest.dropFirst(pieces)
        }
        try reader.finish { records.append(Self.texts($0)) }
        return records
    }

    private static func texts(_ record: CSVRecord) -> [String] {
        (0..<record.count).map { String(decoding: record.field($0), as: UTF8.self) }
    }

    private func failure(_ text: String, limits: ImportLimits = ImportLimits()) -> String {
        do {
            return "\(try records(text, limits: limits))"
        } catch let problem as PositionedProblem {
            return "\(problem.position.line):\(problem.position.column) \(problem.message)"
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: [1, 2, 3, 1_000])
    func `quotes, commas, line ends and pieces of any size`(pieces: Int) throws {
        let text = "a,\"b, \"\"c\"\"\",\r\n\"x\r\ny\",,z\n\n\r\nlast,1,2"
        let expected = [["a", "b, \"c\"", ""], ["x\r\ny", "", "z"], ["last", "1", "2"]]
        #expect(try records(text, pieces: pieces) == expected)
    }

    @Test func `lone carriage returns end records`() throws {
        #expect(try records("a,b\rc,d\r") == [["a", "b"], ["c", "d"]])
    }

    @Test func `every combination of three fields survives a round trip`() throws {
        let fields = ["", "a", "\"", ",", "\n", "\r\n", "é", "a\"b,c\r\n"]
        for first in fields {
            for second in fields {
                for third in fields {
                    let row = [first, second, third]
                    let text = row.map { "\"" + $0.replacing("\"", with: "\"\"") + "\"" }.joined(separator: ",")
                    #expect(try records(text + "\r\n" + text) == [row, row])
                }
            }
        }
    }

    @Test func `broken quotes are refused with their place`() {
        #expect(failure("a,b\nc,d\"e") == "2:4 a quote inside a field that does not start with one")
        #expect(failure("a,b\n\"c\"d,e") == "2:4 text after the closing quote of a field")
        #expect(failure("a\n\"b\nc") == "2:1 the quote that starts this field is never closed: is the file cut short?")
    }

    @Test func `limits hold before memory is spent`() {
        var limits = ImportLimits()
        limits.maximumLineBytes = 20
        #expect(failure(String(repeating: "a", count: 30), limits: limits) == "1:0 the record is longer than 20 bytes")
        limits = ImportLimits()
        limits.maximumFieldBytes = 5
        #expect(failure("a,abcdefg", limits: limits) == "1:3 the field is longer than 5 bytes")
        limits = ImportLimits()
        limits.maximumColumns = 3
        #expect(failure(",,,,", limits: limits) == "1:4 the record has more than 3 columns")
    }

    @Test func `random bytes never trap`() {
        var generator = SeededGenerator(state: 7)
        for _ in 0..<2_000 {
            let alphabet: [UInt8] = Array("a,\"\r\n\u{1}".utf8) + [0xFF, 0xEF, 0xBB]
            let bytes = (0..<40).map { _ in alphabet[Int(generator.next() % UInt64(alphabet.count))] }
            var reader = CSVReader(limits: ImportLimits())
            try? reader.feed(bytes[...]) { _ in }
            try? reader.finish { _ in }
        }
    }
}

struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 16
    }
}

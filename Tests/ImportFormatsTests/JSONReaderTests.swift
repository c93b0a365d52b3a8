import Foundation
import LicenseModel
import Testing

@testable import ImportFormats

@Suite struct JSONReaderTests {
    private func read(_ text: String) -> String {
        var reader = JSONReader(bytes: Array(text.utf8), maximumDepth: 8)
        do {
            let value = try reader.value(depth: 1)
            try reader.end()
            return describe(value)
        } catch let problem as JSONProblem {
            return "\(problem.offset): \(problem.message)"
        } catch {
            return "\(error)"
        }
    }

    private let null = JSONValue(content: .null, offset: 0)

    private func describe(_ value: JSONValue) -> String {
        switch value.content {
        case .null: return "null"
        case .bool(let flag): return "\(flag)"
        case .number(let text): return text
        case .string(let text): return "'\(text)'"
        case .array(let elements): return "[" + elements.map(describe).joined(separator: ",") + "]"
        case .object(let members):
            return "{"
                + members.names.sorted { $0.name < $1.name }.map { "\($0.name)=\(describe(members[$0.name] ?? null))" }
                .joined(separator: ",") + "}"
        }
    }

    @Test func `values of every kind`() {
        #expect(read(#" {"a": [1, -2.5e+3, true, false, null], "b": "x"} "#) == "{a=[1,-2.5e+3,true,false,null],b='x'}")
        #expect(read(#""\"\\\/\b\f\n\r\té\u00e9\ud83d\ude00""#) == "'\"\\/\u{8}\u{C}\n\r\téé😀'")
        #expect(read("[]") == "[]")
        #expect(read("{}") == "{}")
    }

    @Test(arguments: [
        ("", "0: the document ends where a value should be: is the file cut short?"),
        ("[1,]", "3: here should be a value"),
        ("{\"a\":1,}", "7: here should be a key in quotes"),
        ("{a:1}", "1: here should be a key in quotes"),
        ("{\"a\":1,\"a\":2}", "7: the key “a” occurs twice"),
        ("[1 2]", "3: here should be “]”"),
        ("01", "0: a number must not start with 0"),
        ("1.", "0: this is no number"),
        ("-", "0: this is no number"),
        ("\"abc", "0: the string is never closed: is the file cut short?"),
        ("\"\\x\"", "1: an unknown escape in a string"),
        ("\"\\ud800\"", "1: half of a surrogate pair"),
        ("\"\\ud800\\u0041\"", "1: half of a surrogate pair"),
        ("\"\\udc00\"", "1: half of a surrogate pair"),
        ("\"a\nb\"", "2: a control character inside a string"),
        ("nul", "0: here should be a value"),
        ("1 1", "2: here should be the end of the document"),
    ])
    func `what is wrong is said with its place`(text: String, expected: String) {
        #expect(read(text) == expected)
    }

    private static func accepts(_ bytes: [UInt8]) -> Bool {
        var reader = JSONReader(bytes: bytes, maximumDepth: 32)
        do {
            _ = try reader.value(depth: 1)
            try reader.end()
            return true
        } catch {
            return false
        }
    }

    @Test func `depth is bounded`() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(read(deep) == "8: the JSON is nested deeper than 8 levels")
        #expect(read("[[[[[[[1]]]]]]]") == "[[[[[[[1]]]]]]]")
    }

    @Test func `invalid UTF-8 is refused`() {
        var reader = JSONReader(bytes: [0x22, 0xC0, 0x80, 0x22], maximumDepth: 8)
        #expect(throws: JSONProblem.self) { try reader.value(depth: 1) }
    }

    @Test func `agrees with Foundation on damaged documents`() throws {
        let document = Array(#"{"value":[{"a":"x\u00e9","b":[1,2.5,-3e2,null]},{"c":{"d":true}}],"n":"é"}"#.utf8)
        var generator = SeededGenerator(state: 42)
        for _ in 0..<4_000 {
            var bytes = document
            let index = Int(generator.next() % UInt64(bytes.count))
            bytes[index] = UInt8(truncatingIfNeeded: generator.next() % 128)
            let isGood = Self.accepts(bytes)
            let foundation = (try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)) != nil
            // Foundation takes some things that the standard does not; it must never be stricter.
            if isGood { #expect(foundation, "\(String(decoding: bytes, as: UTF8.self))") }
        }
    }
}

@Suite struct DayOfTimestampTests {
    @Test(arguments: [
        ("2026-03-01", "2026-03-01"), ("2026-03-01T23:59:59Z", "2026-03-01"),
        ("2025-06-30T23:30:00-02:00", "2025-07-01"), ("2026-03-01T00:30:00.1234567+01:00", "2026-02-28"),
        ("2015-11-25T06: 41: 12Z", "2015-11-25"), ("2026-03-01 10:00:00", "2026-03-01"),
        ("2026-03-01T10:00", "2026-03-01"),
        ("9999-12-10T00:00:00Z", "9999-12-10"), ("9999-12-31T23:59:59-08:00", "9999-12-31"),
    ])
    func `timestamps fall on their UTC day`(text: String, day: String) {
        #expect(Day(ofTimestamp: text)?.description == day)
    }

    @Test(arguments: [
        "2026-02-29", "1969-12-31",
        "2026-03-01X", "2026-03-01T25:00:00Z", "2026-03-01T10:00:00+99:00", "soon", "1970-01-01T00:00:00+01:00",
    ])
    func `other timestamps are refused`(text: String) {
        #expect(Day(ofTimestamp: text) == nil)
    }
}

import Foundation
import Logging
import Synchronization
import Testing

@testable import InsightsServer
@testable import LogLines

/// Keeps lines instead of writing them.
final class KeepingSink: LogSink {
    private let kept = Mutex<[[UInt8]]>([])
    var lines: [[UInt8]] { kept.withLock { $0 } }
    func write(line: [UInt8]) { kept.withLock { $0.append(line) } }
}

@Suite struct LoggingTests {
    private let sink = KeepingSink()

    private func logger(_ format: LogFormat, level: Logger.Level = .trace) -> Logger {
        let sink = sink
        return Logger(label: "test") { label in
            LineLogHandler(
                label: label, format: format, level: level, sink: sink,
                clock: { Timestamp(milliseconds: 1_738_367_999_999) })
        }
    }

    private func onlyLine() throws -> String {
        try #require(sink.lines.count == 1)
        return String(decoding: sink.lines[0], as: UTF8.self)
    }

    private func parsed(_ line: [UInt8]) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
    }

    @Test func writesTheExpectedLine() throws {
        var log = logger(.json)
        log[metadataKey: "b"] = "2"
        log.warning("he said \"hi\"", metadata: ["a": ["x", ["k": "v"]], "n": .stringConvertible(7)])
        #expect(
            try onlyLine()
                == #"{"time":"2025-01-31T23:59:59.999Z","level":"warning","logger":"test","#
                + #""message":"he said \"hi\"","metadata":{"a":["x",{"k":"v"}],"b":"2","n":"7"}}"# + "\n")
    }

    @Test func writesText() throws {
        logger(.text).info("hello\nworld", metadata: ["a b": "c\" d=e\u{1B}[31m"])
        #expect(
            try onlyLine()
                == #"2025-01-31T23:59:59.999Z info test: hello\nworld a b="c\" d=e\u001b[31m""# + "\n")
    }

    @Test func levelsAreKept() {
        logger(.json, level: .error).warning("quiet")
        #expect(sink.lines.isEmpty)
    }

    private static let hostile = [
        "line\nbreak", "carriage\rreturn", "\u{1B}[2J\u{1B}]0;title\u{7}", "\u{2028}\u{2029}\u{85}",
        "\"}\n{\"level\":\"x",
        "\\", "\\\"", "\u{0}", "\u{7F}\u{9B}31m", "\u{202E}evil\u{2066}", "emoji 🧑‍🚀 and é and 漢", "\u{FFFF}\u{10FFFF}",
        String(repeating: "\n", count: 1_000_000), String(repeating: "漢", count: 400_000), "",
    ]

    @Test(arguments: LogFormat.allCases)
    func hostileStringsStayInOneLine(_ format: LogFormat) throws {
        let log = logger(format)
        for text in Self.hostile {
            log.info(
                "\(text)", metadata: [text: .string(text), "nested": ["\(text)": [.string(text), .string(text)]]])
        }
        #expect(sink.lines.count == Self.hostile.count)
        for line in sink.lines { try check(line, format) }
    }

    @Test(arguments: LogFormat.allCases)
    func randomStringsStayInOneLine(_ format: LogFormat) throws {
        var random = SystemSeeded(state: 3)
        let log = logger(format)
        for _ in 0..<2_000 {
            let text = String(
                decoding: (0..<Int.random(in: 0...60, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }, as: UTF8.self)
            log.info("\(text)", metadata: ["k": .string(text)])
        }
        for line in sink.lines { try check(line, format) }
        if format == .json {
            // What goes in comes out: escaping loses nothing.
            let object = try parsed(sink.lines[0])
            #expect(object["message"] as? String == (object["metadata"] as? [String: String])?["k"])
        }
    }

    @Test func hugeMetadataIsCutToAValidLine() throws {
        let log = logger(.json)
        var deep = Logger.MetadataValue.string("end")
        for _ in 0..<1_000 { deep = .array([deep, .dictionary(["k": deep])]).flattened }
        log.info("many", metadata: Dictionary(uniqueKeysWithValues: (0..<5_000).map { ("key\($0)", "value\($0)") }))
        log.info("wide", metadata: ["list": .array((0..<5_000).map { .string("value\($0)") })])
        log.info("deep", metadata: ["deep": deep])
        for line in sink.lines {
            try check(line, .json)
            #expect(try parsed(line)["truncated"] as? Bool == true)
        }
    }

    private func check(_ line: [UInt8], _ format: LogFormat) throws {
        #expect(line.count <= LineLogHandler.maximumLineBytes)
        #expect(line.last == UInt8(ascii: "\n"))
        let scalars = String(decoding: line.dropLast(), as: UTF8.self).unicodeScalars
        #expect(scalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
        #expect(scalars.allSatisfy { ![0x2028, 0x2029, 0x202E, 0x2066].contains($0.value) })
        if format == .json { _ = try parsed(line) }
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_709_164_800_001, "2024-02-29T00:00:00.001Z"), (-1, "1970-01-01T00:00:00.000Z"),
        (4_102_444_799_999, "2099-12-31T23:59:59.999Z"), (Int64.max, "9999-12-31T23:59:59.999Z"),
        (Int64.min, "1970-01-01T00:00:00.000Z"),
    ])
    func timestamps(_ milliseconds: Int64, _ text: String) {
        var bytes: [UInt8] = []
        let time = Timestamp(milliseconds: milliseconds)
        time.append(to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == text)
        #expect(Timestamp(text: text.utf8) == time)
    }

    @Test(arguments: [
        "", "2024-13-01T00:00:00.000Z", "2024-02-30T00:00:00.000Z", "2024-02-01t00:00:00.000Z",
        "2024-02-01T24:00:00.000Z", "2024-02-01T00:00:00.000+", "zzzz-zz-zzTzz:zz:zz.zzzZ",
    ])
    func notTimestamps(_ text: String) {
        #expect(Timestamp(text: text.utf8) == nil)
    }

}

extension Logger.MetadataValue {
    /// The value without its second element, so that a chain of thousands stays small.
    fileprivate var flattened: Logger.MetadataValue {
        if case .array(let values) = self, let first = values.first { return .array([first]) }
        return self
    }
}

/// SplitMix64.
struct SystemSeeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

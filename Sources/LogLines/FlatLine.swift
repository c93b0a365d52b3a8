import Logging

/// A line in the making whose metadata is flat and whose keys are known at compile time: the same bytes as
/// `LineLogHandler` gives it, without a dictionary, and without looking twice at text that many lines share.
///
/// Keys are named by their place in the form. They come in their order, which is the handler's. The whole has to stay
/// far below `maximumLineBytes`: nothing is cut but long values.
package struct FlatLine {
    /// What lines of one level and message have in common.
    package struct Form: Sendable {
        fileprivate let handler: LineLogHandler
        /// Between the time and the first entry.
        fileprivate let head: [UInt8]
        /// What stands between the value before and that of each key: `,"key":"` or ` key="`.
        fileprivate let openings: [[UInt8]]

        /// - Parameter keys: in their order. The first one opens the line; a fragment begins with another.
        package init(
            _ handler: LineLogHandler, _ level: Logger.Level, _ message: Logger.Message, keys: [String]
        ) {
            self.handler = handler
            let isJSON = handler.format == .json
            openings = keys.enumerated().map { place, key in
                Array((isJSON ? "\(place == 0 ? "" : ",")\"\(key)\":\"" : " \(key)=\"").utf8)
            }
            // Of a line without metadata, what is left between the time and its end.
            let line = handler.line(level, message, [:])
            head =
                switch handler.format {
                case .json: line.dropFirst(Self.opening.count + Timestamp.byteCount).dropLast(2) + Self.metadata
                case .text: Array(line.dropFirst(Timestamp.byteCount).dropLast())
                }
        }

        fileprivate static let opening = Array("{\"time\":\"".utf8)
        private static let metadata = Array(",\"metadata\":{".utf8)
    }

    /// Entries that many lines share, ready to be copied.
    package struct Fragment: Sendable {
        fileprivate let bytes: [UInt8]

        package init(_ form: Form, _ entries: [(key: Int, value: String)]) {
            var line = FlatLine(unbegun: form)
            for (key, value) in entries { line.add(key, value) }
            bytes = line.bytes
        }
    }

    private var bytes: [UInt8] = []
    private let form: Form

    package init(_ form: Form) {
        self.init(unbegun: form)
        bytes.reserveCapacity(512)
        if form.handler.format == .json { bytes.append(contentsOf: Form.opening) }
        form.handler.clock().append(to: &bytes)
        bytes.append(contentsOf: form.head)
    }

    private init(unbegun form: Form) {
        self.form = form
    }

    package mutating func add(_ fragment: Fragment) {
        bytes.append(contentsOf: fragment.bytes)
    }

    package mutating func add(_ key: Int, _ value: String) {
        bytes.append(contentsOf: form.openings[key])
        SafeText.append(value, to: &bytes, limit: LineLogHandler.maximumValueBytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// A number, written like text of its digits.
    package mutating func add(_ key: Int, _ value: UInt64) {
        bytes.append(contentsOf: form.openings[key])
        bytes.append(digitsOf: value)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Two numbers with a hyphen between them, in the digits of base 36.
    package mutating func add(_ key: Int, base36 first: UInt64, _ second: UInt64) {
        bytes.append(contentsOf: form.openings[key])
        bytes.append(digitsOf: first, radix: 36)
        bytes.append(UInt8(ascii: "-"))
        bytes.append(digitsOf: second, radix: 36)
        bytes.append(UInt8(ascii: "\""))
    }

    /// The whole line, its newline included.
    package consuming func end() -> [UInt8] {
        if form.handler.format == .json {
            bytes.append(UInt8(ascii: "}"))
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }
}

extension LineLogHandler {
    /// Writes a line that was made for this handler.
    package func write(_ line: consuming FlatLine) { sink.write(line: line.end()) }
}

extension [UInt8] {
    fileprivate mutating func append(digitsOf number: UInt64, radix: UInt64 = 10) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var first = digits.count
        var rest = number
        repeat {
            first -= 1
            let digit = UInt8(truncatingIfNeeded: rest % radix)
            digits[first] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            rest /= radix
        } while rest > 0
        for place in first..<digits.count { append(digits[place]) }
    }
}

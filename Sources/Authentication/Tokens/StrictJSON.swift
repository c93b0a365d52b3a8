/// A JSON text that can be read in one way only.
enum StrictJSON: Sendable, Hashable {
    case null
    case bool(Bool)
    /// As written.
    case number(String)
    case string(String)
    case array([StrictJSON])
    case object([String: StrictJSON])

    /// Levels of arrays and objects.
    static let maximumDepth = 8
    /// Values in the whole text.
    static let maximumValues = 20_000

    var string: String? {
        if case .string(let text) = self { return text }
        return nil
    }

    var object: [String: StrictJSON]? {
        if case .object(let members) = self { return members }
        return nil
    }

    var array: [StrictJSON]? {
        if case .array(let elements) = self { return elements }
        return nil
    }

    /// Seconds since 1970 up to the end of the year 9999, the last that a protobuf timestamp can hold; a fraction is
    /// dropped. Nil for anything that is not such a number.
    var numericDate: Int64? {
        guard case .number(let text) = self, let value = Double(text), value >= 0, value < 253_402_300_800 else {
            return nil
        }
        return Int64(value)
    }

    /// Reads a whole text: RFC 8259, but a name may stand in an object only once, the depth and the number of values
    /// are bounded, and half of a surrogate pair is refused. Nil when it is anything else.
    init?(_ bytes: some Sequence<UInt8>) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        var parser = Parser(bytes: Array(text.utf8))
        guard let value = parser.document() else { return nil }
        self = value
    }

    private struct Parser {
        let bytes: [UInt8]
        var place = 0
        var values = 0

        init(bytes: [UInt8]) {
            self.bytes = bytes
        }

        private var current: UInt8? { place < bytes.count ? bytes[place] : nil }

        mutating func document() -> StrictJSON? {
            guard let value = value(depth: 0) else { return nil }
            skipSpace()
            return place == bytes.count ? value : nil
        }

        private mutating func skipSpace() {
            while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { place += 1 }
        }

        private mutating func take(_ byte: UInt8) -> Bool {
            guard current == byte else { return false }
            place += 1
            return true
        }

        private mutating func take(_ word: StaticString) -> Bool {
            let expected = "\(word)".utf8
            guard bytes[place...].starts(with: expected) else { return false }
            place += expected.count
            return true
        }

        private mutating func value(depth: Int) -> StrictJSON? {
            skipSpace()
            values += 1
            guard values <= StrictJSON.maximumValues, let byte = current else { return nil }
            switch byte {
            case UInt8(ascii: "{"): return depth < StrictJSON.maximumDepth ? objectValue(depth: depth + 1) : nil
            case UInt8(ascii: "["): return depth < StrictJSON.maximumDepth ? arrayValue(depth: depth + 1) : nil
            case UInt8(ascii: "\""): return stringValue().map { .string($0) }
            case UInt8(ascii: "t"): return take("true") ? .bool(true) : nil
            case UInt8(ascii: "f"): return take("false") ? .bool(false) : nil
            case UInt8(ascii: "n"): return take("null") ? .null : nil
            default: return numberValue()
            }
        }

        private mutating func objectValue(depth: Int) -> StrictJSON? {
            place += 1
            var members: [String: StrictJSON] = [:]
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(members) }
            while true {
                skipSpace()
                guard current == UInt8(ascii: "\""), let name = stringValue() else { return nil }
                skipSpace()
                guard take(UInt8(ascii: ":")), let value = value(depth: depth) else { return nil }
                guard members.updateValue(value, forKey: name) == nil else { return nil }
                skipSpace()
                if take(UInt8(ascii: "}")) { return .object(members) }
                guard take(UInt8(ascii: ",")) else { return nil }
            }
        }

        private mutating func arrayValue(depth: Int) -> StrictJSON? {
            place += 1
            var elements: [StrictJSON] = []
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(elements) }
            while true {
                guard let value = value(depth: depth) else { return nil }
                elements.append(value)
                skipSpace()
                if take(UInt8(ascii: "]")) { return .array(elements) }
                guard take(UInt8(ascii: ",")) else { return nil }
            }
        }

        private mutating func numberValue() -> StrictJSON? {
            let start = place
            _ = take(UInt8(ascii: "-"))
            if !take(UInt8(ascii: "0")) { guard digits() else { return nil } }
            if take(UInt8(ascii: ".")) { guard digits() else { return nil } }
            if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
                if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
                guard digits() else { return nil }
            }
            return .number(String(decoding: bytes[start..<place], as: UTF8.self))
        }

        /// At least one.
        private mutating func digits() -> Bool {
            let start = place
            while let byte = current, (0x30...0x39).contains(byte) { place += 1 }
            return place > start
        }

        private mutating func stringValue() -> String? {
            place += 1
            var text: [UInt8] = []
            while let byte = current {
                place += 1
                switch byte {
                case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
                case UInt8(ascii: "\\"): guard escape(into: &text) else { return nil }
                case 0..<0x20: return nil
                default: text.append(byte)
                }
            }
            return nil
        }

        private mutating func escape(into text: inout [UInt8]) -> Bool {
            guard let byte = current else { return false }
            place += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0C)
            case UInt8(ascii: "n"): text.append(0x0A)
            case UInt8(ascii: "r"): text.append(0x0D)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "u"):
                guard var code = hex() else { return false }
                if (0xD800..<0xDC00).contains(code) {
                    guard take("\\u"), let low = hex(), (0xDC00..<0xE000).contains(low) else { return false }
                    code = 0x1_0000 + (code - 0xD800) << 10 + (low - 0xDC00)
                }
                guard let scalar = Unicode.Scalar(code) else { return false }
                text.append(contentsOf: Array(String(Character(scalar)).utf8))
            default: return false
            }
            return true
        }

        private mutating func hex() -> UInt32? {
            guard place + 4 <= bytes.count else { return nil }
            var code: UInt32 = 0
            for byte in bytes[place..<(place + 4)] {
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"): code = code << 4 | UInt32(byte - UInt8(ascii: "0"))
                case UInt8(ascii: "a")...UInt8(ascii: "f"): code = code << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
                case UInt8(ascii: "A")...UInt8(ascii: "F"): code = code << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
                default: return nil
                }
            }
            place += 4
            return code
        }
    }
}

/// An RFC 8259 parser over bytes in memory with bounded depth; it keeps offsets and never recurses deeper than the
/// bound.
struct JSONReader {
    let bytes: [UInt8]
    private(set) var offset = 0
    private let maximumDepth: Int

    init(bytes: [UInt8], maximumDepth: Int) {
        self.bytes = bytes
        self.maximumDepth = maximumDepth
    }

    /// The next byte that is no blank, without taking it.
    mutating func peek() -> UInt8? {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return bytes[offset]
            }
        }
        return nil
    }

    /// Takes a punctuation mark or fails.
    mutating func take(_ mark: UInt8) throws {
        guard peek() == mark else { throw unexpected("“\(Character(Unicode.Scalar(mark)))”") }
        offset += 1
    }

    /// Takes a punctuation mark if it is next.
    mutating func takeIfNext(_ mark: UInt8) -> Bool {
        guard peek() == mark else { return false }
        offset += 1
        return true
    }

    mutating func value(depth: Int) throws -> JSONValue {
        guard let byte = peek() else { throw unexpected("a value") }
        let start = offset
        guard depth <= maximumDepth else {
            throw JSONProblem(offset: start, message: "the JSON is nested deeper than \(maximumDepth) levels")
        }
        switch byte {
        case UInt8(ascii: "{"): return JSONValue(content: .object(try object(depth: depth)), offset: start)
        case UInt8(ascii: "["): return JSONValue(content: .array(try array(depth: depth)), offset: start)
        case UInt8(ascii: "\""): return JSONValue(content: .string(try string()), offset: start)
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return JSONValue(content: .number(try number()), offset: start)
        default: throw unexpected("a value")
        }
    }

    /// A string; the opening quote is next.
    mutating func string() throws -> String {
        let start = offset
        try take(UInt8(ascii: "\""))
        var text = [UInt8]()
        while true {
            guard offset < bytes.count else {
                throw JSONProblem(offset: start, message: "the string is never closed")
            }
            let byte = bytes[offset]
            offset += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw JSONProblem(offset: start, message: "the string is not UTF-8")
                }
                return string
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20:
                throw JSONProblem(offset: offset - 1, message: "a control character inside a string")
            default: text.append(byte)
            }
            guard text.count <= Self.maximumStringBytes else {
                throw JSONProblem(
                    offset: start, message: "the string is longer than \(Self.maximumStringBytes) bytes")
            }
        }
    }

    /// Fails unless only blanks are left.
    mutating func end() throws {
        if peek() != nil { throw unexpected("the end of the document") }
    }

    private static let maximumStringBytes = 64 << 10

    private mutating func object(depth: Int) throws -> [String: JSONValue] {
        try take(UInt8(ascii: "{"))
        var members = [String: JSONValue]()
        if takeIfNext(UInt8(ascii: "}")) { return members }
        repeat {
            guard peek() == UInt8(ascii: "\"") else { throw unexpected("a key in quotes") }
            let keyOffset = offset
            let key = try string()
            try take(UInt8(ascii: ":"))
            guard members.updateValue(try value(depth: depth + 1), forKey: key) == nil else {
                throw JSONProblem(offset: keyOffset, message: "the key \(key.excerpt) occurs twice")
            }
        } while takeIfNext(UInt8(ascii: ","))
        try take(UInt8(ascii: "}"))
        return members
    }

    private mutating func array(depth: Int) throws -> [JSONValue] {
        try take(UInt8(ascii: "["))
        var elements = [JSONValue]()
        if takeIfNext(UInt8(ascii: "]")) { return elements }
        repeat { elements.append(try value(depth: depth + 1)) } while takeIfNext(UInt8(ascii: ","))
        try take(UInt8(ascii: "]"))
        return elements
    }

    private mutating func word(_ word: String, _ content: JSONValue.Content) throws -> JSONValue {
        let start = offset
        guard bytes[offset...].starts(with: word.utf8) else { throw unexpected("a value") }
        offset += word.utf8.count
        return JSONValue(content: content, offset: start)
    }

    private mutating func number() throws -> String {
        let start = offset
        if bytes[offset] == UInt8(ascii: "-") { offset += 1 }
        let integerStart = offset
        try takeDigits(start)
        if bytes[integerStart] == UInt8(ascii: "0"), offset - integerStart > 1 {
            throw JSONProblem(offset: start, message: "a number must not start with 0")
        }
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
            offset += 1
            try takeDigits(start)
        }
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "e") || bytes[offset] == UInt8(ascii: "E") {
            offset += 1
            if offset < bytes.count, bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-") {
                offset += 1
            }
            try takeDigits(start)
        }
        guard offset - start <= 64 else { throw JSONProblem(offset: start, message: "the number is too long") }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    private mutating func takeDigits(_ start: Int) throws {
        let first = offset
        while offset < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset]) { offset += 1 }
        if offset == first { throw JSONProblem(offset: start, message: "this is no number") }
    }

    private mutating func escape(into text: inout [UInt8]) throws {
        guard offset < bytes.count else { throw unexpected("an escaped character") }
        let byte = bytes[offset]
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: try unicodeEscape())
        default: throw JSONProblem(offset: offset - 2, message: "an unknown escape in a string")
        }
    }

    private mutating func unicodeEscape() throws -> String.UTF8View {
        let start = offset - 2
        var code = try hexadecimal(start)
        if (0xD800..<0xDC00).contains(code) {
            guard bytes[offset...].starts(with: "\\u".utf8) else {
                throw JSONProblem(offset: start, message: "half of a surrogate pair")
            }
            offset += 2
            let low = try hexadecimal(start)
            guard (0xDC00..<0xE000).contains(low) else {
                throw JSONProblem(offset: start, message: "half of a surrogate pair")
            }
            code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else {
            throw JSONProblem(offset: start, message: "half of a surrogate pair")
        }
        return String(Character(scalar)).utf8
    }

    private mutating func hexadecimal(_ start: Int) throws -> UInt32 {
        guard bytes.count - offset >= 4 else { throw JSONProblem(offset: start, message: "a cut escape in a string") }
        var value: UInt32 = 0
        for byte in bytes[offset..<offset + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw JSONProblem(offset: start, message: "an escape needs four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
        }
        offset += 4
        return value
    }

    private func unexpected(_ expected: String) -> JSONProblem {
        guard offset < bytes.count else {
            return JSONProblem(offset: offset, message: "the document ends where \(expected) should be")
        }
        return JSONProblem(offset: offset, message: "here should be \(expected)")
    }
}

/// An RFC 8259 parser with bounded depth over a text that comes piece by piece. It keeps offsets and the lines of the
/// element at hand, and never recurses deeper than the bound.
struct JSONReader {
    /// What has been read and not yet been taken, from `index` on.
    private var bytes: [UInt8]
    private var index = 0
    /// Offset of the first of `bytes` in the text.
    private var base = 0
    private var source: TextReader?
    private let maximumDepth: Int
    private let maximumElementBytes: Int
    private var elementStart = 0
    private var lines = LineStarts()
    private var foldedNames: [String: String] = [:]
    private var scratch = [UInt8]()

    /// The byte that is next.
    var offset: Int { base + index }

    init(bytes: [UInt8], maximumDepth: Int) {
        self.bytes = bytes
        self.maximumDepth = maximumDepth
        maximumElementBytes = bytes.count
    }

    /// - Parameter maximumElementBytes: of what stands between two calls of `beginElement`.
    init(_ text: TextReader, maximumDepth: Int, maximumElementBytes: Int) {
        bytes = []
        source = text
        self.maximumDepth = maximumDepth
        self.maximumElementBytes = maximumElementBytes
    }

    /// Forgets the lines before the next byte: what is before it can no longer be located.
    mutating func beginElement() {
        lines.forget()
        elementStart = offset
    }

    /// Line and column of an offset not before the last `beginElement`.
    func position(of offset: Int) -> FilePosition { lines.position(of: offset) }

    /// True when a byte is next, after reading on where needed.
    private mutating func hasByte() throws -> Bool {
        if index < bytes.count { return true }
        guard offset - elementStart <= maximumElementBytes else {
            throw JSONProblem(
                offset: elementStart, message: "an element is longer than \(maximumElementBytes) bytes")
        }
        guard let piece = try source?.next() else { return false }
        base += bytes.count
        index = 0
        bytes = Array(piece)
        return true
    }

    /// The next byte that is no blank, without taking it.
    mutating func peek() throws -> UInt8? {
        while try hasByte() {
            switch bytes[index] {
            case 0x0A:
                index += 1
                lines.add(offset)
            case 0x20, 0x09, 0x0D: index += 1
            default: return bytes[index]
            }
        }
        return nil
    }

    /// Takes a punctuation mark or fails.
    mutating func take(_ mark: UInt8) throws {
        guard try peek() == mark else { throw try unexpected("“\(Character(Unicode.Scalar(mark)))”") }
        index += 1
    }

    /// Takes a punctuation mark if it is next.
    mutating func takeIfNext(_ mark: UInt8) throws -> Bool {
        guard try peek() == mark else { return false }
        index += 1
        return true
    }

    /// Takes byte order marks, which stand between documents that were put together.
    mutating func takeMarks() throws {
        while try peek() == 0xEF {
            for byte in [0xEF, 0xBB, 0xBF] as [UInt8] {
                guard try hasByte(), bytes[index] == byte else { throw try unexpected("the end of the document") }
                index += 1
            }
        }
    }

    mutating func value(depth: Int) throws -> JSONValue {
        guard let byte = try peek() else { throw try unexpected("a value") }
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
        default: throw try unexpected("a value")
        }
    }

    /// A key of an object and the colon after it.
    mutating func key() throws -> (name: String, folded: String, offset: Int) {
        guard try peek() == UInt8(ascii: "\"") else { throw try unexpected("a key in quotes") }
        let start = offset
        let name = try string()
        try take(UInt8(ascii: ":"))
        if let folded = foldedNames[name] { return (name, folded, start) }
        let folded = name.foldedName
        // The keys of a list are the same few; a file of others must not fill the memory.
        if foldedNames.count < 1_024, name.utf8.count <= 128 { foldedNames[name] = folded }
        return (name, folded, start)
    }

    /// A string; the opening quote is next.
    mutating func string() throws -> String {
        let start = offset
        try take(UInt8(ascii: "\""))
        scratch.removeAll(keepingCapacity: true)
        while true {
            guard try hasByte() else {
                throw JSONProblem(offset: start, message: "the string is never closed: is the file cut short?")
            }
            let run = bytes.withUnsafeBufferPointer { bytes in
                var end = index
                while end < bytes.count, bytes[end] != UInt8(ascii: "\""), bytes[end] != UInt8(ascii: "\\"),
                    bytes[end] >= 0x20
                { end += 1 }
                return index..<end
            }
            guard scratch.count + run.count <= Self.maximumStringBytes else {
                throw JSONProblem(
                    offset: start, message: "the string is longer than \(Self.maximumStringBytes) bytes")
            }
            scratch += bytes[run]
            index = run.upperBound
            if index == bytes.count { continue }
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: scratch, as: UTF8.self) else {
                    throw JSONProblem(offset: start, message: "the string is not UTF-8")
                }
                return string
            case UInt8(ascii: "\\"): try escape()
            default: throw JSONProblem(offset: offset - 1, message: "a control character inside a string")
            }
        }
    }

    /// Fails unless only blanks are left.
    mutating func end() throws {
        if try peek() != nil { throw try unexpected("the end of the document") }
    }

    private static let maximumStringBytes = 1 << 20

    private mutating func object(depth: Int) throws -> JSONMembers {
        try take(UInt8(ascii: "{"))
        var members = JSONMembers()
        if try takeIfNext(UInt8(ascii: "}")) { return members }
        repeat {
            let key = try key()
            guard members.add(key.name, folded: key.folded, try value(depth: depth + 1)) else {
                throw JSONProblem(offset: key.offset, message: "the key \(key.name.excerpt) occurs twice")
            }
        } while try takeIfNext(UInt8(ascii: ","))
        try take(UInt8(ascii: "}"))
        return members
    }

    private mutating func array(depth: Int) throws -> [JSONValue] {
        try take(UInt8(ascii: "["))
        var elements = [JSONValue]()
        if try takeIfNext(UInt8(ascii: "]")) { return elements }
        repeat { elements.append(try value(depth: depth + 1)) } while try takeIfNext(UInt8(ascii: ","))
        try take(UInt8(ascii: "]"))
        return elements
    }

    private mutating func word(_ word: String, _ content: JSONValue.Content) throws -> JSONValue {
        let start = offset
        for byte in word.utf8 {
            guard try hasByte(), bytes[index] == byte else {
                throw JSONProblem(offset: start, message: "here should be a value")
            }
            index += 1
        }
        return JSONValue(content: content, offset: start)
    }

    private mutating func number() throws -> String {
        let start = offset
        scratch.removeAll(keepingCapacity: true)
        _ = try takeByte(UInt8(ascii: "-"))
        let integerStart = scratch.count
        try takeDigits(start)
        if scratch[integerStart] == UInt8(ascii: "0"), scratch.count - integerStart > 1 {
            throw JSONProblem(offset: start, message: "a number must not start with 0")
        }
        if try takeByte(UInt8(ascii: ".")) { try takeDigits(start) }
        let hasExponent = try takeByte(UInt8(ascii: "e"))
        if try hasExponent || takeByte(UInt8(ascii: "E")) {
            let hasSign = try takeByte(UInt8(ascii: "+"))
            if !hasSign { _ = try takeByte(UInt8(ascii: "-")) }
            try takeDigits(start)
        }
        return String(decoding: scratch, as: UTF8.self)
    }

    /// Takes one byte of a number if it is next.
    private mutating func takeByte(_ byte: UInt8) throws -> Bool {
        guard try hasByte(), bytes[index] == byte else { return false }
        guard scratch.count < 64 else { throw JSONProblem(offset: offset, message: "the number is too long") }
        scratch.append(byte)
        index += 1
        return true
    }

    private mutating func takeDigits(_ start: Int) throws {
        let before = scratch.count
        while try hasByte(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) {
            _ = try takeByte(bytes[index])
        }
        if scratch.count == before { throw JSONProblem(offset: start, message: "this is no number") }
    }

    private mutating func escape() throws {
        guard try hasByte() else { throw try unexpected("an escaped character") }
        let byte = bytes[index]
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): scratch.append(byte)
        case UInt8(ascii: "b"): scratch.append(0x08)
        case UInt8(ascii: "f"): scratch.append(0x0C)
        case UInt8(ascii: "n"): scratch.append(0x0A)
        case UInt8(ascii: "r"): scratch.append(0x0D)
        case UInt8(ascii: "t"): scratch.append(0x09)
        case UInt8(ascii: "u"): scratch += try unicodeEscape()
        default: throw JSONProblem(offset: offset - 2, message: "an unknown escape in a string")
        }
    }

    private mutating func unicodeEscape() throws -> String.UTF8View {
        let start = offset - 2
        var code = try hexadecimal(start)
        if (0xD800..<0xDC00).contains(code) {
            for byte in "\\u".utf8 {
                guard try hasByte(), bytes[index] == byte else {
                    throw JSONProblem(offset: start, message: "half of a surrogate pair")
                }
                index += 1
            }
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
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard try hasByte() else { throw JSONProblem(offset: start, message: "a cut escape in a string") }
            let byte = bytes[index]
            guard byte < 0x80, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw JSONProblem(offset: start, message: "an escape needs four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            index += 1
        }
        return value
    }

    mutating func unexpected(_ expected: String) throws -> JSONProblem {
        if try hasByte() { return JSONProblem(offset: offset, message: "here should be \(expected)") }
        return JSONProblem(
            offset: offset, message: "the document ends where \(expected) should be: is the file cut short?")
    }
}

/// Where the lines of a part of a text start.
private struct LineStarts {
    /// The line and the start of the line in which the part begins.
    private var line = 1
    private var start = 0
    private var others = [Int]()

    /// A line starts at the offset, which is after all known ones.
    mutating func add(_ offset: Int) { others.append(offset) }

    /// Moves on to a part that begins in the last known line.
    mutating func forget() {
        guard let last = others.last else { return }
        line += others.count
        start = last
        others.removeAll(keepingCapacity: true)
    }

    func position(of offset: Int) -> FilePosition {
        var low = 0
        var high = others.count
        while low < high {
            let middle = (low + high) / 2
            if others[middle] <= offset { low = middle + 1 } else { high = middle }
        }
        let lineStart = low == 0 ? start : others[low - 1]
        return FilePosition(line: line + low, column: max(offset - lineStart, 0) + 1)
    }
}

/// Reads a text file piece by piece and hands it over as valid UTF-8 without a byte order mark. UTF-16 is read by its
/// mark. Whatever is no such text is refused by the name of what it is.
struct TextReader {
    private let file: InputFile
    private let stream: any ByteStream
    private let maximumBytes: Int
    private var total = 0
    private var isFirst = true
    private var utf16: UTF16Decoder?
    private var check = UTF8Check()

    /// Enough of a file to tell what it is.
    private static let headBytes = 1_024

    /// - Parameter maximumBytes: of the file as it is on disk.
    init(_ file: InputFile, maximumBytes: Int) throws {
        self.file = file
        stream = try file.open()
        self.maximumBytes = maximumBytes
    }

    /// The next piece, never empty; nil at the end.
    mutating func next() throws -> ArraySlice<UInt8>? {
        while true {
            var piece = try stream.next()
            if isFirst {
                while piece.count < Self.headBytes {
                    let more = try stream.next()
                    if more.isEmpty { break }
                    piece += more
                }
                if let encoding = try TextForm.utf16Encoding(piece) {
                    utf16 = UTF16Decoder(isBigEndian: encoding == .bigEndian)
                }
            }
            if piece.isEmpty {
                try finish()
                return nil
            }
            total += piece.count
            guard total <= maximumBytes else {
                throw PositionedProblem(.wholeFile, "the file is larger than the limit of \(maximumBytes) bytes")
            }
            let text = try decoded(piece)
            if !text.isEmpty { return text }
        }
    }

    private mutating func decoded(_ piece: [UInt8]) throws -> ArraySlice<UInt8> {
        var text = piece[...]
        if utf16 != nil {
            guard let units = utf16?.decode(piece) else {
                throw PositionedProblem(.wholeFile, "half of a surrogate pair in a file that its mark calls UTF-16")
            }
            text = units[...]
        }
        if isFirst {
            isFirst = false
            text = ByteOrderMark.stripped(text)
            try TextForm.refuseOthers(text)
        }
        if let bad = check.firstBad(text.span) { throw try problem(at: bad, in: text) }
        return text
    }

    private func finish() throws {
        let isCut = utf16.map(\.isInsideCharacter) ?? check.isInsideCharacter
        if isCut { throw PositionedProblem(.wholeFile, "the file ends inside a character: it was cut short") }
    }

    /// A byte that is no text. The lines before it are counted in a second reading, which only a message needs.
    private func problem(at index: Int, in text: ArraySlice<UInt8>) throws -> PositionedProblem {
        let position = utf16 == nil ? try position(of: total - text.count + index) : .wholeFile
        if index >= 0, text[text.startIndex + index] == 0 {
            return PositionedProblem(position, "a NUL byte: the file is no text, or UTF-16 in part; \(TextForm.wayOut)")
        }
        return PositionedProblem(
            position, "the file is not UTF-8 but in a code page such as Windows-1252 (ANSI); \(TextForm.wayOut)")
    }

    /// Line and column of a byte of the file.
    private func position(of offset: Int) throws -> FilePosition {
        let stream = try file.open()
        var line = 1
        var lineStart = 0
        var start = 0
        while start < offset {
            let piece = try stream.next()
            if piece.isEmpty { break }
            for index in 0..<min(piece.count, offset - start) where piece[index] == 0x0A {
                line += 1
                lineStart = start + index + 1
            }
            start += piece.count
        }
        return FilePosition(line: line, column: offset - lineStart + 1)
    }
}

/// The byte order mark, also as tools leave it that took it for text.
enum ByteOrderMark {
    /// The mark as UTF-8, and what its three bytes become when they are read in a code page (Windows-1252, the same
    /// twice, 437, 850, Mac Roman) and written as UTF-8.
    private static let forms: [[UInt8]] = [
        "\u{FEFF}", "\u{EF}\u{BB}\u{BF}", "\u{C3}\u{AF}\u{C2}\u{BB}\u{C2}\u{BF}", "\u{2229}\u{2557}\u{2510}",
        "\u{B4}\u{2557}\u{2510}", "\u{D4}\u{AA}\u{F8}",
    ].map { Array($0.utf8) }

    /// About what stands before the first column of a table.
    static func complaint(about junk: String) -> String {
        "\(junk.excerpt) before the first column is what is left of a byte order mark; remove it, or \(TextForm.wayOut)"
    }

    /// Without the marks at the start, however often they stand there.
    static func stripped(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = bytes
        while let first = rest.first, first >= 0x80, let form = forms.first(where: { rest.starts(with: $0) }) {
            rest = rest.dropFirst(form.count)
        }
        return rest
    }

    static func stripped(_ text: String) -> String {
        guard let first = text.utf8.first, first >= 0x80 else { return text }
        return String(decoding: stripped(Array(text.utf8)[...]), as: UTF8.self)
    }
}

/// Checks UTF-8 that comes piece by piece. A NUL is as bad as a byte out of place.
struct UTF8Check {
    /// Continuation bytes still due, and the range of the next one.
    private var due = 0
    private var range: ClosedRange<UInt8> = 0x80...0xBF
    /// Bytes of the character so far.
    private var taken = 0

    var isInsideCharacter: Bool { due > 0 }

    /// The index of the first byte that is none or starts no whole character; below 0 in an earlier piece.
    mutating func firstBad(_ bytes: Span<UInt8>) -> Int? {
        let raw = bytes.bytes
        var index = 0
        while index < bytes.count {
            if due == 0 {
                // Eight bytes at once while all are ASCII and none is NUL.
                while index + 8 <= bytes.count {
                    let word = raw.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
                    let high: UInt64 = 0x8080_8080_8080_8080
                    if word & high != 0 || (word &- 0x0101_0101_0101_0101) & ~word & high != 0 { break }
                    index += 8
                }
                if index == bytes.count { break }
            }
            guard take(bytes[index]) else { return index - taken }
            index += 1
        }
        return nil
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        if due > 0 {
            guard range.contains(byte) else { return false }
            due -= 1
            taken = due == 0 ? 0 : taken + 1
            range = 0x80...0xBF
            return true
        }
        switch byte {
        case 0x01...0x7F: return true
        case 0xC2...0xDF: due = 1
        case 0xE0...0xEF: due = 2
        case 0xF0...0xF4: due = 3
        default: return false
        }
        taken = 1
        // No overlong form, no surrogate, nothing beyond U+10FFFF.
        switch byte {
        case 0xE0: range = 0xA0...0xBF
        case 0xED: range = 0x80...0x9F
        case 0xF0: range = 0x90...0xBF
        case 0xF4: range = 0x80...0x8F
        default: range = 0x80...0xBF
        }
        return true
    }
}

/// Turns UTF-16 that comes piece by piece into UTF-8.
struct UTF16Decoder {
    private let isBigEndian: Bool
    private var half: UInt8?
    private var lead: UInt32?

    init(isBigEndian: Bool) { self.isBigEndian = isBigEndian }

    var isInsideCharacter: Bool { half != nil || lead != nil }

    /// UTF-8, of the characters that are complete; nil for half of a surrogate pair.
    mutating func decode(_ bytes: [UInt8]) -> [UInt8]? {
        var text = [UInt8]()
        text.reserveCapacity(bytes.count / 2 + 8)
        for byte in bytes {
            guard let first = half else {
                half = byte
                continue
            }
            half = nil
            let unit = isBigEndian ? UInt32(first) << 8 | UInt32(byte) : UInt32(byte) << 8 | UInt32(first)
            guard append(unit, to: &text) else { return nil }
        }
        return text
    }

    private mutating func append(_ unit: UInt32, to text: inout [UInt8]) -> Bool {
        var code = unit
        if let high = lead {
            guard (0xDC00..<0xE000).contains(unit) else { return false }
            lead = nil
            code = 0x10000 + (high - 0xD800) << 10 + (unit - 0xDC00)
        } else if (0xD800..<0xDC00).contains(unit) {
            lead = unit
            return true
        } else if (0xDC00..<0xE000).contains(unit) {
            return false
        }
        let low = { (shift: UInt32) in UInt8(truncatingIfNeeded: 0x80 | (code >> shift & 0x3F)) }
        switch code {
        case 0..<0x80: text.append(UInt8(truncatingIfNeeded: code))
        case 0x80..<0x800: text += [UInt8(truncatingIfNeeded: 0xC0 | code >> 6), low(0)]
        case 0x800..<0x10000: text += [UInt8(truncatingIfNeeded: 0xE0 | code >> 12), low(6), low(0)]
        default: text += [UInt8(truncatingIfNeeded: 0xF0 | code >> 18), low(12), low(6), low(0)]
        }
        return true
    }
}

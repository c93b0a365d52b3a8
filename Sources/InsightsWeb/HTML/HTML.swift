/// HTML that escapes by construction: words of callers become text or the value of an attribute, and nothing else.
/// Everything is appended once to one run of bytes.
struct HTML: Sendable {
    private(set) var bytes: [UInt8] = []

    init() {}

    /// What a page begins with. Words of this source only, and only in `Layout.swift`.
    init(raw: StaticString) {
        append(raw)
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    mutating func reserve(_ count: Int) { bytes.reserveCapacity(count) }

    /// An element and what is in it.
    mutating func put(_ tag: Tag, _ attributes: Attribute?..., content: (inout HTML) -> Void) {
        open(tag, attributes)
        content(&self)
        close(tag)
    }

    /// An element with text in it.
    mutating func put(_ tag: Tag, _ attributes: Attribute?..., text: String) {
        open(tag, attributes)
        write(text)
        close(tag)
    }

    /// An element without content: in HTML one that has none ever, in SVG one that ends at once.
    mutating func put(_ tag: Tag, _ attributes: Attribute?...) {
        open(tag, attributes)
        if !tag.isVoid { close(tag) }
    }

    /// Text.
    mutating func write(_ text: String) {
        Escape.append(text, to: &bytes)
    }

    /// HTML that was made already.
    mutating func add(_ other: HTML) {
        bytes.append(contentsOf: other.bytes)
    }

    private mutating func open(_ tag: Tag, _ attributes: [Attribute?]) {
        bytes.append(UInt8(ascii: "<"))
        bytes.append(contentsOf: tag.rawValue.utf8)
        for case let attribute? in attributes {
            bytes.append(UInt8(ascii: " "))
            append(attribute.name)
            guard let value = attribute.value else { continue }
            bytes.append(UInt8(ascii: "="))
            bytes.append(UInt8(ascii: "\""))
            Escape.append(value, to: &bytes)
            bytes.append(UInt8(ascii: "\""))
        }
        bytes.append(UInt8(ascii: ">"))
    }

    private mutating func close(_ tag: Tag) {
        bytes.append(UInt8(ascii: "<"))
        bytes.append(UInt8(ascii: "/"))
        bytes.append(contentsOf: tag.rawValue.utf8)
        bytes.append(UInt8(ascii: ">"))
    }

    private mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }
}

/// Text as it may stand between tags and between double quotes alike.
enum Escape {
    static func append(_ text: String, to bytes: inout [UInt8]) {
        var text = text
        text.withUTF8 { source in
            var (start, index) = (0, 0)
            while index < source.count {
                let (second, third) = index + 2 < source.count ? (source[index + 1], source[index + 2]) : (0, 0)
                guard let (length, substitute) = special(source[index], second, third) else {
                    index += 1
                    continue
                }
                bytes.append(contentsOf: source[start..<index])
                substitute.withUTF8Buffer { bytes.append(contentsOf: $0) }
                index += length
                start = index
            }
            bytes.append(contentsOf: source[start...])
        }
    }

    /// How many bytes are another text instead, and which; nil for a character that stands as it is.
    private static func special(_ first: UInt8, _ second: UInt8, _ third: UInt8) -> (Int, StaticString)? {
        switch first {
        case UInt8(ascii: "&"): return (1, "&amp;")
        case UInt8(ascii: "<"): return (1, "&lt;")
        case UInt8(ascii: ">"): return (1, "&gt;")
        case UInt8(ascii: "\""): return (1, "&quot;")
        case UInt8(ascii: "'"): return (1, "&#39;")
        case UInt8(ascii: "\n"), UInt8(ascii: "\t"): return nil
        // Controls are no characters of HTML.
        case 0..<0x20, 0x7F: return (1, "\u{FFFD}")
        // Embeddings, overrides and isolates (U+202A to U+202E, U+2066 to U+2069) would turn what stands behind them.
        case 0xE2 where second == 0x80 && (0xAA...0xAE).contains(third): return (3, "\u{FFFD}")
        case 0xE2 where second == 0x81 && (0xA6...0xA9).contains(third): return (3, "\u{FFFD}")
        default: return nil
        }
    }
}

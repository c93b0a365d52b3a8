/// The head of one HTTP/1.1 request to the admin port, read strictly: what is not plain is refused.
struct AdminRequest: Equatable {
    enum Method: Equatable {
        case get
        case head
    }

    /// A status that a head is refused with.
    struct Fault: Error, Equatable {
        let status: Int

        static let malformed = Fault(status: 400)
        static let methodNotAllowed = Fault(status: 405)
        static let bodyNotTaken = Fault(status: 413)
        static let headTooLarge = Fault(status: 431)
        static let versionNotServed = Fault(status: 505)
    }

    let method: Method
    /// Without the query.
    let path: String

    /// Bound of a head with its last empty line, in bytes.
    static let mostBytes = 8_192

    /// Looks for the end of the head.
    ///
    /// - Parameter bytes: everything that has come so far.
    /// - Returns: nil while the head is not complete and may still become so.
    static func read(_ bytes: [UInt8]) throws(Fault) -> AdminRequest? {
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        for (position, byte) in bytes.prefix(mostBytes).enumerated() {
            switch byte {
            case UInt8(ascii: "\n"):
                guard position > start, bytes[position - 1] == UInt8(ascii: "\r") else { throw .malformed }
                if position - 1 == start { return try AdminRequest(lines) }
                lines.append(bytes[start..<position - 1])
                start = position + 1
            case UInt8(ascii: "\r"), UInt8(ascii: "\t"), 0x20...0x7E, 0x80...0xFF: break
            default: throw .malformed
            }
        }
        if bytes.count >= mostBytes { throw .headTooLarge }
        return nil
    }

    private init(_ lines: [ArraySlice<UInt8>]) throws(Fault) {
        guard let first = lines.first else { throw .malformed }
        let words = first.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard words.count == 3, Self.isToken(words[0]), Self.isVisible(words[1]), !first.contains(UInt8(ascii: "\r"))
        else { throw .malformed }
        guard words[2].elementsEqual("HTTP/1.1".utf8) || words[2].elementsEqual("HTTP/1.0".utf8) else {
            throw words[2].starts(with: "HTTP/".utf8) ? .versionNotServed : .malformed
        }
        var hosts = 0
        for line in lines.dropFirst() {
            let (name, value) = try Self.field(line)
            switch name {
            case "host": hosts += 1
            case "content-length":
                guard !value.isEmpty, value.allSatisfy({ (0x30...0x39).contains($0) }) else { throw .malformed }
                guard value.allSatisfy({ $0 == 0x30 }) else { throw .bodyNotTaken }
            case "transfer-encoding": throw .bodyNotTaken
            default: break
            }
        }
        guard hosts == 1 || (hosts == 0 && words[2].last == UInt8(ascii: "0")) else { throw .malformed }
        if words[0].elementsEqual("GET".utf8) {
            method = .get
        } else if words[0].elementsEqual("HEAD".utf8) {
            method = .head
        } else {
            throw .methodNotAllowed
        }
        guard words[1].first == UInt8(ascii: "/") else { throw .malformed }
        path = String(decoding: words[1].prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
    }

    /// Name in small letters, and value without the blanks around it.
    private static func field(_ line: ArraySlice<UInt8>) throws(Fault) -> (name: String, value: ArraySlice<UInt8>) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), isToken(line[..<colon]),
            !line.contains(UInt8(ascii: "\r"))
        else { throw .malformed }
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var value = line[(colon + 1)...].drop(while: isBlank)
        while let last = value.last, isBlank(last) { value.removeLast() }
        return (String(decoding: line[..<colon], as: UTF8.self).lowercased(), value)
    }

    /// RFC 9110, section 5.6.2.
    private static func isToken(_ bytes: ArraySlice<UInt8>) -> Bool {
        !bytes.isEmpty
            && bytes.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "a")...UInt8(ascii: "z"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    private static func isVisible(_ bytes: ArraySlice<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }
}

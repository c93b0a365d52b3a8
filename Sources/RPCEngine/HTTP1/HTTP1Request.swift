/// Why a request of HTTP/1.1 is refused: the connection ends behind the answer.
struct HTTP1Failure: Error, Equatable {
    /// Of HTTP.
    let status: Int
    let reason: String

    init(_ status: Int, _ reason: String) {
        (self.status, self.reason) = (status, reason)
    }

    static let bareLineFeed = HTTP1Failure(400, "a line does not end with CR LF")
    static let control = HTTP1Failure(400, "a control character in the head")
    static let notAToken = HTTP1Failure(400, "the name of a header is no token: folded, blank, or with blanks")
    static let requestLine = HTTP1Failure(400, "the request line is not METHOD /TARGET HTTP/1.1")
    static let length = HTTP1Failure(400, "more than one of content-length and transfer-encoding")
    static let chunk = HTTP1Failure(400, "a chunk is malformed")
    static let headTimeout = HTTP1Failure(408, "the head of the request took too long to arrive")
}

/// The head of a request (RFC 9112, 3 and 5).
struct HTTP1Request: Equatable {
    struct Field: Equatable {
        /// In lower case.
        let name: [UInt8]
        /// Without blanks at its ends.
        let value: [UInt8]
    }

    enum Framing: Equatable {
        case none
        /// Above 0.
        case length(Int)
        case chunked
    }

    let method: [UInt8]
    /// In origin form: `/path?query`.
    let target: [UInt8]
    /// What the target named, where it came in absolute form.
    let targetHost: HTTP1Authority?
    private(set) var host: HTTP1Authority?
    /// All but what HTTP/1.1 itself needs.
    private(set) var fields: [Field] = []
    private(set) var isChunked = false
    private(set) var length: Int?
    private(set) var expectsContinue = false
    /// `connection: close`.
    private(set) var closes = false
    /// gRPC has no form over HTTP/1.1.
    private(set) var isGRPC = false

    var framing: Framing {
        if isChunked { return .chunked }
        guard let length, length > 0 else { return .none }
        return .length(length)
    }

    var isHead: Bool { method.elementsEqual("HEAD".utf8) }

    // MARK: Request line

    private static let longestMethod = 32

    /// - Parameter line: without its end, and without control characters but tabs.
    init(line: ArraySlice<UInt8>) throws(HTTP1Failure) {
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].count <= Self.longestMethod, parts[0].allSatisfy(isToken)
        else { throw .requestLine }
        try Self.check(version: parts[2])
        guard parts[1].allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }) else {
            throw .requestLine
        }
        guard !parts[0].elementsEqual("CONNECT".utf8) else {
            throw HTTP1Failure(400, "CONNECT is for proxies")
        }
        method = Array(parts[0])
        guard parts[1].first != UInt8(ascii: "/") else {
            (target, targetHost) = (Array(parts[1]), nil)
            return
        }
        let scheme = "https://"
        guard parts[1].prefix(scheme.utf8.count).map(lower).elementsEqual(scheme.utf8) else { throw .requestLine }
        let rest = parts[1].dropFirst(scheme.utf8.count)
        let path = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        targetHost = try HTTP1Authority(rest[..<path])
        target = (rest[path...].first == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]) + rest[path...]
    }

    private static func check(version: ArraySlice<UInt8>) throws(HTTP1Failure) {
        let prefix = "HTTP/"
        let digits = Array(version.dropFirst(prefix.utf8.count))
        guard version.prefix(prefix.utf8.count).elementsEqual(prefix.utf8), digits.count == 3, isDigit(digits[0]),
            digits[1] == UInt8(ascii: "."), isDigit(digits[2])
        else { throw .requestLine }
        guard digits.elementsEqual("1.1".utf8) else {
            throw HTTP1Failure(505, "the version of HTTP is not 1.1")
        }
    }

    // MARK: Fields

    /// - Parameters:
    ///   - name: in lower case.
    ///   - value: without blanks at its ends.
    mutating func add(name: [UInt8], value: [UInt8]) throws(HTTP1Failure) {
        switch String(decoding: name, as: UTF8.self) {
        case "host":
            guard host == nil else { throw HTTP1Failure(400, "more than one host") }
            host = try HTTP1Authority(value[...])
        case "content-length":
            // Equal ones too.
            guard length == nil else { throw .length }
            length = try Self.length(value)
        case "transfer-encoding":
            guard !isChunked else { throw .length }
            guard value.map(lower).elementsEqual("chunked".utf8) else {
                throw HTTP1Failure(400, "transfer-encoding is not chunked")
            }
            isChunked = true
        case "expect":
            guard value.map(lower).elementsEqual("100-continue".utf8) else {
                throw HTTP1Failure(417, "the expectation is not 100-continue")
            }
            expectsContinue = true
        case "connection":
            let words = value.map(lower).split(separator: UInt8(ascii: ","))
            if words.contains(where: { $0.filter { !isBlank($0) }.elementsEqual("close".utf8) }) { closes = true }
        // Of this connection alone, and nothing in HTTP/2.
        case "keep-alive", "proxy-connection", "upgrade", "te", "trailer", "http2-settings": break
        case "content-type":
            if value.map(lower).starts(with: "application/grpc".utf8) { isGRPC = true }
            fields.append(Field(name: name, value: value))
        default: fields.append(Field(name: name, value: value))
        }
    }

    /// The head is complete.
    func check() throws(HTTP1Failure) {
        if host == nil { throw HTTP1Failure(400, "no host") }
        if isChunked, length != nil { throw .length }
    }

    /// More is nobody's body.
    private static let mostDigits = 15

    private static func length(_ text: [UInt8]) throws(HTTP1Failure) -> Int {
        guard !text.isEmpty, text.allSatisfy(isDigit) else { throw HTTP1Failure(400, "content-length is no number") }
        guard text.count <= mostDigits else { throw HTTP1Failure(413, "content-length is too large") }
        return text.reduce(0) { $0 * 10 + Int($1 & 0x0F) }
    }
}

/// A host and perhaps a port, as in `host`.
struct HTTP1Authority: Equatable {
    /// As it was sent.
    let text: [UInt8]
    /// A name in lower case or an address without its brackets. The port counts for nothing: it is ours.
    let name: String

    init(_ text: ArraySlice<UInt8>) throws(HTTP1Failure) {
        let malformed = HTTP1Failure(400, "host is no name and no address")
        let isBracketed = text.first == UInt8(ascii: "[")
        let end = isBracketed ? text.firstIndex(of: UInt8(ascii: "]")) : nil
        guard !isBracketed || end != nil else { throw malformed }
        let name = end.map { text[text.startIndex + 1..<$0] } ?? text.prefix { $0 != UInt8(ascii: ":") }
        let port = text[(end.map { $0 + 1 } ?? name.endIndex)...]
        guard (1...255).contains(name.count), name.first != UInt8(ascii: "."), port.count <= 6,
            port.isEmpty || port.first == UInt8(ascii: ":") && port.dropFirst().allSatisfy(isDigit),
            name.allSatisfy({
                isLetterOrDigit($0) || $0 == UInt8(ascii: ".") || isBracketed && $0 == UInt8(ascii: ":")
                    || !isBracketed && ($0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_"))
            })
        else { throw malformed }
        self.text = Array(text)
        self.name = String(decoding: name.map(lower), as: UTF8.self)
    }
}

// MARK: Kinds of bytes

private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

private func isLetterOrDigit(_ byte: UInt8) -> Bool { isDigit(byte) || (0x61...0x7A).contains(byte | 0x20) }

func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

/// `tchar` of RFC 9110, 5.6.2.
func isToken(_ byte: UInt8) -> Bool { isLetterOrDigit(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte) }

func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }

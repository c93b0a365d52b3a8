import Testing

@testable import RPCEngine

/// The parser of HTTP/1.1: what it takes and refuses, and that it is the same however the bytes come.
struct HTTP1ParserTests {
    /// What a stream of bytes says: requests with their bodies, and why it was refused at last.
    struct Reading: Equatable {
        var requests: [HTTP1Request] = []
        var bodies: [[UInt8]] = []
        var ended = 0
        var failure: HTTP1Failure?
        var isInHead = false
    }

    static func read(_ pieces: [ArraySlice<UInt8>]) -> Reading {
        var parser = HTTP1Parser(maximumHeaderBytes: 1_000)
        var reading = Reading()
        do throws(HTTP1Failure) {
            for piece in pieces {
                var rest = piece
                while let event = try parser.next(&rest) {
                    switch event {
                    case .head(let request):
                        reading.requests.append(request)
                        reading.bodies.append([])
                    case .body(let bytes): reading.bodies[reading.bodies.count - 1] += bytes
                    case .end: reading.ended += 1
                    }
                }
                #expect(rest.isEmpty)
                #expect(parser.heldBytes < 20_000)
            }
        } catch {
            reading.failure = error
            var more = ArraySlice("GET / HTTP/1.1\r\nhost: a\r\n\r\n".utf8)
            #expect(throws: error) { try parser.next(&more) }
        }
        reading.isInHead = parser.isInHead
        return reading
    }

    static func read(_ text: String) -> Reading { read([ArraySlice(text.utf8)]) }

    /// Split at every place, and byte by byte.
    static func readInPieces(_ bytes: [UInt8], expecting whole: Reading) {
        for place in 0...bytes.count {
            #expect(read([bytes[..<place], bytes[place...]]) == whole, "split at \(place)")
        }
        #expect(read(bytes.indices.map { bytes[$0...$0] }) == whole, "byte by byte")
    }

    static let valid = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET /a?b=c&d=%20 HTTP/1.1\r\nhost:a.example:443\r\nX-Empty:\r\nx:  y z \t\r\n\r\n",
        "POST /p HTTP/1.1\r\nHost: [::1]:8443\r\nContent-Length: 5\r\n\r\nhello",
        "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: a, CLOSE\r\n\r\n",
        "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nExpect: 100-continue\r\n\r\n"
            + "3\r\nabc\r\nA;n=\"v;\"\r\n0123456789\r\n0000\r\nTrailer: x\r\n\r\n",
        "GET https://A.example:1/x HTTP/1.1\r\nHost: a\r\n\r\nHEAD https://a?q HTTP/1.1\r\nHost: b\r\n\r\n",
        "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\n"
            + "Transfer-Encoding: chunked\r\n\r\n1\r\n\n\r\n0\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nUpgrade: h2c\r\nKeep-Alive: 5\r\nx: \u{E9}\r\n\r\nGET / HT",
    ]

    @Test(arguments: valid)
    func aRequestIsTheSameInPieces(_ text: String) {
        let whole = Self.read(text)
        #expect(whole.failure == nil && !whole.requests.isEmpty && whole.ended == whole.requests.count)
        Self.readInPieces(Array(text.utf8), expecting: whole)
    }

    @Test func requestsAreReadAsTheyAreMeant() {
        let blank = Self.read(Self.valid[1]).requests[0]
        #expect(blank.target == Array("/a?b=c&d=%20".utf8) && blank.host?.name == "a.example")
        #expect(blank.host?.text == Array("a.example:443".utf8))
        #expect(blank.fields.map(\.value) == [[], Array("y z".utf8)])
        let post = Self.read(Self.valid[2])
        #expect(post.requests[0].framing == .length(5) && post.requests[0].host?.name == "::1")
        #expect(post.bodies == [Array("hello".utf8)])
        let closing = Self.read(Self.valid[3]).requests[0]
        #expect(closing.framing == .none && closing.closes && !closing.expectsContinue)
        let chunked = Self.read(Self.valid[4])
        #expect(chunked.requests[0].framing == .chunked && chunked.requests[0].expectsContinue)
        #expect(chunked.requests[0].fields.isEmpty && chunked.bodies == [Array("abc0123456789".utf8)])
        let absolute = Self.read(Self.valid[5]).requests
        #expect(absolute[0].target == Array("/x".utf8) && absolute[0].targetHost?.name == "a.example")
        #expect(absolute[1].target == Array("/?q".utf8) && absolute[1].isHead)
        #expect(Self.read(Self.valid[6]).bodies == [[13, 10], [10], []])
        let last = Self.read(Self.valid[7])
        #expect(last.requests[0].fields.map(\.name) == [Array("x".utf8)] && last.isInHead)
        #expect(Self.read("GET / HTTP/1.1\r\nHost: a\r\nContent-Type: Application/GRPC+x\r\n\r\n").requests[0].isGRPC)
    }

    /// A head with those lines behind the host.
    private static func get(_ lines: String...) -> String {
        "GET / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
    }

    private static func line(_ line: String) -> String { line + "\r\nHost: a\r\n\r\n" }

    private static func host(_ host: String) -> String { "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n" }

    private static func chunks(_ text: String) -> String { get("Transfer-Encoding: chunked") + text }

    static let malformed: [(String, Int)] = [
        (line("GET /"), 400), (line("GET / / HTTP/1.1"), 400), (line("GET  / HTTP/1.1"), 400),
        (line("GET / HTTP/1.1 "), 400), (line(" GET / HTTP/1.1"), 400), (line("GET\t/ HTTP/1.1"), 400),
        (line("G@T / HTTP/1.1"), 400), (line(" / HTTP/1.1"), 400), (line("GET x HTTP/1.1"), 400),
        (line("GET  HTTP/1.1"), 400), (line("OPTIONS * HTTP/1.1"), 400), (line("CONNECT a:1 HTTP/1.1"), 400),
        (line("CONNECT / HTTP/1.1"), 400), (line("GET /#a HTTP/1.1"), 400), (line("GET /\u{E9} HTTP/1.1"), 400),
        (line("GET /\u{1} HTTP/1.1"), 400), (line("GET /\u{7F} HTTP/1.1"), 400), (line("GET /\0 HTTP/1.1"), 400),
        (line("GET http://a/ HTTP/1.1"), 400), (line("GET https:/// HTTP/1.1"), 400),
        (line("GET https://u@a/ HTTP/1.1"), 400), (line("GET https://a:b/ HTTP/1.1"), 400),
        (line("GET / HTTP/1.0"), 505), (line("GET / HTTP/2.0"), 505), (line("PRI * HTTP/2.0"), 505),
        (line("GET / HTTP/1.10"), 400), (line("GET / HTTP/1"), 400), (line("GET / http/1.1"), 400),
        (line("GET / HTTP/x.1"), 400), (line("GET / HTTPS/1.1"), 400),
        (line(String(repeating: "M", count: 33) + " / HTTP/1.1"), 400),
        (line("GET /" + String(repeating: "a", count: 8_180) + " HTTP/1.1"), 414),
        (String(repeating: "a", count: 8_194), 414),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", 400), ("GET / HTTP/1.1\r\nHost: a\rb: c\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400), ("\r\n\r\nGET / HTTP/1.1\r\n", 400),
        ("\nGET / HTTP/1.1\r\n", 400), ("\r\r\nGET / HTTP/1.1\r\n", 400),
        (get("a: b", " c"), 400), (get("a: b", "\tc"), 400), ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
        (get("a : b"), 400), (get("a\t: b"), 400), (get("ab"), 400), (get(": b"), 400), (get("a(b): c"), 400),
        (get("\u{E9}: c"), 400), (get("a: \0"), 400), (get("a: \u{7F}"), 400), (get("a: \u{1B}"), 400),
        ("GET / HTTP/1.1\r\n\r\n", 400), (get("host: a"), 400), (host(""), 400), (host("a/b"), 400),
        (host("u@a"), 400), (host("a b"), 400), (host("a,a"), 400), (host("a:x"), 400), (host("a:123456"), 400),
        (host("[::1"), 400), (host("[::1]x"), 400), (host("::1"), 400), (host("[a-b]"), 400), (host(".a"), 400),
        (host("a\u{E9}"), 400), (host(String(repeating: "a", count: 256)), 400),
        (get("a: " + String(repeating: "b", count: 1_000)), 431),
        ("GET / HTTP/1.1\r\n" + String(repeating: "a: b\r\n", count: 40), 431),
        (get("Content-Length: 1", "Content-Length: 2"), 400), (get("Content-Length: 1", "content-length: 1"), 400),
        (get("Content-Length: 1,1"), 400), (get("Content-Length: +1"), 400), (get("Content-Length: -1"), 400),
        (get("Content-Length: 0x1"), 400), (get("Content-Length:"), 400), (get("Content-Length: 1 1"), 400),
        (get("Content-Length: 1234567890123456"), 413),
        (get("Content-Length: 1", "Transfer-Encoding: chunked"), 400),
        (get("Transfer-Encoding: chunked", "Content-Length: 1"), 400),
        (get("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400),
        (get("Transfer-Encoding: gzip, chunked"), 400), (get("Transfer-Encoding: chunked, chunked"), 400),
        (get("Transfer-Encoding: identity"), 400), (get("Transfer-Encoding:"), 400),
        (get("Transfer-Encoding: chunked;a=b"), 400), (get("Transfer-Encoding: \"chunked\""), 400),
        (get("Expect: 100-continue, b"), 417), (get("Expect: x"), 417), (get("Expect:"), 417),
        (chunks("g\r\n"), 400), (chunks("-1\r\n"), 400), (chunks("0x1\r\n"), 400), (chunks("1 \r\n"), 400),
        (chunks(" 1\r\n"), 400), (chunks("\r\n"), 400), (chunks(";a\r\n"), 400), (chunks("000000001\r\n"), 400),
        (chunks("1\n"), 400), (chunks("1\r\nab\r\n"), 400), (chunks("1\r\na0\r\n\r\n"), 400), (chunks("1\r\na\n"), 400),
        (chunks("1;" + String(repeating: "a", count: 260)), 400),
        (chunks(String(repeating: "1;" + String(repeating: "a", count: 200) + "\r\nx\r\n", count: 50)), 400),
        (chunks("0\r\na\r\n\r\n"), 400), (chunks("0\r\na: b\n"), 400), (chunks("0\r\n c: d\r\n\r\n"), 400),
        (chunks("0\r\n" + String(repeating: "a: b\r\n", count: 40)), 431),
    ]

    @Test func whatIsMalformedIsRefused() {
        let cases = Self.malformed
        #expect(cases.count >= 60)
        for (text, status) in cases {
            let whole = Self.read(text)
            #expect(whole.failure?.status == status, "\(text.prefix(80).debugDescription)")
            #expect(whole.failure?.reason.utf8.allSatisfy { (0x20...0x7E).contains($0) } == true)
            // Long ones for their length: a few places will do.
            let bytes = Array(text.utf8)
            if bytes.count < 200 {
                Self.readInPieces(bytes, expecting: whole)
            } else {
                for place in stride(from: 0, through: bytes.count, by: 97) {
                    #expect(Self.read([bytes[..<place], bytes[place...]]) == whole, "split at \(place)")
                }
            }
        }
    }

    @Test func aHundredHeadersAreEnough() {
        var parser = HTTP1Parser(maximumHeaderBytes: 100_000)
        var most = ArraySlice(
            ("GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "a: b\r\n", count: 99) + "\r\n").utf8)
        #expect(throws: Never.self) { try parser.next(&most) }
        var more = ArraySlice(("GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "a: b\r\n", count: 100)).utf8)
        #expect(throws: HTTP1Failure(431, "more than 100 headers")) {
            while try parser.next(&more) != nil {}
        }
    }

    @Test func theDateIsThatOfHTTP() {
        var date = HTTPDate()
        #expect(date.text(at: 784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(date.text(at: 784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(date.text(at: 0) == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(date.text(at: 1_709_164_800) == "Thu, 29 Feb 2024 00:00:00 GMT")
    }
}

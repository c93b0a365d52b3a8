import Testing

@testable import RPCEngine

/// The parts that can be looked at without a connection.
@Suite
struct PieceTests {
    @Test func base64TakesBothPaddingsAndNothingElse() {
        var state: UInt64 = 42
        for length in 0..<200 {
            let bytes = (0..<length).map { _ -> UInt8 in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(truncatingIfNeeded: state >> 33)
            }
            let text = Metadata.encodeBinary(bytes)
            #expect(Base64.decode(text.utf8) == bytes)
            let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
            #expect(Base64.decode((text + padding).utf8) == bytes)
        }
        #expect(Base64.decode("AQID".utf8) == [1, 2, 3])
        for bad in ["A", "AQ=", "AQ===", "=AQ=", "A_==", "AR==", "AQJ=", "AQID====", "AQ\n=", "AAAAA"] {
            #expect(Base64.decode(bad.utf8) == nil, "\(bad)")
        }
    }

    @Test func percentEncodingKeepsVisibleTextOnly() {
        func encoded(_ text: String, limit: Int = 100) -> String {
            var output: [UInt8] = []
            PercentEncoding.append(text, limit: limit, to: &output)
            return String(decoding: output, as: UTF8.self)
        }
        #expect(encoded("plain ~ text") == "plain ~ text")
        #expect(encoded("50%\r\n\u{7F}ä") == "50%25%0D%0A%7F%C3%A4")
        // Cut between characters, never inside one.
        #expect(encoded("aä", limit: 2) == "a")
    }

    @Test func timeoutsAreStrict() {
        func parsed(_ text: String) -> UInt64? { Array(text.utf8).withUnsafeBufferPointer { Timeout.parse($0) } }
        #expect(parsed("1S") == 1_000_000_000)
        #expect(parsed("20m") == 20_000_000)
        #expect(parsed("7u") == 7_000)
        #expect(parsed("99999999n") == 99_999_999)
        #expect(parsed("2M") == 120_000_000_000)
        // Saturates instead of overflowing.
        #expect(parsed("99999999H") == UInt64.max / 4)
        for bad in ["", "S", "5", "123456789S", "1.5S", "-1S", "+1S", " 1S", "1 S", "1s", "1h"] {
            #expect(parsed(bad) == nil, "\(bad)")
        }
    }

    @Test func bucketAllowsBurstThenRate() {
        var bucket = TokenBucket(Limits.Budget(burst: 10, perSecond: 5))
        func taken(_ wanted: Int, at moment: UInt64) -> Int {
            (0..<wanted).filter { _ in bucket.take(now: moment) }.count
        }
        let start: UInt64 = 1_000_000_000_000
        #expect(taken(20, at: start) == 10)
        #expect(taken(1, at: start + 199_000_000) == 0)
        #expect(taken(2, at: start + 200_000_000) == 1)
        // Ten seconds fill it again, and not beyond its depth.
        #expect(taken(100, at: start + 20_000_000_000) == 10)
        bucket.give(3)
        #expect(taken(100, at: start + 20_000_000_000) == 3)
        bucket = TokenBucket(Limits.Budget(burst: 0, perSecond: 0))
        #expect(taken(5, at: start) == 1)
    }

    @Test func inboxKeepsBytesInOrder() {
        var inbox = ByteInbox()
        defer { inbox.release() }
        var expected: [UInt8] = []
        var next: UInt8 = 0
        for round in 1..<400 {
            let piece = (0..<round).map { _ -> UInt8 in
                next &+= 1
                return next
            }
            expected += piece
            #expect(piece.withUnsafeBufferPointer { $0.baseAddress.map { inbox.append($0, piece.count) } ?? false })
            let taken = min(expected.count, round * 7 % 500)
            expected.removeFirst(taken)
            inbox.consume(taken)
            #expect(Array(inbox.bytes) == expected)
        }
    }

    @Test func bodyFramesMessagesInOrder() {
        for sizes in [[0], [1, 2, 3], [4_096, 4_097], [5_000], [10, 100_000], [0, 0, 70_000]] {
            var body = ResponseBody()
            var expected: [UInt8] = []
            for (index, size) in sizes.enumerated() {
                var message = [UInt8](repeating: UInt8(index + 1), count: size)
                expected += [0] + withUnsafeBytes(of: UInt32(size).bigEndian) { Array($0) } + message
                #expect(body.takesMore)
                body.add(&message, compressed: false)
                #expect(message.isEmpty)
            }
            #expect(body.count == expected.count)
            var found: [UInt8] = []
            while body.count > 0 {
                let length = min(body.count, 1_000)
                found += [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
                    if let base = buffer.baseAddress { body.copyOut(to: base, length: length) }
                    count = length
                }
            }
            #expect(found == expected)
        }
    }

    @Test func gzipStopsAtTheLimit() {
        let compression = Compression()
        for size in [0, 1, 1_000, 100_000, 3_000_000] {
            let original = (0..<size).map { UInt8(truncatingIfNeeded: $0 / 3) }
            var packed = original
            #expect(compression.deflate(&packed))
            var output: [UInt8] = []
            func inflate(_ bytes: [UInt8], _ limit: Int) -> Compression.Inflated {
                bytes.withUnsafeBytes { compression.inflate($0, into: &output, limit: limit) }
            }
            #expect(inflate(packed, size) == .done)
            #expect(output == original)
            if size > 0 { #expect(inflate(packed, size - 1) == .tooLarge) }
            #expect(output.count <= max(0, size))
            #expect(inflate(Array(packed.dropLast()), size) == .broken)
            #expect(inflate(packed + [0], size) == .broken)
        }
        var output: [UInt8] = []
        #expect([].withUnsafeBytes { compression.inflate($0, into: &output, limit: 10) } == .broken)
    }

    @Test func methodsAreFoundByExactBytes() throws {
        let entries = (0..<300).map { number in
            MethodEntry(path: "/pkg.Service\(number % 7)/Method\(number)", handler: .unary { _, _, _ in })
        }
        let table = try MethodTable(entries, limits: Limits())
        func find(_ path: String) -> Int? { Array(path.utf8).withUnsafeBufferPointer { table.find($0)?.index } }
        for (index, entry) in entries.enumerated() { #expect(find(entry.path) == index) }
        for other in ["", "/", "/pkg.Service0/Method", "/pkg.Service0/Method00", "/PKG.Service0/Method0"] {
            #expect(find(other) == nil)
        }
        #expect(throws: EngineError.self) { try MethodTable(entries + [entries[0]], limits: Limits()) }
        #expect(throws: EngineError.self) {
            try MethodTable([MethodEntry(path: "pkg/M", handler: .unary { _, _, _ in })], limits: Limits())
        }
    }

    @Test func metadataKeepsOrderAndNames() {
        var metadata = Metadata()
        metadata.append("a", "1")
        metadata.append("b-bin", "AQI,Aw==")
        metadata.append("a", "2")
        #expect(metadata.count == 3 && metadata["a"] == "1" && metadata["c"] == nil)
        #expect(metadata.values(for: "a") == ["1", "2"] && metadata.contains("b-bin"))
        #expect(metadata.binary("b-bin") == [1, 2])
        metadata.append("c-bin", "!")
        #expect(metadata.binary("c-bin") == nil && metadata.binary("d-bin") == nil)
        var all: [String] = []
        metadata.forEach { all.append("\($0)=\($1)") }
        #expect(all == ["a=1", "b-bin=AQI,Aw==", "a=2", "c-bin=!"])
    }

    @Test func serverRefusesWhatItCannotServe() {
        let missing = TLSConfiguration(certificateChainPEM: "/nonexistent.pem", keyPEM: "/nonexistent.key")
        #expect(throws: EngineError.self) {
            try Server(configuration: ServerConfiguration(tls: missing, methods: [], interceptor: Nobody()))
        }
    }

    private struct Nobody: CallInterceptor {
        func begin(_ call: CallContext, method: MethodEntry) throws(RPCStatus) {}
    }
}

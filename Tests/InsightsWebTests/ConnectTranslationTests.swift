import InsightsAPI
import RPCEngine
import Testing

@testable import InsightsWeb

struct ConnectTranslationTests {
    static func translation(
        _ codec: ConnectCodec, isPacked: Bool = false, takesGzip: Bool = false
    ) -> ConnectTranslation {
        ConnectTranslation(method: .getTrend, codec: codec, query: nil, isPacked: isPacked, takesGzip: takesGzip)
    }

    static func refusal(_ text: String) -> RPCStatus? {
        do throws(WebFailure) {
            _ = try translation(.json).message(in: Array(text.utf8), limit: 1_000)
            return nil
        } catch {
            if case .refused(let status) = error { return status }
            return nil
        }
    }

    @Test func jsonBecomesTheMessage() throws {
        let text = #"{"customerId":"C","interval":"TREND_INTERVAL_WEEK","minRevision":"7"}"#
        let bytes = try Self.translation(.json).message(in: Array(text.utf8), limit: 1_000)
        let message = try PBGetTrendRequest(serializedBytes: bytes)
        #expect(message.customerID == "C" && message.interval == .week && message.minRevision == 7)
        #expect(try Self.translation(.json).message(in: [], limit: 0) == [])
        // By the names of the protos too.
        let other = try Self.translation(.json).message(in: Array(#"{"customer_id":"C"}"#.utf8), limit: 1_000)
        #expect(try PBGetTrendRequest(serializedBytes: other).customerID == "C")
    }

    /// What is refused is told by its place, and nothing of what was sent but the name of a field is repeated.
    @Test(arguments: [
        "{", "[]", "null1", #"{"customerId":1}"#, #"{"interval":"NO_SUCH"}"#, #"{"minRevision":"-1"}"#,
        #"{"customerId":"C"}{}"#, "\u{FEFF}{}",
    ])
    func whatIsNoMessage(_ text: String) throws {
        let status = try #require(Self.refusal(text))
        #expect(status.code == .invalidArgument && !status.message.contains("NO_SUCH"))
        #expect(try Google_Rpc_Status(serializedBytes: status.details).details.count == 1)
    }

    @Test func unknownFieldsAreNamed() {
        #expect(Self.refusal(#"{"customer":"C"}"#)?.message.hasSuffix("it has no field customer") == true)
        // However long one is: a character may have any number of marks on it.
        let long = Self.refusal(#"{"a\#(String(repeating: "\u{301}", count: 400))":1}"#)
        #expect((1...400).contains(long?.message.utf8.count ?? 0))
    }

    @Test(arguments: [
        (#"{"customerId":"C"} {}"#, "something follows"), (#"{"customerId":1}"#, "a text"), ("null", "null"),
        (#"{"interval":"NO_SUCH"}"#, "an enum"), (#"{"minRevision":"-1"}"#, "a number"), ("[]", "no JSON of that form"),
        (#"{"products":[null]}"#, "null"), (#"{"interval":99999999999}"#, "beyond the range"),
    ])
    func whatIsWrongIsToldInWords(_ text: String, _ words: String) throws {
        let message = try #require(Self.refusal(text)?.message)
        #expect(message.contains(words), "\(message)")
    }

    /// The library would write past the end of what it made room for: numbers of enums, in lists and in messages too.
    @Test(arguments: [
        (Method.getTrend, #"{"interval":2147483648}"#), (.getTrend, #"{"products":[1,-2147483649]}"#),
        (.getTrend, #"{"scope":9223372036854775807}"#), (.createPrincipal, #"{"principal":{"roles":[99999999999]}}"#),
        (.updatePrincipal, #"{"updateMask":"roles","principal":{"roles":[1e18]}}"#),
    ])
    func enumsAreOf32Bits(_ method: Method, _ text: String) {
        let translation = ConnectTranslation(
            method: method, codec: .json, query: nil, isPacked: false, takesGzip: false)
        #expect {
            _ = try translation.message(in: Array(text.utf8), limit: 1_000)
        } throws: {
            if case WebFailure.refused(let status) = $0 { status.message.contains("beyond the range") } else { false }
        }
    }

    @Test func enumsWithoutANameAreLeftToTheMethod() throws {
        let bytes = try Self.translation(.json).message(in: Array(#"{"interval":2147483647}"#.utf8), limit: 100)
        #expect(try PBGetTrendRequest(serializedBytes: bytes).interval.rawValue == 2_147_483_647)
    }

    @Test func bounds() {
        let packed = Gzip.deflate([UInt8](repeating: 0x20, count: 100_000)) ?? []
        for (translation, body) in [
            (Self.translation(.proto), [UInt8](repeating: 0, count: 11)),
            (Self.translation(.proto, isPacked: true), packed),
            (Self.translation(.json, isPacked: true), packed),
        ] {
            #expect {
                _ = try translation.message(in: body, limit: 10)
            } throws: {
                if case WebFailure.tooLarge = $0 { true } else { false }
            }
        }
    }

    @Test func repliesArePackedForWhoTakesIt() throws {
        var reply = PBGetTrendResponse()
        reply.points = [PBTrendPoint](repeating: PBTrendPoint(), count: 1_000)
        let bytes: [UInt8] = try reply.serializedBytes()
        let plain = Self.translation(.json).response(.success(bytes), trailers: [("x", "1")])
        #expect(plain.status == 200 && plain.headers.contains { $0 == ("trailer-x", "1") })
        #expect(try PBGetTrendResponse(jsonUTF8Bytes: plain.body) == reply)
        let packed = Self.translation(.json, takesGzip: true).response(.success(bytes), trailers: [])
        #expect(packed.headers.contains { $0 == ("content-encoding", "gzip") })
        #expect(try Gzip.inflate(packed.body, limit: 1_000_000) == plain.body)
        let short = Self.translation(.proto, takesGzip: true).response(.success([]), trailers: [])
        #expect(short.body.isEmpty && !short.headers.contains { $0.0 == "content-encoding" })
    }
}

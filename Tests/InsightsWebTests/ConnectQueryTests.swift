import Foundation
import Testing

@testable import InsightsWeb

struct ConnectQueryTests {
    @Test func base64OfEitherAlphabetAndWithOrWithoutPadding() {
        func decoded(_ text: String) -> [UInt8]? { URLBase64.decode(Array(text.utf8)) }
        for (text, bytes) in [
            ("", []), ("AA", [0]), ("AA==", [0]), ("AAE", [0, 1]), ("AAE=", [0, 1]), ("AAEC", [0, 1, 2]),
            ("-_-_", [0xFB, 0xFF, 0xBF]), ("+/+/", [0xFB, 0xFF, 0xBF]),
        ] as [(String, [UInt8])] {
            #expect(decoded(text) == bytes, "\(text)")
        }
        for text in ["A", "AAAAA", "AA===", "A===", "A=A", "=AAA", "AB", "AAF", "AA AA", "AA\n", "ä", "A\0"] {
            #expect(decoded(text) == nil, "\(text)")
        }
    }

    @Test func base64ThereAndBack() {
        for count in 0..<70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
            let text = URLBase64.encode(bytes)
            #expect(text == Data(bytes).base64EncodedString().replacing("=", with: ""))
            #expect(URLBase64.decode(Array(text.utf8)) == bytes)
        }
    }

    @Test func percentSignsAndPluses() {
        #expect(PercentDecoding.bytes("a+b%20c%2B%ff%FF") == Array("a b c+".utf8) + [0xFF, 0xFF])
        #expect(PercentDecoding.text("S%C3%B6hne") == "Söhne")
        #expect(PercentDecoding.text("%C3") == nil)
        for text in ["%", "%2", "%2g", "%%20", "ö"] { #expect(PercentDecoding.bytes(text) == nil, "\(text)") }
    }

    @Test func whatIsAQueryOfConnect() throws {
        let json = try #require(ConnectQuery("connect=v1&encoding=json&message=%7B%7D"))
        #expect(json.codec == .json && json.message == Array("{}".utf8) && !json.isPacked)
        let proto = try #require(ConnectQuery("message=CgFD&base64=1&encoding=proto&compression=gzip"))
        #expect(proto.codec == .proto && proto.message == [10, 1, 0x43] && proto.isPacked)
        let empty = try #require(ConnectQuery("encoding=proto&message=&base64=1&compression=identity"))
        #expect(empty.message.isEmpty && !empty.isPacked)
        #expect(ConnectQuery("encoding=json&message&base64=0")?.message == [])
    }

    @Test(arguments: [
        "", "a=b", "encoding=json", "message=a", "connect=v2&encoding=json&message=", "encoding=xml&message=",
        "encoding=json&message=&message=", "encoding=json&message=&other=1", "encoding=json&message=%7",
        "encoding=json&message=A&base64=1", "encoding=json&message=AA&base64=2", "encoding=json&message=AA&base64=true",
        "encoding=json&message=&compression=br", "encoding=json&%C3=1&message=", "encoding=json&message=ä",
    ])
    func whatIsNone(_ query: String) { #expect(ConnectQuery(query) == nil) }

    @Test func mediaTypes() {
        for text in [
            "application/json", "Application/JSON", "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"", "application/json; profile=x",
        ] {
            #expect(ConnectCodec(contentType: text) == .json, "\(text)")
        }
        #expect(ConnectCodec(contentType: "application/proto") == .proto)
        for text in [
            "", ";", "application/jsonx", "application/grpc", "application/connect+json", "text/json", "json",
            "application/json; charset=latin1", "application/x-www-form-urlencoded", "text/plain",
        ] {
            #expect(ConnectCodec(contentType: text) == nil, "\(text)")
        }
    }
}

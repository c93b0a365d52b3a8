import Cryptography
import Foundation
import Testing

@Suite struct Base64URLTests {
    @Test func likeAnotherLibrary() {
        var generator = SeededGenerator(state: 8)
        for length in 0..<200 {
            let bytes = (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            let text = Base64URL.text(of: bytes)
            let standard = Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
            #expect(text == standard.replacing("=", with: ""))
            #expect(Base64URL.bytes(of: text.utf8) == bytes)
            // A part of something larger.
            #expect(Base64URL.text(of: bytes.dropFirst()) == Base64URL.text(of: Array(bytes.dropFirst())))
            #expect(Base64URL.bytes(of: Array("A\(text)".utf8).dropFirst()) == bytes)
        }
    }

    /// One sequence of bytes has one spelling: bits behind the last byte are refused.
    @Test func oneSpelling() {
        #expect(Base64URL.bytes(of: "-_8".utf8) == [0xFB, 0xFF])
        #expect(Base64URL.bytes(of: "".utf8) == [])
        let wrong = [
            "A", "AAAAA", "-_9", "-__", "AB", "AAB", "AA==", "A=", "AB==", "A+", "A/", "+/8", "A A", "AA\n", "é",
            "AA\0",
        ]
        for text in wrong { #expect(Base64URL.bytes(of: text.utf8) == nil, "\(text)") }
        // Of all texts of two, each byte has one.
        let letters = Array(UInt8.min ... .max)
        var found: [[UInt8]] = []
        for first in letters {
            for second in letters {
                if let bytes = Base64URL.bytes(of: [first, second]) { found.append(bytes) }
            }
        }
        #expect(found.count == 256 && Set(found).count == 256)
    }
}

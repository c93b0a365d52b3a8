import InsightsAPI
import Testing

@testable import ImportFormats

/// A report of two people.
private let report = """
    Report Refresh Date,User Principal Name,Display Name,Is Deleted,Teams Last Activity Date
    2026-03-02,a@x,José,False,2026-03-01
    2026-03-02,b@x,Bo 😀,False,
    """

@Suite struct TextFormTests {
    private func utf16(_ text: String, isBigEndian: Bool = false) -> [UInt8] {
        text.utf16.flatMap { unit in
            let bytes = [UInt8(truncatingIfNeeded: unit), UInt8(truncatingIfNeeded: unit >> 8)]
            return isBigEndian ? bytes.reversed() : bytes
        }
    }

    private func names(_ bytes: [UInt8]) throws -> [String] {
        let file = InputFile(name: "f", bytes: bytes)
        return try run(.graphActiveUsers, [file], options()).0.facts.compactMap {
            if case .user(let user) = $0.fact { user.displayName } else { nil }
        }
    }

    private func refusal(_ bytes: [UInt8]) -> String {
        problem(.graphActiveUsers, [InputFile(name: "f", bytes: bytes)], options())
    }

    @Test(arguments: [
        "", "\u{FEFF}", "\u{FEFF}\u{FEFF}", "\u{EF}\u{BB}\u{BF}", "\u{FEFF}\u{EF}\u{BB}\u{BF}",
        "\u{C3}\u{AF}\u{C2}\u{BB}\u{C2}\u{BF}", "\u{2229}\u{2557}\u{2510}", "\u{B4}\u{2557}\u{2510}",
    ])
    func `a byte order mark is no text, however it was damaged`(mark: String) throws {
        #expect(try names(Array((mark + report).utf8)) == ["José", "Bo 😀"])
        // Tools that took the mark for text put it inside the quotes.
        let quoted = report.replacing("Report Refresh Date", with: "\"\(mark)Report Refresh Date\"")
        #expect(try names(Array(quoted.utf8)) == ["José", "Bo 😀"])
        let keyed = #"[{"\#(mark)Report Refresh Date":"2026-03-02","User Principal Name":"a@x","Display Name":"A","#
        #expect(try names(Array((keyed + #""Teams Last Activity Date":""}]"#).utf8)) == ["A"])
    }

    @Test func `UTF-16 is read by its mark, in pieces of any size`() throws {
        #expect(try names([0xFF, 0xFE] + utf16(report)) == ["José", "Bo 😀"])
        #expect(try names([0xFE, 0xFF] + utf16(report, isBigEndian: true)) == ["José", "Bo 😀"])
        #expect(try names([0xFF, 0xFE] + utf16("\u{FEFF}" + report)) == ["José", "Bo 😀"])
        let units = utf16(report)
        for size in [1, 2, 3, 7] {
            var decoder = UTF16Decoder(isBigEndian: false)
            var text = [UInt8]()
            for start in stride(from: 0, to: units.count, by: size) {
                let decoded = decoder.decode(Array(units[start..<min(start + size, units.count)]))
                text += try #require(decoded)
            }
            #expect(!decoder.isInsideCharacter)
            #expect(String(decoding: text, as: UTF8.self) == report)
        }
        #expect(refusal([0xFF, 0xFE] + units.dropLast()).contains("ends inside a character: it was cut short"))
        #expect(refusal([0xFF, 0xFE] + utf16("a") + [0x00, 0xDC]).contains("half of a surrogate pair"))
    }

    @Test(arguments: [
        ("???", "f:1:1: “???” before the first column is what is left of a byte order mark"),
        ("\u{FFFD}\u{FFFD}\u{FFFD}", "f:1:1: “\u{FFFD}\u{FFFD}\u{FFFD}” before the first column is what is left of a"),
    ])
    func `junk before the first column is named`(junk: String, expected: String) {
        #expect(refusal(Array((junk + report).utf8)).hasPrefix(expected))
        let quoted = junk + report.replacing("Report Refresh Date", with: "\"Report Refresh Date\"")
        #expect(refusal(Array(quoted.utf8)).hasPrefix(expected))
    }

    @Test func `what is no UTF-8 text is named`() {
        #expect(refusal(utf16(report)).hasPrefix("f: the file is UTF-16 without its byte order mark; save it as"))
        #expect(
            refusal(utf16(report, isBigEndian: true)).hasPrefix("f: the file is UTF-16 without its byte order mark"))
        #expect(refusal([0xFF, 0xFE, 0, 0] + Array(report.utf8)).hasPrefix("f: the file is UTF-32"))
        let ansi = report.unicodeScalars.map { $0.value < 256 ? UInt8($0.value) : UInt8(ascii: "?") }
        #expect(refusal(ansi).hasPrefix("f:2:19: the file is not UTF-8 but in a code page such as Windows-1252"))
        #expect(refusal(Array(report.utf8) + [0]).hasPrefix("f:3:30: a NUL byte"))
        #expect(refusal(Array(report.utf8) + [0xC3]).contains("ends inside a character"))
        #expect(refusal([0x1F, 0x8B, 8, 0] + Array(report.utf8)).contains("gzip"))
        #expect(refusal(Array("PK\u{3}\u{4}".utf8) + [0, 0, 0, 8]).contains("workbook (xlsx)"))
        #expect(refusal([0xD0, 0xCF, 0x11, 0xE0]).contains("(xls)"))
        #expect(refusal(Array("%PDF-1.7".utf8)).contains("PDF"))
        #expect(refusal(Array("HTTP/2 200\r\n\r\n".utf8)).contains("headers of the answer"))
        for page in ["\r\n<!DOCTYPE html><html>", "<html lang=\"en\">", "<!-- Copyright --><html>"] {
            #expect(refusal(Array(page.utf8)).contains("web page (HTML)"), "\(page)")
        }
        #expect(refusal(Array("<Objs Version=\"1.1\">".utf8)).contains("XML"))
        #expect(refusal([]) == "f: the file is empty")
        #expect(refusal([0xEF, 0xBB, 0xBF, 0x0D, 0x0A]) == "f: the file is empty")
    }

    @Test func `the check of UTF-8 agrees with the library in pieces of any size`() {
        var generator = SeededGenerator(state: 11)
        let alphabet: [UInt8] = [
            0x41, 0x42, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF1,
            0xF4, 0xF5, 0xFF,
        ]
        for _ in 0..<20_000 {
            let length = Int(generator.next() % 20)
            let bytes = (0..<length).map { _ in alphabet[Int(generator.next() % UInt64(alphabet.count))] }
            let size = Int(generator.next() % 9) + 1
            var check = UTF8Check()
            var isGood = true
            for start in stride(from: 0, to: length, by: size) {
                let piece = Array(bytes[start..<min(start + size, length)])
                if check.firstBad(piece.span) != nil { isGood = false }
            }
            isGood = isGood && !check.isInsideCharacter
            #expect(isGood == (String(validating: bytes, as: UTF8.self) != nil), "\(bytes)")
        }
    }
}

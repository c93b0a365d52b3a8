/// Tells from the first bytes of a file what it is, and refuses what is no text that can be read.
enum TextForm {
    enum ByteOrder { case littleEndian, bigEndian }

    static let wayOut = "save it as “CSV UTF-8” or as UTF-8 text (in PowerShell with -Encoding utf8)"

    /// What is no text, by its first bytes, with the way out.
    private static let others: [(start: [UInt8], message: String)] = [
        ([0x1F, 0x8B], "the file is compressed (gzip); unpack it"),
        (Array("BZh".utf8), "the file is compressed (bzip2); unpack it"),
        ([0x28, 0xB5, 0x2F, 0xFD], "the file is compressed (zstd); unpack it"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "the file is compressed (xz); unpack it"),
        ([0x37, 0x7A, 0xBC, 0xAF], "the file is an archive (7z); unpack it"),
        (
            Array("PK\u{3}\u{4}".utf8),
            "the file is a workbook (xlsx) or another zip archive; save the sheet as “CSV UTF-8”, or unpack the archive"
        ),
        ([0xD0, 0xCF, 0x11, 0xE0], "the file is a workbook of the old form (xls); save the sheet as “CSV UTF-8”"),
        (Array("%PDF".utf8), "the file is a PDF; download the report as CSV"),
        (Array("{\\rtf".utf8), "the file is RTF; save it as plain text"),
        (Array("HTTP/".utf8), "the file begins with the headers of the answer; save the body alone (curl without -i)"),
    ]

    /// The order of bytes that a UTF-16 mark says; nil for other text.
    static func utf16Encoding(_ head: [UInt8]) throws -> ByteOrder? {
        if head.starts(with: [0xFF, 0xFE, 0, 0]) || head.starts(with: [0, 0, 0xFE, 0xFF]) {
            throw PositionedProblem(.wholeFile, "the file is UTF-32; \(wayOut)")
        }
        if head.starts(with: [0xFF, 0xFE]) { return .littleEndian }
        if head.starts(with: [0xFE, 0xFF]) { return .bigEndian }
        for (start, message) in others where head.starts(with: start) {
            throw PositionedProblem(.wholeFile, message)
        }
        let nuls = [0, 1].map { parity in
            head.prefix(256).enumerated().count { $0.offset % 2 == parity && $0.element == 0 }
        }
        let half = min(head.count, 256) / 4
        guard head.count >= 4, nuls[0] + nuls[1] > half else { return nil }
        let name = nuls.contains { $0 <= half / 2 } ? "UTF-16 without its byte order mark" : "UTF-32 or no text"
        throw PositionedProblem(.wholeFile, "the file is \(name); \(wayOut)")
    }

    /// - Parameter text: the start of the file, decoded and without a mark.
    static func refuseOthers(_ text: ArraySlice<UInt8>) throws {
        for (start, message) in others where text.starts(with: start) { throw PositionedProblem(.wholeFile, message) }
        let start = text.drop { $0 <= 0x20 }.prefix(512)
        guard start.first == UInt8(ascii: "<") else { return }
        let lowered = String(decoding: start, as: UTF8.self).lowercased()
        if lowered.hasPrefix("<!doctype html") || lowered.contains("<html") || lowered.hasPrefix("<head") {
            throw PositionedProblem(
                .wholeFile,
                "the file is a web page (HTML), such as a sign-in page that was saved in place of the report; "
                    + "download the file again")
        }
        throw PositionedProblem(.wholeFile, "the file is XML; save it as CSV or JSON")
    }
}

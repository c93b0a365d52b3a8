import InsightsCore
import LicenseModel

/// An export as CSV: UTF-8, stable columns, CRLF. Between fields `;` for Dutch and `,` otherwise; decimals with a comma
/// for Dutch and a point otherwise, as spreadsheets of the language read them. Texts that a spreadsheet would run as a
/// formula are neutralized with an apostrophe.
struct ExportCSV: Sendable {
    private let separator: UInt8
    private let decimalMark: UInt8
    private let byteOrderMark: Bool

    init(language: Language, byteOrderMark: Bool) {
        separator = UInt8(ascii: language == .dutch ? ";" : ",")
        decimalMark = UInt8(ascii: language == .dutch ? "," : ".")
        self.byteOrderMark = byteOrderMark
    }

    func header(into chunk: inout [UInt8]) {
        if byteOrderMark { chunk += [0xEF, 0xBB, 0xBF] }
        var line = CSVLine(separator: separator, decimalMark: decimalMark, taking: &chunk)
        for name in ExportRecord.columnNames { line.append(name) }
        line.finish(into: &chunk)
    }

    func row(_ record: ExportRecord, into chunk: inout [UInt8]) {
        var line = CSVLine(separator: separator, decimalMark: decimalMark, taking: &chunk)
        record.columns(into: &line)
        line.finish(into: &chunk)
    }

    /// A text whose first character makes it a formula gets an apostrophe in front, which spreadsheets do not show.
    static func neutral(_ text: String) -> String {
        guard let first = text.unicodeScalars.first else { return text }
        switch first {
        case "=", "+", "-", "@", "\t", "\r", "\n", "\u{FF1D}", "\u{FF0B}", "\u{FF0D}", "\u{FF20}": return "'" + text
        default: return text
        }
    }
}

/// One line under way, behind what was written before.
private struct CSVLine: ExportSink {
    private let separator: UInt8
    private let decimalMark: UInt8
    private var bytes: [UInt8] = []
    private var isEmpty = true

    /// Takes over the memory of `chunk`; `finish` gives it back.
    init(separator: UInt8, decimalMark: UInt8, taking chunk: inout [UInt8]) {
        self.separator = separator
        self.decimalMark = decimalMark
        swap(&bytes, &chunk)
    }

    consuming func finish(into chunk: inout [UInt8]) {
        bytes += [0x0D, 0x0A]
        swap(&bytes, &chunk)
    }

    mutating func column(_ field: Int, _ name: String, text: String) { append(ExportCSV.neutral(text)) }
    mutating func column(_ field: Int, _ name: String, product: Product) { append(Self.name(product)) }
    mutating func column(_ field: Int, _ name: String, day: Day?) { append(day?.description ?? "") }
    mutating func column(_ field: Int, _ name: String, count: Int64?) { append(count.map(String.init) ?? "") }
    mutating func column(_ field: Int, _ name: String, percent: Double?) {
        let start = bytes.count
        append(percent.map { "\($0)" } ?? "")
        for place in start..<bytes.count where bytes[place] == UInt8(ascii: ".") { bytes[place] = decimalMark }
    }

    mutating func append(_ field: String) {
        if !isEmpty { bytes.append(separator) }
        isEmpty = false
        let separator = separator
        guard field.utf8.contains(where: { $0 == separator || $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }) else {
            bytes.append(contentsOf: field.utf8)
            return
        }
        bytes.append(0x22)
        for byte in field.utf8 {
            if byte == 0x22 { bytes.append(0x22) }
            bytes.append(byte)
        }
        bytes.append(0x22)
    }

    private static func name(_ product: Product) -> String {
        switch product {
        case .office365: "OFFICE_365"
        case .dynamics365: "DYNAMICS_365"
        }
    }
}

import Cryptography
import LogLines
import Tenancy

/// A record as a line of JSON, and back. The text before `,"mac":"` is what the record's code is computed over, byte
/// by byte, so nothing has to be written again in the same way to be verified.
struct AuditLine: Sendable, Hashable {
    /// Bound of a line, its newline included: every field at its longest, escaped.
    static let maximumBytes = 8_192
    private static let macMark = Array(",\"mac\":\"".utf8)
    private static let macBytes = 32

    var record: AuditRecord
    /// Place of the same partner's previous record, in bytes from the start of the first segment; -1 for its first.
    /// A page is read by following these.
    var before: Int64
    var mac: [UInt8]

    /// The text that the code covers.
    static func body(of record: AuditRecord, before: Int64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(384)
        func raw(_ text: String) { bytes.append(contentsOf: text.utf8) }
        raw("{\"sequence\":\(record.sequence),\"before\":\(before),\"partner\":\"")
        SafeText.append(record.partner, to: &bytes)
        raw("\",\"time\":\"")
        record.time.append(to: &bytes)
        raw("\",\"principal\":\"")
        SafeText.append(record.principal, to: &bytes)
        raw("\",\"operator\":\(record.isOperator),\"method\":\"")
        SafeText.append(record.method, to: &bytes)
        raw("\",\"decision\":\"\(record.isAllowed ? "allowed" : "denied")\",\"code\":\(record.code)")
        raw(",\"revision\":\(record.revision),\"customer\":\"\(record.customerHash)\",\"kind\":\"")
        SafeText.append(record.kind, to: &bytes)
        raw("\",\"count\":\(record.count),\"change\":\"")
        SafeText.append(record.change, to: &bytes)
        raw("\"")
        return bytes
    }

    /// The whole line of a body, with its newline.
    static func line(body: [UInt8], mac: [UInt8]) -> [UInt8] {
        body + macMark + Hex.digits(of: mac) + Array("\"}\n".utf8)
    }

    /// Takes a line, without its newline, apart into what its code covers and the code. Nil when it is no such line.
    static func split(_ line: ArraySlice<UInt8>) -> (body: ArraySlice<UInt8>, mac: [UInt8])? {
        let tail = macMark.count + 2 * macBytes + 2
        guard line.count > tail, line.suffix(2).elementsEqual("\"}".utf8) else { return nil }
        let body = line.dropLast(tail)
        let rest = line[body.endIndex...]
        guard rest.starts(with: macMark) else { return nil }
        guard let mac = Hex.bytes(of: rest.dropFirst(macMark.count).dropLast(2)) else { return nil }
        return (body, mac)
    }

    /// Reads a line without its newline; nil when it has not the shape that `body` gives it. Escapes and zeros that
    /// `body` would not write are read all the same: it is the code that tells whether a line is ours.
    init?(_ line: ArraySlice<UInt8>) {
        guard let (body, mac) = Self.split(line) else { return nil }
        var reader = AuditLineReader(bytes: body)
        guard reader.skip("{\"sequence\":"), let sequence: UInt64 = reader.number(), reader.skip(",\"before\":"),
            let before: Int64 = reader.number(), reader.skip(",\"partner\":\""), let partner = reader.string(),
            reader.skip(",\"time\":\""), let timeText = reader.string(),
            let time = Timestamp(text: timeText.utf8), reader.skip(",\"principal\":\""),
            let principal = reader.string(), reader.skip(",\"operator\":"), let isOperator = reader.boolean(),
            reader.skip(",\"method\":\""), let method = reader.string(),
            reader.skip(",\"decision\":\""), let decision = reader.string(), reader.skip(",\"code\":"),
            let code: Int32 = reader.number(), reader.skip(",\"revision\":"), let revision: UInt64 = reader.number(),
            reader.skip(",\"customer\":\""), let customer = reader.string(), reader.skip(",\"kind\":\""),
            let kind = reader.string(), reader.skip(",\"count\":"), let count: UInt64 = reader.number(),
            reader.skip(",\"change\":\""), let change = reader.string(), reader.isAtEnd
        else { return nil }
        record = AuditRecord(
            sequence: sequence, time: time, principal: principal, isOperator: isOperator, partner: partner,
            method: method, isAllowed: decision == "allowed", code: code, revision: revision, customerHash: customer,
            kind: kind, count: count, change: change)
        self.before = before
        self.mac = mac
    }
}

/// Reads the fixed shape of a line from left to right.
package struct AuditLineReader {
    private let bytes: ArraySlice<UInt8>
    private var place: Int

    package init(bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        place = bytes.startIndex
    }

    package var isAtEnd: Bool { place == bytes.endIndex }

    package mutating func skip(_ text: StaticString) -> Bool {
        let expected = "\(text)".utf8
        guard bytes[place...].starts(with: expected) else { return false }
        place += expected.count
        return true
    }

    package mutating func number<Number: FixedWidthInteger>() -> Number? {
        let digits = bytes[place...].prefix { $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) }
        place = digits.endIndex
        return Number(String(decoding: digits, as: UTF8.self))
    }

    package mutating func boolean() -> Bool? {
        skip("true") ? true : skip("false") ? false : nil
    }

    /// The rest of a string whose opening quote was skipped, and its closing quote.
    package mutating func string() -> String? {
        var text: [UInt8] = []
        while place < bytes.endIndex {
            let byte = bytes[place]
            place += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: text, as: UTF8.self) }
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            guard place < bytes.endIndex else { return nil }
            let escape = bytes[place]
            place += 1
            switch escape {
            case UInt8(ascii: "n"): text.append(0x0A)
            case UInt8(ascii: "r"): text.append(0x0D)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): text.append(escape)
            case UInt8(ascii: "u"):
                let digits = bytes[place...].prefix(4)
                guard let code = UInt32(String(decoding: digits, as: UTF8.self), radix: 16), digits.count == 4,
                    let scalar = Unicode.Scalar(code)
                else { return nil }
                place += 4
                text.append(contentsOf: Array(String(Character(scalar)).utf8))
            default: return nil
            }
        }
        return nil
    }
}

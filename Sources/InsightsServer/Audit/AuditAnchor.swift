import Crypto
import Foundation

/// How far the log is known to reach, kept in a file of its own: a log that ends earlier was cut.
struct AuditAnchor: Sendable, Hashable {
    /// The last durable record; 0 in an empty log.
    var sequence: UInt64
    /// Bytes of the log up to and with that record.
    var size: Int
    /// The record's code; the genesis value in an empty log.
    var mac: [UInt8]

    static let empty = AuditAnchor(sequence: 0, size: 0, mac: AuditKey.genesis)

    /// The anchor's file: one line of JSON, sealed with the key.
    func text(_ key: AuditKey) -> [UInt8] {
        AuditLine.line(body: body, mac: key.anchor(body))
    }

    private var body: [UInt8] {
        Array("{\"sequence\":\(sequence),\"size\":\(size),\"head\":\"\(Hex.text(of: mac))\"".utf8)
    }

    init(sequence: UInt64, size: Int, mac: [UInt8]) {
        self.sequence = sequence
        self.size = size
        self.mac = mac
    }

    /// Nil when the text is no anchor or its seal does not fit.
    init?(text: [UInt8], key: AuditKey) {
        guard text.last == UInt8(ascii: "\n"), let (body, seal) = AuditLine.split(text.dropLast()) else { return nil }
        var reader = AuditLineReader(bytes: body)
        guard reader.skip("{\"sequence\":"), let sequence: UInt64 = reader.number(), reader.skip(",\"size\":"),
            let size: Int = reader.number(), reader.skip(",\"head\":\""), let head = reader.string(),
            reader.isAtEnd, let mac = Hex.bytes(of: Array(head.utf8)), size >= 0
        else { return nil }
        self.init(sequence: sequence, size: size, mac: mac)
        guard AuditKey.equal(key.anchor(self.body), seal), self.body.elementsEqual(body) else { return nil }
    }
}

extension AuditKey {
    /// Compares codes in a time that does not depend on where they differ.
    static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

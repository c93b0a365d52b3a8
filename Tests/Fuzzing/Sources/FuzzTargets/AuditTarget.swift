@testable import AuditTrail
@testable import InsightsServer
@testable import LogLines

extension FuzzTarget {
    /// Lines of the audit chain, and the small files beside it under a good seal.
    static let audit = FuzzTarget(
        "audit", trials: 6_000, maximumLength: 2_048,
        dictionary: [
            "\"sequence\":", "\"before\":", "\"partner\":\"", "\"decision\":\"allowed\"", "\"code\":", "\"kind\":\"",
            "\"mac\":\"", "\\u0041", "\\n", "18446744073709551615", "-9223372036854775808", "\"archived\":",
            "\"head\":\"",
        ],
        seeds: {
            var record = AuditRecord(
                sequence: 7, time: Timestamp(milliseconds: 1_800_000_000_123), principal: "ann", isOperator: false,
                partner: "p1", method: "/partner.insights.v1.InsightsService/GetTrend", isAllowed: true, code: 0,
                revision: 42, customerHash: String(repeating: "ab", count: 32), kind: "read", count: 1, change: "")
            var seeds = [[0] + line(of: record)]
            (record.principal, record.method, record.isAllowed, record.code) = (
                "", "/a\"b\\\n\u{7F}ä\u{202E}", false, 16
            )
            (record.kind, record.count, record.change) = ("refusals", .max, "0123456789abcdef")
            seeds.append([0] + line(of: record))
            seeds.append([1] + Array(AuditAnchor(segment: 3, size: 512).text(key).dropLast(sealBytes)))
            let state = AuditChainState(sequence: 9, mac: AuditKey.genesis)
            seeds.append([1] + Array(AuditArchived(segment: 2, state: state).text(key).dropLast(sealBytes)))
            return seeds
        },
        run: { bytes in
            let text = Array(bytes.dropFirst())
            if bytes.first == 1 {
                let sealed = AuditLine.line(body: text, mac: key.seal(text))
                if let anchor = AuditAnchor(text: sealed, key: key) {
                    require(anchor.text(key) == sealed, "an anchor has one spelling")
                }
                if let archived = AuditArchived(text: sealed, key: key) {
                    require(archived.text(key) == sealed, "a statement has one spelling")
                }
                return
            }
            guard let line = AuditLine(text[...]) else { return }
            // Written as it is, for it is digits: with anything else the code of a line is no code of ours.
            guard line.record.customerHash.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C }) else { return }
            let body = AuditLine.body(of: line.record, before: line.before)
            let again = AuditLine(AuditLine.line(body: body, mac: line.mac).dropLast())
            require(again == line, "a line that is written again says the same")
        })

    private static let key = AuditKey(secret: [UInt8](0..<32))
    /// `,"mac":"`, 64 digits, `"}` and the newline.
    private static let sealBytes = 75

    private static func line(of record: AuditRecord) -> [UInt8] {
        let body = AuditLine.body(of: record, before: -1)
        return AuditLine.line(body: body, mac: key.seal(body)).dropLast()
    }
}

import RPCEngine

/// The rows of a successor's answer: those that pass the filter, or their groups, from `skip` on, at most `top`.
struct LegacySelection {
    private struct Sums {
        var part: Int64?
        var whole: Int64?
    }

    private let query: LegacyQuery
    private let kind: LegacyKind
    /// Rows before and behind the page count and are not kept.
    private var page: [LegacyRow] = []
    private var total = 0
    private var sums: [[String]: Sums] = [:]
    /// The keys of `sums` as they came.
    private var order: [[String]] = []

    /// What a request holds until its last row is read, which no budget counts: as much as a page of rows.
    static let maximumGroups = LegacyQuery.maximumTop

    init(_ query: LegacyQuery, _ kind: LegacyKind) {
        (self.query, self.kind) = (query, kind)
    }

    mutating func take(_ row: LegacyRow) throws(RPCStatus) {
        guard query.filter.passes(row) else { return }
        guard query.groups.isEmpty else { return try add(row) }
        if total >= query.skip, page.count < query.top { page.append(row) }
        total += 1
    }

    private mutating func add(_ row: LegacyRow) throws(RPCStatus) {
        let key = query.groups.map { row[$0] }
        if sums[key] == nil {
            guard order.count < Self.maximumGroups else {
                throw LegacyQuery.bad(
                    "groupby gives more than \(Self.maximumGroups) groups: filter, or group by less")
            }
            order.append(key)
            total += 1
        }
        func sum(_ left: Int64?, _ right: Int64?) -> Int64? {
            guard let left, let right else { return left ?? right }
            return left.addingReportingOverflow(right).partialValue
        }
        let before = sums[key] ?? Sums()
        sums[key] = Sums(part: sum(before.part, row.part), whole: sum(before.whole, row.whole))
    }

    // MARK: Writing

    func json(for head: WebHead) -> JSONText {
        var json = JSONText()
        json.object { json in
            json.array("Value") { json in
                if query.groups.isEmpty {
                    for row in page {
                        let fields = LegacyField.allCases.filter { $0.isOf(kind) }
                        write(fields.map { ($0, row[$0]) }, Sums(part: row.part, whole: row.whole), into: &json)
                    }
                } else {
                    for key in order.dropFirst(query.skip).prefix(query.top) {
                        write(Array(zip(query.groups, key)), sums[key] ?? Sums(), into: &json)
                    }
                }
            }
            if query.skip + query.top < total {
                json.field("@nextLink", nextLink(head))
            } else {
                json.null("@nextLink")
            }
            json.field("TotalCount", Int64(total))
        }
        return json
    }

    private func write(_ texts: [(LegacyField, String)], _ sums: Sums, into json: inout JSONText) {
        json.separate()
        json.object { json in
            for (field, text) in texts where !text.isEmpty { json.field(field.rawValue, text) }
            switch kind {
            case .deployment:
                json.field("licensesDeployed", sums.part)
                json.field("licensesSold", sums.whole)
            case .usage:
                // The list of fields has the one name, the vendor's sample the other.
                json.field("licensesActive", sums.part)
                json.field("licenseActive", sums.part)
                json.field("licensesQualified", sums.whole)
            }
        }
    }

    private func nextLink(_ head: WebHead) -> String {
        let fields = query.others + [("skip", String(query.skip + query.top))]
        let text = fields.map { PercentEncoding.text($0.0) + "=" + PercentEncoding.text($0.1) }.joined(separator: "&")
        return "https://\(head.authority)\(head.path)?\(text)"
    }
}

/// Texts as a query may have them.
enum PercentEncoding {
    static func text(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.count == 1 ? "%0" + digits : "%" + digits
            }
        }
        return result
    }
}

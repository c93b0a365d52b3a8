import RPCEngine

/// `field eq 'value'` and `ne`, joined by `and` and `or`, of which `and` binds tighter. A quote in a value is doubled.
struct LegacyFilter: Sendable {
    private struct Condition: Sendable {
        let field: LegacyField
        let isEqual: Bool
        let value: String
    }

    /// One of them holds when all of its conditions do. Empty: every row passes.
    private var alternatives: [[Condition]] = []

    private static let maximumConditions = 32

    init() {}

    init(_ text: String, _ kind: LegacyKind) throws(RPCStatus) {
        var words = Words(text)
        var all: [Condition] = []
        var count = 0
        while true {
            all.append(try Self.condition(&words, kind))
            count += 1
            guard count <= Self.maximumConditions else {
                throw LegacyQuery.bad("filter has more than \(Self.maximumConditions) conditions")
            }
            guard let word = try words.next() else { break }
            switch (word.isQuoted, word.text.lowercased()) {
            case (false, "and"): continue
            case (false, "or"):
                alternatives.append(all)
                all = []
            default: throw LegacyQuery.bad("filter has neither and nor or after a condition")
            }
        }
        alternatives.append(all)
    }

    private static func condition(_ words: inout Words, _ kind: LegacyKind) throws(RPCStatus) -> Condition {
        guard let name = try words.next(), !name.isQuoted, let field = LegacyField(rawValue: name.text),
            field.isOf(kind)
        else { throw LegacyQuery.bad("filter has a condition without a field that it may have") }
        guard let sign = try words.next(), !sign.isQuoted, ["eq", "ne"].contains(sign.text.lowercased()) else {
            throw LegacyQuery.bad("filter has neither eq nor ne after \(field.rawValue)")
        }
        guard let value = try words.next(), value.isQuoted else {
            throw LegacyQuery.bad("filter has no value in single quotes for \(field.rawValue)")
        }
        return Condition(field: field, isEqual: sign.text.lowercased() == "eq", value: value.text)
    }

    func passes(_ row: LegacyRow) -> Bool {
        alternatives.isEmpty
            || alternatives.contains { $0.allSatisfy { (row[$0.field] == $0.value) == $0.isEqual } }
    }

    /// The one customer that a row has to be of, if that can be asked of the list of customers.
    var customer: String? {
        guard alternatives.count == 1 else { return nil }
        let value = alternatives[0].first { $0.field == .customerTenantId && $0.isEqual }?.value
        return value.flatMap { text in
            text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
                && !text.isEmpty ? text : nil
        }
    }

    /// Words between blanks, and texts between single quotes.
    private struct Words {
        private var rest: Substring

        init(_ text: String) { rest = text[...] }

        mutating func next() throws(RPCStatus) -> (text: String, isQuoted: Bool)? {
            rest = rest.drop { $0 == " " }
            guard let first = rest.first else { return nil }
            guard first == "'" else {
                let word = rest.prefix { $0 != " " && $0 != "'" }
                rest = rest.dropFirst(word.count)
                return (String(word), false)
            }
            rest = rest.dropFirst()
            var text = ""
            while let character = rest.popFirst() {
                guard character == "'" else {
                    text.append(character)
                    continue
                }
                guard rest.first == "'" else { return (text, true) }
                rest = rest.dropFirst()
                text.append("'")
            }
            throw LegacyQuery.bad("filter has a quote without an end")
        }
    }
}

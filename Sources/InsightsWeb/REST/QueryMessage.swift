import InsightsAPI
import RPCEngine

/// The message of a request that stands in the path and the query of a GET.
struct QueryMessage {
    /// What cannot stand there.
    struct Refusal: Error {
        let field: String
        let reason: String

        init(_ field: String, _ reason: String) {
            self.field = field
            self.reason = reason
        }

        var status: RPCStatus {
            let message = "\(field) \(reason)"
            let details = StatusDetails.serialized(
                code: Int32(RPCStatus.Code.invalidArgument.rawValue), message: message,
                details: [.badRequest([.init(field: field, description: reason)])])
            return RPCStatus(.invalidArgument, message, details: details)
        }
    }

    /// As protobuf.
    ///
    /// - Parameters:
    ///   - variables: what the variables in the route's pattern stand for, by their names.
    ///   - query: as it was sent.
    static func bytes(of route: HTTPRoute, variables: [String: String], query: String) throws(Refusal) -> [UInt8] {
        var writer = WireWriter()
        for field in route.path { writer.string(field.number, variables[field.name] ?? "") }
        var given: Set<Int> = []
        for part in query.split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentDecoding.text(pair[0]) else { throw Refusal("query", "has a name that is no text") }
            guard let field = route.query.first(where: { $0.name == name || $0.jsonName == name }) else {
                // Of what was sent only the name is repeated.
                throw Refusal(name.isEmpty ? "query" : String(name.unicodeScalars.prefix(64)), "is no parameter")
            }
            guard let value = pair.count > 1 ? PercentDecoding.text(pair[1]) : "" else {
                throw Refusal(field.name, "is no text in UTF-8")
            }
            guard given.insert(field.number).inserted || field.isRepeated else {
                throw Refusal(field.name, "is given more than once")
            }
            try write(value, of: field, to: &writer)
        }
        return writer.finish()
    }

    private static func write(_ text: String, of field: HTTPRoute.Field, to writer: inout WireWriter) throws(Refusal) {
        let value: Int64?
        switch field.kind {
        case .string:
            writer.optionalString(field.number, text)
            return
        case .bool: value = ["false": 0, "true": 1][text]
        case .int32: value = integer(text, Int32.self).map(Int64.init)
        case .int64: value = integer(text, Int64.self)
        case .uint64: value = integer(text, UInt64.self).map { Int64(bitPattern: $0) }
        case .enumeration(let names): value = (names[text] ?? integer(text, Int32.self)).map(Int64.init)
        }
        guard let value else { throw Refusal(field.name, expectation(of: field.kind)) }
        writer.optionalInt64(field.number, value)
    }

    /// Digits, with a minus before them where the type has one; no blanks, no plus, no zeros before.
    private static func integer<Number: FixedWidthInteger>(_ text: String, _: Number.Type) -> Number? {
        guard let number = Number(text), String(number) == text else { return nil }
        return number
    }

    private static func expectation(of kind: HTTPRoute.Kind) -> String {
        switch kind {
        case .string: "is no text"
        case .bool: "is neither true nor false"
        case .int32: "is no whole number of 32 bits"
        case .int64: "is no whole number of 64 bits"
        case .uint64: "is no whole number from 0 to \(UInt64.max)"
        case .enumeration(let names):
            "is none of \(names.sorted { $0.value < $1.value }.map(\.key).joined(separator: ", "))"
        }
    }
}

import InsightsAPI
import RPCEngine

/// The query of a request, checked.
struct LegacyQuery {
    /// Rows in an answer at most, and unless the request says.
    static let maximumTop = 10_000
    /// Bytes of a filter.
    private static let maximumFilterBytes = 4_096

    private(set) var scope = PBLicenseScope.own
    private(set) var top = maximumTop
    private(set) var skip = 0
    private(set) var filter = LegacyFilter()
    /// Empty: each row for itself.
    private(set) var groups: [LegacyField] = []
    /// Empty: the latest.
    private(set) var day = ""
    /// All but `skip`, for the link to the next page.
    private(set) var others: [(name: String, value: String)] = []

    /// Of the first resources.
    init(scopeOnly query: String) throws(RPCStatus) {
        for (name, value) in try Self.fields(query) {
            guard name.lowercased() == "scope" else { throw Self.unknown(name) }
            try setScope(value)
        }
    }

    /// Of their successors.
    init(_ query: String, _ kind: LegacyKind) throws(RPCStatus) {
        for (name, value) in try Self.fields(query) {
            switch name.lowercased() {
            case "scope": try setScope(value)
            case "top": top = try Self.number(name, value, in: 1...Self.maximumTop)
            case "skip": skip = try Self.number(name, value, in: 0...Int(Int32.max))
            case "filter":
                guard value.utf8.count <= Self.maximumFilterBytes else {
                    throw Self.bad("filter is longer than \(Self.maximumFilterBytes) bytes")
                }
                filter = try LegacyFilter(value, kind)
            case "groupby":
                for word in value.split(separator: ",", omittingEmptySubsequences: false) {
                    let name = word.filter { $0 != " " }
                    guard let field = LegacyField(rawValue: name), field.isOf(kind), !groups.contains(field) else {
                        throw Self.bad("groupby has no field \(name.prefix(64)), or has it twice")
                    }
                    groups.append(field)
                }
            case "processeddatetime":
                // The day of a date and time.
                guard value.utf8.count >= 10, value.dropFirst(10).first.map({ $0 == "T" || $0 == " " }) ?? true else {
                    throw Self.bad("processedDateTime is no date")
                }
                day = String(value.prefix(10))
            default: throw Self.unknown(name)
            }
            if name.lowercased() != "skip" { others.append((name, value)) }
        }
    }

    /// A refusal of the method, in the words of this query.
    func refusal(_ status: RPCStatus) -> RPCStatus {
        let field = "as_of"
        guard status.code == .invalidArgument, status.message.hasPrefix(field) else { return status }
        return Self.bad("processedDateTime" + status.message.dropFirst(field.count))
    }

    private mutating func setScope(_ text: String) throws(RPCStatus) {
        switch text {
        case "own": scope = .own
        case "all": scope = .allPartners
        default: throw Self.bad("scope is own or all")
        }
    }

    /// Each name once.
    private static func fields(_ query: String) throws(RPCStatus) -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        for part in query.split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentDecoding.text(pair[0]), pair.count == 2, let value = PercentDecoding.text(pair[1])
            else { throw bad("the query cannot be read") }
            guard !fields.contains(where: { $0.name.lowercased() == name.lowercased() }) else {
                throw bad("\(name.prefix(64)) is given twice")
            }
            fields.append((name, value))
        }
        return fields
    }

    private static func number(
        _ name: String, _ text: String, in range: ClosedRange<Int>
    ) throws(RPCStatus) -> Int {
        guard (1...10).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(text), range.contains(number)
        else { throw bad("\(name) is a whole number from \(range.lowerBound) to \(range.upperBound)") }
        return number
    }

    private static func unknown(_ name: String) -> RPCStatus { bad("there is no parameter \(name.prefix(64))") }

    static func bad(_ message: String) -> RPCStatus { RPCStatus(.invalidArgument, message) }
}

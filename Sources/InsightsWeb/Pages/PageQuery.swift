import InsightsAPI
import RPCEngine

/// The query of a page: names and values, decoded. Names that no page knows are passed over; of a name that comes
/// twice all values are kept.
struct PageQuery: Sendable {
    let items: [(name: String, value: String)]

    /// More are not looked at: no form has so many fields.
    static let mostItems = 64

    init(_ text: String) {
        items = text.split(separator: "&", maxSplits: Self.mostItems).prefix(Self.mostItems).compactMap { item in
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(parts[0]), let value = Self.decoded(parts.count > 1 ? parts[1] : "") else {
                return nil
            }
            return (name, value)
        }
    }

    /// The first value that is not empty: a field that nobody filled in is as good as none.
    subscript(name: String) -> String? {
        items.first { $0.name == name && !$0.value.isEmpty }?.value
    }

    func values(_ name: String) -> [String] {
        items.filter { $0.name == name && !$0.value.isEmpty }.map(\.value)
    }

    /// The query with other values for a name; nil takes it out.
    func with(_ changes: (String, String?)...) -> [(String, String)] {
        let names = Set(changes.map(\.0))
        let kept = items.filter { !names.contains($0.name) && !$0.value.isEmpty }.map { ($0.name, $0.value) }
        return kept + changes.compactMap { name, value in value.map { (name, $0) } }
    }

    /// Nil for what is no percent encoding of UTF-8.
    static func decoded(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(0x20)
            case UInt8(ascii: "%"):
                guard rest.count >= 2, let high = hex(rest[rest.startIndex]), let low = hex(rest[rest.startIndex + 1])
                else { return nil }
                bytes.append(high << 4 | low)
                rest = rest.dropFirst(2)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}

/// Values of fields that are lists of words.
extension PageQuery {
    /// Empty means all.
    func products() throws(RPCStatus) -> [PBProduct] {
        switch self["product"] {
        case nil: return []
        case "office_365": return [.office365]
        case "dynamics_365": return [.dynamics365]
        default: throw Self.bad("product", "office_365 or dynamics_365")
        }
    }

    func scope() throws(RPCStatus) -> PBLicenseScope {
        switch self["scope"] {
        case nil, "all": return .allPartners
        case "own": return .own
        default: throw Self.bad("scope", "own or all")
        }
    }

    func interval() throws(RPCStatus) -> PBTrendInterval {
        switch self["interval"] {
        case nil, "day": return .day
        case "week": return .week
        case "month": return .month
        default: throw Self.bad("interval", "day, week or month")
        }
    }

    static func bad(_ field: String, _ words: String) -> RPCStatus {
        RPCStatus(.invalidArgument, "\(field) is not \(words)")
    }
}

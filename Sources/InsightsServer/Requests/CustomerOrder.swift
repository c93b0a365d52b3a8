import InsightsCore
import LicenseModel
import Tenancy

extension CustomerOrder {
    /// Bytes of an `order_by`.
    static let maximumLength = 256

    private static let keys: [(name: String, key: Key)] = [
        ("customer_id", .customerID), ("customer_name", .customerName), ("sold", .sold), ("assigned", .assigned),
        ("active_users", .activeUsers), ("deployment", .deployment), ("usage", .usage),
    ]

    /// Reads an `order_by`: one key, ascending or with ` desc`. An empty text means by customer id.
    init(_ text: String) throws(FieldError) {
        let expected = "one of \(Self.keys.map(\.name).joined(separator: ", ")), with desc for descending"
        guard text.utf8.count <= Self.maximumLength else {
            throw FieldError("order_by", "is longer than \(Self.maximumLength) bytes")
        }
        let words = text.split(separator: " ", omittingEmptySubsequences: true)
        guard let first = words.first else {
            self.init(by: .customerID)
            return
        }
        guard let (_, key) = Self.keys.first(where: { $0.name == first }) else {
            throw FieldError("order_by", "has no key \(first.prefix(40)): use \(expected)")
        }
        guard words.count == 1 || (words.count == 2 && words[1] == "desc") else {
            throw FieldError("order_by", "takes one key: use \(expected)")
        }
        self.init(by: key, descending: words.count == 2)
    }
}

extension CustomerPlace {
    /// For `PagePosition.key`.
    var texts: [String] {
        switch value {
        case .none: [customer.text]
        case .text(let text): [customer.text, "text", text]
        case .number(let number): [customer.text, "number", String(number.numerator), String(number.denominator)]
        case .absent: [customer.text, "absent"]
        }
    }

    /// Nil for texts that no place has.
    init?(texts: [String]) {
        guard let id = texts.first, let customer = try? CustomerID(id) else { return nil }
        let value: Value
        switch (texts.count, texts.dropFirst().first) {
        case (1, _): value = .none
        case (2, "absent"): value = .absent
        case (3, "text"): value = .text(texts[2])
        case (4, "number"):
            guard let numerator = Int64(texts[2]), let denominator = Int64(texts[3]),
                let number = Fraction(numerator, of: denominator)
            else { return nil }
            value = .number(number)
        default: return nil
        }
        self.init(value: value, customer: customer)
    }
}

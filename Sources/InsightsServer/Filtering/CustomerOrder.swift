/// A parsed `order_by`: one key, ascending or with ` desc`. Ties go by customer id, always ascending; absent figures
/// come last in both directions. Names are ordered ignoring case.
struct CustomerOrder: Sendable, Hashable {
    enum Key: String, CaseIterable, Sendable {
        case customerID = "customer_id"
        case customerName = "customer_name"
        case sold
        case assigned
        case activeUsers = "active_users"
        case deployment
        case usage
    }

    /// Bytes of an `order_by`.
    static let maximumLength = 256

    let key: Key
    let isDescending: Bool

    /// An empty text means by customer id.
    init(_ text: String) throws(FieldError) {
        let expected = "one of \(Key.allCases.map(\.rawValue).joined(separator: ", ")), with desc for descending"
        guard text.utf8.count <= Self.maximumLength else {
            throw FieldError("order_by", "is longer than \(Self.maximumLength) bytes")
        }
        let words = text.split(separator: " ", omittingEmptySubsequences: true)
        guard let first = words.first else {
            (key, isDescending) = (.customerID, false)
            return
        }
        guard let key = Key(rawValue: String(first)) else {
            throw FieldError("order_by", "has no key \(first.prefix(40)): use \(expected)")
        }
        guard words.count == 1 || (words.count == 2 && words[1] == "desc") else {
            throw FieldError("order_by", "takes one key: use \(expected)")
        }
        self.key = key
        isDescending = words.count == 2
    }

    /// The place of a row in the order.
    func place(of row: FigureRow) -> CustomerPlace {
        let value: CustomerPlace.Value =
            switch key {
            case .customerID: .none
            case .customerName: .text(row.customerName.lowercased())
            case .sold: row.sold.map { .count($0) } ?? .absent
            case .assigned: row.assigned.map { .count($0) } ?? .absent
            case .activeUsers: row.activeUsers.map { .count($0) } ?? .absent
            case .deployment: row.deployment.map { .fraction($0) } ?? .absent
            case .usage: row.usage.map { .fraction($0) } ?? .absent
            }
        return CustomerPlace(value: value, customerID: row.customerID)
    }

    /// True when `left` stands before `right`; a strict order of distinct customers.
    func isBefore(_ left: CustomerPlace, _ right: CustomerPlace) -> Bool {
        let order: Int
        switch (left.value, right.value) {
        case (.absent, .absent): order = 0
        case (.absent, _): return false
        case (_, .absent): return true
        case (.text(let left), .text(let right)): order = left < right ? -1 : (left == right ? 0 : 1)
        case (.count(let left), .count(let right)): order = left < right ? -1 : (left == right ? 0 : 1)
        case (.fraction(let left), .fraction(let right)): order = left.comparison(with: right)
        default: order = 0
        }
        if order != 0 { return (order < 0) != isDescending }
        // Ties ascend always; the id itself descends when it is what was asked for.
        if key == .customerID, isDescending { return right.customerID < left.customerID }
        return left.customerID < right.customerID
    }
}

/// Where a customer stands in a list: what it is ordered by and its id. Goes into page tokens as texts.
struct CustomerPlace: Sendable, Hashable {
    enum Value: Sendable, Hashable {
        /// Ordered by the id alone.
        case none
        case text(String)
        case count(Int64)
        case fraction(Fraction)
        case absent
    }

    let value: Value
    let customerID: String

    init(value: Value, customerID: String) {
        self.value = value
        self.customerID = customerID
    }

    /// For `PagePosition.key`.
    var texts: [String] {
        switch value {
        case .none: [customerID]
        case .text(let text): [customerID, "text", text]
        case .count(let count): [customerID, "count", String(count)]
        case .fraction(let fraction):
            [customerID, "fraction", String(fraction.numerator), String(fraction.denominator)]
        case .absent: [customerID, "absent"]
        }
    }

    /// Nil for texts that no place has.
    init?(texts: [String]) {
        guard let id = texts.first else { return nil }
        customerID = id
        switch (texts.count, texts.dropFirst().first) {
        case (1, _): value = .none
        case (2, "absent"): value = .absent
        case (3, "text"): value = .text(texts[2])
        case (3, "count"):
            guard let count = Int64(texts[2]) else { return nil }
            value = .count(count)
        case (4, "fraction"):
            guard let numerator = Int64(texts[2]), let denominator = Int64(texts[3]),
                let fraction = Fraction(numerator, of: denominator)
            else { return nil }
            value = .fraction(fraction)
        default: return nil
        }
    }
}

import InsightsCore
import LicenseModel

/// A parsed `filter` over the figures or the master data of customers.
///
/// Text: `=` and `!=` compare exactly, `:` looks for a part ignoring case; `<` and the like follow the order of lists,
/// ids byte by byte and names ignoring case. Numbers are decimal; ratios are percentages and compare exactly, by
/// cross-multiplication. An absent figure meets no condition.
struct CustomerFilter: Sendable {
    enum Key: String, CaseIterable, Sendable {
        case customerID = "customer_id"
        case customerName = "customer_name"
        case name
        case market
        case sold
        case assigned
        case activeUsers = "active_users"
        case deployment
        case usage

        fileprivate var isText: Bool {
            switch self {
            case .customerID, .customerName, .name, .market: true
            case .sold, .assigned, .activeUsers, .deployment, .usage: false
            }
        }
    }

    /// The keys and text operators that a method knows.
    struct Vocabulary: Sendable {
        fileprivate let keys: [Key]
        fileprivate let ordersText: Bool

        /// `ListCustomerInsights`.
        static let insights = Vocabulary(
            keys: [.customerID, .customerName, .market, .sold, .assigned, .activeUsers, .deployment, .usage],
            ordersText: true)
        /// `ListCustomers`; `name` is its short word for `customer_name`.
        static let customers = Vocabulary(keys: [.customerID, .customerName, .name, .market], ordersText: false)
    }

    fileprivate struct Condition: Sendable {
        let key: Key
        let comparison: FilterOperator
        let value: Value
    }

    fileprivate enum Value: Sendable {
        case text(String, folded: String)
        case number(DecimalNumber)
    }

    private let numbers: [Condition]
    private let texts: [Condition]

    /// Errors name `field` and the position.
    init(_ text: String, _ vocabulary: Vocabulary, field: String = "filter") throws(FieldError) {
        var conditions: [Condition] = []
        for condition in try FilterParser.conditions(of: text, field: field) {
            conditions.append(try Condition(condition, vocabulary, field: field))
        }
        numbers = conditions.filter { !$0.key.isText }
        texts = conditions.filter(\.key.isText)
    }

    /// True when every condition is met. Texts are asked for only when figures leave it open.
    func matches(_ sums: CustomerSums, _ texts: () -> CustomerTexts) -> Bool {
        guard numbers.allSatisfy({ $0.matches(sums) }) else { return false }
        if self.texts.isEmpty { return true }
        let texts = texts()
        return self.texts.allSatisfy { $0.matches(texts) }
    }

    /// True when every customer matches.
    var isEmpty: Bool { numbers.isEmpty && texts.isEmpty }
}

extension CustomerFilter.Condition {
    init(
        _ condition: FilterCondition, _ vocabulary: CustomerFilter.Vocabulary, field: String
    ) throws(FieldError) {
        guard let key = CustomerFilter.Key(rawValue: condition.key.text), vocabulary.keys.contains(key) else {
            let keys = vocabulary.keys.map(\.rawValue).joined(separator: ", ")
            let name = String(condition.key.text.prefix(40))
            throw FieldError(field, "has no key \(name): use one of \(keys) (character \(condition.key.position))")
        }
        self.key = key
        comparison = condition.comparison
        if key.isText {
            let allowed: [FilterOperator] =
                vocabulary.ordersText ? FilterOperator.allCases : [.equal, .notEqual, .contains]
            guard allowed.contains(comparison) else {
                let list = allowed.map(\.rawValue).joined(separator: " ")
                throw FieldError(
                    field, "allows only \(list) with \(key.rawValue) (character \(condition.comparisonPosition))")
            }
            value = .text(condition.value.text, folded: condition.value.text.lowercased())
        } else {
            guard comparison != .contains else {
                throw FieldError(
                    field,
                    "allows : only with text, not with \(key.rawValue) (character \(condition.comparisonPosition))")
            }
            guard let number = DecimalNumber(condition.value.text) else {
                throw FieldError(
                    field,
                    "expects a number such as 25 or 33.5, of at most \(DecimalNumber.maximumDigits) digits, "
                        + "for \(key.rawValue) (character \(condition.value.position))")
            }
            value = .number(number)
        }
    }

    func matches(_ texts: CustomerTexts) -> Bool {
        guard case .text(let text, let folded) = value else { return false }
        return switch key {
        case .customerID: matches(texts.id, text, folded: folded, foldsOrder: false)
        case .market: matches(texts.market, text, folded: folded, foldsOrder: true)
        default: matches(texts.name, text, folded: folded, foldsOrder: true)
        }
    }

    func matches(_ sums: CustomerSums) -> Bool {
        guard case .number(let number) = value, let order = order(of: sums, number) else { return false }
        return comparison.accepts(order)
    }

    private func matches(_ own: String, _ text: String, folded: String, foldsOrder: Bool) -> Bool {
        switch comparison {
        case .equal: own == text
        case .notEqual: own != text
        case .contains: own.lowercased().containsBytes(of: folded)
        case .less, .lessOrEqual, .greater, .greaterOrEqual:
            comparison.accepts(
                foldsOrder ? Self.order(own.lowercased(), folded) : Self.order(own, text))
        }
    }

    private static func order(_ left: String, _ right: String) -> Int {
        left < right ? -1 : (left == right ? 0 : 1)
    }

    /// How the figure compares with the number; nil when it is absent.
    private func order(of sums: CustomerSums, _ number: DecimalNumber) -> Int? {
        switch key {
        case .sold: sums.sold.map(number.compare)
        case .assigned: sums.assigned.map(number.compare)
        case .activeUsers: sums.activeUsers.map(number.compare)
        case .deployment: sums.deployment.map { number.comparePercent($0.numerator, of: $0.denominator) }
        case .usage: sums.usage.map { number.comparePercent($0.numerator, of: $0.denominator) }
        case .customerID, .customerName, .name, .market: nil
        }
    }
}

extension FilterOperator {
    /// Whether a comparison with this outcome (negative, zero, positive) meets the operator.
    fileprivate func accepts(_ order: Int) -> Bool {
        switch self {
        case .equal: order == 0
        case .notEqual: order != 0
        case .less: order < 0
        case .lessOrEqual: order <= 0
        case .greater: order > 0
        case .greaterOrEqual: order >= 0
        case .contains: false
        }
    }
}

extension String {
    /// UTF-8 tells where a character begins, so a match of bytes is a match of characters.
    fileprivate func containsBytes(of part: String) -> Bool {
        let (text, part) = (Array(utf8), Array(part.utf8))
        guard let first = part.first else { return true }
        guard part.count <= text.count else { return false }
        return (0...text.count - part.count).contains { start in
            text[start] == first && text[start..<start + part.count].elementsEqual(part)
        }
    }
}

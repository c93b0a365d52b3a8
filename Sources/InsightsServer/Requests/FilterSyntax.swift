import LicenseModel

/// `= != < <= > >=` and `:` (contains).
enum FilterOperator: String, Sendable, CaseIterable {
    case equal = "="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case contains = ":"
}

/// A condition as written: nothing is known yet of its key.
struct FilterCondition: Sendable, Hashable {
    struct Text: Sendable, Hashable {
        let text: String
        /// Position of its first character, from 1.
        let position: Int
    }

    let key: Text
    let comparison: FilterOperator
    let comparisonPosition: Int
    let value: Text
}

/// Parses `condition AND condition …`, where a condition is `key operator value` and a value a bare word that does not
/// begin with an operator, or a text in double quotes, in which `\"` and `\\` stand for `"` and `\`. Errors name the
/// field and the position in characters, from 1. There is no nesting: parentheses, `OR` and `NOT` are refused.
struct FilterParser {
    /// Bytes of a filter.
    static let maximumLength = 4_096
    static let maximumConditions = 32

    private let field: String
    private let characters: [Unicode.Scalar]
    private var index = 0

    /// The conditions; none for a blank text, which every row meets.
    static func conditions(of text: String, field: String) throws(FieldError) -> [FilterCondition] {
        if text.utf8.count > maximumLength { throw FieldError(field, "is longer than \(maximumLength) bytes") }
        var parser = FilterParser(field: field, characters: Array(text.unicodeScalars))
        return try parser.conditions()
    }

    private init(field: String, characters: [Unicode.Scalar]) {
        self.field = field
        self.characters = characters
    }

    private mutating func conditions() throws(FieldError) -> [FilterCondition] {
        skipSpace()
        if current == nil { return [] }
        var conditions: [FilterCondition] = []
        while true {
            if conditions.count == Self.maximumConditions {
                throw error(at: index, "has more than \(Self.maximumConditions) conditions")
            }
            conditions.append(try condition())
            skipSpace()
            if current == nil { return conditions }
            try conjunction()
        }
    }

    private mutating func condition() throws(FieldError) -> FilterCondition {
        skipSpace()
        let start = index
        while let character = current, Self.isKey(character) { index += 1 }
        if start == index { throw error(at: start, "expects a key \(found(at: start))") }
        let key = FilterCondition.Text(text: text(start..<index), position: start + 1)
        skipSpace()
        let position = index
        let comparison = try comparison()
        skipSpace()
        return FilterCondition(
            key: key, comparison: comparison, comparisonPosition: position + 1, value: try value())
    }

    private mutating func comparison() throws(FieldError) -> FilterOperator {
        for length in [2, 1] where index + length <= characters.count {
            if let comparison = FilterOperator(rawValue: text(index..<index + length)) {
                index += length
                return comparison
            }
        }
        throw error(at: index, "expects one of = != < <= > >= : \(found(at: index))")
    }

    private mutating func value() throws(FieldError) -> FilterCondition.Text {
        let start = index
        if current == "\"" { return try quoted() }
        if let character = current, "=!<>:".unicodeScalars.contains(character) {
            throw error(at: start, "expects a value, in quotes when it begins with one of = ! < > :")
        }
        while let character = current, !Self.isSpace(character) {
            if character == "\"" { throw error(at: index, "has a quote inside a word") }
            index += 1
        }
        let word = text(start..<index)
        if word.isEmpty || word == "AND" { throw error(at: start, "expects a value \(found(at: start))") }
        return FilterCondition.Text(text: word, position: start + 1)
    }

    private mutating func quoted() throws(FieldError) -> FilterCondition.Text {
        let start = index
        var content = String.UnicodeScalarView()
        index += 1
        while let character = current {
            index += 1
            switch character {
            case "\"":
                if let next = current, !Self.isSpace(next) {
                    throw error(at: index, "expects a space after the closing quote \(found(at: index))")
                }
                return FilterCondition.Text(text: String(content), position: start + 1)
            case "\\":
                guard let escaped = current, escaped == "\"" || escaped == "\\" else {
                    throw error(at: index - 1, "knows only \\\" and \\\\ after a backslash")
                }
                content.append(escaped)
                index += 1
            default: content.append(character)
            }
        }
        throw error(at: start, "has a quote that is not closed")
    }

    private mutating func conjunction() throws(FieldError) {
        let start = index
        while let character = current, Self.isKey(character) { index += 1 }
        guard text(start..<index) == "AND", current.map(Self.isSpace) ?? true else {
            throw error(at: start, "expects AND, in capitals, between conditions \(found(at: start))")
        }
    }

    private var current: Unicode.Scalar? { index < characters.count ? characters[index] : nil }

    private mutating func skipSpace() {
        while let character = current, Self.isSpace(character) { index += 1 }
    }

    private func text(_ range: Range<Int>) -> String {
        String(String.UnicodeScalarView(characters[range]))
    }

    private func error(at index: Int, _ reason: String) -> FieldError {
        FieldError(field, "\(reason) (character \(index + 1))")
    }

    /// What stands at a position, for errors; cut, because it is the caller's text.
    private func found(at index: Int) -> String {
        let word = characters[min(index, characters.count)...].prefix { !Self.isSpace($0) }.prefix(20)
        return word.isEmpty ? "but ends" : "and finds \(String(String.UnicodeScalarView(word)).debugDescription)"
    }

    private static func isSpace(_ character: Unicode.Scalar) -> Bool {
        character == " " || character == "\t" || character == "\n" || character == "\r"
    }

    private static func isKey(_ character: Unicode.Scalar) -> Bool {
        switch character {
        case "a"..."z", "A"..."Z", "0"..."9", "_", ".": true
        default: false
        }
    }
}

import LicenseModel

/// A JSON value that remembers where it started, so that a wrong one can be shown.
struct JSONValue {
    enum Content {
        case null
        case bool(Bool)
        /// As written: digits are converted when a number of a certain kind is asked for.
        case number(String)
        case string(String)
        case array([JSONValue])
        case object([String: JSONValue])
    }

    var content: Content
    /// Byte offset in the document.
    var offset: Int

    var isNull: Bool { if case .null = content { true } else { false } }

    var kindName: String {
        switch content {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// A value is not what a format asks for; becomes a problem with line and column where the document is known.
struct JSONProblem: Error {
    var offset: Int
    var message: String
}

/// A JSON object with typed access. Every failure names the key and the place. Absent and null are the same.
struct JSONObject {
    let members: [String: JSONValue]
    let offset: Int

    init(_ value: JSONValue, what: String) throws {
        guard case .object(let members) = value.content else {
            throw JSONProblem(offset: value.offset, message: "\(what) must be an object, not \(value.kindName)")
        }
        self.members = members
        offset = value.offset
    }

    func value(_ key: String) -> JSONValue? {
        guard let value = members[key], !value.isNull else { return nil }
        return value
    }

    /// Where a key's value starts, or the object itself.
    func offset(_ key: String) -> Int { members[key]?.offset ?? offset }

    func string(_ key: String) throws -> String? {
        guard let value = value(key) else { return nil }
        guard case .string(let text) = value.content else {
            throw JSONProblem(offset: value.offset, message: "\(key) must be a string, not \(value.kindName)")
        }
        let trimmed = text.trimmedBlanks
        return trimmed.isEmpty ? nil : trimmed
    }

    func requiredString(_ key: String) throws -> String {
        guard let text = try string(key) else { throw JSONProblem(offset: offset(key), message: "\(key) is missing") }
        return text
    }

    /// Accepts `"true"` and `"false"` too; some exports quote everything.
    func bool(_ key: String) throws -> Bool? {
        guard let value = value(key) else { return nil }
        switch value.content {
        case .bool(let flag): return flag
        case .string(let text) where text.lowercased() == "true": return true
        case .string(let text) where text.lowercased() == "false": return false
        default:
            throw JSONProblem(offset: value.offset, message: "\(key) must be true or false, not \(value.kindName)")
        }
    }

    /// A whole number of at least 0; also as a string, as aggregated answers print it.
    func count(_ key: String) throws -> Int64? {
        guard let value = value(key) else { return nil }
        let text: String
        switch value.content {
        case .number(let raw): text = raw.hasSuffix(".0") ? String(raw.dropLast(2)) : raw
        case .string(let raw): text = raw.trimmedBlanks
        default:
            throw JSONProblem(offset: value.offset, message: "\(key) must be a whole number, not \(value.kindName)")
        }
        guard let number = Int64(text), number >= 0 else {
            throw JSONProblem(offset: value.offset, message: "\(key) must be a whole number of at least 0")
        }
        return number
    }

    func array(_ key: String) throws -> [JSONValue]? {
        guard let value = value(key) else { return nil }
        guard case .array(let elements) = value.content else {
            throw JSONProblem(offset: value.offset, message: "\(key) must be an array, not \(value.kindName)")
        }
        return elements
    }

    func object(_ key: String) throws -> JSONObject? {
        guard let value = value(key) else { return nil }
        return try JSONObject(value, what: key)
    }

    /// The UTC day of a timestamp; nil when absent or when the year is 9999, which means “no end”.
    func day(_ key: String) throws -> Day? {
        guard let text = try string(key) else { return nil }
        guard let day = Day(ofTimestamp: text) else {
            throw JSONProblem(offset: offset(key), message: "\(key) \(text.excerpt) is not a date or timestamp")
        }
        return day.civil.year == 9999 ? nil : day
    }
}

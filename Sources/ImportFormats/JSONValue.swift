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
        case object(JSONMembers)
    }

    var content: Content
    /// Byte offset in the document.
    var offset: Int
    /// True when another key of the same object has the same name but for its case.
    var isAmbiguous = false

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

/// The members of an object by their names, which are compared without regard to case.
struct JSONMembers {
    private var members: [String: (name: String, value: JSONValue)] = [:]

    subscript(name: String) -> JSONValue? { members[name.foldedName]?.value }

    /// Folded names with the names as written, in no order.
    var names: some Sequence<(folded: String, name: String)> { members.lazy.map { ($0.key, $0.value.name) } }

    var count: Int { members.count }

    /// False when the very same name is there. One that differs in case makes both unreadable.
    mutating func add(_ name: String, folded: String, _ value: JSONValue) -> Bool {
        guard let known = members.updateValue((name, value), forKey: folded) else { return true }
        members[folded]?.value.isAmbiguous = true
        return known.name != name
    }

    /// Takes in what stands in `AdditionalProperties`: PowerShell puts properties there that its type does not have.
    mutating func addProperties(_ others: JSONMembers) {
        for (folded, other) in others.members where !other.value.isNull {
            if let known = members[folded], !known.value.isNull {
                members[folded]?.value.isAmbiguous = true
            } else {
                members[folded] = other
            }
        }
    }
}

/// A JSON object with typed access. Every failure names the key and the place. Absent and null are the same. Names of
/// keys are compared as `foldedName` does: PowerShell writes them in PascalCase.
struct JSONObject {
    let members: JSONMembers
    let offset: Int

    init(_ value: JSONValue, what: String) throws {
        guard case .object(let members) = value.content else {
            throw Self.mismatch(what, value, wanted: "an object")
        }
        self.init(members, offset: value.offset)
    }

    init(_ members: JSONMembers, offset: Int) {
        var members = members
        if case .object(let others) = members["AdditionalProperties"]?.content, others.count > 0 {
            members.addProperties(others)
        }
        self.members = members
        self.offset = offset
    }

    func value(_ key: String) -> JSONValue? {
        guard let value = members[key], !value.isNull else { return nil }
        return value
    }

    /// Where a key's value starts, or the object itself.
    func offset(_ key: String) -> Int { members[key]?.offset ?? offset }

    func string(_ key: String) throws -> String? {
        guard let value = try known(key) else { return nil }
        guard case .string(let text) = value.content else {
            throw Self.mismatch(key, value, wanted: "a string")
        }
        if text == "System.Object[]" || text.hasPrefix("System.Collections.") {
            throw JSONProblem(offset: value.offset, message: "\(key) \(text.excerpt) \(PowerShellText.cutComplaint)")
        }
        let trimmed = text.trimmedBlanks
        return trimmed.isEmpty ? nil : trimmed
    }

    func requiredString(_ key: String) throws -> String {
        guard let text = try string(key) else { throw JSONProblem(offset: offset(key), message: "\(key) is missing") }
        return text
    }

    /// A name from a list, in lower case. PowerShell writes a number in its place, which means another name in another
    /// version of its module.
    func word(_ key: String) throws -> String? {
        if let value = try known(key), case .number(let number) = value.content {
            throw JSONProblem(
                offset: value.offset,
                message: "\(key) is the number \(number): PowerShell writes names as numbers; save the file with "
                    + "ConvertTo-Json -EnumsAsStrings")
        }
        return try string(key)?.lowercased()
    }

    func requiredWord(_ key: String) throws -> String {
        guard let word = try word(key) else { throw JSONProblem(offset: offset(key), message: "\(key) is missing") }
        return word
    }

    /// A string, or what a boolean or number is in text: reports in JSON print either. Null is empty.
    func text(_ key: String) throws -> String? {
        guard let value = try known(key) else { return members[key] == nil ? nil : "" }
        switch value.content {
        case .bool(let flag): return flag ? "true" : "false"
        case .number(let digits): return digits
        default: return try string(key) ?? ""
        }
    }

    /// Accepts `"true"` and `"false"` too; some exports quote everything.
    func bool(_ key: String) throws -> Bool? {
        guard let value = try known(key) else { return nil }
        switch value.content {
        case .bool(let flag): return flag
        case .string(let text) where text.lowercased() == "true": return true
        case .string(let text) where text.lowercased() == "false": return false
        default: throw Self.mismatch(key, value, wanted: "true or false")
        }
    }

    /// A whole number of at least 0; also as a string, as aggregated answers print it.
    func count(_ key: String) throws -> Int64? {
        guard let value = try known(key) else { return nil }
        let text: String
        switch value.content {
        case .number(let raw): text = raw.hasSuffix(".0") ? String(raw.dropLast(2)) : raw
        case .string(let raw): text = raw.trimmedBlanks
        default: throw Self.mismatch(key, value, wanted: "a whole number")
        }
        guard let number = Int64(text), number >= 0 else {
            throw JSONProblem(offset: value.offset, message: "\(key) must be a whole number of at least 0")
        }
        return number
    }

    /// An array. PowerShell makes one object of an array of one, and `{"value": […], "Count": …}` of an array.
    func array(_ key: String) throws -> [JSONValue]? {
        guard let value = try known(key) else { return nil }
        switch value.content {
        case .array(let elements): return elements
        case .object(let members):
            if members.count == 2, members["Count"] != nil, case .array(let elements) = members["value"]?.content {
                return elements
            }
            if members.count == 0 { throw Self.mismatch(key, value, wanted: "an array") }
            return [value]
        default: throw Self.mismatch(key, value, wanted: "an array")
        }
    }

    func object(_ key: String) throws -> JSONObject? {
        guard let value = try known(key) else { return nil }
        return try JSONObject(value, what: key)
    }

    /// The UTC day of a timestamp; nil when absent or when the year is 9999, which means “no end”.
    func day(_ key: String) throws -> Day? {
        guard let day = try timestamp(key) else { return nil }
        return day.civil.year == 9999 ? nil : day
    }

    /// The UTC day of a timestamp: ISO 8601, PowerShell's `/Date(…)/`, or its object with such a `value`.
    func timestamp(_ key: String) throws -> Day? {
        guard let value = try known(key) else { return nil }
        if case .object(let members) = value.content, let inner = members["value"], members["DateTime"] != nil {
            guard case .string(let text) = inner.content, let day = DayForm.slashDate(text) ?? Day(ofTimestamp: text)
            else { throw JSONProblem(offset: inner.offset, message: "\(key) is not a date of PowerShell") }
            return day
        }
        guard let text = try string(key) else { return nil }
        guard let day = Day(ofTimestamp: text) ?? DayForm.slashDate(text) else {
            throw JSONProblem(offset: value.offset, message: "\(key) \(text.excerpt) \(DayForm.complaint(text))")
        }
        return day
    }

    /// A value that is not null, of a key that is there once.
    private func known(_ key: String) throws -> JSONValue? {
        guard let value = value(key) else { return nil }
        if value.isAmbiguous {
            throw JSONProblem(offset: value.offset, message: "the key \(key.excerpt) occurs twice")
        }
        return value
    }

    private static func mismatch(_ what: String, _ value: JSONValue, wanted: String) -> JSONProblem {
        let isContainer = wanted == "an object" || wanted == "an array"
        if isContainer, case .string(let text) = value.content, text.isEmpty || PowerShellText.isCut(text) {
            return JSONProblem(offset: value.offset, message: "\(what) \(text.excerpt) \(PowerShellText.cutComplaint)")
        }
        return JSONProblem(offset: value.offset, message: "\(what) must be \(wanted), not \(value.kindName)")
    }
}

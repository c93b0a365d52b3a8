/// One statement that is prepared once for each connection.
struct Statement: Sendable {
    /// Of the prepared statement, so that every statement needs its own. Empty for one that is not kept.
    let name: String
    /// What an operator reads when the right to it is missing: "may not …".
    let purpose: String
    let sql: String

    init(_ name: String = "", to purpose: String, _ sql: String) {
        self.name = name
        self.purpose = purpose
        self.sql = sql
    }
}

/// A statement with its parameters.
struct Command: Sendable {
    let statement: Statement
    let parameters: [Parameter]

    init(_ statement: Statement, _ parameters: [Parameter] = []) {
        self.statement = statement
        self.parameters = parameters
    }
}

/// A value of a statement, sent in PostgreSQL's binary form.
enum Parameter: Sendable, Hashable {
    case smallint(Int16)
    case bigint(Int64)
    case optionalBigint(Int64?)
    /// A timestamp with time zone as the database gave it, read as a bigint.
    case optionalMoment(Int64?)
    case boolean(Bool)
    case text(String)
    case optionalText(String?)
    case bytes([UInt8])
    /// 16 bytes.
    case uuid(high: UInt64, low: UInt64)
    case booleans([Bool])
    case smallints([Int16])
    case bigints([Int64?])
    case texts([String?])
    case byteStrings([[UInt8]?])

    /// The type's number in every PostgreSQL.
    var typeNumber: UInt32 {
        switch self {
        case .smallint: 21
        case .bigint, .optionalBigint: 20
        case .optionalMoment: 1184
        case .boolean: 16
        case .text, .optionalText: 25
        case .bytes: 17
        case .uuid: 2950
        case .booleans: 1000
        case .smallints: 1005
        case .bigints: 1016
        case .texts: 1009
        case .byteStrings: 1001
        }
    }

    /// Adds the value's bytes; false for NULL.
    func write(to bytes: inout [UInt8]) -> Bool {
        switch self {
        case .smallint(let number): bytes.append(big: number)
        case .bigint(let number): bytes.append(big: number)
        case .optionalBigint(let number), .optionalMoment(let number):
            guard let number else { return false }
            bytes.append(big: number)
        case .boolean(let flag): bytes.append(flag ? 1 : 0)
        case .text(let text): bytes.append(contentsOf: text.utf8)
        case .optionalText(let text):
            guard let text else { return false }
            bytes.append(contentsOf: text.utf8)
        case .bytes(let content): bytes.append(contentsOf: content)
        case .uuid(let high, let low):
            bytes.append(big: high)
            bytes.append(big: low)
        case .booleans(let list): Self.write(list, of: 16, to: &bytes) { $1.append($0 ? 1 : 0) }
        case .smallints(let list): Self.write(list, of: 21, to: &bytes) { $1.append(big: $0) }
        case .bigints(let list): Self.write(list, of: 20, to: &bytes) { $1.append(big: $0) }
        case .texts(let list): Self.write(list, of: 25, to: &bytes) { $1.append(contentsOf: $0.utf8) }
        case .byteStrings(let list): Self.write(list, of: 17, to: &bytes) { $1.append(contentsOf: $0) }
        }
        return true
    }

    /// Dimensions, whether there are NULLs, the type of the elements, their number, the first index; then each with
    /// its length, or -1 for NULL.
    private static func write<Element>(
        _ list: [Element?], of typeNumber: UInt32, to bytes: inout [UInt8], _ append: (Element, inout [UInt8]) -> Void
    ) {
        bytes.append(big: Int32(list.isEmpty ? 0 : 1))
        bytes.append(big: Int32(list.contains { $0 == nil } ? 1 : 0))
        bytes.append(big: typeNumber)
        guard !list.isEmpty else { return }
        bytes.append(big: Int32(truncatingIfNeeded: list.count))
        bytes.append(big: Int32(1))
        for element in list {
            let place = bytes.count
            bytes.append(big: Int32(-1))
            guard let element else { continue }
            append(element, &bytes)
            let length = UInt32(truncatingIfNeeded: bytes.count - place - 4)
            for index in 0..<4 { bytes[place + index] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * index)) }
        }
    }
}

extension [UInt8] {
    mutating func append(big number: some FixedWidthInteger) {
        var shift = number.bitWidth
        while shift > 0 {
            shift -= 8
            append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }
}

/// What a statement answered: rows of columns in PostgreSQL's binary form.
struct Rows: Sendable {
    /// Such as `INSERT 0 3`.
    var tag = ""
    var columns = 0
    /// Row by row; nil for NULL.
    var cells: [[UInt8]?] = []

    var count: Int { columns == 0 ? 0 : cells.count / columns }

    subscript(row: Int) -> Row { Row(cells: cells[row * columns..<(row + 1) * columns]) }

    /// Rows that an INSERT, UPDATE or DELETE touched.
    var changed: Int { tag.split(separator: " ").last.flatMap { Int($0) } ?? 0 }

    var first: Row? { count == 0 ? nil : self[0] }

    /// The one row of a statement that always has one.
    func only() throws(PostgresFailure) -> Row {
        guard count == 1 else { throw .malformed }
        return self[0]
    }
}

extension Rows: Sequence {
    func makeIterator() -> AnyIterator<Row> {
        var next = 0
        return AnyIterator {
            guard next < count else { return nil }
            defer { next += 1 }
            return self[next]
        }
    }
}

/// One row. A column of another type or length than the statement says is `malformed`.
struct Row: Sendable {
    fileprivate let cells: ArraySlice<[UInt8]?>

    private func cell(_ column: Int) throws(PostgresFailure) -> [UInt8]? {
        guard column >= 0, column < cells.count else { throw .malformed }
        return cells[cells.startIndex + column]
    }

    private func number<Number: FixedWidthInteger>(_ column: Int) throws(PostgresFailure) -> Number? {
        guard let bytes = try cell(column) else { return nil }
        guard bytes.count == Number.bitWidth / 8 else { throw .malformed }
        return bytes.reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    func optionalBigint(_ column: Int) throws(PostgresFailure) -> Int64? { try number(column) }

    func bigint(_ column: Int) throws(PostgresFailure) -> Int64 { try present(try number(column)) }

    func integer(_ column: Int) throws(PostgresFailure) -> Int32 { try present(try number(column)) }

    func optionalInteger(_ column: Int) throws(PostgresFailure) -> Int32? { try number(column) }

    func smallint(_ column: Int) throws(PostgresFailure) -> Int16 { try present(try number(column)) }

    func boolean(_ column: Int) throws(PostgresFailure) -> Bool {
        let byte: UInt8 = try present(try number(column))
        return byte != 0
    }

    func optionalText(_ column: Int) throws(PostgresFailure) -> String? {
        guard let bytes = try cell(column) else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .malformed }
        return text
    }

    func text(_ column: Int) throws(PostgresFailure) -> String { try present(try optionalText(column)) }

    func optionalBytes(_ column: Int) throws(PostgresFailure) -> [UInt8]? { try cell(column) }

    func bytes(_ column: Int) throws(PostgresFailure) -> [UInt8] { try present(try cell(column)) }

    func uuid(_ column: Int) throws(PostgresFailure) -> (high: UInt64, low: UInt64) {
        let bytes = try bytes(column)
        guard bytes.count == 16 else { throw .malformed }
        func half(_ part: ArraySlice<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
        return (half(bytes[..<8]), half(bytes[8...]))
    }

    private func present<Value>(_ value: Value?) throws(PostgresFailure) -> Value {
        guard let value else { throw .malformed }
        return value
    }
}

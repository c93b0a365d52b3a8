import Datastore
import GRDB

/// The tables whose rows are counted and added up. Raw values are on disk.
enum SealedTable: String, CaseIterable, Sendable {
    case entry
    case body
    case state
    case partner
    case principal

    /// Part of every checksum, so that a row of one table fits in no other.
    fileprivate var tag: UInt8 {
        switch self {
        case .entry: 1
        case .body: 2
        case .state: 3
        case .partner: 4
        case .principal: 5
        }
    }
}

/// The checksum of one row over all its columns, keys too: each with its kind and length, so that nothing can move
/// from one column to its neighbor.
struct RowChecksum {
    private var bytes: [UInt8]

    private init(tag: UInt8) {
        bytes = [tag]
        bytes.reserveCapacity(192)
    }

    private mutating func add(_ number: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: number &>> shift))
        }
    }

    private mutating func add(_ number: Int64?) {
        bytes.append(number == nil ? 0 : 1)
        if let number { add(UInt64(bitPattern: number)) }
    }

    private mutating func add(_ text: String?) {
        bytes.append(text == nil ? 0 : 2)
        guard let text else { return }
        add(UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    /// By its own hash, so that a large one is not copied.
    private mutating func add(_ content: [UInt8]?) {
        bytes.append(content == nil ? 0 : 3)
        guard let content else { return }
        add(UInt64(content.count))
        add(XXH64.hash(content))
    }

    private var value: Int64 { Int64(bitPattern: XXH64.hash(bytes)) }

    static func entry(revision: Int64, kind: Int64, batch: String?, accepted: Int64?, digest: [UInt8]?) -> Int64 {
        var checksum = RowChecksum(tag: SealedTable.entry.tag)
        checksum.add(revision)
        checksum.add(kind)
        checksum.add(batch)
        checksum.add(accepted)
        checksum.add(digest)
        return checksum.value
    }

    static func body(revision: Int64, facts: [UInt8]) -> Int64 {
        var checksum = RowChecksum(tag: SealedTable.body.tag)
        checksum.add(revision)
        checksum.add(facts)
        return checksum.value
    }

    static func state(key: String, content: [UInt8]) -> Int64 {
        var checksum = RowChecksum(tag: SealedTable.state.tag)
        checksum.add(key)
        checksum.add(content)
        return checksum.value
    }

    static func partner(id: String, name: String?, disabled: Int64) -> Int64 {
        var checksum = RowChecksum(tag: SealedTable.partner.tag)
        checksum.add(id)
        checksum.add(name)
        checksum.add(disabled)
        return checksum.value
    }

    static func principal(partner: String, id: String, displayName: String, roles: Int64, disabled: Int64) -> Int64 {
        var checksum = RowChecksum(tag: SealedTable.principal.tag)
        checksum.add(partner)
        checksum.add(id)
        checksum.add(displayName)
        checksum.add(roles)
        checksum.add(disabled)
        return checksum.value
    }

    static func setting(name: String, value: Int64) -> Int64 {
        var checksum = RowChecksum(tag: 6)
        checksum.add(name)
        checksum.add(value)
        return checksum.value
    }

    static func sum(of table: SealedTable, _ sum: TableSum) -> Int64 {
        var checksum = RowChecksum(tag: 7)
        checksum.add(table.rawValue)
        checksum.add(sum.rows)
        checksum.add(sum.sum)
        return checksum.value
    }
}

/// A set of rows: how many, and the sum of their checksums, whatever their order. A lost, added or exchanged row
/// changes it; adding and taking away cost the same however many there are. Wraps, so that it can also be a difference.
struct TableSum: Hashable, Sendable {
    var rows: Int64 = 0
    /// Of the checksums, modulo 2^64.
    var sum: Int64 = 0

    mutating func add(_ checksum: Int64) {
        rows &+= 1
        sum &+= checksum
    }

    mutating func remove(_ checksum: Int64) {
        rows &-= 1
        sum &-= checksum
    }
}

/// What a transaction does to the sums of the tables; written once, at its end.
struct SumChanges {
    private var changes: [SealedTable: TableSum] = [:]

    mutating func add(_ checksum: Int64, to table: SealedTable) {
        changes[table, default: TableSum()].add(checksum)
    }

    mutating func remove(_ checksum: Int64, from table: SealedTable) {
        changes[table, default: TableSum()].remove(checksum)
    }

    func write(_ db: Database) throws {
        for (table, change) in changes where change != TableSum() {
            let before = try TableSum.read(table, db)
            try TableSum(rows: before.rows &+ change.rows, sum: before.sum &+ change.sum).write(table, db)
        }
    }
}

extension TableSum {
    static func read(_ table: SealedTable, _ db: Database) throws -> TableSum {
        let statement = try db.cachedStatement(sql: "SELECT rows, sum, checksum FROM sum WHERE name = ?")
        guard let row = try Row.fetchOne(statement, arguments: [table.rawValue]),
            let rows = Int64.fromDatabaseValue(row[0]), let sum = Int64.fromDatabaseValue(row[1])
        else { throw DatastoreError.corrupt("the sum of a table is missing") }
        let found = TableSum(rows: rows, sum: sum)
        guard Int64.fromDatabaseValue(row[2]) == RowChecksum.sum(of: table, found) else {
            throw DatastoreError.corrupt("the sum of a table is not what was written")
        }
        return found
    }

    func write(_ table: SealedTable, _ db: Database) throws {
        let statement = try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO sum (name, rows, sum, checksum) VALUES (?, ?, ?, ?)")
        try statement.execute(arguments: [table.rawValue, rows, sum, RowChecksum.sum(of: table, self)])
    }

    /// Throws unless these are the rows that were written.
    func check(_ table: SealedTable, _ db: Database) throws {
        let written = try Self.read(table, db)
        if self == written { return }
        let what =
            rows < written.rows
            ? "\(written.rows &- rows) of \(written.rows) rows are missing"
            : rows > written.rows ? "it has more rows than were written" : "its rows are not those that were written"
        throw DatastoreError.corrupt("table \(table.rawValue): \(what)")
    }
}

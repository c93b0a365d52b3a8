import Datastore
import GRDB

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

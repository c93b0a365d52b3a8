import Datastore
import Foundation
import GRDB
import LicenseModel

extension SQLiteSchema {
    private static let version2 = """
        ALTER TABLE entry ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE partner ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE partner ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE principal ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE meta ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
        CREATE TABLE sum (
            name TEXT PRIMARY KEY,
            rows INTEGER NOT NULL,
            sum INTEGER NOT NULL,
            checksum INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """

    /// Checksums of all rows and sums of all tables, of what is there: damage from before cannot be told any more, but
    /// for that of state rows, which had a checksum of their content.
    static func addChecksums(_ db: Database) throws {
        try db.execute(sql: version2)
        for table in SealedTable.allCases { try TableSum().write(table, db) }
        var sums = SumChanges()
        try addEntryChecksums(db, &sums)
        try addBodyChecksums(db, &sums)
        try addStateChecksums(db, &sums)
        try addAccessChecksums(db, &sums)
        try sums.write(db)
        for name in [MetaName.foldedThrough, .scrubPending] {
            let sql = "SELECT value FROM meta WHERE name = ?"
            guard let value = try Int64.fetchOne(db, sql: sql, arguments: [name.rawValue]) else {
                throw DatastoreError.corrupt("a setting is missing")
            }
            try set(name, to: value, db)
        }
        // Counted from here on: before, nothing was sealed.
        try set(.changes, to: 0, db)
        try set(StoreID.random(), db)
    }

    private static func addEntryChecksums(_ db: Database, _ sums: inout SumChanges) throws {
        let select = try db.makeStatement(
            sql: """
                SELECT revision, kind, batch, accepted, digest FROM entry
                WHERE revision > ? ORDER BY revision LIMIT 1000
                """)
        let update = try db.makeStatement(sql: "UPDATE entry SET checksum = ? WHERE revision = ?")
        var last: Int64 = 0
        while true {
            // Not by a cursor: what it reads is changed meanwhile.
            let rows = try Row.fetchAll(select, arguments: [last])
            if rows.isEmpty { return }
            for row in rows {
                let entry = try EntryRow(row)
                try update.execute(arguments: [entry.checksum, entry.revision])
                sums.add(entry.checksum, to: .entry)
                last = entry.revision
            }
        }
    }

    /// Into a table of its own, with the checksum in front of the facts: a fold reads all of them.
    private static func addBodyChecksums(_ db: Database, _ sums: inout SumChanges) throws {
        try db.execute(
            sql: """
                CREATE TABLE new_body (
                    revision INTEGER PRIMARY KEY REFERENCES entry (revision),
                    checksum INTEGER NOT NULL,
                    facts BLOB NOT NULL
                ) STRICT;
                """)
        let insert = try db.makeStatement(sql: "INSERT INTO new_body (revision, checksum, facts) VALUES (?, ?, ?)")
        let rows = try Row.fetchCursor(db, sql: "SELECT revision, facts FROM body ORDER BY revision")
        while let row = try rows.next() {
            guard let revision = Int64.fromDatabaseValue(row[0]), let facts = Data.fromDatabaseValue(row[1]) else {
                throw DatastoreError.corrupt("an entry of the log is incomplete")
            }
            let checksum = RowChecksum.body(revision: revision, facts: [UInt8](facts))
            try insert.execute(arguments: [revision, checksum, facts])
            sums.add(checksum, to: .body)
        }
        try db.execute(sql: "DROP TABLE body; ALTER TABLE new_body RENAME TO body;")
    }

    private static func addStateChecksums(_ db: Database, _ sums: inout SumChanges) throws {
        let select = try db.makeStatement(
            sql: "SELECT key, checksum, content FROM state WHERE key > ? ORDER BY key LIMIT 1")
        let update = try db.makeStatement(sql: "UPDATE state SET checksum = ? WHERE key = ?")
        var last = ""
        while let row = try Row.fetchOne(select, arguments: [last]) {
            guard let key = String.fromDatabaseValue(row[0]), let content = Data.fromDatabaseValue(row[2]) else {
                throw DatastoreError.corrupt("a state row is incomplete")
            }
            let body = [UInt8](content)
            guard Int64.fromDatabaseValue(row[1]) == Int64(CRC32C.checksum(of: body)) else {
                throw DatastoreError.corrupt("the checksum of a state row does not match its bytes")
            }
            let checksum = RowChecksum.state(key: key, content: body)
            try update.execute(arguments: [checksum, key])
            sums.add(checksum, to: .state)
            last = key
        }
    }

    private static func addAccessChecksums(_ db: Database, _ sums: inout SumChanges) throws {
        for row in try Row.fetchAll(db, sql: "SELECT id, name FROM partner") {
            guard let id = String.fromDatabaseValue(row[0]) else {
                throw DatastoreError.corrupt("a partner is incomplete")
            }
            let checksum = RowChecksum.partner(id: id, name: String.fromDatabaseValue(row[1]), disabled: 0)
            try db.execute(sql: "UPDATE partner SET checksum = ? WHERE id = ?", arguments: [checksum, id])
            sums.add(checksum, to: .partner)
        }
        let principals = try Row.fetchAll(
            db, sql: "SELECT partner, id, display_name, roles, disabled FROM principal")
        for row in principals {
            guard let partner = String.fromDatabaseValue(row[0]), let id = String.fromDatabaseValue(row[1]),
                let name = String.fromDatabaseValue(row[2]), let roles = Int64.fromDatabaseValue(row[3]),
                let disabled = Int64.fromDatabaseValue(row[4])
            else { throw DatastoreError.corrupt("a principal is incomplete") }
            let checksum = RowChecksum.principal(
                partner: partner, id: id, displayName: name, roles: roles, disabled: disabled)
            try db.execute(
                sql: "UPDATE principal SET checksum = ? WHERE partner = ? AND id = ?",
                arguments: [checksum, partner, id])
            sums.add(checksum, to: .principal)
        }
    }
}

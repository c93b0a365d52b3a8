import Datastore
import Foundation
import GRDB
import LicenseModel
import Tenancy

extension SQLiteDatastore {
    public func commit(_ entries: [LogEntry]) throws(DatastoreError) {
        try LogEntryChecks.check(entries, after: revision)
        guard let last = entries.last else { return }
        try change { db in
            for entry in entries { try Self.insert(entry, db) }
        }
        state.withLock { $0.revision = last.revision }
    }

    static func insert(_ entry: LogEntry, _ db: Database) throws {
        let statement = try db.cachedStatement(
            sql: "INSERT INTO entry (revision, kind, batch, accepted, digest) VALUES (?, ?, ?, ?, ?)")
        do {
            try statement.execute(arguments: [
                entry.revision.number, Int64(entry.kind.rawValue), entry.receipt?.batch.text, entry.receipt?.accepted,
                (entry.receipt?.digest.bytes).map { Data($0) },
            ])
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
            if let receipt = entry.receipt { throw DatastoreError.duplicateBatch(receipt.batch) }
            throw error
        }
        guard entry.kind == .batch else { return }
        try db.cachedStatement(sql: "INSERT INTO body (revision, facts) VALUES (?, ?)")
            .execute(arguments: [entry.revision.number, Data(entry.body)])
    }

    public func receipt(of batch: BatchID, for grant: OperatorGrant) throws(DatastoreError) -> BatchReceipt? {
        try read { db in
            let statement = try db.cachedStatement(
                sql: "SELECT revision, accepted, digest FROM entry WHERE batch = ?")
            guard let row = try Row.fetchOne(statement, arguments: [batch.text]) else { return nil }
            return try Self.receipt(
                of: batch, revision: Int64.fromDatabaseValue(row[0]), accepted: Int.fromDatabaseValue(row[1]),
                digest: Data.fromDatabaseValue(row[2]))
        }
    }

    private static func receipt(
        of batch: BatchID, revision: Int64?, accepted: Int?, digest: Data?
    ) throws -> BatchReceipt {
        guard let revision, let accepted, let digest, let digest = ContentDigest([UInt8](digest)) else {
            throw DatastoreError.corrupt("a receipt is incomplete")
        }
        return BatchReceipt(
            batch: batch, revision: Revision(number: revision), accepted: accepted, digest: digest)
    }

    public func fold(through revision: Revision, states: [StateRow]) throws(DatastoreError) {
        let (folded, last) = state.withLock { ($0.foldedThrough, $0.revision) }
        try LogEntryChecks.check(foldThrough: revision, folded: folded, last: last)
        try change { db in try Self.fold(through: revision, states: states, db) }
        state.withLock { $0.foldedThrough = revision }
        if state.withLock({ $0.scrubPending }) { scrub(needle: nil) }
    }

    static func fold(through revision: Revision, states: [StateRow], _ db: Database) throws {
        let upsert = try db.cachedStatement(
            sql: """
                INSERT INTO state (key, checksum, content) VALUES (?, ?, ?)
                ON CONFLICT (key) DO UPDATE SET checksum = excluded.checksum, content = excluded.content
                """)
        let delete = try db.cachedStatement(sql: "DELETE FROM state WHERE key = ?")
        for row in states {
            if let body = row.body {
                try upsert.execute(arguments: [row.key, Int64(CRC32C.checksum(of: body)), Data(body)])
            } else {
                try delete.execute(arguments: [row.key])
            }
        }
        try db.cachedStatement(sql: "DELETE FROM body WHERE revision <= ?").execute(arguments: [revision.number])
        try SQLiteSchema.set(.foldedThrough, to: revision.number, db)
    }

    public func recover(
        for grant: OperatorGrant, state: (StateRow) throws -> Void, entry: (LogEntry) throws -> Void
    ) throws -> Revision {
        guard !self.state.withLock({ $0.closed }) else { throw DatastoreError.closed }
        do {
            return try pool.read { db in
                try Self.readStates(db, state)
                return try Self.readLog(db, entry)
            }
        } catch let error as DatabaseError {
            throw SQLiteFailure.error(of: error)
        }
    }

    private static func readStates(_ db: Database, _ use: (StateRow) throws -> Void) throws {
        let rows = try Row.fetchCursor(db, sql: "SELECT key, checksum, content FROM state ORDER BY key")
        while let row = try rows.next() {
            guard let key = String.fromDatabaseValue(row[0]), let checksum = Int64.fromDatabaseValue(row[1]),
                let content = Data.fromDatabaseValue(row[2])
            else { throw DatastoreError.corrupt("a state row is incomplete") }
            let body = [UInt8](content)
            guard Int64(CRC32C.checksum(of: body)) == checksum else {
                throw DatastoreError.corrupt("the checksum of a state row does not match its bytes")
            }
            try use(StateRow(key: key, body: body))
        }
    }

    private static func readLog(_ db: Database, _ use: (LogEntry) throws -> Void) throws -> Revision {
        var last = Revision(number: try SQLiteSchema.value(.foldedThrough, db))
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT entry.revision, kind, batch, accepted, digest, facts
                FROM entry LEFT JOIN body ON body.revision = entry.revision
                WHERE entry.revision > ? ORDER BY entry.revision
                """, arguments: [last.number])
        while let row = try rows.next() {
            let entry = try entry(of: row)
            guard entry.revision == last.next else { throw DatastoreError.corrupt("entries of the log are missing") }
            last = entry.revision
            try use(entry)
        }
        return last
    }

    private static func entry(of row: Row) throws -> LogEntry {
        guard let number = Int64.fromDatabaseValue(row[0]), let code = UInt8.fromDatabaseValue(row[1]),
            let kind = LogEntryKind(rawValue: code)
        else { throw DatastoreError.corrupt("an entry of the log is incomplete") }
        let revision = Revision(number: number)
        switch kind {
        case .erasure: return .erasure(revision: revision)
        case .partnerCreated: return .partnerCreated(revision: revision)
        case .batch:
            guard let text = String.fromDatabaseValue(row[2]), let batch = try? BatchID(text),
                let facts = Data.fromDatabaseValue(row[5])
            else { throw DatastoreError.corrupt("revision \(revision) is incomplete") }
            let receipt = try receipt(
                of: batch, revision: number, accepted: Int.fromDatabaseValue(row[3]),
                digest: Data.fromDatabaseValue(row[4]))
            return .batch(
                batch, revision: revision, accepted: receipt.accepted, digest: receipt.digest, body: [UInt8](facts))
        }
    }
}

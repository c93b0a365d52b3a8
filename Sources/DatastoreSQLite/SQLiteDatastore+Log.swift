import Datastore
import Foundation
import GRDB
import LicenseModel
import Tenancy

extension SQLiteDatastore {
    public func commit(_ entries: [LogEntry]) throws(DatastoreError) {
        try LogEntryChecks.check(entries, after: revision)
        guard let last = entries.last else { return }
        try change(acknowledging: entries.count) { db, sums in
            for entry in entries { try Self.insert(entry, db, &sums) }
        }
        state.withLock { $0.revision = last.revision }
    }

    static func insert(_ entry: LogEntry, _ db: Database, _ sums: inout SumChanges) throws {
        let row = EntryRow(entry)
        let statement = try db.cachedStatement(
            sql: "INSERT INTO entry (revision, kind, batch, accepted, digest, checksum) VALUES (?, ?, ?, ?, ?, ?)")
        do {
            try statement.execute(arguments: [
                row.revision, row.kind, row.batch, row.accepted, row.digest.map { Data($0) }, row.checksum,
            ])
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
            if let receipt = entry.receipt { throw DatastoreError.duplicateBatch(receipt.batch) }
            throw error
        }
        sums.add(row.checksum, to: .entry)
        guard entry.kind == .batch else { return }
        let checksum = RowChecksum.body(revision: entry.revision.number, facts: entry.body)
        try db.cachedStatement(sql: "INSERT INTO body (revision, checksum, facts) VALUES (?, ?, ?)")
            .execute(arguments: [entry.revision.number, checksum, Data(entry.body)])
        sums.add(checksum, to: .body)
    }

    public func receipt(of batch: BatchID, for grant: OperatorGrant) throws(DatastoreError) -> BatchReceipt? {
        try read { db in
            let statement = try db.cachedStatement(sql: EntryRow.select + " WHERE batch = ?")
            guard let row = try Row.fetchOne(statement, arguments: [batch.text]) else { return nil }
            return try EntryRow(verifying: row).receipt
        }
    }

    public func fold(through revision: Revision, states: [StateRow]) throws(DatastoreError) {
        let (folded, last) = state.withLock { ($0.foldedThrough, $0.revision) }
        try LogEntryChecks.check(foldThrough: revision, folded: folded, last: last)
        try change(acknowledging: 0) { db, sums in
            try Self.fold(through: revision, states: states, db, &sums)
        }
        state.withLock { $0.foldedThrough = revision }
        // Not after every piece: a reader in the way holds it up.
        if revision > folded, state.withLock({ $0.scrubPending }) { scrub(needles: nil) }
    }

    static func fold(
        through revision: Revision, states: [StateRow], _ db: Database, _ sums: inout SumChanges
    ) throws {
        let known = try db.cachedStatement(sql: "SELECT checksum FROM state WHERE key = ?")
        let upsert = try db.cachedStatement(
            sql: """
                INSERT INTO state (key, checksum, content) VALUES (?, ?, ?)
                ON CONFLICT (key) DO UPDATE SET checksum = excluded.checksum, content = excluded.content
                """)
        let delete = try db.cachedStatement(sql: "DELETE FROM state WHERE key = ?")
        for row in states {
            if let before = try Int64.fetchOne(known, arguments: [row.key]) { sums.remove(before, from: .state) }
            if let body = row.body {
                let checksum = RowChecksum.state(key: row.key, content: body)
                try upsert.execute(arguments: [row.key, checksum, Data(body)])
                sums.add(checksum, to: .state)
            } else {
                try delete.execute(arguments: [row.key])
            }
        }
        let folded = try Int64.fetchCursor(
            db, sql: "SELECT checksum FROM body WHERE revision <= ?", arguments: [revision.number])
        while let checksum = try folded.next() { sums.remove(checksum, from: .body) }
        try db.cachedStatement(sql: "DELETE FROM body WHERE revision <= ?").execute(arguments: [revision.number])
        try SQLiteSchema.set(.foldedThrough, to: revision.number, db)
    }

    public func recover(
        for grant: OperatorGrant, state: (StateRow) throws -> Void, entry: (LogEntry) throws -> Void
    ) throws -> Revision {
        guard !self.state.withLock({ $0.closed }) else { throw DatastoreError.closed }
        do {
            return try pool.read { db in try Self.recover(db, state, entry) }
        } catch let error as DatabaseError {
            throw SQLiteFailure.error(of: error)
        }
    }

    /// Reads every row of state and log, and compares each and all with what was written.
    static func recover(
        _ db: Database, _ state: (StateRow) throws -> Void, _ entry: (LogEntry) throws -> Void
    ) throws -> Revision {
        // The receipts first: nothing is read back of a store that lost some.
        let last = try checkEntries(db)
        try readStates(db, state)
        let read = try readLog(db, entry)
        guard read == last else { throw DatastoreError.corrupt("entries of the log are missing") }
        return last
    }

    /// Every receipt there is. Returns the last revision.
    private static func checkEntries(_ db: Database) throws -> Revision {
        var sum = TableSum()
        var last: Int64 = 0
        let rows = try Row.fetchCursor(db, sql: EntryRow.select + " ORDER BY revision")
        while let row = try rows.next() {
            let entry = try EntryRow(verifying: row)
            guard entry.revision == last &+ 1 else { throw DatastoreError.corrupt("entries of the log are missing") }
            last = entry.revision
            sum.add(entry.checksum)
        }
        try sum.check(.entry, db)
        return Revision(number: last)
    }

    private static func readStates(_ db: Database, _ use: (StateRow) throws -> Void) throws {
        var sum = TableSum()
        let rows = try Row.fetchCursor(db, sql: "SELECT key, checksum, content FROM state ORDER BY key")
        while let row = try rows.next() {
            guard let key = String.fromDatabaseValue(row[0]), let checksum = Int64.fromDatabaseValue(row[1]),
                let content = Data.fromDatabaseValue(row[2])
            else { throw DatastoreError.corrupt("a state row is incomplete") }
            let body = [UInt8](content)
            guard RowChecksum.state(key: key, content: body) == checksum else {
                throw DatastoreError.corrupt("the checksum of a state row does not match its bytes")
            }
            sum.add(checksum)
            try use(StateRow(key: key, body: body))
        }
        try sum.check(.state, db)
    }

    private static func readLog(_ db: Database, _ use: (LogEntry) throws -> Void) throws -> Revision {
        var last = Revision(number: try SQLiteSchema.value(.foldedThrough, db))
        var sum = TableSum()
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT entry.revision, kind, batch, accepted, digest, entry.checksum, body.checksum, facts
                FROM entry LEFT JOIN body ON body.revision = entry.revision
                WHERE entry.revision > ? ORDER BY entry.revision
                """, arguments: [last.number])
        while let row = try rows.next() {
            let read = try EntryRow(verifying: row)
            guard read.revision == last.next.number else {
                throw DatastoreError.corrupt("entries of the log are missing")
            }
            last = last.next
            let facts = Data.fromDatabaseValue(row[7]).map { [UInt8]($0) }
            if let facts {
                let checksum = RowChecksum.body(revision: read.revision, facts: facts)
                guard Int64.fromDatabaseValue(row[6]) == checksum else {
                    throw DatastoreError.corrupt("the facts of revision \(last) are not what was written")
                }
                sum.add(checksum)
            }
            try use(try read.entry(body: facts))
        }
        try sum.check(.body, db)
        return last
    }
}

/// A row of the log as it is stored.
struct EntryRow {
    static let select = "SELECT revision, kind, batch, accepted, digest, checksum FROM entry"

    let revision: Int64
    let kind: Int64
    let batch: String?
    let accepted: Int64?
    let digest: [UInt8]?
    let checksum: Int64

    init(_ entry: LogEntry) {
        self.init(
            revision: entry.revision.number, kind: Int64(entry.kind.rawValue), batch: entry.receipt?.batch.text,
            accepted: (entry.receipt?.accepted).map(Int64.init), digest: entry.receipt?.digest.bytes)
    }

    private init(revision: Int64, kind: Int64, batch: String?, accepted: Int64?, digest: [UInt8]?) {
        self.revision = revision
        self.kind = kind
        self.batch = batch
        self.accepted = accepted
        self.digest = digest
        checksum = RowChecksum.entry(
            revision: revision, kind: kind, batch: batch, accepted: accepted, digest: digest)
    }

    /// The first five columns of a row; the checksum is made of them.
    init(_ row: Row) throws {
        guard let revision = Int64.fromDatabaseValue(row[0]), let kind = Int64.fromDatabaseValue(row[1]) else {
            throw DatastoreError.corrupt("an entry of the log is incomplete")
        }
        self.init(
            revision: revision, kind: kind, batch: String.fromDatabaseValue(row[2]),
            accepted: Int64.fromDatabaseValue(row[3]), digest: Data.fromDatabaseValue(row[4]).map { [UInt8]($0) })
    }

    /// The first six columns of a row; throws when they do not fit together.
    init(verifying row: Row) throws {
        try self.init(row)
        guard Int64.fromDatabaseValue(row[5]) == checksum else {
            throw DatastoreError.corrupt("entry \(revision) of the log is not what was written")
        }
    }

    /// What a batch was answered with.
    var receipt: BatchReceipt {
        get throws {
            guard let batch, let id = try? BatchID(batch), let accepted, let count = Int(exactly: accepted),
                let digest, let digest = ContentDigest(digest)
            else { throw DatastoreError.corrupt("a receipt is incomplete") }
            return BatchReceipt(batch: id, revision: Revision(number: revision), accepted: count, digest: digest)
        }
    }

    func entry(body: [UInt8]?) throws -> LogEntry {
        let revision = Revision(number: revision)
        switch UInt8(exactly: kind).flatMap(LogEntryKind.init(rawValue:)) {
        case .erasure: return .erasure(revision: revision)
        case .partnerCreated: return .partnerCreated(revision: revision)
        case .batch:
            guard let body else { throw DatastoreError.corrupt("the facts of revision \(revision) are missing") }
            let receipt = try receipt
            return .batch(
                receipt.batch, revision: revision, accepted: receipt.accepted, digest: receipt.digest, body: body)
        case nil: throw DatastoreError.corrupt("an entry of the log is incomplete")
        }
    }
}

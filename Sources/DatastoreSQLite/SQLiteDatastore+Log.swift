import Datastore
import Foundation
import GRDB
import LicenseModel
import Tenancy

extension SQLiteDatastore {
    public func turn<Value>(
        after position: LogPosition, batches: [BatchID], for grant: OperatorGrant,
        _ body: (TurnNews) throws(DatastoreError) -> Turn<Value>
    ) throws(DatastoreError) -> TurnOutcome<Value> {
        // Nobody else writes: what is read here still holds in the transaction.
        guard !state.withLock({ $0.closed }) else { throw .closed }
        try requireOwn(position)
        let receipts = batches.isEmpty ? [:] : try receipts(of: batches)
        let made = try body(TurnNews(log: LogNews(at: self.position), receipts: receipts))
        let last = try made.check(after: revision)
        guard !made.isEmpty else { return TurnOutcome(made.value, position: self.position) }
        try change(acknowledging: made.batches.count + made.access.count + (made.erasure == nil ? 0 : 1)) { db, sums in
            for entry in made.batches { try Self.insert(entry, db, &sums) }
            for save in made.access {
                try Self.apply(save.change, db, &sums)
                if let entry = save.entry { try Self.insert(entry, db, &sums) }
            }
            if let erasure = made.erasure { try Self.erase(erasure, db, &sums) }
        }
        state.withLock { state in
            state.revision = last
            if made.erasure != nil { state.noteErasure() }
        }
        if let erasure = made.erasure { scrub(after: erasure) }
        return TurnOutcome(made.value, position: self.position)
    }

    static func insert(_ entry: LogEntry, _ db: Database, _ sums: inout SumChanges) throws {
        try insertHead(entry, db, &sums)
        // Nobody follows: of an erasure nothing more is needed.
        guard entry.kind == .batch else { return }
        let checksum = RowChecksum.body(revision: entry.revision.number, facts: entry.body)
        try db.cachedStatement(sql: "INSERT INTO body (revision, checksum, facts) VALUES (?, ?, ?)")
            .execute(arguments: [entry.revision.number, checksum, Data(entry.body)])
        sums.add(checksum, to: .body)
    }

    static func insertHead(_ entry: LogEntry, _ db: Database, _ sums: inout SumChanges) throws {
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
    }

    public func receipt(of batch: BatchID, for grant: OperatorGrant) throws(DatastoreError) -> BatchReceipt? {
        try receipts(of: [batch])[batch]
    }

    private func receipts(of batches: [BatchID]) throws(DatastoreError) -> [BatchID: BatchReceipt] {
        try read { db in
            let statement = try db.cachedStatement(sql: EntryRow.select + " WHERE batch = ?")
            var receipts: [BatchID: BatchReceipt] = [:]
            for batch in batches {
                guard let row = try Row.fetchOne(statement, arguments: [batch.text]) else { continue }
                receipts[batch] = try EntryRow(verifying: row).receipt
            }
            return receipts
        }
    }

    public func folds() throws(DatastoreError) -> BucketFolds {
        BucketFolds(count: buckets, through: state.withLock { $0.foldedThrough })
    }

    public func foldBucket(
        _ bucket: Int, through position: LogPosition, states: [StateRow]
    ) throws(DatastoreError) -> Bool {
        let revision = position.revision
        try FoldChecks.check(bucket, of: buckets)
        let (folded, last) = state.withLock { ($0.foldedThrough, $0.revision) }
        try FoldChecks.check(foldThrough: revision, folded: folded, last: last)
        try change(acknowledging: 0) { db, sums in
            try Self.fold(through: revision, states: states, db, &sums)
        }
        state.withLock { $0.foldedThrough = revision }
        // Not after every piece: a reader in the way holds it up.
        if revision > folded, state.withLock({ $0.scrubPending }) { scrub(needles: nil) }
        return true
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
        for grant: OperatorGrant, readers: Int, bucket: @Sendable (StoredBucket) throws -> Void,
        entry: (LogEntry) throws -> Void
    ) throws -> LogPosition {
        guard !self.state.withLock({ $0.closed }) else { throw DatastoreError.closed }
        do {
            return try pool.read { db in try Self.recover(db, bucket, entry) }
        } catch let error as DatabaseError {
            throw SQLiteFailure.error(of: error)
        }
    }

    /// Reads every row of state and log, and compares each and all with what was written.
    static func recover(
        _ db: Database, _ bucket: (StoredBucket) throws -> Void, _ entry: (LogEntry) throws -> Void
    ) throws -> LogPosition {
        // The receipts first: nothing is read back of a store that lost some.
        let last = try checkEntries(db)
        let folded = Revision(number: try SQLiteSchema.value(.foldedThrough, db))
        try bucket(StoredBucket(number: 0, through: folded) { try readStates(db, $0) })
        let read = try readLog(db, after: folded, entry)
        guard read == last else { throw DatastoreError.corrupt("entries of the log are missing") }
        return LogPosition(revision: last)
    }

    /// Every receipt there is. Returns the last revision.
    static func checkEntries(_ db: Database, _ use: (EntryRow) throws -> Void = { _ in }) throws -> Revision {
        var sum = TableSum()
        var last: Int64 = 0
        let rows = try Row.fetchCursor(db, sql: EntryRow.select + " ORDER BY revision")
        while let row = try rows.next() {
            let entry = try EntryRow(verifying: row)
            guard entry.revision == last &+ 1 else { throw DatastoreError.corrupt("entries of the log are missing") }
            last = entry.revision
            sum.add(entry.checksum)
            try use(entry)
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

    private static func readLog(
        _ db: Database, after folded: Revision, _ use: (LogEntry) throws -> Void
    ) throws -> Revision {
        var last = folded
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

import Datastore
import Foundation
import GRDB
import LicenseModel
import Tenancy

extension SQLiteDatastore {
    public func erase(_ erasure: Erasure, for grant: OperatorGrant) throws(DatastoreError) {
        let (last, folded) = state.withLock { ($0.revision, $0.foldedThrough) }
        guard erasure.revision == last.next else { throw .outOfOrder(expected: last.next, found: erasure.revision) }
        let through = erasure.folds ? erasure.revision : folded
        try change(acknowledging: 1) { db, sums in
            try Self.rewriteLog(after: through, for: erasure, db, &sums)
            try Self.insert(erasure.entry, db, &sums)
            try Self.fold(through: through, states: erasure.states, db, &sums)
            // In the same transaction, so that a crash before the scrub does not forget it. Does not name the person.
            try SQLiteSchema.set(.scrubPending, to: 1, db)
        }
        state.withLock { state in
            state.revision = erasure.revision
            state.foldedThrough = through
            state.scrubPending = true
        }
        scrub(needle: [UInt8](erasure.user.text.utf8))
    }

    private static func rewriteLog(
        after revision: Revision, for erasure: Erasure, _ db: Database, _ sums: inout SumChanges
    ) throws {
        // An id stands in a body as its own bytes, so that bodies without them need not be decoded.
        let candidates = try Int64.fetchAll(
            db, sql: "SELECT revision FROM body WHERE revision > ? AND instr(facts, ?) > 0 ORDER BY revision",
            arguments: [revision.number, Data(erasure.user.text.utf8)])
        let select = try db.cachedStatement(sql: "SELECT facts FROM body WHERE revision = ?")
        let update = try db.cachedStatement(sql: "UPDATE body SET checksum = ?, facts = ? WHERE revision = ?")
        for number in candidates {
            guard let facts = try Data.fetchOne(select, arguments: [number]) else { continue }
            let before = [UInt8](facts)
            let after = try erasure.rewriting(before, of: Revision(number: number))
            guard after != before else { continue }
            let checksum = RowChecksum.body(revision: number, facts: after)
            try update.execute(arguments: [checksum, Data(after), number])
            sums.remove(RowChecksum.body(revision: number, facts: before), from: .body)
            sums.add(checksum, to: .body)
        }
    }

    /// Removes what an erasure left in the files: cuts the log beside the main file, and rewrites the main file where
    /// a page still has bytes of a row that was moved. Without a needle it rewrites in any case.
    ///
    /// A long reader can be in the way; then it stays pending and is tried again at the next fold, close or opening.
    func scrub(needle: [UInt8]?) {
        let pending = state.withLock { !$0.closed && $0.stopped == nil && $0.scrubPending }
        guard pending else { return }
        do {
            try pool.writeWithoutTransaction { db in
                try db.checkpoint(.truncate)
                if try needle.map({ try fileContains($0) }) ?? true {
                    try db.execute(sql: "VACUUM")
                    try db.checkpoint(.truncate)
                }
                try SQLiteSchema.set(.scrubPending, to: 0, db)
            }
            state.withLock { $0.scrubPending = false }
        } catch {
            // Pending stays set, in the file too. A disk that no longer confirms writes stops the store.
            if SQLiteFailure.leavesDoubt(error) {
                state.withLock { $0.stopped = SQLiteFailure.error(of: error).description }
            }
        }
    }

    /// Whether the main file has the bytes anywhere, in rows or in what deleted rows left.
    private func fileContains(_ needle: [UInt8]) throws -> Bool {
        let chunk = 1 << 20
        let pattern = Data(needle)
        var carried = Data()
        try file.seek(toOffset: 0)
        while let read = try file.read(upToCount: chunk), !read.isEmpty {
            let window = carried + read
            if window.range(of: pattern) != nil { return true }
            carried = Data(window.suffix(needle.count - 1))
        }
        return false
    }
}

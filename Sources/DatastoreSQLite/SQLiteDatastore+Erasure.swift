import Datastore
import Foundation
import GRDB
import LicenseModel

extension SQLiteDatastore.State {
    mutating func noteErasure() {
        foldedThrough = revision
        scrubPending = true
    }
}

extension SQLiteDatastore {
    /// The person's rows are replaced, every body is dropped.
    static func erase(_ erasure: Erasure, _ db: Database, _ sums: inout SumChanges) throws {
        try insert(erasure.entry, db, &sums)
        try fold(through: erasure.entry.revision, states: erasure.states, db, &sums)
        // In the same transaction, so that a crash before the scrub does not forget it. Does not name the person.
        try SQLiteSchema.set(.scrubPending, to: 1, db)
    }

    func scrub(after erasure: Erasure) {
        scrub(needles: erasure.users.map { Data($0.text.utf8) })
    }

    /// Removes what an erasure left in the files: cuts the log beside the main file, and rewrites the main file where
    /// a page still has bytes of a row that was moved. Without needles it rewrites in any case.
    ///
    /// A long reader can be in the way; then it stays pending and is tried again at the next fold, close or opening.
    func scrub(needles: [Data]?) {
        let pending = state.withLock { !$0.closed && $0.stopped == nil && $0.scrubPending }
        guard pending else { return }
        do {
            try pool.writeWithoutTransaction { db in
                try db.checkpoint(.truncate)
                if try needles.map({ try fileContains($0) }) ?? true {
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

    /// Whether the main file has the bytes of any needle anywhere, in rows or in what deleted rows left.
    private func fileContains(_ needles: [Data]) throws -> Bool {
        let chunk = 1 << 20
        let longest = needles.map(\.count).max() ?? 0
        var carried = Data()
        try file.seek(toOffset: 0)
        while let read = try file.read(upToCount: chunk), !read.isEmpty {
            let window = carried + read
            if needles.contains(where: { window.range(of: $0) != nil }) { return true }
            carried = Data(window.suffix(max(0, longest - 1)))
        }
        return false
    }
}

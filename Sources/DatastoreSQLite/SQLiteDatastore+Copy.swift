import Datastore
import Foundation
import GRDB
import LicenseModel
import Tenancy

extension SQLiteDatastore {
    /// Makes a store at `path`, where there is none yet, of what `body` adds. It has its name when it is complete.
    /// Errors of `body` come through unchanged.
    public static func fill(newStoreAt path: String, _ body: (any FilledStore) throws -> Void) throws {
        let path = StoreFiles.resolved(path)
        guard !StoreFiles.exists(path: path) else {
            throw DatastoreError.invalid("the file of the copy exists already")
        }
        var failure: (any Error)?
        do {
            try StoreFiles.makeIfAbsent(path: path) { partial throws(DatastoreError) in
                try SQLiteSchema.create(path: partial)
                do {
                    try fill(partial, body)
                } catch {
                    failure = error
                    throw SQLiteFailure.error(of: error)
                }
            }
        } catch {
            if let failure, !(failure is DatabaseError) { throw failure }
            throw error
        }
    }

    private static func fill(_ partial: String, _ body: (any FilledStore) throws -> Void) throws {
        let queue = try DatabaseQueue(path: partial, configuration: SQLiteConnection.configuration())
        try queue.writeWithoutTransaction { db in
            try db.inTransaction(.immediate) {
                let filling = Filling(db)
                try body(filling)
                try filling.seal()
                return .commit
            }
            // One file without companions, checked before it gets its name.
            try db.execute(sql: "PRAGMA journal_mode = DELETE")
            try SQLiteSchema.checkIntegrity(db)
        }
        try queue.close()
    }
}

/// A new store within the one transaction that fills it.
private final class Filling: FilledStore {
    private let db: Database
    private var sums = SumChanges()
    private var last = Revision.none
    private var mark: StoreMark?

    init(_ db: Database) {
        self.db = db
    }

    let buckets = 1

    private func writing(_ body: () throws -> Void) throws(DatastoreError) {
        do {
            try body()
        } catch {
            throw SQLiteFailure.error(of: error)
        }
    }

    func add(_ heads: [LogEntry]) throws(DatastoreError) {
        try writing {
            for entry in heads {
                guard entry.revision == last.next else {
                    throw DatastoreError.outOfOrder(expected: last.next, found: entry.revision)
                }
                try SQLiteDatastore.insertHead(entry, db, &sums)
                last = entry.revision
            }
        }
    }

    func add(_ states: [StateRow], to bucket: Int) throws(DatastoreError) {
        try FoldChecks.check(bucket, of: buckets)
        try writing { try SQLiteDatastore.fold(through: .none, states: states, db, &sums) }
    }

    func add(_ access: AccessRegistry) throws(DatastoreError) {
        try writing { try SQLiteDatastore.insert(access, db, &sums) }
    }

    func finish(_ mark: StoreMark) throws(DatastoreError) {
        guard mark.revision == last else { throw .outOfOrder(expected: last, found: mark.revision) }
        self.mark = mark
        try writing {
            try SQLiteSchema.set(.foldedThrough, to: mark.revision.number, db)
            try SQLiteSchema.set(.changes, to: mark.changes, db)
            try SQLiteSchema.set(mark.store, db)
        }
    }

    func seal() throws {
        guard mark != nil else { throw DatastoreError.invalid("the copy was not finished") }
        try sums.write(db)
    }
}

import Datastore
import GRDB

/// What an error of SQLite means to the callers of the store.
enum SQLiteFailure {
    static func error(of error: any Error, opening: Bool = false) -> DatastoreError {
        if let error = error as? DatastoreError { return error }
        guard let error = error as? DatabaseError else { return .unavailable("it cannot be read or written") }
        let code = error.extendedResultCode
        switch (error.resultCode, code) {
        case (.SQLITE_FULL, _), (_, .SQLITE_IOERR_SHMSIZE): return .full
        case (.SQLITE_NOTADB, _): return opening ? .notAStore : .corrupt("its header is not what was written")
        case (.SQLITE_CORRUPT, _): return .corrupt("its pages contradict each other")
        case (.SQLITE_BUSY, _), (.SQLITE_LOCKED, _): return .unavailable("another process holds it")
        case (.SQLITE_CANTOPEN, _), (.SQLITE_PERM, _), (.SQLITE_READONLY, _), (.SQLITE_AUTH, _):
            return .notAccessible("its file or folder does not allow reading and writing")
        case (_, .SQLITE_IOERR_FSYNC), (_, .SQLITE_IOERR_DIR_FSYNC):
            return .unavailable("its disk did not confirm a write (code \(code.rawValue))")
        case (.SQLITE_IOERR, _): return .unavailable("its disk failed (code \(code.rawValue))")
        default: return .unavailable("it failed with code \(code.rawValue)")
        }
    }

    /// Whether a failed change may be on disk in part, or the disk can no longer be trusted to tell. A refused change,
    /// a full disk and a lock that was not granted are rolled back and known.
    static func leavesDoubt(_ error: any Error) -> Bool {
        if let error = error as? DatastoreError {
            if case .corrupt = error { return true }
            return false
        }
        guard let error = error as? DatabaseError else { return true }
        switch error.resultCode {
        case .SQLITE_FULL, .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_CONSTRAINT, .SQLITE_TOOBIG: return false
        default: return error.extendedResultCode != .SQLITE_IOERR_SHMSIZE
        }
    }
}

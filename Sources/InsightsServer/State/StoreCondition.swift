import Datastore
import Glibc
import LicenseModel
import Synchronization

/// Whether the store would take a write now: what the last failed one says, and whether its disk has room.
///
/// A failed write counts until a later one succeeded or, since nobody may try while a balancer sends nobody here, until
/// some seconds have passed and there is room.
final class StoreCondition: Sendable {
    /// Room that a disk must have, in bytes.
    static let roomBytes = 262_144
    /// Nanoseconds for which a failed write counts at least, unless one succeeds.
    static let failureNanoseconds: UInt64 = 5_000_000_000
    /// Nanoseconds for which a look at the disk holds: it costs a new file.
    private static let lookNanoseconds: UInt64 = 1_000_000_000

    private struct State {
        var failure: DatastoreError?
        var failedAt: UInt64 = 0
        /// When it failed; a later one means that a write succeeded since.
        var revision = Revision(number: 0)
        var lookedAt: UInt64?
        var noRoom: String?
    }

    /// A folder that is written to, and what is said when its disk is full.
    struct Folder: Sendable {
        let path: String
        let whenFull: String
    }

    private let folders: [Folder]
    private let state = Mutex(State())

    init(folders: [Folder]) {
        self.folders = folders
    }

    /// - Parameters:
    ///   - revision: the last that was published.
    ///   - now: monotonic nanoseconds, as everywhere here.
    func failed(_ failure: DatastoreError, revision: Revision, now: UInt64) {
        switch failure {
        case .unavailable, .full, .corrupt, .stopped, .inDoubt, .notAccessible, .closed, .inUse, .missing, .notAStore,
            .schemaTooNew:
            break
        // What this server knows of the store is mended by itself.
        case .diverged, .behind: return
        // Of the change that was asked for, not of the store.
        case .outOfOrder, .duplicateBatch, .outsideScope, .alreadyExists, .notFound, .invalid: return
        }
        state.withLock { state in
            state.failure = failure
            state.failedAt = now
            state.revision = revision
        }
    }

    /// Why the next write would fail; nil when nothing says so.
    func problem(revision: Revision, now: UInt64) -> String? {
        state.withLock { state in
            if state.lookedAt.map({ now &- $0 >= Self.lookNanoseconds }) ?? true {
                state.noRoom = folders.lazy.compactMap(Self.lackOfRoom).first
                state.lookedAt = now
            }
            if let failure = state.failure {
                let isOver = state.noRoom == nil && now &- state.failedAt >= Self.failureNanoseconds
                if revision == state.revision, !isOver { return failure.description }
                state.failure = nil
            }
            return state.noRoom
        }
    }

    /// Makes a file without a name, with room; nil when that works.
    private static func lackOfRoom(in folder: Folder) -> String? {
        let path = folder.path + "/.room"
        let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return "a file cannot be made: \(String(cString: strerror(errno)))" }
        unlink(path)
        defer { close(descriptor) }
        switch posix_fallocate(descriptor, 0, off_t(roomBytes)) {
        // Not every file system can tell.
        case 0, EINVAL, EOPNOTSUPP: return nil
        case ENOSPC, EDQUOT, EFBIG: return folder.whenFull
        case let code: return "a file cannot be written: \(String(cString: strerror(code)))"
        }
    }
}

import Datastore
import Foundation
import Synchronization

/// The store's files: who may read them, and that a file has its name only when it is complete.
enum StoreFiles {
    /// Readable and writable by the owner alone; SQLite gives its companion files the same mode.
    static let mode: mode_t = 0o600

    static func resolved(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }

    static func exists(path: String) -> Bool {
        FileManager.default.fileExists(atPath: path)
    }

    /// In bytes; 0 when there is none.
    static func size(path: String) -> Int64 {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.size] as? NSNumber)?.int64Value ?? 0
    }

    static func openForReading(path: String) throws(DatastoreError) -> FileHandle {
        guard let file = FileHandle(forReadingAtPath: path) else { throw .notAccessible(reason(of: errno)) }
        return file
    }

    /// Makes the file under another name, lets `fill` complete it, syncs it and gives it its name. An interrupted
    /// attempt leaves only that other file, which the next one removes. An empty file that is there is no new store:
    /// it lost its content.
    static func makeIfAbsent(
        path: String, fill: (_ partial: String) throws(DatastoreError) -> Void
    ) throws(DatastoreError) {
        if exists(path: path) {
            guard size(path: path) > 0 else { throw .corrupt("its file is empty") }
            return
        }
        guard !exists(path: path + "-wal") else { throw .corrupt("its main file is missing, its log is there") }
        let partial = path + ".partial"
        for suffix in ["", "-wal", "-shm", "-journal"] where exists(path: partial + suffix) {
            guard unlink(partial + suffix) == 0 else { throw .notAccessible(reason(of: errno)) }
        }
        let descriptor = open(partial, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure(errno) }
        Foundation.close(descriptor)
        do throws(DatastoreError) {
            try fill(partial)
            try sync(partial, flags: O_RDWR)
            guard rename(partial, path) == 0 else { throw failure(errno) }
            try sync(URL(fileURLWithPath: path).deletingLastPathComponent().path, flags: O_RDONLY | O_DIRECTORY)
        } catch {
            unlink(partial)
            throw error
        }
    }

    private static func sync(_ path: String, flags: Int32) throws(DatastoreError) {
        let descriptor = open(path, flags | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(errno) }
        defer { Foundation.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(errno) }
    }

    static func failure(_ code: Int32) -> DatastoreError {
        code == ENOSPC || code == EDQUOT ? .full : .notAccessible(reason(of: code))
    }

    static func reason(of code: Int32) -> String {
        switch code {
        case ENOENT, ENOTDIR: "its folder does not exist"
        case EACCES, EPERM: "permission denied"
        case EROFS: "its file system is read-only"
        case EISDIR: "its path is a folder"
        default: "error \(code) of the operating system"
        }
    }
}

/// The right to have the store open, for one process at a time. The operating system takes it back from a process
/// that ends, however it ends.
final class StoreLock: Sendable {
    private let descriptor: Int32
    private let released: Mutex<Bool>

    init(path: String) throws(DatastoreError) {
        descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC, StoreFiles.mode)
        released = Mutex(false)
        guard descriptor >= 0 else { throw StoreFiles.failure(errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            Foundation.close(descriptor)
            throw code == EWOULDBLOCK ? .inUse : StoreFiles.failure(code)
        }
    }

    func release() {
        let first = released.withLock { released in
            defer { released = true }
            return !released
        }
        if first { Foundation.close(descriptor) }
    }

    deinit { release() }
}

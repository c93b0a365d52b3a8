import Datastore
import DurableFiles
import Foundation
import Synchronization

/// The store's files: who may read them, and that a file has its name only when it is complete.
enum StoreFiles {
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
        try DurableFile<DatastoreError>.createNew(partial)
        do throws(DatastoreError) {
            try fill(partial)
            try DurableFile<DatastoreError>.put(partial, as: path)
        } catch {
            unlink(partial)
            throw error
        }
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
    private let file: Mutex<DurableFile<DatastoreError>?>

    init(path: String) throws(DatastoreError) {
        let opened = try DurableFile<DatastoreError>.openOrCreate(path)
        try opened.lockExclusively()
        file = Mutex(opened)
    }

    func release() { file.withLock { $0 = nil } }
}

extension DatastoreError: FileFailure {
    package static func system(operation: String, code: Int32) -> DatastoreError { StoreFiles.failure(code) }
}

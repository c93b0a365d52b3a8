import Glibc

/// How a module names what the operating system refused, so that its functions throw one kind of error.
package protocol FileFailure: Error {
    /// `operation` names the file but not its folder; `code` is the `errno`.
    static func system(operation: String, code: Int32) -> Self
    /// Another process holds the lock.
    static var inUse: Self { get }
}

/// A file by its descriptor, private to its owner when it is made here, closed when nobody has it any more.
package final class DurableFile<Failure: FileFailure>: Sendable {
    private let descriptor: Int32

    private init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
        SpareDescriptors.refill()
    }

    /// Opens for reading and appending, made with mode 0600 when it does not exist.
    package static func openOrCreate(_ path: String) throws(Failure) -> DurableFile {
        try opened(SpareDescriptors.using { open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600) }, path)
    }

    /// Opens for reading; nil when there is no such file.
    package static func openExisting(_ path: String) throws(Failure) -> DurableFile? {
        let descriptor = SpareDescriptors.using { open(path, O_RDONLY | O_CLOEXEC) }
        if descriptor < 0, errno == ENOENT { return nil }
        return try opened(descriptor, path)
    }

    /// Makes a file, or empties the one that is there.
    ///
    /// - Parameter mode: of a new one, as far as the process's mask lets it.
    package static func create(_ path: String, mode: mode_t = 0o600) throws(Failure) -> DurableFile {
        let flags = O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC
        return try opened(SpareDescriptors.using { open(path, flags, mode) }, path)
    }

    /// Makes an empty file with mode 0600 where there is none.
    package static func createNew(_ path: String) throws(Failure) {
        _ = try opened(open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600), path)
    }

    /// Opens a file that is there for writing in place.
    package static func openForUpdate(_ path: String) throws(Failure) -> DurableFile {
        try opened(SpareDescriptors.using { open(path, O_RDWR | O_CLOEXEC) }, path)
    }

    /// Whether two paths lead to one folder, by whatever links. False when one cannot be looked at: it cannot be
    /// written to either.
    package static func isSameFolder(_ one: String, _ other: String) -> Bool {
        var first = stat()
        var second = stat()
        guard stat(one, &first) == 0, stat(other, &second) == 0 else { return false }
        return first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }

    /// Removes a file, durably.
    package static func remove(_ path: String) throws(Failure) {
        guard unlink(path) == 0 || errno == ENOENT else {
            throw .system(operation: "remove \(fileName(path))", code: errno)
        }
        try syncFolder(of: path)
    }

    private static func opened(_ descriptor: Int32, _ path: String) throws(Failure) -> DurableFile {
        guard descriptor >= 0 else { throw .system(operation: "open \(fileName(path))", code: errno) }
        return DurableFile(descriptor: descriptor)
    }

    /// Writes a new file beside `path`, makes it durable and puts it in the place of the old one in one step.
    ///
    /// - Parameter mode: whatever the process's mask and the old file say.
    package static func replace(_ path: String, with bytes: [UInt8], mode: mode_t = 0o600) throws(Failure) {
        try replace(path, mode: mode) { (file) throws(Failure) in try file.append(bytes) }
    }

    /// The same with all that another file has.
    package static func replace(_ path: String, from source: DurableFile) throws(Failure) {
        try replace(path, mode: 0o600) { (file) throws(Failure) in
            var offset = 0
            while true {
                let bytes = try source.read(at: offset, count: 1 << 20)
                if bytes.isEmpty { return }
                try file.append(bytes)
                offset += bytes.count
            }
        }
    }

    /// Who fails leaves the old file, and no new one beside it.
    private static func replace(
        _ path: String, mode: mode_t, writing body: (DurableFile) throws(Failure) -> Void
    ) throws(Failure) {
        let temporary = path + ".new"
        do {
            let file = try create(temporary, mode: mode)
            try file.setMode(mode)
            try body(file)
            try put(temporary, as: path)
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Makes a complete file durable and gives it its name, or the name of the one it replaces, in one step.
    package static func put(_ complete: String, as path: String) throws(Failure) {
        try openForUpdate(complete).sync()
        guard rename(complete, path) == 0 else { throw .system(operation: "rename \(fileName(path))", code: errno) }
        try syncFolder(of: path)
    }

    package static func syncFolder(of path: String) throws(Failure) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
        let descriptor = SpareDescriptors.using { open(folder.isEmpty ? "/" : folder, flags) }
        try opened(descriptor, folder).sync()
    }

    /// The last part of a path: enough for a message, and it tells no more of the machine.
    private static func fileName(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    /// Keeps every other process from locking the file; the kernel lets go when this one ends.
    package func lockExclusively() throws(Failure) {
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            throw code == EWOULDBLOCK ? .inUse : .system(operation: "lock", code: code)
        }
    }

    package func unlock() {
        flock(descriptor, LOCK_UN)
    }

    /// Whether nobody but the owner may read or write.
    package func isPrivate() throws(Failure) -> Bool {
        try status().st_mode & 0o077 == 0
    }

    private func setMode(_ mode: mode_t) throws(Failure) {
        guard fchmod(descriptor, mode) == 0 else { throw .system(operation: "fchmod", code: errno) }
    }

    package func size() throws(Failure) -> Int {
        Int(try status().st_size)
    }

    private func status() throws(Failure) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(operation: "fstat", code: errno) }
        return status
    }

    package func append(_ bytes: [UInt8]) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let chunk = rest.count == bytes.count ? bytes : Array(rest)
            let written = write(descriptor, chunk, chunk.count)
            if written < 0 {
                if errno == EINTR { continue }
                throw .system(operation: "write", code: errno)
            }
            rest = rest.dropFirst(written)
        }
    }

    /// Writes all of `bytes` at a place, or throws; some of them may then have been written. Not for a file that is
    /// opened for appending.
    package func overwrite(_ bytes: [UInt8], at offset: Int) throws(Failure) {
        var done = 0
        while done < bytes.count {
            let chunk = Array(bytes[done...])
            let written = pwrite(descriptor, chunk, chunk.count, off_t(offset + done))
            if written < 0 {
                if errno == EINTR { continue }
                throw .system(operation: "write", code: errno)
            }
            done += written
        }
    }

    /// Like `sync`, but for times of the file, which nobody needs.
    package func syncData() throws(Failure) {
        guard fdatasync(descriptor) == 0 else { throw .system(operation: "fdatasync", code: errno) }
    }

    package func sync() throws(Failure) {
        guard fsync(descriptor) == 0 else { throw .system(operation: "fsync", code: errno) }
    }

    package func truncate(to size: Int) throws(Failure) {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw .system(operation: "ftruncate", code: errno) }
    }

    package func read(at offset: Int, count: Int) throws(Failure) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        while true {
            let read = pread(descriptor, &buffer, count, off_t(offset))
            if read < 0 {
                if errno == EINTR { continue }
                throw .system(operation: "read", code: errno)
            }
            buffer.removeLast(count - read)
            return buffer
        }
    }
}

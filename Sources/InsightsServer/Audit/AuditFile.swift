import Glibc

/// What the log needs of its file; tests put faults in between.
protocol AuditStorage: Sendable {
    func size() throws(AuditError) -> Int
    /// Writes all of `bytes` at the end, or throws; some of them may then have been written.
    func append(_ bytes: [UInt8]) throws(AuditError)
    func sync() throws(AuditError)
    func truncate(to size: Int) throws(AuditError)
    /// At most `count` bytes, fewer at the end of the file.
    func read(at offset: Int, count: Int) throws(AuditError) -> [UInt8]
}

/// A file by its descriptor, closed when nobody has it any more.
final class AuditFile: AuditStorage {
    private let descriptor: Int32

    private init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
        SpareDescriptors.refill()
    }

    /// Opens for reading and appending, made with mode 0600 when it does not exist.
    static func openOrCreate(_ path: String) throws(AuditError) -> AuditFile {
        try opened(SpareDescriptors.using { open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600) }, path)
    }

    /// Opens for reading; nil when there is no such file.
    static func openExisting(_ path: String) throws(AuditError) -> AuditFile? {
        let descriptor = SpareDescriptors.using { open(path, O_RDONLY | O_CLOEXEC) }
        if descriptor < 0, errno == ENOENT { return nil }
        return try opened(descriptor, path)
    }

    /// Makes a file, or empties the one that is there.
    static func create(_ path: String) throws(AuditError) -> AuditFile {
        let flags = O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC
        return try opened(SpareDescriptors.using { open(path, flags, 0o600) }, path)
    }

    /// Opens a file that is there for writing in place.
    static func openForUpdate(_ path: String) throws(AuditError) -> AuditFile {
        try opened(open(path, O_RDWR | O_CLOEXEC), path)
    }

    /// Whether two paths lead to one folder, by whatever links. False when one cannot be looked at: it cannot be
    /// written to either.
    static func isSameFolder(_ one: String, _ other: String) -> Bool {
        var first = stat()
        var second = stat()
        guard stat(one, &first) == 0, stat(other, &second) == 0 else { return false }
        return first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }

    /// Removes a file, durably.
    static func remove(_ path: String) throws(AuditError) {
        guard unlink(path) == 0 || errno == ENOENT else {
            throw .system(operation: "remove \(fileName(path))", code: errno)
        }
        try syncFolder(of: path)
    }

    private static func opened(_ descriptor: Int32, _ path: String) throws(AuditError) -> AuditFile {
        guard descriptor >= 0 else { throw .system(operation: "open \(fileName(path))", code: errno) }
        return AuditFile(descriptor: descriptor)
    }

    /// Writes a new file beside `path`, makes it durable and puts it in the place of the old one in one step.
    static func replace(_ path: String, with bytes: [UInt8]) throws(AuditError) {
        try replace(path) { (file) throws(AuditError) in try file.append(bytes) }
    }

    /// The same with all that another file has.
    static func replace(_ path: String, from source: AuditFile) throws(AuditError) {
        try replace(path) { (file) throws(AuditError) in
            var offset = 0
            while true {
                let bytes = try source.read(at: offset, count: 1 << 20)
                if bytes.isEmpty { return }
                try file.append(bytes)
                offset += bytes.count
            }
        }
    }

    private static func replace(
        _ path: String, writing body: (AuditFile) throws(AuditError) -> Void
    ) throws(AuditError) {
        let temporary = path + ".new"
        let file = try create(temporary)
        try body(file)
        try file.sync()
        guard rename(temporary, path) == 0 else { throw .system(operation: "rename \(fileName(path))", code: errno) }
        try syncFolder(of: path)
    }

    static func syncFolder(of path: String) throws(AuditError) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
        let descriptor = SpareDescriptors.using { open(folder.isEmpty ? "/" : folder, flags) }
        try opened(descriptor, folder).sync()
    }

    /// The last part of a path: enough for a message, and it tells no more of the machine.
    private static func fileName(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    /// Keeps every other process from opening the log for writing; the kernel lets go when this one ends.
    func lockExclusively() throws(AuditError) {
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { throw .inUse }
    }

    func unlock() {
        flock(descriptor, LOCK_UN)
    }

    /// Whether nobody but the owner may read or write.
    func isPrivate() throws(AuditError) -> Bool {
        try status().st_mode & 0o077 == 0
    }

    func size() throws(AuditError) -> Int {
        Int(try status().st_size)
    }

    private func status() throws(AuditError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(operation: "fstat", code: errno) }
        return status
    }

    func append(_ bytes: [UInt8]) throws(AuditError) {
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
    func overwrite(_ bytes: [UInt8], at offset: Int) throws(AuditError) {
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
    func syncData() throws(AuditError) {
        guard fdatasync(descriptor) == 0 else { throw .system(operation: "fdatasync", code: errno) }
    }

    func sync() throws(AuditError) {
        guard fsync(descriptor) == 0 else { throw .system(operation: "fsync", code: errno) }
    }

    func truncate(to size: Int) throws(AuditError) {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw .system(operation: "ftruncate", code: errno) }
    }

    func read(at offset: Int, count: Int) throws(AuditError) -> [UInt8] {
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

import Foundation

/// Small files that somebody else writes.
enum BoundedFile {
    /// Throws `.tooLarge` above `limit` bytes, before more is read, and `.unreachable` when it cannot be read.
    static func read(_ path: String, limit: Int) throws(KeySetError) -> [UInt8] {
        let data: Data
        do {
            guard let file = FileHandle(forReadingAtPath: path) else { throw CocoaError(.fileReadNoSuchFile) }
            defer { try? file.close() }
            data = try file.read(upToCount: limit + 1) ?? Data()
        } catch {
            throw .unreachable("cannot be read")
        }
        if data.count > limit { throw .tooLarge(limitBytes: limit) }
        return Array(data)
    }
}

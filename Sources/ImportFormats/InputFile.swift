import Foundation
import LicenseModel

/// An input file by name, read from the start as often as needed.
public struct InputFile: Sendable {
    /// The name that messages show.
    public let name: String
    /// The day that a report was asked for: up to it nobody was active when it has no row that could tell the day.
    public var day: Day?
    let open: @Sendable () throws -> any ByteStream

    /// A file on disk.
    ///
    /// - Parameters:
    ///   - name: for messages; nil = the path.
    ///   - owner: what the file goes with, such as a temporary folder: held as long as this can be opened.
    public init(path: String, name: String? = nil, keeping owner: (any AnyObject & Sendable)? = nil) {
        self.name = name ?? path
        open = { try withExtendedLifetime(owner) { try DiskByteStream(path: path) } }
    }

    /// Bytes in memory.
    public init(name: String, bytes: [UInt8]) {
        self.name = name
        open = { MemoryByteStream(bytes: bytes) }
    }
}

/// Bytes read piece by piece.
protocol ByteStream {
    /// The next piece, empty at the end.
    func next() throws -> [UInt8]
}

private final class MemoryByteStream: ByteStream {
    private var bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    func next() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }
}

private final class DiskByteStream: ByteStream {
    private let handle: FileHandle

    init(path: String) throws {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw PositionedProblem(.wholeFile, "the file cannot be opened")
        }
        self.handle = handle
    }

    deinit { try? handle.close() }

    func next() throws -> [UInt8] {
        do {
            return [UInt8](try handle.read(upToCount: 1 << 18) ?? Data())
        } catch {
            throw PositionedProblem(.wholeFile, "the file cannot be read")
        }
    }
}

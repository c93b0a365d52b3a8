import Foundation

/// An input file by name, read from the start as often as needed: once to validate and once to send.
public struct InputFile: Sendable {
    /// The name that messages show.
    public let name: String
    let open: @Sendable () throws -> any ByteStream

    /// A file on disk.
    public init(path: String) {
        name = path
        open = { try DiskByteStream(path: path) }
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

/// Reads a file piece by piece, within a size and without a UTF-8 byte order mark.
struct PieceReader {
    private let stream: any ByteStream
    private let maximumBytes: Int
    private var total = 0
    private var isFirst = true

    init(_ file: InputFile, maximumBytes: Int) throws {
        stream = try file.open()
        self.maximumBytes = maximumBytes
    }

    /// The next piece; nil at the end.
    mutating func next() throws -> ArraySlice<UInt8>? {
        var piece = try stream.next()
        if isFirst {
            // A byte order mark may be cut by a short first read.
            while piece.count < 3 {
                let more = try stream.next()
                if more.isEmpty { break }
                piece += more
            }
        }
        if piece.isEmpty { return nil }
        total += piece.count
        guard total <= maximumBytes else {
            throw PositionedProblem(.wholeFile, "the file is larger than the limit of \(maximumBytes) bytes")
        }
        guard isFirst else { return piece[...] }
        isFirst = false
        if piece.starts(with: [0xFF, 0xFE]) || piece.starts(with: [0xFE, 0xFF]) {
            throw PositionedProblem(.wholeFile, "the file is UTF-16; save it as UTF-8")
        }
        return piece.starts(with: [0xEF, 0xBB, 0xBF]) ? piece.dropFirst(3) : piece[...]
    }
}

import Foundation
import InsightsAPI
import Synchronization

/// Where an export goes: standard output, or a file that gets its name when it is complete. Beside an incomplete file
/// lies a note of how far it is, so that another run can go on.
final class ExportTarget: Sendable {
    /// How far an incomplete file is.
    private struct Note: Codable {
        var resumeToken: String
        /// Bytes of the incomplete file that the token stands for.
        var bytes: UInt64
        /// The request that it belongs to, in protobuf JSON.
        var request: String
    }

    private struct State {
        var handle: FileHandle
        var bytes: UInt64
    }

    let resumeToken: String
    private let path: String?
    private let request: String
    private let state: Mutex<State>

    init(path: String?, request: PBExportInsightsRequest, isResumed: Bool) throws {
        self.path = path
        self.request = try request.jsonString()
        guard let path else {
            resumeToken = ""
            state = Mutex(State(handle: .standardOutput, bytes: 0))
            return
        }
        let partial = Self.partial(path)
        if isResumed {
            let note = try Self.note(path, request: self.request)
            guard let handle = FileHandle(forWritingAtPath: partial) else {
                throw CommandFailure("“\(partial)” cannot be written")
            }
            guard try handle.seekToEnd() >= note.bytes else { throw CommandFailure("“\(partial)” has been cut") }
            try handle.truncate(atOffset: note.bytes)
            try handle.seek(toOffset: note.bytes)
            resumeToken = note.resumeToken
            state = Mutex(State(handle: handle, bytes: note.bytes))
            return
        }
        guard FileManager.default.createFile(atPath: partial, contents: nil),
            let handle = FileHandle(forWritingAtPath: partial)
        else { throw CommandFailure("“\(partial)” cannot be written") }
        resumeToken = ""
        state = Mutex(State(handle: handle, bytes: 0))
    }

    func append(_ message: PBExportInsightsResponse, isRows: Bool) throws {
        let data =
            isRows ? Data(try message.rows.map { try JSONText.line($0) }.joined().utf8) : message.csvChunk
        let bytes = try state.withLock { state in
            do {
                try state.handle.write(contentsOf: data)
            } catch {
                throw CommandFailure("the export cannot be written: the disk is full or the reader is gone")
            }
            state.bytes += UInt64(data.count)
            return state.bytes
        }
        guard let path, !message.resumeToken.isEmpty else { return }
        let note = Note(resumeToken: message.resumeToken, bytes: bytes, request: request)
        try JSONEncoder().encode(note).write(to: URL(fileURLWithPath: Self.notePath(path)), options: .atomic)
    }

    func complete() throws {
        guard let path else { return }
        try state.withLock { state in
            try state.handle.synchronize()
            try state.handle.close()
        }
        guard rename(Self.partial(path), path) == 0 else { throw CommandFailure("“\(path)” cannot be written") }
        try? FileManager.default.removeItem(atPath: Self.notePath(path))
    }

    var byteText: String { "\(NumberText.count(Int64(state.withLock { $0.bytes }))) bytes" }

    private static func partial(_ path: String) -> String { path + ".part" }
    private static func notePath(_ path: String) -> String { path + ".resume" }

    private static func note(_ path: String, request: String) throws -> Note {
        guard let handle = FileHandle(forReadingAtPath: notePath(path)),
            let data = try? handle.read(upToCount: 1 << 20),
            let note = try? JSONDecoder().decode(Note.self, from: data)
        else { throw CommandFailure("there is no interrupted export to “\(path)”") }
        guard note.request == request else {
            throw CommandFailure("the interrupted export to “\(path)” was asked for with other options")
        }
        return note
    }
}

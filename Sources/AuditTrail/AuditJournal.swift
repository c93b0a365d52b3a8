import Cryptography
import DurableFiles
import Synchronization

/// A change that was noted durably and is not on record yet.
package struct AuditChange: Sendable, Hashable {
    /// 16 hex digits, also written in the record.
    let id: String
    package var event: AuditEvent

    static func newID() -> String { Hex.text(of: SecureRandom.bytes(8)) }

    /// The line of the change, with its newline, as it is noted: a record whose outcome is not known.
    ///
    /// - Parameter sequence: of the last record before.
    func note(after sequence: UInt64, key: AuditKey) -> [UInt8] {
        var record = event.record(key: key, change: id)
        record.sequence = sequence
        record.code = AuditJournal.unknownOutcome
        let body = AuditLine.body(of: record, before: -1)
        return AuditLine.line(body: body, mac: key.journal(body))
    }
}

/// The changes under way. Each is noted here, durably, before it is made, as the record it gets should the server not
/// live to see its outcome: code UNKNOWN, and the number of the last record before it. Its one record in the chain
/// tells the outcome. What is still here at a start is put on record then, so that nothing changes unrecorded.
final class AuditJournal: Sendable {
    /// Bytes after which the file is written anew with nothing but what is still under way.
    private static let compactBytes = 1 << 20

    private struct State {
        var storage: any AuditStorage
        var size = 0
        /// Lines of the changes under way.
        var open: [String: [UInt8]] = [:]
        var isBroken = false
        /// Why the last change could not be noted; nil when it could.
        var failure: AuditError?
    }

    private let path: String
    private let key: AuditKey
    private let wrap: @Sendable (any AuditStorage) -> any AuditStorage
    private let state: Mutex<State>

    init(
        _ path: String, key: AuditKey, wrap: @escaping @Sendable (any AuditStorage) -> any AuditStorage
    ) throws(AuditError) {
        self.path = path
        self.key = key
        self.wrap = wrap
        let storage = wrap(try AuditFile.openOrCreate(path))
        state = Mutex(State(storage: storage, size: try storage.size()))
        try AuditFile.syncFolder(of: path)
    }

    /// Forgets what the last server left behind, once that is on record. To be called before any change is begun.
    func empty() throws(AuditError) {
        try state.withLock { (state) throws(AuditError) in
            if state.size > 0 { try state.storage.truncate(to: 0) }
            state.size = 0
        }
    }

    /// Number of changes under way, and why the last could not be noted; nil when it could.
    var status: (count: Int, failure: AuditError?) { state.withLock { ($0.open.count, $0.failure) } }

    /// Notes changes, all or none; durable on return. Throws when they cannot be noted, and then none may be made.
    func begin(_ events: [AuditEvent], after sequence: UInt64) throws(AuditError) -> [AuditChange] {
        var lines: [String: [UInt8]] = [:]
        var bytes: [UInt8] = []
        let changes = events.map { event in
            let change = AuditChange(id: AuditChange.newID(), event: event)
            let line = change.note(after: sequence, key: key)
            lines[change.id] = line
            bytes += line
            return change
        }
        guard !bytes.isEmpty else { return [] }
        try state.withLock { (state) throws(AuditError) in
            do throws(AuditError) {
                if state.isBroken { throw .broken }
                try self.compact(&state)
                try Self.append(bytes, to: &state)
            } catch {
                state.failure = state.isBroken ? .broken : error
                throw error
            }
            state.failure = nil
            state.open.merge(lines) { $1 }
        }
        return changes
    }

    /// Forgets changes whose records are durable.
    func end(_ ids: [String]) {
        guard !ids.isEmpty else { return }
        state.withLock { state in
            for id in ids { state.open[id] = nil }
            guard state.open.isEmpty, state.size > 0, !state.isBroken else { return }
            // What a failure leaves behind is known to be on record at the next start.
            if (try? state.storage.truncate(to: 0)) != nil { state.size = 0 }
        }
    }

    /// After a change that could not be noted: whether one can be now, for those who wait to be told.
    func tryAgain() {
        state.withLock { state in
            guard state.failure != nil, !state.isBroken else { return }
            // Blanks without an end are no line, should a crash leave them behind.
            let isWritten = (try? state.storage.append([UInt8](repeating: UInt8(ascii: " "), count: 4_096))) != nil
            do throws(AuditError) {
                try state.storage.truncate(to: state.size)
                if isWritten { state.failure = nil }
            } catch {
                state.isBroken = true
            }
        }
    }

    private static func append(_ lines: [UInt8], to state: inout State) throws(AuditError) {
        do throws(AuditError) {
            try state.storage.append(lines)
        } catch {
            do throws(AuditError) { try state.storage.truncate(to: state.size) } catch { state.isBroken = true }
            throw error
        }
        state.size += lines.count
        do throws(AuditError) {
            try state.storage.sync()
        } catch {
            state.isBroken = true
            throw error
        }
    }

    private func compact(_ state: inout State) throws(AuditError) {
        guard state.size > Self.compactBytes, state.open.values.reduce(0, { $0 + $1.count }) < state.size / 2 else {
            return
        }
        let lines = Array(state.open.values.joined())
        try AuditFile.replace(path, with: lines)
        do throws(AuditError) {
            state.storage = wrap(try AuditFile.openOrCreate(path))
        } catch {
            // What is open still is a file that no longer has a name.
            state.isBroken = true
            throw error
        }
        state.size = lines.count
    }

    /// gRPC's UNKNOWN.
    static let unknownOutcome: Int32 = 2

    /// What a server left behind: the record of each change noted, whose sequence is that of the last record before.
    static func leftBehind(_ path: String, key: AuditKey) throws(AuditError) -> [AuditRecord] {
        guard let file = try AuditFile.openExisting(path) else { return [] }
        var records: [AuditRecord] = []
        var lines = AuditLineWalker(file)
        while let (offset, bytes) = try lines.next() {
            guard let line = AuditLine(bytes), let (body, mac) = AuditLine.split(bytes),
                areEqualInConstantTime(key.journal(body), mac)
            else { throw .altered(AuditProblem(.journalAltered, file: "audit.pending", offset: offset)) }
            records.append(line.record)
        }
        // An unfinished last line was never acknowledged, so its change was not made.
        return records
    }
}

import AuditTrail
import Datastore
import DurableFiles
import LicenseModel
import Synchronization

/// `store.head` in the data folder: how far the store was when a change was last acknowledged, sealed with the audit
/// key. Written after every durable change and before its acknowledgement, so that nothing was acknowledged beyond it.
///
/// Two slots in a file whose size never changes are written in turn, in place: a crash in the middle of one leaves the
/// other, and a full disk keeps nobody from writing.
final class StoreHead: Sendable {
    private static let slots = 2
    /// Slots lie in different blocks of the disk.
    private static let slotBytes = 4_096
    /// Written at once; what lies behind is not used.
    private static let lineBytes = 512

    private typealias File = DurableFile<AuditError>

    private let file: File
    private let key: AuditKey
    /// Writes so far.
    private let writes = Mutex(0)

    private init(file: File, key: AuditKey) {
        self.file = file
        self.key = key
    }

    private static func path(_ folder: String) -> String { folder + "/store.head" }

    /// Begins with a file in which all slots say the same.
    static func begin(at mark: StoreMark, folder: String, key: AuditKey) throws(AuditError) -> StoreHead {
        let path = path(folder)
        var bytes: [UInt8] = []
        for _ in 0..<slots {
            bytes += line(mark, key)
            bytes += [UInt8](repeating: 0, count: slotBytes - lineBytes)
        }
        try File.replace(path, with: bytes)
        return StoreHead(file: try File.openForUpdate(path), key: key)
    }

    /// Durable on return. Each mark has to have more changes than the one before.
    func write(_ mark: StoreMark) throws(AuditError) {
        try writes.withLock { (writes) throws(AuditError) in
            try file.overwrite(Self.line(mark, key), at: writes % Self.slots * Self.slotBytes)
            try file.syncData()
            writes &+= 1
        }
    }

    enum Reading: Sendable, Hashable {
        case absent
        /// No slot is as it was written.
        case damaged
        case known(StoreMark)
    }

    /// The later of the slots that are as they were written. Also while a server writes them.
    static func read(folder: String, key: AuditKey?) throws(AuditError) -> Reading {
        guard let file = try File.openExisting(path(folder)) else { return .absent }
        guard let key else { return .damaged }
        // Both slots may be in the middle of being written when two changes follow each other at once.
        for _ in 0..<3 {
            let bytes = try file.read(at: 0, count: slots * slotBytes)
            let marks = stride(from: 0, to: bytes.count, by: slotBytes).compactMap { start in
                mark(of: bytes[start..<min(start + lineBytes, bytes.count)], key)
            }
            if let last = marks.max(by: { $0.changes < $1.changes }) { return .known(last) }
        }
        return .damaged
    }

    private static func line(_ mark: StoreMark, _ key: AuditKey) -> [UInt8] {
        let line = key.headLine(body(mark))
        return line + [UInt8](repeating: 0, count: max(0, lineBytes - line.count))
    }

    private static func body(_ mark: StoreMark) -> [UInt8] {
        Array("{\"store\":\"\(mark.store)\",\"changes\":\(mark.changes),\"revision\":\(mark.revision.number)".utf8)
    }

    /// Nil when the bytes are not as they were written.
    private static func mark(of bytes: ArraySlice<UInt8>, _ key: AuditKey) -> StoreMark? {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")), let body = key.headBody(of: bytes[..<end]) else {
            return nil
        }
        var reader = AuditLineReader(bytes: body)
        guard reader.skip("{\"store\":\""), let store = reader.string(), store.utf8.count == 32,
            let high = UInt64(store.prefix(16), radix: 16), let low = UInt64(store.suffix(16), radix: 16),
            reader.skip(",\"changes\":"), let changes: Int64 = reader.number(), reader.skip(",\"revision\":"),
            let revision: Int64 = reader.number(), reader.isAtEnd
        else { return nil }
        return StoreMark(
            store: StoreID(high: high, low: low), changes: changes, revision: Revision(number: revision))
    }
}

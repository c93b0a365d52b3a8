import Cryptography
import DurableFiles

/// The last records of the chain in a data folder.
package enum AuditTail {
    /// As much of a segment's end is read: about 3,000 records.
    private static let bytes = 1 << 20

    /// The highest revision that the last records tell of, since a store was last accepted that lacks some; 0 when
    /// there is none. Records whose code does not fit are passed over: to find those is the verification's task.
    package static func revision(folder: String, key: AuditKey?) throws(AuditError) -> UInt64 {
        guard let key else { return 0 }
        let paths = AuditPaths(folder: folder)
        for number in try paths.segments().reversed() {
            guard let file = try AuditFile.openExisting(paths.segment(number)) else { continue }
            if let revision = try revision(file, key: key) { return revision }
        }
        return 0
    }

    /// Nil when there is no record.
    private static func revision(_ file: AuditFile, key: AuditKey) throws(AuditError) -> UInt64? {
        let size = try file.size()
        let start = max(0, size - bytes)
        var revision: UInt64?
        // The code of the line before; the first record of a chain follows none.
        var before: [UInt8]? = start == 0 ? AuditKey.genesis : nil
        for bytes in try file.read(at: start, count: bytes).split(separator: UInt8(ascii: "\n")) {
            guard let (body, mac) = AuditLine.split(bytes) else { continue }
            if let line = AuditLine(bytes), let before,
                areEqualInConstantTime(key.chain(previous: before, body: body), mac)
            {
                let isAccepted = line.record.kind == AuditKind.olderStore.rawValue
                revision = isAccepted ? line.record.revision : max(revision ?? 0, line.record.revision)
            }
            before = mac
        }
        return revision
    }
}

/// What is wrong at one place of a log.
package enum AuditFault: Sendable, Hashable, CustomStringConvertible {
    /// The record at this place of the chain is not what was written there.
    case altered(sequence: UInt64)
    /// Another record stands where this one is due: records were taken out, put in or moved.
    case outOfOrder(expected: UInt64, found: UInt64)
    /// The log ends before a record that was durable.
    case truncated(firstMissing: UInt64, lastWritten: UInt64)
    /// A segment ends within a record, and another segment follows.
    case unfinished(sequence: UInt64)
    /// A segment is gone that was not moved away by `archive-audit`. `last` is nil when nothing tells how far it went.
    case segmentMissing(first: UInt64, last: UInt64?)
    /// Another segment stands where the one with this record is due.
    case segmentOutOfOrder(expected: UInt64, found: UInt64)
    /// The lines that tie a segment to the one before are not what was written.
    case headAltered
    /// The file that tells how far the log reaches is gone or was changed.
    case anchorMissing
    case anchorAltered
    /// The file that tells which segments were moved away was changed, or contradicts the segments.
    case archivedAltered
    /// The file with the changes that have no record yet was changed.
    case journalAltered
    /// Another chain tells of a record that is not there, or is another one.
    case linkBroken(sequence: UInt64, by: String)
    /// A record's row says something else than its line.
    case rowAltered(sequence: UInt64)

    package var description: String {
        switch self {
        case .altered(let sequence): "record \(sequence) is not what was written"
        case .outOfOrder(let expected, let found): "record \(expected) is missing: record \(found) is in its place"
        case .truncated(let first, let last): "the log was cut: \(Self.records(first, last)) missing"
        case .unfinished(let sequence): "record \(sequence) is unfinished and the next segment follows"
        case .segmentMissing(let first, let last):
            "the file is missing: \(last.map { Self.records(first, $0) } ?? "record \(first) and later ones are") gone"
        case .segmentOutOfOrder(let expected, let found):
            "record \(expected) is missing: the segment that starts with record \(found) is in its place"
        case .headAltered: "the head of the segment is not what was written"
        case .linkBroken(let sequence, let chain):
            "record \(sequence), of which \(chain) tells, is not what was written, or gone"
        case .rowAltered(let sequence): "the row of record \(sequence) is not what was written"
        case .anchorMissing: "the file is missing"
        case .anchorAltered, .archivedAltered, .journalAltered: "the file is not what was written"
        }
    }

    private static func records(_ first: UInt64, _ last: UInt64) -> String {
        first == last ? "record \(first) is" : "records \(first) to \(last) are"
    }
}

/// The first thing that is wrong with a log, and where.
package struct AuditProblem: Sendable, Hashable, CustomStringConvertible {
    package var fault: AuditFault
    /// The name of the file in the data folder, or the chain.
    package var file: String
    /// Where in the file the bad line starts, or is missing; below 0 where there is no file.
    package var offset: Int

    package init(_ fault: AuditFault, file: String, offset: Int = 0) {
        self.fault = fault
        self.file = file
        self.offset = offset
    }

    /// Of a chain in a store.
    init(_ fault: AuditFault, chain: Int32) {
        self.init(fault, file: SharedAudit.name(chain), offset: -1)
    }

    package var description: String { offset < 0 ? "\(file): \(fault)" : "\(file), byte \(offset): \(fault)" }
}

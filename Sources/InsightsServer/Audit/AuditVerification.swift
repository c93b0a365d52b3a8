/// The first thing that is wrong with a log.
public enum AuditProblem: Sendable, Hashable, CustomStringConvertible {
    /// The record at this place of the chain is not what was written there.
    case altered(sequence: UInt64)
    /// Another record stands where this one is due: records were taken out, put in or moved.
    case outOfOrder(expected: UInt64, found: UInt64)
    /// The log ends before a record that was durable.
    case truncated(firstMissing: UInt64, lastWritten: UInt64)
    /// The file that tells how far the log reaches is gone or was changed.
    case anchorMissing
    case anchorAltered

    public var description: String {
        switch self {
        case .altered(let sequence): "record \(sequence) is not what was written"
        case .outOfOrder(let expected, let found): "record \(expected) is missing: record \(found) is in its place"
        case .truncated(let first, let last): "the log was cut: records \(first) to \(last) are missing"
        case .anchorMissing: "audit.anchor is missing"
        case .anchorAltered: "audit.anchor is not what was written"
        }
    }
}

/// What a verification found.
public struct AuditReport: Sendable, Hashable {
    /// Records that are as they were written, before the first problem.
    public var intactRecords: UInt64
    /// Nil when there is none.
    public var problem: AuditProblem?
    /// Whether the file ends within a record, as after a crash or while a server is writing. No problem by itself.
    public var endsWithinRecord: Bool
}

/// Walks a log from its first byte.
struct AuditWalker {
    private static let chunkBytes = 1 << 20

    private let storage: any AuditStorage
    private var buffer: [UInt8] = []
    /// Where in `buffer` the next line starts, and where that is in the file.
    private var place = 0
    private(set) var offset = 0
    private var isAtEnd = false

    init(_ storage: any AuditStorage) {
        self.storage = storage
    }

    /// The next whole line without its newline, and where it starts; nil at the end or before an unfinished line.
    mutating func next() throws(AuditError) -> (offset: Int, line: ArraySlice<UInt8>)? {
        var searched = place
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = buffer[place..<end]
                defer {
                    offset += line.count + 1
                    place = end + 1
                }
                return (offset, line)
            }
            // No line is that long, so what comes is not a line: give it out as one to be refused.
            if buffer.count - place > AuditLine.maximumBytes { return (offset, buffer[place...]) }
            guard !isAtEnd else { return nil }
            searched = buffer.count - place
            buffer.removeFirst(place)
            place = 0
            let more = try storage.read(at: offset + buffer.count, count: Self.chunkBytes)
            isAtEnd = more.isEmpty
            buffer += more
        }
    }

    /// Whether bytes follow the last whole line. Meaningful once `next` has answered nil.
    var endsWithinLine: Bool { place < buffer.count }
}

/// The state of the chain between two records.
struct AuditChainState: Sendable, Hashable {
    var sequence: UInt64 = 0
    var mac: [UInt8] = AuditKey.genesis

    /// Moves on over one line, or tells what is wrong with it.
    mutating func advance(over bytes: ArraySlice<UInt8>, key: AuditKey) -> AuditProblem? {
        let due = sequence &+ 1
        guard let line = AuditLine(bytes), let (body, _) = AuditLine.split(bytes) else {
            return .altered(sequence: due)
        }
        guard AuditKey.equal(key.chain(previous: mac, body: body), line.mac) else {
            let found = line.record.sequence
            return found == due ? .altered(sequence: due) : .outOfOrder(expected: due, found: found)
        }
        guard line.record.sequence == due else { return .altered(sequence: due) }
        sequence = due
        mac = line.mac
        return nil
    }
}

extension AuditLog {
    /// Checks the log of a data folder from its first record to its last, also while a server writes it.
    ///
    /// A cut is noticed as far as `audit.anchor` reaches, which follows the log by at most a second; whoever can put
    /// an older anchor back can hide a cut, so keep copies of it elsewhere.
    public static func verify(folder: String) throws(AuditError) -> AuditReport {
        let paths = AuditPaths(folder: folder)
        // The anchor first: what a running server adds in the meantime lies beyond it.
        let anchorFile = try AuditFile.openExisting(paths.anchor)
        let anchorText = try anchorFile.map { (file) throws(AuditError) in try file.read(at: 0, count: 4_096) }
        let log = try AuditFile.openExisting(paths.log)
        if log == nil, anchorText == nil {
            return AuditReport(intactRecords: 0, problem: nil, endsWithinRecord: false)
        }
        guard let key = try AuditKey.read(paths.key) else { throw .badKey(reason: "is missing") }
        var (report, state) = try walk(log, key: key)
        if report.problem != nil { return report }
        if let anchorText {
            report.problem =
                if let anchor = AuditAnchor(text: anchorText, key: key) {
                    try disagreement(anchor, log, state: state)
                } else {
                    .anchorAltered
                }
        } else if let log, try log.size() > 0 {
            report.problem = .anchorMissing
        }
        return report
    }

    private static func walk(
        _ log: AuditFile?, key: AuditKey
    ) throws(AuditError) -> (report: AuditReport, state: AuditChainState) {
        var state = AuditChainState()
        guard let log else {
            return (AuditReport(intactRecords: 0, problem: nil, endsWithinRecord: false), state)
        }
        var walker = AuditWalker(log)
        while let (_, line) = try walker.next() {
            if let problem = state.advance(over: line, key: key) {
                return (
                    AuditReport(intactRecords: state.sequence, problem: problem, endsWithinRecord: false), state
                )
            }
        }
        return (
            AuditReport(intactRecords: state.sequence, problem: nil, endsWithinRecord: walker.endsWithinLine), state
        )
    }

    /// Whether an intact chain contradicts its anchor.
    private static func disagreement(
        _ anchor: AuditAnchor, _ log: AuditFile?, state: AuditChainState
    ) throws(AuditError) -> AuditProblem? {
        guard anchor.sequence > 0 else { return nil }
        guard let log, state.sequence >= anchor.sequence else {
            return .truncated(firstMissing: state.sequence + 1, lastWritten: anchor.sequence)
        }
        let reach = min(anchor.size, AuditLine.maximumBytes)
        let tail = try log.read(at: anchor.size - reach, count: reach)
        let line = tail.dropLast()
        let start = line.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? line.startIndex
        guard let last = AuditLine(line[start...]), last.record.sequence == anchor.sequence, last.mac == anchor.mac
        else { return .altered(sequence: anchor.sequence) }
        return nil
    }
}

import Cryptography
import LogLines

/// Where one partner's records are: its newest one, and how many there are.
struct PartnerTrail: Sendable, Hashable {
    /// Place of the newest record in the log, in bytes from the first segment's start; -1 when there is none.
    var last: Int64 = -1
    var count: UInt64 = 0
}

/// The state of the chain between two lines.
struct AuditChainState: Sendable, Hashable {
    /// The last record.
    var sequence: UInt64 = 0
    /// The last line's code.
    var mac: [UInt8] = AuditKey.genesis
}

/// The log is cut into segments, so that it can grow without end and its oldest part can be moved away. Every segment
/// but the first begins with a head that ties it to the one before: the code of that one's last line, and the trails
/// of all partners, so that a start reads the last segment alone. The lines of a head are links of the chain like
/// records, but no records.
struct AuditSegmentHead: Sendable, Hashable {
    /// From 2.
    var number: Int
    /// The chain before this head.
    var previous: AuditChainState
    /// Bytes of all segments before.
    var base: Int
    /// How many lines with trails follow.
    var trailCount: Int

    private var body: [UInt8] {
        Array(
            """
            {"segment":\(number),"after":\(previous.sequence),"base":\(base),"trails":\(trailCount),\
            "previous":"\(Hex.text(of: previous.mac))"
            """.utf8)
    }

    /// The lines of a head, and the code of the last one.
    static func lines(
        number: Int, previous: AuditChainState, base: Int, trails: [String: PartnerTrail], key: AuditKey
    ) -> (bytes: [UInt8], mac: [UInt8]) {
        let head = AuditSegmentHead(number: number, previous: previous, base: base, trailCount: trails.count)
        var mac = key.chain(previous: previous.mac, body: head.body)
        var bytes = AuditLine.line(body: head.body, mac: mac)
        for (partner, trail) in trails.sorted(by: { $0.key < $1.key }) {
            var body = Array("{\"trail\":\"".utf8)
            SafeText.append(partner, to: &body)
            body += Array("\",\"last\":\(trail.last),\"count\":\(trail.count)".utf8)
            mac = key.chain(previous: mac, body: body)
            bytes += AuditLine.line(body: body, mac: mac)
        }
        return (bytes, mac)
    }

    init(number: Int, previous: AuditChainState, base: Int, trailCount: Int) {
        self.number = number
        self.previous = previous
        self.base = base
        self.trailCount = trailCount
    }

    /// Reads the first line of a segment; nil when it is no head that this log wrote.
    init?(_ line: ArraySlice<UInt8>, key: AuditKey) {
        guard let (body, mac) = AuditLine.split(line) else { return nil }
        var reader = AuditLineReader(bytes: body)
        guard reader.skip("{\"segment\":"), let number: Int = reader.number(), reader.skip(",\"after\":"),
            let sequence: UInt64 = reader.number(), reader.skip(",\"base\":"), let base: Int = reader.number(),
            reader.skip(",\"trails\":"), let trailCount: Int = reader.number(), reader.skip(",\"previous\":\""),
            let hex = reader.string(), reader.isAtEnd, let previous = Hex.bytes(of: Array(hex.utf8)), number > 1,
            base >= 0, trailCount >= 0, areEqualInConstantTime(key.chain(previous: previous, body: body), mac)
        else { return nil }
        self.init(
            number: number, previous: AuditChainState(sequence: sequence, mac: previous), base: base,
            trailCount: trailCount)
    }
}

/// A segment that is there, and where it begins in the log.
struct AuditSegmentPlace: Sendable, Hashable {
    var number: Int
    /// Bytes of all segments before.
    var base: Int
}

/// Walks the lines of one segment and checks each against the code of the one before.
struct AuditSegmentWalker {
    private let key: AuditKey
    private let number: Int
    private var lines: AuditLineWalker

    /// After the last good line.
    private(set) var state: AuditChainState
    /// Bytes of the good lines.
    private(set) var size = 0
    private(set) var base: Int
    private(set) var trails: [String: PartnerTrail] = [:]
    /// Whether all of the head was read.
    private(set) var hasHead: Bool
    /// What is wrong with the line that starts at `size`.
    private(set) var fault: AuditFault?

    /// - Parameters:
    ///   - state: after the segment before; nil to believe the head, when that segment is not at hand.
    ///   - base: bytes of the segments before; nil likewise.
    init(
        _ storage: any AuditStorage, number: Int, after state: AuditChainState?, base: Int?, key: AuditKey
    ) throws(AuditError) {
        self.key = key
        self.number = number
        self.state = state ?? AuditChainState()
        self.base = base ?? 0
        lines = AuditLineWalker(storage)
        hasHead = number == 1
        if !hasHead { try readHead(after: state, base: base) }
    }

    /// The next good record and where it starts in this file; nil at the end, before an unfinished line and at a
    /// fault.
    mutating func next() throws(AuditError) -> (offset: Int, line: AuditLine)? {
        guard hasHead, fault == nil, let (offset, bytes) = try lines.next() else { return nil }
        let due = state.sequence &+ 1
        guard let line = AuditLine(bytes), let (body, _) = AuditLine.split(bytes) else {
            fault = .altered(sequence: due)
            return nil
        }
        let found = line.record.sequence
        guard areEqualInConstantTime(key.chain(previous: state.mac, body: body), line.mac) else {
            fault = found == due ? .altered(sequence: due) : .outOfOrder(expected: due, found: found)
            return nil
        }
        guard found == due else {
            fault = .altered(sequence: due)
            return nil
        }
        state = AuditChainState(sequence: due, mac: line.mac)
        size = offset + bytes.count + 1
        if !line.record.partner.isEmpty {
            let count = trails[line.record.partner]?.count ?? 0
            trails[line.record.partner] = PartnerTrail(last: Int64(base + offset), count: count &+ 1)
        }
        return (offset, line)
    }

    private mutating func readHead(after known: AuditChainState?, base: Int?) throws(AuditError) {
        guard let (_, bytes) = try lines.next() else { return }
        guard let head = AuditSegmentHead(bytes, key: key), let (_, mac) = AuditLine.split(bytes) else {
            fault = .headAltered
            return
        }
        guard head.number == number, known == nil || head.previous == known, base == nil || head.base == base else {
            fault = .segmentOutOfOrder(expected: state.sequence &+ 1, found: head.previous.sequence &+ 1)
            return
        }
        state = AuditChainState(sequence: head.previous.sequence, mac: mac)
        self.base = head.base
        size = bytes.count + 1
        for _ in 0..<head.trailCount {
            guard let (_, bytes) = try lines.next() else { return }
            guard let (body, mac) = AuditLine.split(bytes),
                areEqualInConstantTime(key.chain(previous: state.mac, body: body), mac),
                let (partner, trail) = Self.trail(body)
            else {
                fault = .headAltered
                return
            }
            trails[partner] = trail
            state.mac = mac
            size += bytes.count + 1
        }
        hasHead = true
    }

    private static func trail(_ body: ArraySlice<UInt8>) -> (String, PartnerTrail)? {
        var reader = AuditLineReader(bytes: body)
        guard reader.skip("{\"trail\":\""), let partner = reader.string(), reader.skip(",\"last\":"),
            let last: Int64 = reader.number(), reader.skip(",\"count\":"), let count: UInt64 = reader.number(),
            reader.isAtEnd
        else { return nil }
        return (partner, PartnerTrail(last: last, count: count))
    }
}

/// Walks the lines of a file from its first byte.
struct AuditLineWalker {
    private static let chunkBytes = 1 << 20

    private let storage: any AuditStorage
    private var buffer: [UInt8] = []
    /// Where in `buffer` the next line starts, and where that is in the file.
    private var place = 0
    private var offset = 0
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
}

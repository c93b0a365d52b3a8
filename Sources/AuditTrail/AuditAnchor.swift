import Cryptography
import DurableFiles

/// How far the log is known to reach, kept in a file of its own: a log that ends earlier was cut.
struct AuditAnchor: Sendable, Hashable {
    /// The chain at that place. Nothing is written yet when its sequence is 0.
    var state = AuditChainState()
    var segment = 1
    /// Bytes of the segment up to and with the last line.
    var size = 0

    /// The anchor's file: one line of JSON, sealed with the key.
    func text(_ key: AuditKey) -> [UInt8] {
        AuditLine.line(body: body, mac: key.seal(body))
    }

    private var body: [UInt8] {
        let head = Hex.text(of: state.mac)
        return Array(
            "{\"sequence\":\(state.sequence),\"segment\":\(segment),\"size\":\(size),\"head\":\"\(head)\"".utf8)
    }

    init(state: AuditChainState = AuditChainState(), segment: Int = 1, size: Int = 0) {
        self.state = state
        self.segment = segment
        self.size = size
    }

    /// Nil when the text is no anchor or its seal does not fit.
    init?(text: [UInt8], key: AuditKey) {
        guard let body = key.sealedBody(of: text) else { return nil }
        var reader = AuditLineReader(bytes: body)
        guard reader.skip("{\"sequence\":"), let sequence: UInt64 = reader.number(), reader.skip(",\"segment\":"),
            let segment: Int = reader.number(), reader.skip(",\"size\":"), let size: Int = reader.number(),
            reader.skip(",\"head\":\""), let head = reader.string(), reader.isAtEnd,
            let mac = Hex.bytes(of: Array(head.utf8)), segment > 0, size >= 0
        else { return nil }
        self.init(state: AuditChainState(sequence: sequence, mac: mac), segment: segment, size: size)
        guard self.body.elementsEqual(body) else { return nil }
    }
}

/// A statement that the oldest segments were moved away on purpose: without it, a log that lacks them was cut.
struct AuditArchived: Sendable, Hashable {
    /// The last segment that was moved away; every one before was too.
    var segment: Int
    /// The chain at its end.
    var state: AuditChainState

    func text(_ key: AuditKey) -> [UInt8] {
        AuditLine.line(body: body, mac: key.seal(body))
    }

    private var body: [UInt8] {
        Array(
            "{\"archived\":\(segment),\"sequence\":\(state.sequence),\"head\":\"\(Hex.text(of: state.mac))\"".utf8)
    }

    init(segment: Int, state: AuditChainState) {
        self.segment = segment
        self.state = state
    }

    /// Nil when the text is no such statement or its seal does not fit.
    init?(text: [UInt8], key: AuditKey) {
        guard let body = key.sealedBody(of: text) else { return nil }
        var reader = AuditLineReader(bytes: body)
        guard reader.skip("{\"archived\":"), let segment: Int = reader.number(), reader.skip(",\"sequence\":"),
            let sequence: UInt64 = reader.number(), reader.skip(",\"head\":\""), let head = reader.string(),
            reader.isAtEnd, let mac = Hex.bytes(of: Array(head.utf8)), segment > 0
        else { return nil }
        self.init(segment: segment, state: AuditChainState(sequence: sequence, mac: mac))
        guard self.body.elementsEqual(body) else { return nil }
    }

    /// The statement of a folder; nil when nothing was moved away.
    static func read(_ paths: AuditPaths, key: AuditKey) throws(AuditError) -> AuditArchived? {
        guard let file = try AuditFile.openExisting(paths.archived) else { return nil }
        guard let archived = AuditArchived(text: try file.read(at: 0, count: 4_096), key: key) else {
            throw .altered(AuditProblem(.archivedAltered, file: "audit.archived"))
        }
        return archived
    }
}

extension AuditKey {
    /// What a sealed file says, without its seal; nil when the seal does not fit.
    fileprivate func sealedBody(of text: [UInt8]) -> ArraySlice<UInt8>? {
        guard text.last == UInt8(ascii: "\n"), let (body, mac) = AuditLine.split(text.dropLast()),
            areEqualInConstantTime(seal(Array(body)), mac)
        else { return nil }
        return body
    }
}

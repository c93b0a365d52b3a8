import Tenancy

/// Where to go on reading: nothing but this log makes sense of it.
package struct AuditCursor: Sendable, Hashable {
    /// Of files the place of the next record to show, in bytes from the start of the first segment; of chains in a
    /// store time, chain and sequence of the last one shown.
    private let numbers: [Int64]

    init(_ numbers: Int64...) {
        self.numbers = numbers
    }

    /// As many as the caller's kind of cursor has; nil for one of another kind.
    func numbers(_ count: Int) -> [Int64]? { numbers.count == count ? numbers : nil }

    /// To be kept by whoever reads, as texts.
    package var parts: [String] { numbers.map { String($0) } }

    /// Nil when the texts are none that a cursor has.
    package init?(parts: [String]) {
        let numbers = parts.compactMap { Int64($0) }
        guard numbers.count == parts.count, !parts.isEmpty else { return nil }
        self.numbers = numbers
    }
}

/// One page of a partner's trail, newest first.
package struct AuditPage: Sendable, Hashable {
    package var records: [AuditRecord]
    /// Nil when there are no older records.
    package var next: AuditCursor?
    /// Records of the partner in all, those in segments that were moved away included.
    package var total: UInt64
}

extension FileAuditChain {
    /// Costs one read of at most 32 KiB a record, however long the log. The trail ends where segments were moved away.
    func page(
        in scope: PartnerScope, from cursor: AuditCursor?, limit: Int
    ) throws(AuditError) -> AuditPage {
        let trail = trail(of: scope.partner)
        var page = AuditPage(records: [], next: nil, total: trail.count)
        var window = AuditWindow(self)
        var place = trail.last
        if let cursor {
            guard let offset = cursor.numbers(1)?[0], offset >= 0, offset <= trail.last else { throw .badCursor }
            place = offset
        }
        while place >= 0, page.records.count < limit {
            guard let bytes = try window.line(at: place) else { return page }
            guard let line = AuditLine(bytes), line.record.partner == scope.partner.text, line.before < place else {
                throw .badCursor
            }
            page.records.append(line.record)
            place = line.before
        }
        if place >= 0 { page.next = AuditCursor(place) }
        return page
    }
}

/// A piece of one segment, so that neighbors are read with one call.
private struct AuditWindow {
    private static let bytes = 32_768

    private let chain: FileAuditChain
    private var segment: (storage: any AuditStorage, base: Int)?
    /// Where in the segment the buffer starts.
    private var start = 0
    private var buffer: [UInt8] = []

    init(_ chain: FileAuditChain) {
        self.chain = chain
    }

    /// The line that starts at a place of the log; empty when none starts there, nil when the segment was moved away.
    mutating func line(at place: Int64) throws(AuditError) -> ArraySlice<UInt8>? {
        if segment == nil || place < Int64(segment?.base ?? 0) {
            segment = try chain.segment(at: place)
            buffer = []
        }
        guard let segment else { return nil }
        let offset = Int(place) - segment.base
        // The byte before tells whether a line starts here.
        let first = max(0, offset - 1)
        if first < start || offset + AuditLine.maximumBytes > start + buffer.count {
            // Records are read from the newest to the oldest: most of the window lies before this one.
            start = max(0, offset + AuditLine.maximumBytes - Self.bytes)
            buffer = try segment.storage.read(at: start, count: Self.bytes)
        }
        guard first - start < buffer.count, offset - start < buffer.count else { return [] }
        guard offset == 0 || buffer[first - start] == UInt8(ascii: "\n") else { return [] }
        guard let end = buffer[(offset - start)...].firstIndex(of: UInt8(ascii: "\n")) else { return [] }
        return buffer[(offset - start)..<end]
    }
}

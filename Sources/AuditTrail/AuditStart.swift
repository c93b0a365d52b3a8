import DurableFiles
import Tenancy

/// A log that was opened and whose last segment was read through, ready to go on.
struct AuditStart: Sendable {
    let paths: AuditPaths
    let key: AuditKey
    let lock: AuditFile
    /// Of the last segment.
    var storage: any AuditStorage
    var state = AuditChainState()
    /// At least one.
    var segments = [AuditSegmentPlace(number: 1, base: 0)]
    /// Bytes of the last segment.
    var size = 0
    var trails: [String: PartnerTrail] = [:]
    var anchored = AuditAnchor()
    /// To be put on record: what a crash left unfinished.
    var recovered: [AuditRecord] = []
    /// Bytes after which a segment is followed by the next.
    var segmentBytes = AuditLog.defaultSegmentBytes
    /// Events kept in memory while the disk is slow or out of order; the default takes about 30 MB.
    var maximumWaiting = 65_536
    /// Comes between the log and every file that it appends to; for tests.
    var wrap: @Sendable (any AuditStorage) -> any AuditStorage = { $0 }

    /// Opens the log of a folder, or starts one.
    ///
    /// Only the last segment is read through. An unfinished record at its end, as a crash leaves it, was never
    /// acknowledged: it is set aside and cut off. Everything else that is not as it was written throws `.altered`.
    static func open(folder: String) throws(AuditError) -> AuditStart {
        let paths = AuditPaths(folder: folder)
        let lock = try AuditFile.openOrCreate(paths.lock)
        try lock.lockExclusively()
        let existing = try AuditKey.read(paths.key)
        let numbers = try paths.segments()
        let anchorFile = try AuditFile.openExisting(paths.anchor)
        guard let key = existing else {
            guard numbers.isEmpty, anchorFile == nil else { throw .badKey(reason: "is missing") }
            return try fresh(paths, key: try AuditKey.create(paths.key), lock: lock)
        }
        guard let anchorText = try anchorFile?.read(at: 0, count: 4_096) else {
            // A crash may come between the key and the anchor, and between the anchor and the first segment.
            guard numbers.isEmpty else { throw .altered(AuditProblem(.anchorMissing, file: "audit.anchor")) }
            return try fresh(paths, key: key, lock: lock)
        }
        guard let anchor = AuditAnchor(text: anchorText, key: key) else {
            throw .altered(AuditProblem(.anchorAltered, file: "audit.anchor"))
        }
        if anchor == AuditAnchor(), numbers.isEmpty { return try fresh(paths, key: key, lock: lock) }
        var start = AuditStart(
            paths: paths, key: key, lock: lock, storage: lock, anchored: anchor)
        try start.findSegments(numbers)
        try start.readLastSegment()
        try start.readJournal()
        return start
    }

    private static func fresh(_ paths: AuditPaths, key: AuditKey, lock: AuditFile) throws(AuditError) -> AuditStart {
        try AuditFile.replace(paths.anchor, with: AuditAnchor().text(key))
        let log = try AuditFile.openOrCreate(paths.segment(1))
        try AuditFile.syncFolder(of: paths.anchor)
        return AuditStart(paths: paths, key: key, lock: lock, storage: log)
    }

    /// Lists the segments with their places; none may be missing but those that were moved away.
    private mutating func findSegments(_ numbers: [Int]) throws(AuditError) {
        let archived = try AuditArchived.read(paths, key: key)
        guard let last = numbers.last, last >= anchored.segment else {
            throw .altered(
                AuditProblem(
                    .truncated(firstMissing: 1, lastWritten: anchored.state.sequence),
                    file: AuditPaths.name(ofSegment: anchored.segment)))
        }
        let first = min(numbers[0], (archived?.segment ?? 0) + 1)
        segments = []
        var expected = 0
        for number in max(first, 1)...last {
            let name = AuditPaths.name(ofSegment: number)
            guard let file = try AuditFile.openExisting(paths.segment(number)) else {
                throw .altered(AuditProblem(.segmentMissing(first: state.sequence &+ 1, last: nil), file: name))
            }
            var lines = AuditLineWalker(file)
            var base = 0
            if number > 1 {
                let line = try lines.next()?.line
                // A crash in the middle of the first write; nothing of it was acknowledged.
                if line == nil, number == last, number > anchored.segment { break }
                guard let head = line.flatMap({ AuditSegmentHead($0, key: key) }), head.number == number else {
                    throw .altered(AuditProblem(.headAltered, file: name))
                }
                base = head.base
                state.sequence = head.previous.sequence
            }
            guard segments.isEmpty || base == expected else {
                // The segment before is not as long as it was; the verification knows what is wrong with it.
                let problem = AuditProblem(.headAltered, file: name)
                throw .altered(try AuditLog.verify(folder: paths.folder).problem ?? problem)
            }
            segments.append(AuditSegmentPlace(number: number, base: base))
            expected = base + (try file.size())
        }
    }

    private mutating func readLastSegment() throws(AuditError) {
        guard let live = segments.last else { throw .altered(AuditProblem(.anchorAltered, file: "audit.anchor")) }
        let name = AuditPaths.name(ofSegment: live.number)
        let log = try AuditFile.openOrCreate(paths.segment(live.number))
        var walker = try AuditSegmentWalker(
            log, number: live.number, after: live.number == 1 ? AuditChainState() : nil, base: live.base, key: key)
        var isAnchored = live.number > anchored.segment
        func check() -> Bool { walker.size == anchored.size && walker.state == anchored.state }
        isAnchored = isAnchored || check()
        while try walker.next() != nil {
            if !isAnchored { isAnchored = check() }
        }
        if !walker.hasHead, walker.fault == nil, live.number > anchored.segment {
            // A crash in the middle of the head: the segment before goes on.
            try AuditFile.remove(paths.segment(live.number))
            segments.removeLast()
            return try readLastSegment()
        }
        let rest = try log.size() - walker.size
        if walker.fault != nil, try Self.hasNewline(log, from: walker.size) || !isAnchored {
            throw .altered(AuditProblem(walker.fault ?? .headAltered, file: name, offset: walker.size))
        }
        guard isAnchored else {
            let missing = AuditFault.truncated(
                firstMissing: walker.state.sequence &+ 1, lastWritten: anchored.state.sequence)
            let altered = AuditFault.altered(sequence: anchored.state.sequence)
            throw .altered(
                AuditProblem(
                    walker.state.sequence < anchored.state.sequence ? missing : altered, file: name,
                    offset: walker.size))
        }
        (storage, state, size, trails) = (log, walker.state, walker.size, walker.trails)
        if rest > 0 { try cutTail(of: live.number, log) }
        if live.number < (try paths.segments().last ?? 0) { try AuditFile.remove(paths.segment(live.number + 1)) }
    }

    /// Whether a whole line follows: then more than one unfinished record is not as it was written.
    private static func hasNewline(_ file: AuditFile, from offset: Int) throws(AuditError) -> Bool {
        var offset = offset
        while true {
            let bytes = try file.read(at: offset, count: 1 << 20)
            if bytes.isEmpty { return false }
            if bytes.contains(UInt8(ascii: "\n")) { return true }
            offset += bytes.count
        }
    }

    /// Keeps what is cut off in a file beside the log: it may be somebody's doing rather than a crash.
    private mutating func cutTail(of number: Int, _ log: AuditFile) throws(AuditError) {
        let kept = try AuditFile.create(paths.damaged(number, from: state.sequence &+ 1))
        var offset = size
        while true {
            let bytes = try log.read(at: offset, count: 1 << 20)
            if bytes.isEmpty { break }
            try kept.append(bytes)
            offset += bytes.count
        }
        try kept.sync()
        try log.truncate(to: size)
        try log.sync()
        recovered.append(.own(.recovered, time: .now()))
    }

    /// Changes that the last server noted and did not live to put on record get their record now: outcome unknown.
    private mutating func readJournal() throws(AuditError) {
        var left = try AuditJournal.leftBehind(paths.journal, key: key)
        guard let oldest = left.map(\.sequence).min() else { return }
        // The crash may have come between a change's record and the end of its note.
        for place in segments.reversed() {
            guard let file = try AuditFile.openExisting(paths.segment(place.number)) else { break }
            var walker = try AuditSegmentWalker(file, number: place.number, after: nil, base: nil, key: key)
            let before = walker.state.sequence
            while let (_, line) = try walker.next() {
                if line.record.change.isEmpty { continue }
                left.removeAll { $0.change == line.record.change }
            }
            if before <= oldest { break }
        }
        recovered += left
    }
}

import DurableFiles

/// What a verification found.
package struct AuditReport: Sendable, Hashable {
    /// Records that are as they were written, before the first problem.
    package var intactRecords: UInt64 = 0
    /// Records before those, in segments that were moved away and are not at hand.
    package var archivedRecords: UInt64 = 0
    /// Segments read.
    package var segments = 0
    /// Nil when there is none.
    package var problem: AuditProblem?
    /// Whether the last segment ends within a record, as after a crash or while a server is writing. No problem by
    /// itself.
    package var endsWithinRecord = false
    /// Changes noted that have no record yet: under way, or left behind by a crash.
    package var pendingChanges = 0
}

extension AuditLog {
    /// Checks the log of a data folder from its first record to its last, also while a server writes it.
    ///
    /// A cut is noticed as far as `audit.anchor` reaches, which follows the log by at most a second; whoever can put
    /// an older anchor back can hide a cut, so keep copies of it elsewhere.
    ///
    /// - Parameter archives: folders with segments that `archive` moved away; without them the verification begins
    ///   behind those, as far as `audit.archived` says that they were moved away on purpose.
    package static func verify(folder: String, archives: [String] = []) throws(AuditError) -> AuditReport {
        var report = AuditReport()
        _ = try verified(AuditPaths(folder: folder), archives: archives, report: &report) { _, _ in }
        return report
    }

    /// - Parameter ended: called with the number of each good segment and the chain at its end.
    /// - Returns: the anchor; nil for a log that was never started.
    static func verified(
        _ paths: AuditPaths, archives: [String], report: inout AuditReport,
        ended: (Int, AuditChainState) throws(AuditError) -> Void
    ) throws(AuditError) -> AuditAnchor? {
        // The anchor first: what a running server adds in the meantime lies beyond it.
        let anchorFile = try AuditFile.openExisting(paths.anchor)
        let anchorText = try anchorFile.map { (file) throws(AuditError) in try file.read(at: 0, count: 4_096) }
        let sources = try SegmentSources(paths, archives: archives)
        if sources.numbers.isEmpty, anchorText == nil { return nil }
        guard let key = try AuditKey.read(paths.key) else { throw .badKey(reason: "is missing") }
        do throws(AuditError) {
            report.pendingChanges = try AuditJournal.leftBehind(paths.journal, key: key).count
            guard let anchorText else { throw .altered(AuditProblem(.anchorMissing, file: "audit.anchor")) }
            guard let anchor = AuditAnchor(text: anchorText, key: key) else {
                throw .altered(AuditProblem(.anchorAltered, file: "audit.anchor"))
            }
            let archived = try AuditArchived.read(paths, key: key)
            var walk = ChainWalk(key: key, anchor: anchor, archived: archived, report: report)
            defer { report = walk.report }
            try walk.walk(sources, ended: ended)
            return anchor
        } catch .altered(let problem) {
            report.problem = problem
            return nil
        }
    }
}

/// The segments at hand, wherever they are.
private struct SegmentSources {
    private let folders: [Int: AuditPaths]
    let numbers: [Int]

    init(_ paths: AuditPaths, archives: [String]) throws(AuditError) {
        var folders: [Int: AuditPaths] = [:]
        for place in archives.map(AuditPaths.init(folder:)) + [paths] {
            for number in try place.segments() { folders[number] = place }
        }
        self.folders = folders
        numbers = folders.keys.sorted()
    }

    func open(_ number: Int) throws(AuditError) -> AuditFile? {
        guard let folder = folders[number] else { return nil }
        return try AuditFile.openExisting(folder.segment(number))
    }
}

/// Walks all segments in their order; throws `.altered` for the first thing that is wrong.
private struct ChainWalk {
    let key: AuditKey
    let anchor: AuditAnchor
    let archived: AuditArchived?
    var report: AuditReport
    private var state: AuditChainState? = AuditChainState()
    private var base: Int? = 0
    private var isAnchored = false

    init(key: AuditKey, anchor: AuditAnchor, archived: AuditArchived?, report: AuditReport) {
        self.key = key
        self.anchor = anchor
        self.archived = archived
        self.report = report
        isAnchored = anchor == AuditAnchor()
    }

    mutating func walk(
        _ sources: SegmentSources, ended: (Int, AuditChainState) throws(AuditError) -> Void
    ) throws(AuditError) {
        let last = max(sources.numbers.last ?? 0, anchor.segment)
        var number = 1
        if let archived, let first = sources.numbers.first, first > 1 {
            // What was copied to an archive may still be here, in part; its end is then compared with the statement.
            number = min(first, archived.segment + 1)
            (state, base) = (first > archived.segment ? archived.state : nil, nil)
            report.archivedRecords = state?.sequence ?? 0
        }
        while number <= last {
            guard let file = try sources.open(number) else {
                if isAnchored, number == 1, last == 1 { break }
                throw try missing(number, sources)
            }
            try walk(file, number: number, isLast: number == last)
            report.segments += 1
            if let state {
                if archived?.segment == number, archived?.state != state { throw archivedAltered }
                try ended(number, state)
            }
            number += 1
        }
        guard isAnchored else {
            throw .altered(
                AuditProblem(
                    .truncated(
                        firstMissing: (state?.sequence ?? 0) &+ 1, lastWritten: anchor.state.sequence),
                    file: AuditPaths.name(ofSegment: last), offset: lastSize))
        }
    }

    private var lastSize = 0

    private mutating func walk(_ file: AuditFile, number: Int, isLast: Bool) throws(AuditError) {
        let name = AuditPaths.name(ofSegment: number)
        var walker = try AuditSegmentWalker(file, number: number, after: state, base: base, key: key)
        if state == nil { report.archivedRecords = walker.state.sequence }
        note(walker, number: number)
        while try walker.next() != nil {
            report.intactRecords += 1
            note(walker, number: number)
        }
        lastSize = walker.size
        if let fault = walker.fault { throw .altered(AuditProblem(fault, file: name, offset: walker.size)) }
        let isWhole = try file.size() == walker.size && walker.hasHead
        guard isWhole || isLast else {
            throw .altered(
                AuditProblem(.unfinished(sequence: walker.state.sequence &+ 1), file: name, offset: walker.size))
        }
        report.endsWithinRecord = !isWhole
        // A head that a crash cut short says nothing.
        guard walker.hasHead else { return }
        (state, base) = (walker.state, walker.base + walker.size)
    }

    /// Whether the chain passes the place that the anchor tells of, as it tells it.
    private mutating func note(_ walker: AuditSegmentWalker, number: Int) {
        if number == anchor.segment, walker.size == anchor.size, walker.state == anchor.state { isAnchored = true }
    }

    private var archivedAltered: AuditError {
        .altered(AuditProblem(.archivedAltered, file: "audit.archived"))
    }

    private func missing(_ number: Int, _ sources: SegmentSources) throws(AuditError) -> AuditError {
        let first = (state?.sequence ?? 0) &+ 1
        var last: UInt64? = number >= anchor.segment ? anchor.state.sequence : nil
        if let next = sources.numbers.first(where: { $0 > number }), let file = try sources.open(next) {
            var lines = AuditLineWalker(file)
            last = try lines.next().flatMap { AuditSegmentHead($0.line, key: key) }?.previous.sequence
        }
        if let known = last, known < first { last = nil }
        return .altered(
            AuditProblem(.segmentMissing(first: first, last: last), file: AuditPaths.name(ofSegment: number)))
    }
}

import DurableFiles

extension AuditLog {
    /// Moves the oldest segments of a log to another folder, also while a server writes it, and states so in
    /// `audit.archived`, without which the verification takes them for missing. Only a log that verifies is touched.
    ///
    /// - Parameter keep: closed segments that stay, beside the one that is being written.
    /// - Returns: names of the files moved, oldest first.
    package static func archive(folder: String, to target: String, keep: Int) throws(AuditError) -> [String] {
        // What is copied onto itself and then removed would be gone.
        guard !AuditFile.isSameFolder(folder, target) else { throw .archiveIsLog }
        let paths = AuditPaths(folder: folder)
        let destination = AuditPaths(folder: target)
        var report = AuditReport()
        var ends: [(number: Int, state: AuditChainState)] = []
        let anchor = try verified(paths, archives: [], report: &report) { (number, state) in
            ends.append((number, state))
        }
        if let problem = report.problem { throw .altered(problem) }
        guard let anchor, let key = try AuditKey.read(paths.key) else { return [] }
        // What lies before the anchor's segment is never written again.
        let closed = ends.filter { $0.number < anchor.segment }
        var moved: [String] = []
        for (number, state) in closed.dropLast(max(0, keep)) {
            let name = AuditPaths.name(ofSegment: number)
            guard let source = try AuditFile.openExisting(paths.segment(number)) else { continue }
            try copy(source, to: destination.segment(number), name: name)
            // Only what is durable there and stated here may go.
            try AuditFile.replace(paths.archived, with: AuditArchived(segment: number, state: state).text(key))
            try AuditFile.remove(paths.segment(number))
            moved.append(name)
        }
        return moved
    }

    /// Copies a file durably; another file that is there already is left alone.
    private static func copy(_ source: AuditFile, to path: String, name: String) throws(AuditError) {
        if let existing = try AuditFile.openExisting(path) {
            guard try isSame(source, existing) else { throw .notArchived(file: name) }
            // An earlier attempt may have ended before its copy was durable.
            try existing.sync()
            return try AuditFile.syncFolder(of: path)
        }
        try AuditFile.replace(path, from: source)
    }

    private static func isSame(_ one: AuditFile, _ other: AuditFile) throws(AuditError) -> Bool {
        var offset = 0
        while true {
            let bytes = try one.read(at: offset, count: 1 << 20)
            guard try other.read(at: offset, count: 1 << 20) == bytes else { return false }
            if bytes.isEmpty { return true }
            offset += bytes.count
        }
    }
}

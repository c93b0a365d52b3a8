import Tenancy

/// A log that was opened and read through, ready to go on.
struct AuditStart {
    var storage: any AuditStorage
    var key: AuditKey
    var anchorPath: String
    var chain = AuditChainState()
    var size = 0
    var trails: [PartnerID: AuditChain.Trail] = [:]
    /// Bytes that a crash left behind the last good record, and that were cut off.
    var cutBytes = 0
    /// Events kept in memory while the disk is slow or out of order; the default takes about 20 MB.
    var maximumWaiting = 65_536

    /// Opens the log of a folder, or starts one.
    ///
    /// What the anchor covers was durable: there, only whole records in their order are accepted, and the last must
    /// be the anchored one. Behind it a crash may have left anything: the first record whose code does not fit and
    /// all after it are moved to a file of their own, and an unfinished line is cut off.
    static func open(folder: String) throws(AuditError) -> AuditStart {
        let paths = AuditPaths(folder: folder)
        let existing = try AuditKey.read(paths.key)
        let log = try AuditFile.openOrCreate(paths.log)
        try log.lockExclusively()
        let anchorFile = try AuditFile.openExisting(paths.anchor)
        guard let key = existing else {
            guard try log.size() == 0, anchorFile == nil else { throw .badKey(reason: "is missing") }
            let key = try AuditKey.create(paths.key)
            try AuditFile.replace(paths.anchor, with: AuditAnchor.empty.text(key))
            return AuditStart(storage: log, key: key, anchorPath: paths.anchor)
        }
        if anchorFile == nil, try log.size() == 0 {
            try AuditFile.replace(paths.anchor, with: AuditAnchor.empty.text(key))
            return AuditStart(storage: log, key: key, anchorPath: paths.anchor)
        }
        guard let anchorText = try anchorFile?.read(at: 0, count: 4_096) else { throw .altered(.anchorMissing) }
        guard let anchor = AuditAnchor(text: anchorText, key: key) else { throw .altered(.anchorAltered) }
        var start = AuditStart(storage: log, key: key, anchorPath: paths.anchor)
        try start.readThrough(anchor, paths: paths)
        return start
    }

    private mutating func readThrough(_ anchor: AuditAnchor, paths: AuditPaths) throws(AuditError) {
        var walker = AuditWalker(storage)
        while let (offset, bytes) = try walker.next() {
            let line = AuditLine(bytes)
            let due = chain.sequence &+ 1
            if due <= anchor.sequence {
                guard let line else { throw .altered(.altered(sequence: due)) }
                guard line.record.sequence == due else {
                    throw .altered(.outOfOrder(expected: due, found: line.record.sequence))
                }
                // The codes up to here are left to the verification: a start must not take minutes.
                chain = AuditChainState(sequence: due, mac: line.mac)
                if due == anchor.sequence, line.mac != anchor.mac { throw .altered(.altered(sequence: due)) }
            } else if chain.advance(over: bytes, key: key) != nil {
                break
            }
            if let line, let partner = try? PartnerID(line.record.partner) {
                trails[partner] = AuditChain.Trail(
                    last: Int64(offset), count: (trails[partner]?.count ?? 0) &+ 1)
            }
            size = offset + bytes.count + 1
        }
        guard chain.sequence >= anchor.sequence else {
            throw .altered(.truncated(firstMissing: chain.sequence + 1, lastWritten: anchor.sequence))
        }
        cutBytes = try storage.size() - size
        if cutBytes > 0 { try cutTail(paths) }
    }

    /// Keeps what is cut off in a file beside the log: it may be somebody's doing rather than a crash.
    private func cutTail(_ paths: AuditPaths) throws(AuditError) {
        let kept = try AuditFile.openOrCreate(paths.damaged(from: chain.sequence &+ 1))
        var offset = size
        while true {
            let bytes = try storage.read(at: offset, count: 1 << 20)
            if bytes.isEmpty { break }
            try kept.append(bytes)
            offset += bytes.count
        }
        try kept.sync()
        try storage.truncate(to: size)
        try storage.sync()
    }
}

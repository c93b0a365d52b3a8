import LicenseModel

/// What a turn is decided on: everything that was written before it.
public struct TurnNews: Sendable {
    /// All that was written after the position that the turn was asked for with; `position` is where the turn is.
    public let log: LogNews
    /// Of the batches asked for, those that were accepted before.
    public let receipts: [BatchID: BatchReceipt]

    public init(log: LogNews, receipts: [BatchID: BatchReceipt]) {
        self.log = log
        self.receipts = receipts
    }

    /// What the first entry of the turn must be.
    public var nextRevision: Revision { log.position.revision.next }
}

/// What a turn writes, in this order and in one durable transaction; nothing, where all is empty. Its entries are
/// numbered from `TurnNews.nextRevision`, over all three.
public struct Turn<Value: Sendable>: Sendable {
    /// Accepted batches.
    public let batches: [LogEntry]
    /// Changes of who may call.
    public let access: [AccessSave]
    public let erasure: Erasure?
    /// For whoever asked for the turn.
    public let value: Value

    public init(_ value: Value, batches: [LogEntry] = [], access: [AccessSave] = [], erasure: Erasure? = nil) {
        self.value = value
        self.batches = batches
        self.access = access
        self.erasure = erasure
    }

    public var isEmpty: Bool { batches.isEmpty && access.isEmpty && erasure == nil }

    /// In the order of their revisions.
    public var entries: [LogEntry] {
        batches + access.compactMap(\.entry) + (erasure.map { [$0.entry] } ?? [])
    }
}

extension Turn {
    /// The rules that every engine keeps before it touches anything: kinds, grants, consecutive revisions after
    /// `last`, no batch id twice. Returns the last revision of the turn.
    package func check(after last: Revision) throws(DatastoreError) -> Revision {
        var last = last
        func follow(_ entry: LogEntry) throws(DatastoreError) {
            guard entry.revision == last.next else { throw .outOfOrder(expected: last.next, found: entry.revision) }
            last = entry.revision
        }
        var ids: Set<BatchID> = []
        for entry in batches {
            guard entry.kind == .batch, let receipt = entry.receipt else {
                throw .invalid("only batches are committed by themselves")
            }
            try follow(entry)
            guard receipt.accepted >= 0 else { throw .invalid("a batch cannot have fewer than 0 facts") }
            guard ids.insert(receipt.batch).inserted else { throw .duplicateBatch(receipt.batch) }
        }
        for save in access {
            try save.change.check(entry: save.entry, for: save.grant)
            if let entry = save.entry { try follow(entry) }
        }
        if let erasure { try follow(erasure.entry) }
        return last
    }
}

/// What a turn gave.
public struct TurnOutcome<Value: Sendable>: Sendable {
    public let value: Value
    /// Behind what the turn wrote.
    public let position: LogPosition

    public init(_ value: Value, position: LogPosition) {
        self.value = value
        self.position = position
    }
}

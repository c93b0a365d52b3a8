import Cryptography
import Datastore
import LogLines
import Synchronization
import Tenancy

/// A chain in a store that several servers share. Each server writes one of its own, so that none waits for another,
/// and puts the ends of the others on record in it: a chain that is cut off or written anew is found by theirs.
///
/// A chain is this server's as long as its connection lives. After that one is opened anew: the same where it is free,
/// and what was being written as the connection ended is looked for there before it is written again.
final class SharedAuditChain: AuditChain {
    /// A write whose outcome is not known.
    private struct Attempt {
        let batch: AuditQueue.Batch
        let rows: [AuditRow]
        let state: AuditChainState
        /// Turns of those who were told that their record cannot be written.
        var withdrawn: Set<UInt64> = []
    }

    private struct Writer {
        var chain: Int32?
        var state = AuditChainState()
        /// False once the chain may be another server's.
        var isHeld = false
        var attempt: Attempt?
        var durable: UInt64 = 0
        /// A change may be noted whose caller was told that it is not.
        var hasDoubtfulNotes = false
        /// Found in the chain as it was opened, and not on record yet.
        var left: [NotedChange] = []
        /// Ends of other chains that are on record here, by chain.
        var linked: [Int32: AuditRow] = [:]
        /// Changes in chains that no server had when that was looked at last.
        var abandoned: Set<NotedChange.ID> = []
        var tended: ContinuousClock.Instant?
        var isClosed = false
        var failure: AuditError?
    }

    /// What `status` tells while a write is under way.
    private struct Shown {
        var records: UInt64 = 0
        var head: [UInt8] = []
        var failure: AuditError?
    }

    /// Between looks whether the chain is this server's still: others take what it noted for left behind after
    /// `linkInterval`.
    static let checkInterval = Duration.seconds(15)
    /// Between links, and between looks at what others left behind.
    static let linkInterval = Duration.seconds(60)
    /// Records of one transaction.
    private static let maximumRows = 1_000

    private let store: any AuditStore
    private let key: AuditKey
    private let now: @Sendable () -> Timestamp
    /// As many events are kept in memory while the store is away; about 30 MB.
    private let queue = AuditQueue(limit: 65_536)
    private let writer: Mutex<Writer>
    /// Changes under way, and whether the last could be noted.
    private let open = Mutex<(changes: [String: NotedChange.ID], failure: AuditError?)>(([:], nil))
    private let isFailing = Atomic(false)
    private let shown = Mutex(Shown())

    init(_ store: any AuditStore, key: AuditKey, now: @escaping @Sendable () -> Timestamp) throws(AuditError) {
        self.store = store
        self.key = key
        self.now = now
        writer = Mutex(Writer())
        try locked { (writer) throws(AuditError) in try attach(&writer) }
    }

    // MARK: - Holding a chain

    /// Opens a chain unless one is held, and finds out what became of the last write.
    private func attach(_ writer: inout Writer) throws(AuditError) {
        guard !writer.isHeld else { return try recoverLeft(&writer) }
        let (chain, isDoubtful) = (writer.chain, writer.attempt != nil || writer.hasDoubtfulNotes)
        let opened = try SharedAudit.storing { () throws(DatastoreError) in
            try store.openChain(preferring: chain, isDoubtful: isDoubtful)
        }
        let end = try SharedAudit.state(atEndOf: opened, key: key)
        if let attempt = writer.attempt {
            // Not before it is known: what is given back would be written twice, or what is not be lost.
            let isWritten = try SharedAudit.isWritten(attempt.rows, in: store)
            writer.attempt = nil
            if isWritten {
                wrote(attempt.batch, &writer)
            } else {
                queue.giveBack(attempt.batch.without(attempt.withdrawn))
            }
        }
        writer.hasDoubtfulNotes = false
        if opened.chain == writer.chain, end.sequence < writer.state.sequence {
            // A failover to a copy that lacked them, though they were acknowledged.
            let lost = AuditRecord.own(.lost, count: writer.state.sequence - end.sequence, time: now())
            _ = queue.add(lost, isAwaited: true)
        }
        // Under way here is not left behind, wherever it was noted.
        let own = open.withLock(\.changes)
        writer.left = opened.noted.filter { own[$0.id.change] == nil }
        (writer.chain, writer.state, writer.isHeld) = (opened.chain, end, true)
        try adopt(own.values.filter { $0.chain != opened.chain }, &writer)
        try recoverLeft(&writer)
    }

    /// What was noted in the chain that was lost is this one's from here on.
    private func adopt(_ changes: [NotedChange.ID], _ writer: inout Writer) throws(AuditError) {
        guard !changes.isEmpty, let chain = writer.chain else { return }
        do throws(DatastoreError) {
            try store.adopt(changes)
        } catch {
            writer.isHeld = false
            throw SharedAudit.failure(error)
        }
        open.withLock { open in
            for id in changes where open.changes[id.change] == id {
                open.changes[id.change] = NotedChange.ID(chain: chain, change: id.change)
            }
        }
    }

    /// What whoever had the chain before noted and did not live to put on record.
    private func recoverLeft(_ writer: inout Writer) throws(AuditError) {
        if writer.left.isEmpty { return }
        try recover(writer.left, &writer)
        writer.left = []
    }

    private func locked<Value: Sendable>(
        _ body: (inout Writer) throws(AuditError) -> Value
    ) throws(AuditError) -> Value {
        try writer.withLock { (writer) throws(AuditError) -> Value in
            if writer.isClosed { throw .closed }
            defer {
                isFailing.store(writer.failure != nil, ordering: .relaxed)
                let (state, failure) = (writer.state, writer.failure)
                shown.withLock { $0 = Shown(records: state.sequence, head: state.mac, failure: failure) }
            }
            do throws(AuditError) {
                let value = try body(&writer)
                writer.failure = nil
                return value
            } catch {
                writer.failure = error
                throw error
            }
        }
    }

    // MARK: - Writing

    func enqueue(_ event: AuditEvent) -> Bool {
        queue.add(event.record(key: key), isAwaited: false) != nil
    }

    func appendDurably(_ event: AuditEvent) throws(AuditError) {
        guard let turn = queue.add(event.record(key: key), isAwaited: true) else { throw .broken }
        do throws(AuditError) {
            try locked { (writer) throws(AuditError) in
                do throws(AuditError) {
                    if writer.durable < turn { try write(&writer) }
                } catch {
                    writer.attempt?.withdrawn.insert(turn)
                    throw error
                }
            }
        } catch {
            queue.withdraw(turn)
            throw error
        }
    }

    func flush() throws(AuditError) {
        try locked { (writer) throws(AuditError) in try write(&writer) }
    }

    /// Of a store nothing follows by itself.
    var isBehind: Bool { false }

    func tryAgain() {
        guard status.failure != nil else { return }
        try? flush()
        guard isWritable else { return }
        // What can be written can be noted.
        open.withLock { $0.failure = nil }
    }

    /// Writes all that waits; what cannot be written waits on.
    private func write(_ writer: inout Writer) throws(AuditError) {
        try attach(&writer)
        while true {
            let batch = queue.take(Self.maximumRows)
            guard !batch.waiting.isEmpty || batch.lost > 0 else { return }
            var records = batch.waiting.map(\.record)
            if batch.lost > 0 { records.append(.lost(batch.lost, like: records.last)) }
            let chain = writer.chain ?? 0
            let (rows, state) = SharedAudit.rows(records, of: chain, after: writer.state, key: key)
            let ended = changes(of: records)
            do throws(DatastoreError) {
                try store.append(rows, ending: ended, requiresNotes: false)
            } catch {
                failed(error, Attempt(batch: batch, rows: rows, state: state), &writer)
                // At once with the chain that is free now.
                if case .diverged = error { return try write(&writer) }
                throw SharedAudit.failure(error)
            }
            writer.state = state
            wrote(batch, &writer)
        }
    }

    private func failed(_ error: DatastoreError, _ attempt: Attempt, _ writer: inout Writer) {
        switch error {
        case .inDoubt:
            // None is pending: it was settled before this one was begun.
            (writer.attempt, writer.isHeld) = (attempt, false)
        case .full:
            // Certainly not written, and the chain stays.
            queue.giveBack(attempt.batch)
        default:
            queue.giveBack(attempt.batch)
            writer.isHeld = false
        }
    }

    private func wrote(_ batch: AuditQueue.Batch, _ writer: inout Writer) {
        writer.durable = max(writer.durable, batch.waiting.last?.turn ?? 0)
        open.withLock { open in
            for waiting in batch.waiting where !waiting.record.change.isEmpty {
                open.changes[waiting.record.change] = nil
            }
        }
    }

    private func changes(of records: [AuditRecord]) -> [NotedChange.ID] {
        open.withLock { open in records.compactMap { open.changes[$0.change] } }
    }

    // MARK: - Changes

    func begin(_ events: [AuditEvent]) throws(AuditError) -> [AuditChange] {
        guard !events.isEmpty else { return [] }
        do throws(AuditError) {
            let changes = events.map { AuditChange(id: AuditChange.newID(), event: $0) }
            // A connection that ended since it was used last is noticed by this.
            if try !note(changes), try !note(changes) { throw SharedAudit.failure(.diverged(at: .none)) }
            open.withLock { $0.failure = nil }
            return changes
        } catch {
            open.withLock { $0.failure = error }
            throw error
        }
    }

    /// False when nothing is noted, as the chain is to be opened anew.
    private func note(_ changes: [AuditChange]) throws(AuditError) -> Bool {
        let (chain, sequence) = try locked { (writer) throws(AuditError) in
            try attach(&writer)
            return (writer.chain ?? 0, writer.state.sequence)
        }
        let noted = changes.map { change in
            let line = change.note(after: sequence, key: key)
            return NotedChange(id: NotedChange.ID(chain: chain, change: change.id), line: line.dropLast())
        }
        // Before they are noted: whoever takes the chain meanwhile must not find them unknown.
        open.withLock { open in for note in noted { open.changes[note.id.change] = note.id } }
        do throws(DatastoreError) {
            try store.note(noted)
            return true
        } catch {
            open.withLock { open in for note in noted { open.changes[note.id.change] = nil } }
            writer.withLock { writer in
                if error != .full { writer.isHeld = false }
                if case .inDoubt = error { writer.hasDoubtfulNotes = true }
            }
            if case .diverged = error { return false }
            throw SharedAudit.failure(error)
        }
    }

    func end(_ changes: [AuditChange]) throws(AuditError) {
        guard !changes.isEmpty else { return }
        for change in changes {
            _ = queue.add(change.event.record(key: key, change: change.id), isAwaited: true)
        }
        try flush()
    }

    func forget(_ changes: [AuditChange]) {
        let ids = open.withLock { open in changes.compactMap { open.changes.removeValue(forKey: $0.id) } }
        // What stays is put on record as one whose outcome is not known.
        try? store.forget(ids)
    }

    func close() throws(AuditError) {
        try locked { (writer) throws(AuditError) in
            if writer.isClosed { return }
            try write(&writer)
            try? link(&writer)
            writer.isClosed = true
        }
    }

    // MARK: - Other chains

    var tendingInterval: Duration? { Self.checkInterval }

    /// Puts on record how far the other chains are, and what servers noted that are gone.
    func tend() throws(AuditError) {
        try locked { (writer) throws(AuditError) in
            do throws(DatastoreError) {
                if writer.isHeld { try store.checkChain() }
            } catch {
                writer.isHeld = false
            }
            try write(&writer)
            // Not a whole interval later because a look came a moment early.
            if let last = writer.tended, .now - last < Self.linkInterval - Self.checkInterval / 2 { return }
            defer { writer.tended = .now }
            try link(&writer)
            try takeOver(&writer)
        }
    }

    /// The same, however long ago it was done; for tests.
    func tendNow() throws(AuditError) {
        writer.withLock { $0.tended = nil }
        try tend()
    }

    private func link(_ writer: inout Writer) throws(AuditError) {
        let ends = try SharedAudit.storing { () throws(DatastoreError) in try store.ends() }
        for end in ends where end.chain != writer.chain && end != writer.linked[end.chain] {
            // Servers that have nothing to do would otherwise tell each other of nothing but that, for ever.
            let hasMore = try hasMoreThanLinks(end, after: writer.linked[end.chain]?.sequence)
            writer.linked[end.chain] = end
            guard hasMore else { continue }
            guard let line = AuditLine(end.line[...]) else {
                throw .altered(AuditProblem(.altered(sequence: UInt64(clamping: end.sequence)), chain: end.chain))
            }
            _ = queue.add(SharedAudit.link(to: end, line, time: now()), isAwaited: true)
        }
        try write(&writer)
    }

    /// Of the last records of another chain; more than those are taken for something new.
    private func hasMoreThanLinks(_ end: AuditRow, after sequence: Int64?) throws(AuditError) -> Bool {
        let looked: Int64 = 64
        let from = max(sequence ?? 0, end.sequence - looked)
        if from > sequence ?? 0 { return true }
        let rows = try SharedAudit.storing { () throws(DatastoreError) in
            try store.rows(of: end.chain, after: from, limit: Int(looked))
        }
        return rows.contains { AuditLine($0.line[...])?.record.kind != AuditKind.link.rawValue }
    }

    /// A server whose connection ended for a moment has its chain again before the next look.
    private func takeOver(_ writer: inout Writer) throws(AuditError) {
        let found = try SharedAudit.storing { () throws(DatastoreError) in try store.abandoned() }
        let before = writer.abandoned
        writer.abandoned = Set(found.map(\.id))
        let own = open.withLock(\.changes)
        let left = found.filter {
            before.contains($0.id) && $0.id.chain != writer.chain && own[$0.id.change] == nil
        }
        var failure: AuditError?
        for (_, changes) in Dictionary(grouping: left, by: \.id.chain).sorted(by: { $0.key < $1.key }) {
            // What is wrong in one chain keeps nobody from the others.
            do throws(AuditError) { try recover(changes, &writer) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }

    /// Puts changes on record that somebody noted and did not live to: outcome unknown. Those that somebody else put
    /// on record meanwhile are passed over.
    private func recover(_ noted: [NotedChange], _ writer: inout Writer) throws(AuditError) {
        var records: [AuditRecord] = []
        for change in noted {
            guard let record = SharedAudit.record(of: change, key: key) else {
                throw .altered(AuditProblem(.journalAltered, chain: change.id.chain))
            }
            records.append(record)
        }
        let (rows, state) = SharedAudit.rows(records, of: writer.chain ?? 0, after: writer.state, key: key)
        do throws(DatastoreError) {
            try store.append(rows, ending: noted.map(\.id), requiresNotes: true)
        } catch {
            if error == .notFound {
                if noted.count > 1 { for change in noted { try recover([change], &writer) } }
                return
            }
            // In doubt they are looked for again with the rest, by the notes that are there then.
            if error != .full { writer.isHeld = false }
            throw SharedAudit.failure(error)
        }
        writer.state = state
    }

    // MARK: - Reading

    var isWritable: Bool { !isFailing.load(ordering: .relaxed) }

    var status: AuditStatus {
        let (waiting, lost) = queue.counts
        let (underWay, notNoted) = open.withLock { ($0.changes.count, $0.failure) }
        // Not from the writer, which may be waiting for the store.
        let shown = shown.withLock { $0 }
        return AuditStatus(
            records: shown.records, head: Hex.text(of: shown.head), waiting: waiting, lost: lost,
            changesUnderWay: underWay, failure: shown.failure ?? notNoted)
    }

    func page(
        in scope: PartnerScope, from cursor: AuditCursor?, limit: Int
    ) throws(AuditError) -> AuditPage {
        // A store that takes no writes may still be read.
        try? flush()
        let place = try cursor.map { (cursor) throws(AuditError) in try AuditPlace(cursor) }
        let (rows, total) = try SharedAudit.storing { () throws(DatastoreError) in
            try store.page(in: scope, after: place, limit: limit + 1)
        }
        var page = AuditPage(records: [], next: nil, total: UInt64(clamping: total))
        for row in rows.prefix(limit) {
            guard let line = AuditLine(row.line[...]), line.record.partner == scope.partner.text else {
                throw .altered(AuditProblem(.rowAltered(sequence: UInt64(clamping: row.sequence)), chain: row.chain))
            }
            page.records.append(line.record)
        }
        if rows.count > limit, let last = rows.prefix(limit).last?.place {
            page.next = AuditCursor(last.time, Int64(last.chain), last.sequence)
        }
        return page
    }
}

extension AuditPlace {
    fileprivate init(_ cursor: AuditCursor) throws(AuditError) {
        guard let numbers = cursor.numbers(3), let chain = Int32(exactly: numbers[1]),
            (0...253_402_300_799_999).contains(numbers[0])
        else { throw .badCursor }
        self.init(time: numbers[0], chain: chain, sequence: numbers[2])
    }
}

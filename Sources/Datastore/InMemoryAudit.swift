import Synchronization
import Tenancy

/// Chains of servers that are connected to one content in memory.
final class InMemoryAudit: Sendable {
    struct Rows {
        /// By chain, in order.
        var records: [Int32: [AuditRow]] = [:]
        var noted: [NotedChange] = []
        /// Chains that a server has, with the number of its session.
        var held: [Int32: Int] = [:]
        var sessions = 0
    }

    let rows = Mutex(Rows())
}

/// One server's hold on them.
final class InMemoryAuditStore: AuditStore {
    private let content: InMemoryAudit
    /// What the store says when it is away.
    private let check: @Sendable () throws(DatastoreError) -> Void
    private struct Hold {
        let chain: Int32
        let session: Int
    }

    private struct State {
        var own: Hold?
        /// Its connection is lost.
        var lingering: Hold?
    }

    private let state = Mutex(State())

    init(_ content: InMemoryAudit, check: @escaping @Sendable () throws(DatastoreError) -> Void) {
        self.content = content
        self.check = check
    }

    deinit { release() }

    func release(lingers: Bool = false) {
        let ended = state.withLock { state in
            defer { state.own = nil }
            if lingers { state.lingering = state.own }
            return lingers ? nil : state.own
        }
        if let ended { end(ended) }
    }

    func endLingering() {
        let ended = state.withLock { state in
            defer { state.lingering = nil }
            return state.lingering
        }
        if let ended { end(ended) }
    }

    private func end(_ hold: Hold) {
        content.rows.withLock { rows in
            if rows.held[hold.chain] == hold.session { rows.held[hold.chain] = nil }
        }
    }

    func openChain(
        preferring chain: Int32?, isDoubtful: Bool
    ) throws(DatastoreError) -> OpenedAuditChain {
        try check()
        release()
        return try state.withLock { (state) throws(DatastoreError) in
            try content.rows.withLock { (rows) throws(DatastoreError) in
                var number = chain ?? 1
                if let session = rows.held[number] {
                    if isDoubtful, session == state.lingering?.session {
                        throw DatastoreError.unavailable("the session before is not over")
                    }
                    number = 1
                    while rows.held[number] != nil { number += 1 }
                }
                rows.sessions += 1
                rows.held[number] = rows.sessions
                state.own = Hold(chain: number, session: rows.sessions)
                return OpenedAuditChain(
                    chain: number, end: (rows.records[number] ?? []).suffix(2),
                    noted: rows.noted.filter { $0.id.chain == number })
            }
        }
    }

    private func changing<Value: Sendable>(
        _ body: (inout InMemoryAudit.Rows, Int32) throws(DatastoreError) -> Value
    ) throws(DatastoreError) -> Value {
        try check()
        guard let chain = state.withLock({ $0.own?.chain }) else { throw .diverged(at: .none) }
        return try content.rows.withLock { (rows) throws(DatastoreError) in try body(&rows, chain) }
    }

    func append(
        _ new: [AuditRow], ending changes: [NotedChange.ID], requiresNotes: Bool
    ) throws(DatastoreError) {
        try changing { (rows, chain) throws(DatastoreError) in
            var sequence = rows.records[chain]?.last?.sequence ?? 0
            for row in new {
                guard row.chain == chain, row.sequence == sequence + 1 else { throw .diverged(at: .none) }
                sequence += 1
            }
            let known = Set(rows.noted.map(\.id))
            guard !requiresNotes || changes.allSatisfy(known.contains) else { throw .notFound }
            rows.records[chain, default: []] += new
            rows.noted.removeAll { changes.contains($0.id) }
        }
    }

    func note(_ changes: [NotedChange]) throws(DatastoreError) {
        try changing { (rows, _) in rows.noted += changes }
    }

    func checkChain() throws(DatastoreError) {
        try changing { (_, _) in }
    }

    func adopt(_ changes: [NotedChange.ID]) throws(DatastoreError) {
        try changing { (rows, chain) in
            rows.noted = rows.noted.map { note in
                guard changes.contains(note.id) else { return note }
                return NotedChange(id: NotedChange.ID(chain: chain, change: note.id.change), line: note.line)
            }
        }
    }

    func forget(_ changes: [NotedChange.ID]) throws(DatastoreError) {
        try check()
        content.rows.withLock { rows in rows.noted.removeAll { changes.contains($0.id) } }
    }

    func ends() throws(DatastoreError) -> [AuditRow] {
        try check()
        return content.rows.withLock { $0.records.values.compactMap(\.last) }.sorted { $0.chain < $1.chain }
    }

    func rows(of chain: Int32, after sequence: Int64, limit: Int) throws(DatastoreError) -> [AuditRow] {
        try check()
        return content.rows.withLock { rows in
            Array((rows.records[chain] ?? []).drop { $0.sequence <= sequence }.prefix(limit))
        }
    }

    func rows(of chain: Int32, at sequences: [Int64]) throws(DatastoreError) -> [AuditRow] {
        try check()
        let wanted = Set(sequences)
        return content.rows.withLock { rows in (rows.records[chain] ?? []).filter { wanted.contains($0.sequence) } }
    }

    func page(
        in scope: PartnerScope, after place: AuditPlace?, limit: Int
    ) throws(DatastoreError) -> (rows: [AuditRow], total: Int64) {
        try check()
        let all = content.rows.withLock { $0.records.values.joined().filter { $0.partner == scope.partner } }
            .sorted { $0.place.isBefore($1.place) }
        let rest = all.drop { row in place.map { !$0.isBefore(row.place) } ?? false }
        return (Array(rest.prefix(limit)), Int64(all.count))
    }

    func abandoned() throws(DatastoreError) -> [NotedChange] {
        try check()
        return content.rows.withLock { rows in rows.noted.filter { rows.held[$0.id.chain] == nil } }
    }

    func noted() throws(DatastoreError) -> [NotedChange] {
        try check()
        return content.rows.withLock(\.noted)
    }
}

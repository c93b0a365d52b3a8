import Cryptography
import Datastore
import LogLines
import Tenancy

/// Rows of chains in a store: how they are made and read.
enum SharedAudit {
    /// For people, and in links.
    static func name(_ chain: Int32) -> String { "audit chain \(chain)" }

    /// Records as the next rows of a chain, and the chain behind them.
    static func rows(
        _ records: [AuditRecord], of chain: Int32, after state: AuditChainState, key: AuditKey
    ) -> ([AuditRow], AuditChainState) {
        var state = state
        let rows = records.map { record in
            var record = record
            record.sequence = state.sequence &+ 1
            // A trail goes over all chains: it is found by the store, not from record to record.
            let body = AuditLine.body(of: record, before: -1)
            state = AuditChainState(sequence: record.sequence, mac: key.chain(previous: state.mac, body: body))
            return AuditRow(
                chain: chain, sequence: Int64(clamping: record.sequence),
                partner: try? PartnerID(stored: record.partner), time: record.time.milliseconds,
                line: AuditLine.line(body: body, mac: state.mac).dropLast())
        }
        return (rows, state)
    }

    /// The state of a chain behind its last record, which has to follow the one before.
    static func state(atEndOf opened: OpenedAuditChain, key: AuditKey) throws(AuditError) -> AuditChainState {
        guard let last = opened.end.last else {
            return AuditChainState(sequence: 0, mac: key.genesis(of: opened.chain))
        }
        let before = opened.end.dropLast().last
        var walk = SharedAuditWalk(chain: opened.chain, key: key)
        if let before, let line = AuditLine(before.line[...]) {
            walk.state = AuditChainState(sequence: UInt64(clamping: before.sequence), mac: line.mac)
        }
        _ = try walk.next(last)
        return walk.state
    }

    /// The end of another chain, to be put on record.
    static func link(to end: AuditRow, _ line: AuditLine, time: Timestamp) -> AuditRecord {
        var record = AuditRecord.own(.link, count: UInt64(clamping: end.sequence), time: time)
        record.isAllowed = true
        record.method = name(end.chain)
        record.customerHash = Hex.text(of: line.mac)
        return record
    }

    /// What a link tells of; nil for other records.
    static func linked(by record: AuditRecord) -> (chain: Int32, sequence: Int64, mac: [UInt8])? {
        let prefix = "audit chain "
        guard record.kind == AuditKind.link.rawValue, record.method.hasPrefix(prefix),
            let chain = Int32(record.method.dropFirst(prefix.count)),
            let mac = Hex.bytes(of: Array(record.customerHash.utf8))
        else { return nil }
        return (chain, Int64(clamping: record.count), mac)
    }

    /// The record that a noted change gets when its outcome is not known; nil when it is not what was noted.
    static func record(of change: NotedChange, key: AuditKey) -> AuditRecord? {
        guard let line = AuditLine(change.line[...]), let (body, mac) = AuditLine.split(change.line[...]),
            areEqualInConstantTime(key.journal(body), mac), line.record.change == change.id.change
        else { return nil }
        return line.record
    }

    /// Whether the rows, all or none of which were written, are there.
    static func isWritten(_ rows: [AuditRow], in store: any AuditStore) throws(AuditError) -> Bool {
        guard let last = rows.last else { return false }
        return try storing { () throws(DatastoreError) in
            try store.rows(of: last.chain, at: [last.sequence]).first == last
        }
    }

    static func storing<Value>(_ body: () throws(DatastoreError) -> Value) throws(AuditError) -> Value {
        do throws(DatastoreError) {
            return try body()
        } catch {
            throw failure(error)
        }
    }

    static func failure(_ error: DatastoreError) -> AuditError {
        switch error {
        case .full: .full
        case .closed: .closed
        case .diverged: .unavailable("its chain in the store is to be opened anew")
        default: .unavailable(error.description)
        }
    }
}

/// Walks the rows of a chain and checks each against the one before.
struct SharedAuditWalk {
    let chain: Int32
    let key: AuditKey
    /// Behind the last good row.
    var state: AuditChainState

    init(chain: Int32, key: AuditKey) {
        self.chain = chain
        self.key = key
        state = AuditChainState(sequence: 0, mac: key.genesis(of: chain))
    }

    mutating func next(_ row: AuditRow) throws(AuditError) -> AuditRecord {
        let due = state.sequence &+ 1
        let found = UInt64(clamping: row.sequence)
        guard let line = AuditLine(row.line[...]), let (body, _) = AuditLine.split(row.line[...]),
            areEqualInConstantTime(key.chain(previous: state.mac, body: body), line.mac)
        else {
            throw problem(found == due ? .altered(sequence: due) : .outOfOrder(expected: due, found: found))
        }
        let record = line.record
        // What the store finds a record by has to be what the record says.
        guard record.sequence == due, found == due, row.chain == chain, record.time.milliseconds == row.time,
            record.partner == row.partner?.text ?? ""
        else { throw problem(.rowAltered(sequence: due)) }
        state = AuditChainState(sequence: due, mac: line.mac)
        return record
    }

    private func problem(_ fault: AuditFault) -> AuditError { .altered(AuditProblem(fault, chain: chain)) }
}

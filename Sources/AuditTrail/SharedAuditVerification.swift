import Cryptography
import Datastore

/// What a verification of the chains in a store found.
package struct SharedAuditReport: Sendable, Hashable {
    package var chains = 0
    /// Records that are as they were written, before the first problem.
    package var intactRecords: UInt64 = 0
    /// Of them, those that tell of other chains, all of which are right.
    package var links: UInt64 = 0
    /// Changes noted that have no record yet: under way, or left behind by a crash.
    package var pendingChanges = 0
    /// Nil when there is none.
    package var problem: AuditProblem?
}

extension AuditLog {
    private static let rowsAtOnce = 1_000

    /// Checks every chain of a store from its first record to its last, and that each has what the others tell of it;
    /// also while servers write them. A cut is noticed as far as another chain tells, which is a minute behind.
    package static func verify(_ store: any AuditStore, key: AuditKey) throws(AuditError) -> SharedAuditReport {
        var report = SharedAuditReport()
        do throws(AuditError) {
            for change in try SharedAudit.storing({ () throws(DatastoreError) in try store.noted() }) {
                guard SharedAudit.record(of: change, key: key) != nil else {
                    throw .altered(AuditProblem(.journalAltered, chain: change.id.chain))
                }
                report.pendingChanges += 1
            }
            var links = SharedAuditLinks()
            let ends = try SharedAudit.storing { () throws(DatastoreError) in try store.ends() }
            for end in ends {
                try walk(store, end.chain, key: key, &links, &report)
                report.chains += 1
            }
            try links.check(store)
            report.links = links.count
        } catch .altered(let problem) {
            report.problem = problem
        }
        return report
    }

    private static func walk(
        _ store: any AuditStore, _ chain: Int32, key: AuditKey, _ links: inout SharedAuditLinks,
        _ report: inout SharedAuditReport
    ) throws(AuditError) {
        var walk = SharedAuditWalk(chain: chain, key: key)
        while true {
            let after = Int64(clamping: walk.state.sequence)
            let rows = try SharedAudit.storing { () throws(DatastoreError) in
                try store.rows(of: chain, after: after, limit: rowsAtOnce)
            }
            for row in rows {
                links.note(try walk.next(row), in: chain)
                report.intactRecords += 1
            }
            if rows.count < rowsAtOnce { return }
        }
    }
}

/// What chains tell of each other.
private struct SharedAuditLinks {
    private struct Told {
        let mac: [UInt8]
        let by: Int32
    }

    private(set) var count: UInt64 = 0
    /// By chain and sequence.
    private var told: [Int32: [Int64: Told]] = [:]
    /// Two chains that tell different things of one record.
    private var contradiction: AuditProblem?

    mutating func note(_ record: AuditRecord, in chain: Int32) {
        guard let (other, sequence, mac) = SharedAudit.linked(by: record) else { return }
        count += 1
        if let before = told[other]?[sequence] {
            if before.mac != mac { contradiction = contradiction ?? problem(other, sequence, by: chain) }
            return
        }
        told[other, default: [:]][sequence] = Told(mac: mac, by: chain)
    }

    /// After the walks: what is told of is there already.
    func check(_ store: any AuditStore) throws(AuditError) {
        if let contradiction { throw .altered(contradiction) }
        for (chain, places) in told.sorted(by: { $0.key < $1.key }) {
            var rest = places.keys.sorted()[...]
            while !rest.isEmpty {
                let some = Array(rest.prefix(1_000))
                rest = rest.dropFirst(some.count)
                var found: [Int64: [UInt8]] = [:]
                let rows = try SharedAudit.storing { () throws(DatastoreError) in
                    try store.rows(of: chain, at: some)
                }
                for row in rows { found[row.sequence] = AuditLine(row.line[...])?.mac }
                for sequence in some {
                    guard let told = places[sequence], found[sequence] != told.mac else { continue }
                    throw .altered(problem(chain, sequence, by: told.by))
                }
            }
        }
    }

    private func problem(_ chain: Int32, _ sequence: Int64, by other: Int32) -> AuditProblem {
        AuditProblem(
            .linkBroken(sequence: UInt64(clamping: sequence), by: SharedAudit.name(other)), chain: chain)
    }
}

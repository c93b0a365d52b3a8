import Datastore
import InsightsCore
import LicenseModel
import Synchronization
import Tenancy

/// Copies a store into a new one, of another engine too: everything is read back as a starting server does, folded, and
/// written.
package struct StoreCopy: Sendable, Hashable {
    package private(set) var mark: StoreMark
    package private(set) var partners = 0
    package private(set) var principals = 0
    package private(set) var stateRows = 0

    private var heads = TableSum()
    private var rows = TableSum()
    private var access = AccessRegistry(partners: [], principals: [])

    /// Bytes of rows, and entries, that are written together.
    private static let pieceBytes = 4 << 20
    private static let pieceEntries = 1_000

    /// - Parameter history: of the data folder, read before the store.
    package init(
        of source: any CopiedStore, against history: StoreHistory?, into target: any FilledStore
    ) throws {
        if let fault = history?.fault(of: source.mark) { throw fault }
        let read = try RecoveredState(from: source)
        let revision = read.core.revision
        mark = StoreMark(store: source.mark.store, changes: source.mark.changes, revision: revision)
        try copyHeads(of: source, through: revision, into: target)
        try copyState(of: read.core, into: target)
        access = try source.loadAccess(for: RecoveredState.grant)
        (partners, principals) = (access.partners.count, access.principals.count)
        try target.add(access)
        try target.finish(mark)
    }

    private mutating func copyHeads(
        of source: any CopiedStore, through last: Revision, into target: any FilledStore
    ) throws {
        var piece: [LogEntry] = []
        var sum = TableSum()
        try source.heads(for: RecoveredState.grant) { entry in
            // Others may be writing.
            guard entry.revision <= last else { return }
            sum.add(entry.headChecksum)
            piece.append(entry)
            guard piece.count == Self.pieceEntries else { return }
            try target.add(piece)
            piece = []
        }
        try target.add(piece)
        heads = sum
        guard sum.rows == last.number else { throw DatastoreError.corrupt("entries of the log are missing") }
    }

    private mutating func copyState(of core: InsightsCore, into target: any FilledStore) throws {
        var core = core
        core.markEverything()
        for bucket in 0..<target.buckets {
            guard var fold = target.buckets > 1 ? core.beginFold(bucket: bucket) : core.beginFold() else { continue }
            repeat {
                let states = fold.next(maximumBytes: Self.pieceBytes)
                for state in states { rows.add(RowChecksum.state(key: state.key, content: state.body)) }
                try target.add(states.map { StateRow(key: $0.key, body: $0.body) }, to: bucket)
            } while !fold.isAtEnd
        }
        stateRows = Int(rows.rows)
    }

    /// Reads the copy back and throws unless it has exactly what was written, and starts a server.
    package func verify(_ copy: any CopiedStore) throws {
        let grant = RecoveredState.grant
        guard copy.mark.store == mark.store, copy.mark.revision == mark.revision, copy.mark.changes >= mark.changes
        else { throw DatastoreError.corrupt("the copy is not as far as the store") }
        var heads = TableSum()
        try copy.heads(for: grant) { heads.add($0.headChecksum) }
        guard heads == self.heads else { throw DatastoreError.corrupt("the copy has other receipts") }
        let rows = Mutex(TableSum())
        var entries = 0
        _ = try copy.recover(for: grant, readers: 1) { bucket in
            try bucket.forEachRow { row in
                rows.withLock { $0.add(RowChecksum.state(key: row.key, content: row.body ?? [])) }
            }
        } entry: { _ in
            entries += 1
        }
        guard rows.withLock({ $0 }) == self.rows, entries == 0 else { throw DatastoreError.corrupt("the copy has other rows") }
        guard try copy.loadAccess(for: grant) == access else {
            throw DatastoreError.corrupt("other principals may call the copy")
        }
        guard try RecoveredState(from: copy).core.revision == mark.revision else {
            throw DatastoreError.corrupt("the copy ends at another revision")
        }
    }
}

extension LogEntry {
    fileprivate var headChecksum: Int64 {
        RowChecksum.entry(
            revision: revision.number, kind: Int64(kind.rawValue), batch: receipt?.batch.text,
            accepted: (receipt?.accepted).map(Int64.init), digest: receipt?.digest.bytes)
    }
}

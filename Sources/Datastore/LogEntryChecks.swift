import LicenseModel

/// The rules that every engine keeps before it touches anything.
package enum LogEntryChecks {
    /// Batches only, consecutive after `last`, no id twice.
    package static func check(_ entries: [LogEntry], after last: Revision) throws(DatastoreError) {
        var expected = last.next
        var ids: Set<BatchID> = []
        for entry in entries {
            guard entry.kind == .batch, let receipt = entry.receipt else {
                throw .invalid("only batches are committed by themselves")
            }
            guard entry.revision == expected else { throw .outOfOrder(expected: expected, found: entry.revision) }
            guard receipt.accepted >= 0 else { throw .invalid("a batch cannot have fewer than 0 facts") }
            guard ids.insert(receipt.batch).inserted else { throw .duplicateBatch(receipt.batch) }
            expected = expected.next
        }
    }

    package static func check(foldThrough revision: Revision, folded: Revision, last: Revision) throws(DatastoreError) {
        guard revision >= folded, revision <= last else {
            throw .invalid("a fold through revision \(revision) is outside \(folded)…\(last)")
        }
    }
}

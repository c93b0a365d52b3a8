import Datastore
import LicenseModel

/// What a store in which nobody writes does by itself.
extension PostgresDatastore {
    /// Whether the part that is written to has something, and since when it is, without the right to write.
    private static let look = Statement(
        "look at slot", to: "read the log",
        """
        SELECT now() - since > interval '\(LogSlot.maximumMinutes) minutes'
            AND EXISTS (SELECT FROM insights.body WHERE slot = current)
        FROM insights.log_slot
        """)

    /// Bodies would otherwise stay, and with them what an erasure replaced, until somebody writes: a part is emptied
    /// once it is left.
    public func tidy() throws(DatastoreError) {
        try requireOpen()
        try writing.use { connection throws(PostgresFailure) in
            guard try connection.exchange([Command(Self.look)])[0].only().boolean(0) else { return }
            let folded = try StoredBuckets(connection).folds.least
            let answers = try connection.exchange([
                Command(.begin), Command(Self.lock), Command(LogSlot.read), Command(Head.last),
            ])
            let slot = try LogSlot(try answers[2].only())
            let last = Revision(number: try answers[3].first?.bigint(0) ?? 0)
            // What is not folded in every bucket is needed there.
            let (_, move) = last <= folded ? slot.next(from: last.next) : (slot.current, [])
            try Self.commit(move, connection)
        }
        dropLog(always: true)
    }
}

import Tenancy

/// A chain of records and where it is kept. Every method may be called from any thread; those that write block.
///
/// Each keeps the promises of `AuditLog`, which has the thread.
protocol AuditChain: Sendable {
    /// Takes an event to be written soon. False when it cannot be kept; it is counted as lost.
    func enqueue(_ event: AuditEvent) -> Bool

    /// Writes what waits and `event`, and waits until it is durable.
    func appendDurably(_ event: AuditEvent) throws(AuditError)

    /// Writes what waits.
    func flush() throws(AuditError)

    /// Whether `flush` has more to do though nothing new waits.
    var isBehind: Bool { get }

    /// What is done from time to time though nothing waits, and how often; nil when there is nothing.
    var tendingInterval: Duration? { get }
    func tend() throws(AuditError)

    /// After a failure: finds out whether records and changes can be written now.
    func tryAgain()

    /// Notes changes that are about to be made. Throws when none of them may be made.
    func begin(_ events: [AuditEvent]) throws(AuditError) -> [AuditChange]
    /// Puts changes on record.
    func end(_ changes: [AuditChange]) throws(AuditError)
    /// Forgets changes that were noted and not made.
    func forget(_ changes: [AuditChange])

    /// Writes everything and refuses every later event.
    func close() throws(AuditError)

    /// Whether the last attempt to write succeeded. Costs one atomic load.
    var isWritable: Bool { get }
    var status: AuditStatus { get }

    /// A page of the scope's partner, newest first.
    ///
    /// - Parameter limit: at least 1.
    func page(
        in scope: PartnerScope, from cursor: AuditCursor?, limit: Int
    ) throws(AuditError) -> AuditPage
}

extension AuditChain {
    var tendingInterval: Duration? { nil }
    func tend() throws(AuditError) {}
}

/// How well the log does, for health and metrics.
package struct AuditStatus: Sendable, Hashable {
    /// Records in the chain.
    package var records: UInt64
    /// The last line's code in hex: with `records`, an anchor to keep elsewhere.
    package var head: String
    /// Segments that are there, and their bytes; 0 of a chain that is no file.
    package var segments = 0
    package var bytes = 0
    /// Events that wait to be written.
    package var waiting: Int
    /// Events that could not be kept and whose number is not on record yet.
    package var lost: UInt64
    /// Changes that were begun and have no record yet.
    package var changesUnderWay: Int
    /// Why the last attempt to write failed; nil when it did not.
    package var failure: AuditError?
}

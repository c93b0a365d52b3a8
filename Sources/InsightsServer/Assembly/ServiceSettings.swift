import AuditTrail
import InsightsCore
import LicenseModel
import RPCEngine

/// Settings of the services; those of the transport are `RPCEngine.ServerConfiguration`'s.
package struct ServiceSettings: Sendable {
    package var maxBatchFacts = FactLimits.defaultMaximumBatchFacts
    package var advice = AdviceThresholds()
    /// Exports of one partner at once.
    package var partnerExports = 4
    /// Long reads of one partner that may wait for their turn: a second's calls at the standard rate.
    package var partnerReads = 1_000
    /// For how long a read waits for the revision that it asks for.
    package var revisionWait = Duration.seconds(2)
    /// How old the facts may be where other servers are on the store; beyond it calls are refused.
    package var staleReads = Duration.seconds(60)
    /// Changes of one partner that may wait for their turn.
    package var partnerChanges = 32
    /// Calls of one partner over all connections.
    package var partnerLimit = RateLimit.standard
    /// Bytes after which a segment of the audit chain is followed by the next.
    package var auditSegmentBytes = AuditLog.defaultSegmentBytes
    /// What peers may make the process hold, in bytes; see `RPCEngine.Limits.memoryBudget`.
    package var memoryBudget = Limits().memoryBudget

    package init() {}
}

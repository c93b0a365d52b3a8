import Authentication
import Foundation
import InsightsCore
import LicenseModel
import Logging
import RPCEngine
import Tenancy

/// Where time comes from; tests bring their own.
public struct ServerClock: Sendable {
    /// Unix time in seconds.
    public let unixSeconds: @Sendable () -> Int64
    /// Nanoseconds of a clock that never goes back.
    public let monotonicNanoseconds: @Sendable () -> UInt64

    public init(
        unixSeconds: @escaping @Sendable () -> Int64, monotonicNanoseconds: @escaping @Sendable () -> UInt64
    ) {
        self.unixSeconds = unixSeconds
        self.monotonicNanoseconds = monotonicNanoseconds
    }

    /// The UTC day of now.
    func today() -> Day { Day(unixSeconds: unixSeconds()) }
}

/// Settings of the services; those of the transport are `RPCEngine.ServerConfiguration`'s.
public struct ServiceSettings: Sendable {
    public var maxBatchFacts = FactLimits.defaultMaximumBatchFacts
    public var advice = AdviceThresholds()
    /// Exports of one partner at once.
    public var partnerExports = 4
    /// Long reads of one partner that may wait for their turn: a second's calls at the standard rate.
    public var partnerReads = 1_000
    /// Changes of one partner that may wait for their turn.
    public var partnerChanges = 32
    /// Calls of one partner over all connections.
    public var partnerLimit = RateLimit.standard
    /// Bytes after which a segment of the audit chain is followed by the next.
    public var auditSegmentBytes = AuditLog.defaultSegmentBytes
    /// What peers may make the process hold, in bytes; see `RPCEngine.Limits.memoryBudget`.
    public var memoryBudget = Limits().memoryBudget

    public init() {}
}

/// What services, pipeline and writer share. Made once at start.
final class ServerContext: Sendable {
    let settings: ServiceSettings
    let clock: ServerClock
    let published: PublishedCore
    let directory: PrincipalDirectory
    let authenticator: Authenticator
    let writer: FactWriter
    /// Changes other than batches, on their way to the writer.
    let changes: ChangeQueue
    let recorder: ChangeRecorder
    let rateLimiter: RateLimiter
    let memory: PartnerMemory
    let unrecordedRefusals = UnrecordedRefusals(RateLimit(perSecond: 50, burst: 1_000) ?? .standard)
    /// Ingest streams whose audit record is not written yet.
    let openStreams = DispatchGroup()
    let exports: ExportSlots
    /// Where reads run that may take longer than an event loop can spare.
    let longReads: PartnerTurns
    let metrics: CallMetrics
    let health: HealthService
    let auditLog: AuditLog
    let pageTokens: PageTokens
    let callLog: CallLog
    let strangers: StrangerLog
    let logger: Logger

    init(
        settings: ServiceSettings, clock: ServerClock, published: PublishedCore, directory: PrincipalDirectory,
        authenticator: Authenticator, writer: FactWriter, metrics: CallMetrics, health: HealthService,
        auditLog: AuditLog, pageTokens: PageTokens, logger: Logger, strangers: StrangerLog
    ) {
        self.settings = settings
        self.clock = clock
        self.published = published
        self.directory = directory
        self.authenticator = authenticator
        self.writer = writer
        recorder = ChangeRecorder(auditLog: auditLog, clock: clock, published: published, logger: logger)
        changes = ChangeQueue(limit: settings.partnerChanges, writer: writer, recorder: recorder)
        rateLimiter = RateLimiter(settings.partnerLimit)
        memory = PartnerMemory(budget: settings.memoryBudget)
        exports = ExportSlots(limit: settings.partnerExports)
        longReads = PartnerTurns(
            limit: settings.partnerReads, processors: ProcessInfo.processInfo.activeProcessorCount)
        self.metrics = metrics
        self.health = health
        self.auditLog = auditLog
        self.pageTokens = pageTokens
        callLog = CallLog(logger: logger, strangers: strangers)
        self.strangers = strangers
        self.logger = logger
    }

    /// A credential that was refused: for operators, who need to know why; the caller is told one of three texts.
    func noteRefusedCredential(_ failure: AuthenticationFailure, of call: CallContext) {
        strangers.log(
            .debug, "credential refused",
            metadata: [
                "cause": .string(failure.cause.rawValue), "remote": .string(call.connection.remoteAddress),
                "certificate": .string(call.connection.peerCertificate?.serial ?? ""),
            ])
    }
}

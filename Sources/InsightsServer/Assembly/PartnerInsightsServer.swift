import AuditTrail
import Authentication
import Datastore
import Dispatch
import DurableFiles
import Foundation
import InsightsAPI
import InsightsCore
import InsightsWeb
import LogLines
import Logging
import RPCEngine
import Tenancy

/// What a server is made of; the composition root fills it in.
package struct PartnerInsightsServerParts: Sendable {
    package var store: any LicenseDatastore
    /// Folder of the audit chain and its key, of a store that one server has.
    package var dataFolder: String
    /// Folder of the keys that other servers on the store have too; nil: the data folder.
    package var keysFolder: String?
    package var trustDomain: TrustDomain
    package var tokens: TokenVerifier?
    /// Nil where nobody signs in: then cookies are nothing.
    package var signIn: SignIn?
    package var settings: ServiceSettings
    package var clock: ServerClock
    package var logger: Logger
    /// Writes the lines of calls, without going through the logger.
    package var callLines: LineLogHandler
    /// Lines that callers without a credential cause.
    package var strangers: StrangerLog
    /// Folder of the store's file, when it has one.
    package var storeFolder: String?
    /// Log lines that were lost so far, for the metrics.
    package var lostLogLines: @Sendable () -> UInt64 = { 0 }
    /// Go on with a store that lacks acknowledged changes, or is another one, and put that on record.
    package var acceptsOlderStore = false
    /// What is served besides the methods, in the order in which the engine's web handler names them.
    package var webRoutes: [WebRoute] = []

    package init(
        store: any LicenseDatastore, dataFolder: String, trustDomain: TrustDomain, tokens: TokenVerifier?,
        settings: ServiceSettings, clock: ServerClock, logger: Logger, callLines: LineLogHandler
    ) {
        self.store = store
        self.dataFolder = dataFolder
        self.trustDomain = trustDomain
        self.tokens = tokens
        self.settings = settings
        self.clock = clock
        self.logger = logger
        self.callLines = callLines
        strangers = StrangerLog(logger: logger, clock: clock)
    }
}

/// What the engine serves, for whoever configures it.
package struct ServedCalls {
    package let methods: [MethodEntry]
    package let webRoutes: [MethodEntry]
    package let pipeline: any CallInterceptor
    /// Where work for other forms than gRPC's is done.
    package let work: WebWork
}

extension CallContext {
    fileprivate func submit(
        _ work: @escaping @Sendable () -> Void, isReply: Bool, to turns: PartnerTurns
    ) -> RPCStatus? {
        guard let principal = record?.caller?.principal else { return Refusal.noPermissionDeclared }
        let asker = principal.partner.map(PartnerTurns.Asker.partner) ?? .operator
        if turns.submit(for: asker, isBounded: !isReply, work) { return nil }
        return Refusal.tooManyReads(limit: turns.limit, ofOperator: principal.isOperator)
    }
}

/// The whole server but its executable: recovers the store, serves, drains.
package final class PartnerInsightsServer: Sendable {
    private let engine: Server
    let store: any LicenseDatastore
    let condition: StoreCondition
    let clock: ServerClock
    let published: PublishedCore
    let audit: CallAudit
    let health: HealthService
    private let directory: PrincipalDirectory
    private let authenticator: Authenticator
    private let writer: FactWriter
    /// Nil where one server has the store.
    let shared: SharedServing?
    private let changes: ChangeQueue
    private let longReads: PartnerTurns
    private let openStreams: DispatchGroup
    private let callMetrics: CallMetrics
    private let logger: Logger
    private let lostLogLines: @Sendable () -> UInt64
    private let signIn: SignIn?
    private let tokens: TokenVerifier?
    private let strangers: StrangerLog

    /// Reads the store back; blocks until the core is as it was.
    ///
    /// - Parameter transport: makes the engine's configuration.
    package init(
        _ parts: PartnerInsightsServerParts, transport: (ServedCalls) -> ServerConfiguration
    ) throws {
        let (started, asked) = (parts.clock.monotonicNanoseconds(), parts.clock.sleeplessNanoseconds())
        let opened = try OpenedState(
            parts.store, folder: parts.dataFolder, keys: parts.keysFolder,
            auditSegmentBytes: parts.settings.auditSegmentBytes, acceptsOlderStore: parts.acceptsOlderStore
        ) { [clock = parts.clock] in Timestamp(milliseconds: clock.unixSeconds() * 1_000) }
        let (store, recovered) = (opened.store, opened.recovered)
        opened.tell(parts.logger, milliseconds: (parts.clock.monotonicNanoseconds() - started) / 1_000_000)
        (logger, clock) = (parts.logger, parts.clock)
        (lostLogLines, signIn, tokens, strangers) = (parts.lostLogLines, parts.signIn, parts.tokens, parts.strangers)
        self.store = store
        let (logger, clock) = (parts.logger, parts.clock)
        let directory = PrincipalDirectory(recovered.directory)
        let published = PublishedCore(recovered.core) { clock.today() }
        let condition = StoreCondition(parts)
        let freshness = Freshness(of: store, parts, asked: asked)
        let authenticator = Authenticator(
            directory: directory, trustDomain: parts.trustDomain, tokens: parts.tokens,
            sessions: parts.signIn?.sessions)
        let writer = FactWriter(
            store: store, published: published, directory: directory, authenticator: authenticator,
            position: recovered.position, replayed: recovered.replayed, freshness: freshness
        ) { error in
            logger.error("store failure", metadata: ["reason": .string(error.description)])
            condition.failed(error, revision: published.load().revision, now: clock.monotonicNanoseconds())
        }
        writer.followDays()
        self.authenticator = authenticator
        (self.directory, self.published, self.condition, self.writer) = (directory, published, condition, writer)
        audit = CallAudit(trail: opened.auditLog, clock: clock, published: published, logger: logger)
        longReads = PartnerTurns(
            limit: parts.settings.partnerReads, processors: ProcessInfo.processInfo.activeProcessorCount)
        let health = HealthService(services: MethodRegistry.services) { freshness?.isStale != true }
        self.health = health
        shared = SharedServing(
            store: store, writer: writer, staleReads: parts.settings.staleReads, logger: logger, onChange: health.tell)
        changes = ChangeQueue(
            limit: parts.settings.partnerChanges, writer: writer, recorder: audit.recorder, others: shared?.members)
        openStreams = DispatchGroup()
        callMetrics = CallMetrics(paths: Method.allCases.map(\.path) + parts.webRoutes.map(\.pattern.text))
        let reads = Reads(
            published: published, clock: clock,
            pageTokens: PageTokens(secret: opened.keys.pageTokens),
            turns: longReads, authenticator: authenticator, revisionWait: parts.settings.revisionWait.nanoseconds)
        let changing = Changes(queue: changes, audit: audit)
        let registry = MethodRegistry(
            access: AccessService(reads: reads, changes: changing, directory: directory),
            customers: CustomersService(reads: reads, audit: audit), health: health,
            ingest: IngestService(
                reads: reads, changes: changing,
                intake: BatchIntake(
                    clock: clock, audit: audit, writer: writer, maximumFacts: parts.settings.maxBatchFacts),
                openStreams: openStreams),
            insights: InsightsService(reads: reads, thresholds: parts.settings.advice),
            reflection: try ReflectionService(
                descriptors: PackageResources.descriptors_binpb, services: MethodRegistry.services))
        let memory = PartnerMemory(budget: parts.settings.memoryBudget)
        let pipeline = CallPipeline(
            credentials: Credentials(
                directory: directory, authenticator: authenticator, sessions: parts.signIn?.sessions, memory: memory,
                strangers: parts.strangers, clock: clock),
            limits: PartnerLimits(
                rate: RateLimiter(parts.settings.partnerLimit), memory: memory,
                exports: ExportSlots(limit: parts.settings.partnerExports)),
            audit: audit, metrics: callMetrics, log: CallLog(lines: parts.callLines, strangers: parts.strangers),
            clock: clock, requirements: MethodRegistry.requirements + parts.webRoutes.map(\.requirement),
            freshness: freshness)
        let pages = WebPages(methods: registry.entries, reads: reads)
        let calls = ServedCalls(
            methods: registry.entries, webRoutes: parts.webRoutes.map(pages.entry), pipeline: pipeline
        ) { [longReads] call, isReply, work in
            call.submit(work, isReply: isReply, to: longReads)
        }
        engine = try Server(configuration: transport(calls))
        published.shelf.count(in: engine.memory)
    }

    /// Listens and serves, with everything that others on the store wrote before. Returns when connections are
    /// accepted.
    package func start() throws -> BoundAddress {
        try shared?.begin()
        signIn?.serve(authenticator, now: clock.unixSeconds()) { [audit, strangers] result in
            SignInRecord(result).put(on: audit, strangers)
        }
        let address = try engine.start()
        writer.foldAfterStart()
        return address
    }

    /// Certificates, authorities and revocation lists from their files again; running calls go on.
    package func reloadTLS() throws {
        try engine.reloadTLS()
    }

    /// Ends of the server's certificate and the revocation lists that are in force.
    package var tlsExpiries: [TLSExpiry] { engine.tlsExpiries }

    /// The end is to be over so long after the grace.
    private static let closingTime = Duration.milliseconds(850)
    /// Of it, for what follows the folding: ends of streams go on record, and files are closed.
    private static let recordTime = Duration.milliseconds(150)
    /// What is spent on folding at most, so that the next start replays less.
    private static let foldTime = Duration.seconds(1)

    /// No new calls; running ones end within `grace`; then what was accepted is folded, as far as that is quick, and
    /// the store closed: less than a second more, whatever waits. Blocks. False when calls had to be cut off.
    package func shutdown(grace: Duration) -> Bool {
        let end = ContinuousClock.now + grace + Self.closingTime
        health.stopServing()
        let clean = engine.drain(grace: grace)
        signIn?.stop()
        tokens?.stop()
        longReads.stop()
        changes.stop()
        shared?.stop()
        writer.stop(folding: min(Self.foldTime, end - Self.recordTime - .now))
        // The last streams are going on record; one that hangs is put on record by the next start.
        if openStreams.wait(timeout: .now() + DispatchTimeInterval.milliseconds(100)) == .timedOut {
            logger.warning("an ingest stream has not ended")
        }
        audit.summarizeRefusals(atOnce: true)
        do {
            try audit.trail.close()
        } catch {
            logger.error("audit failure", metadata: ["reason": .string("\(error)")])
        }
        do {
            try store.close()
        } catch {
            logger.error("store failure", metadata: ["reason": .string(error.description)])
        }
        return clean
    }

    /// Whether the server serves, and its store answers where it has that alone.
    package var isHealthy: Bool {
        guard health.isServing else { return false }
        // What the others on it lack too takes none of them out of service; how old the facts are was looked at.
        if store.isShared { return true }
        do {
            try store.health()
            return true
        } catch {
            return false
        }
    }

    /// Prometheus text: calls, what is open, and the state of store and core.
    package func metrics() -> String {
        var text = callMetrics.exposition()
        let transport = engine.statistics
        text += "# HELP insights_connections_open Connections accepted and not yet closed.\n"
        text += "# TYPE insights_connections_open gauge\n"
        text += "insights_connections_open \(transport.connectionsOpen)\n"
        text += "# HELP insights_calls_open Calls begun and not yet ended, streams among them.\n"
        text += "# TYPE insights_calls_open gauge\ninsights_calls_open \(transport.callsOpen)\n"
        text += "# HELP insights_memory_budget_bytes What peers may make the process hold.\n"
        text += "# TYPE insights_memory_budget_bytes gauge\n"
        text += "insights_memory_budget_bytes \(engine.memory.limit)\n"
        text += "# HELP insights_memory_held_bytes What they make it hold.\n"
        text += "# TYPE insights_memory_held_bytes gauge\ninsights_memory_held_bytes \(engine.memory.used)\n"
        text += "# HELP insights_heap_bytes What the process's allocator has handed out, for peers and all else.\n"
        text += "# TYPE insights_heap_bytes gauge\ninsights_heap_bytes \(MemoryAccount.heapBytes)\n"
        text += "# HELP insights_paging_bytes What snapshots that pages go on from keep, at most; among those held.\n"
        text += "# TYPE insights_paging_bytes gauge\ninsights_paging_bytes \(published.shelf.bytes)\n"
        text += "# HELP insights_revision Accepted changes so far.\n# TYPE insights_revision gauge\n"
        text += "insights_revision \(published.load().revision)\n"
        text += "# HELP insights_partners Registered partners.\n# TYPE insights_partners gauge\n"
        text += "insights_partners \(directory.snapshot.partnerCount)\n"
        text += "# HELP insights_log_lines_lost_total Log lines that were not written.\n"
        text += "# TYPE insights_log_lines_lost_total counter\ninsights_log_lines_lost_total \(lostLogLines())\n"
        text += audit.metrics()
        text += shared?.metrics() ?? ""
        text += signIn?.metrics() ?? ""
        if let statistics = try? store.statistics() {
            text += "# HELP insights_store_bytes Bytes of the store's main file.\n# TYPE insights_store_bytes gauge\n"
            text += "insights_store_bytes \(statistics.storeBytes)\n"
            text += "# HELP insights_store_replay_entries Log entries that a restart replays.\n"
            text += "# TYPE insights_store_replay_entries gauge\n"
            text += "insights_store_replay_entries \(statistics.entriesToReplay)\n"
        }
        return text
    }
}

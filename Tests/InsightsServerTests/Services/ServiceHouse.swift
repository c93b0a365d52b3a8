import Authentication
import Dispatch
import Glibc
import InsightsAPI
import InsightsCore
import LicenseModel
import Logging
import RPCEngine
import SwiftProtobuf
import Synchronization
import Tenancy
import Testing

@testable import AuditTrail
@testable import InsightsServer
@testable import LogLines

/// Pipeline and services over a store in memory, called without transport and event loop.
final class ServiceHouse {
    let house: WriterHouse
    let pipeline: CallPipeline
    let registry: MethodRegistry
    let log = KeepingSink()
    private let entries: [MethodEntry]
    private let memory = PartnerMemory(budget: 1 << 30)

    /// The clock of the services: 2024-04-01.
    static let today = Day(unixSeconds: 1_711_929_600)

    init(
        store: WatchedStore = WatchedStore(), rate: RateLimit = .standard, exports: Int = 4, longReads: Int = 100,
        staleReads: Duration? = nil, time: HouseTime = HouseTime()
    ) throws {
        let clock = time.clock
        house = try WriterHouse(store: store, staleReads: staleReads, clock: clock)
        let freshness = house.writer.freshness
        let lines = LineLogHandler(label: "test", format: .json, level: .info, sink: log)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let audit = CallAudit(trail: house.log, clock: clock, published: house.published, logger: logger)
        let reads = Reads(
            published: house.published, clock: clock, pageTokens: PageTokens(secret: [UInt8](repeating: 9, count: 32)),
            turns: PartnerTurns(limit: longReads, processors: 2), authenticator: house.authenticator,
            revisionWait: 50_000_000)
        let changes = Changes(queue: house.changes, audit: audit)
        registry = MethodRegistry(
            access: AccessService(reads: reads, changes: changes, directory: house.directory),
            customers: CustomersService(reads: reads, audit: audit),
            health: HealthService(services: MethodRegistry.services) { freshness?.isStale != true },
            ingest: IngestService(
                reads: reads, changes: changes,
                intake: BatchIntake(clock: clock, audit: audit, writer: house.writer, maximumFacts: 1_000),
                openStreams: DispatchGroup()),
            insights: InsightsService(reads: reads, thresholds: AdviceThresholds()),
            reflection: try ReflectionService(descriptors: [], services: MethodRegistry.services))
        let strangers = StrangerLog(logger: Logger(label: "test") { _ in lines }, clock: clock)
        pipeline = CallPipeline(
            credentials: Credentials(
                directory: house.directory, authenticator: house.authenticator, memory: memory, strangers: strangers,
                clock: clock),
            limits: PartnerLimits(rate: RateLimiter(rate), memory: memory, exports: ExportSlots(limit: exports)),
            audit: audit, metrics: CallMetrics(paths: Method.allCases.map(\.path)),
            log: CallLog(lines: lines, strangers: strangers), clock: clock, requirements: MethodRegistry.requirements,
            freshness: freshness)
        entries = registry.entries
    }

    /// Nil calls without a credential.
    struct Who {
        let uri: String
        static func principal(_ name: String, of partner: String = "A") -> Who {
            Who(uri: "spiffe://t/partner/\(partner)/principal/\(name)")
        }
        static let `operator` = Who(uri: "spiffe://t/operator/feed")
    }

    /// A call whose caller the connection knows already.
    func context(_ method: Method, by who: Who?) throws -> CallContext {
        let call = CallContext(method: method.rawValue, path: method.path)
        if let who {
            let identity = try WriterHouse.identified(who.uri, by: house.authenticator)
            call.connection.attachment = Caller(
                identity, peerRevision: call.connection.peerRevision, memory: memory.account(of: identity.principal))
        }
        return call
    }

    /// What the caller gets: the bytes of the one reply, or those of a stream, one behind the other.
    func reply(_ method: Method, by who: Who?, _ request: [UInt8] = []) throws -> Result<[UInt8], RPCStatus> {
        reply(to: try context(method, by: who), method, request)
    }

    /// The same for a call whose caller was let in before.
    func reply(to call: CallContext, _ method: Method, _ request: [UInt8] = []) -> Result<[UInt8], RPCStatus> {
        let result = answer(call, entries[method.rawValue], request)
        var outcome = CallOutcome(.ok, requestBytes: UInt64(request.count))
        if case .failure(let status) = result { outcome.code = status.code }
        pipeline.end(call, method: entries[method.rawValue], outcome: outcome)
        return result
    }

    func call<Response: Message>(
        _ method: Method, by who: Who, _ request: some Message, as: Response.Type = Response.self
    ) throws -> Response {
        try Response(serializedBytes: reply(method, by: who, try request.serializedBytes()).get())
    }

    private func answer(_ call: CallContext, _ entry: MethodEntry, _ request: [UInt8]) -> Result<[UInt8], RPCStatus> {
        Result { () throws(RPCStatus) in
            try pipeline.begin(call, method: entry)
            while true {
                do throws(RPCStatus) {
                    return try run(call, entry, request)
                } catch {
                    // As the engine does, which knows when the call is woken.
                    guard error.message == "the call waits" else { throw error }
                    usleep(1_000)
                }
            }
        }
    }

    private func run(_ call: CallContext, _ entry: MethodEntry, _ request: [UInt8]) throws(RPCStatus) -> [UInt8] {
        var reply: [UInt8] = []
        switch entry.handler {
        case .unary(let handler): try handler(call, request.span.bytes, &reply)
        case .deferrable(let handler):
            switch try handler(call, request.span.bytes) {
            case .now(let make): try make(&reply)
            case .later(let start): reply = try Self.wait(start).get()
            }
        case .serverStream(let handler):
            let source = try handler(call, request.span.bytes)
            while case .message = try source.next(into: &reply) {}
        case .bidirectional, .web: throw RPCStatus(.unimplemented, "it needs a connection")
        }
        return reply
    }

    /// The later answer of a call, once it is there.
    static func wait(_ start: (UnaryResponder) -> Void) -> Result<[UInt8], RPCStatus> {
        let answer = Mutex<Result<[UInt8], RPCStatus>?>(nil)
        let done = DispatchSemaphore(value: 0)
        start(
            UnaryResponder { result in
                answer.withLock { $0 = result }
                done.signal()
            })
        done.wait()
        return answer.withLock { $0 } ?? .failure(RPCStatus(.unknown, "no answer"))
    }

    /// One batch as a stream gives it to the service.
    func ingest(_ request: PBIngestRequest) throws -> Result<PBIngestResponse, RPCStatus> {
        let answer = Mutex<Result<[UInt8], RPCStatus>?>(nil)
        let done = DispatchSemaphore(value: 0)
        registry.ingest.intake.accept(try request.serializedBytes(), by: house.operator) { result in
            answer.withLock { $0 = result }
            done.signal()
        }
        done.wait()
        switch try #require(answer.withLock { $0 }) {
        case .success(let bytes): return .success(try PBIngestResponse(serializedBytes: bytes))
        case .failure(let status): return .failure(status)
        }
    }

    /// Records of the audit trail, once all that was given to it is written.
    func records() throws -> [AuditRecord] {
        try house.log.flush()
        return try house.records()
    }
}

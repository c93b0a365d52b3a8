import Foundation
import ImportFormats
import InsightsAPI
import LicenseModel
import Outgoing
import Synchronization

/// What one command wants.
public struct SyncOptions: Sendable {
    /// Customer or tenant ids; empty = all.
    public var customers: [String] = []
    public var sources: Set<SyncSource> = Set(SyncSource.allCases)
    /// No earlier day of activity is asked for.
    public var since: Day?
    /// Requests at once, of all customers together.
    public var parallel = 4
    public var saveFolder: String?
    public var isDryRun = false

    public init() {}
}

/// Tells a synchronization to end after what it is sending.
public final class StopSignal: Sendable {
    private struct State {
        var isStopping = false
        var onStop: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    public init() {}

    public var isStopping: Bool { state.withLock { $0.isStopping } }

    public func stop() {
        let onStop = state.withLock { state in
            state.isStopping = true
            return state.onStop
        }
        onStop?()
    }

    /// Runs the body as a task that the signal cancels; nil when it ended by that. Another failure stays one.
    public func cancelable<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value? {
        let task = Task(operation: body)
        let isStopping = state.withLock { state in
            state.onStop = { task.cancel() }
            return state.isStopping
        }
        if isStopping { task.cancel() }
        // What the task has made is nobody's any more.
        defer { state.withLock { $0.onStop = nil } }
        do {
            return try await task.value
        } catch is CancellationError where self.isStopping {
            return nil
        }
    }
}

/// Synchronizes: run after run with the same tokens and connections.
public final class Synchronizer: Sendable {
    public let configuration: SyncConfiguration
    public let options: SyncOptions
    public let telemetry: SyncTelemetry
    public let stop = StopSignal()
    let state: SyncState
    let requests: GraphRequests
    /// Imports that are being checked and sent at once.
    let senders = RequestGate(4)
    private let describe: @Sendable (any Error) -> String
    private let clock: @Sendable () -> Date
    private let accesses = Mutex<[String: TenantAccess]>([:])
    private let notesOfList = Mutex<[String]>([])

    /// - Parameter describe: one line about an error of the receiver.
    public init(
        _ configuration: SyncConfiguration, _ options: SyncOptions, state: SyncState, telemetry: SyncTelemetry,
        limits: SyncLimits = SyncLimits(), clock: @escaping @Sendable () -> Date,
        describe: @escaping @Sendable (any Error) -> String
    ) {
        self.configuration = configuration
        self.options = options
        self.state = state
        self.telemetry = telemetry
        self.clock = clock
        self.describe = describe
        requests = GraphRequests(
            configuration: configuration, limits: limits, client: HTTPSClient(), gate: RequestGate(options.parallel),
            requestsPerTenant: limits.requestsPerTenant(of: options.parallel),
            telemetry: telemetry, receiver: ReceiverState(), clock: clock)
    }

    /// Brings every customer up to date; outcomes in the order of the customers. Throws `SyncFailure` when nothing can
    /// be done, `CancellationError` when it was stopped before anything was.
    ///
    /// - Parameter onOutcome: called for each customer as it is done.
    public func runOnce(
        _ receiver: any FactsReceiver, onOutcome: (CustomerOutcome) -> Void
    ) async throws -> [CustomerOutcome] {
        let today = Day(unixSeconds: now())
        let known: KnownCustomers
        do {
            known = try await receiver.knownCustomers()
        } catch {
            // However the receiver words it.
            try Task.checkCancellation()
            throw error
        }
        requests.receiver.answered()
        let customers = try await customers()
        forgetAll(but: customers)
        let run = SyncRun(self, receiver, revision: known.revision)
        telemetry.change {
            $0.customers = customers.count
            $0.customersDone = 0
        }
        return await withTaskGroup(of: (Int, CustomerOutcome)?.self) { group in
            for (index, customer) in customers.enumerated() {
                let sync = CustomerSync(
                    run: run, customer: customer, known: known.customers[customer.customerID],
                    access: access(customer.tenantID, priority: index), today: today)
                group.addTask {
                    do {
                        return (index, try await sync.bringUpToDate())
                    } catch {
                        if Task.isCancelled { return nil }
                        let failure = SourceFailure(.ingest, sync.run.text(of: error))
                        return (index, CustomerOutcome(customer).failed(sync.run.options.sources, failure))
                    }
                }
            }
            var outcomes: [(Int, CustomerOutcome)] = []
            for await case let (index, outcome)? in group {
                outcomes.append((index, outcome))
                telemetry.change { $0.customersDone += 1 }
                onOutcome(outcome)
            }
            return outcomes.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    func access(_ tenant: String, priority: Int) -> TenantAccess {
        accesses.withLock { accesses in
            if let known = accesses[tenant] {
                // Its place in the list may be another one than in the run before.
                known.setPriority(priority)
                return known
            }
            let access = requests.access(tenant: tenant, priority: priority)
            accesses[tenant] = access
            return access
        }
    }

    /// Tenants that left the list since the run before keep no token here.
    func forgetAll(but customers: [SyncCustomer]) {
        let kept = Set(customers.map(\.tenantID)).union([configuration.partnerTenant])
        accesses.withLock { accesses in accesses = accesses.filter { kept.contains($0.key) } }
    }

    /// Tenants whose tokens are kept.
    var tenants: Set<String> { accesses.withLock { Set($0.keys) } }

    /// Ends what is still asked, and waits for it: the last thing before a process ends.
    public func shutDown() {
        requests.client.shutDown(waiting: .seconds(5))
        state.removeAnswers()
    }

    /// All customers of the configuration, or those that are wanted.
    func customers() async throws -> [SyncCustomer] {
        var customers: [SyncCustomer]
        switch configuration.customers {
        case .listed(let listed): customers = listed
        case .contracts: customers = try await discovered(.contracts)
        case .delegatedAdminCustomers: customers = try await discovered(.delegatedAdminCustomers)
        }
        guard !options.customers.isEmpty else { return customers }
        for wanted in options.customers
        where !customers.contains(where: { $0.customerID == wanted || $0.tenantID == wanted.lowercased() }) {
            throw SyncFailure("--customer \(wanted) is none of the \(customers.count) customers of the configuration")
        }
        let wanted = options.customers
        customers.removeAll { customer in
            !wanted.contains { $0 == customer.customerID || $0.lowercased() == customer.tenantID }
        }
        return customers
    }

    /// Rows of the list of customers that were left out.
    public var notes: [String] { notesOfList.withLock { $0 } }

    private func discovered(_ source: GraphSource) async throws -> [SyncCustomer] {
        // No answer that could be imported: not kept.
        let folder = try AnswerFolder(temporaryIn: state.answerFolder)
        do {
            let access = access(configuration.partnerTenant, priority: -1)
            let found = try await GraphLists(requests: requests).customers(source, access, in: folder)
            notesOfList.withLock { $0 = found.leftOut.map { "\(source.title): left out: \($0)" } }
            return found.customers.map {
                SyncCustomer(
                    tenantID: $0.tenantID, customerID: $0.tenantID, name: $0.name.isEmpty ? nil : $0.name, market: nil)
            }
        } catch let failure as SourceFailure {
            throw SyncFailure("the customers cannot be listed: \(failure.message)")
        }
    }

    func text(of error: any Error) -> String { (error as? SyncFailure)?.description ?? describe(error) }

    func now() -> Int64 { Int64(clock().timeIntervalSince1970) }
}

/// What the customers of one run share.
final class SyncRun: Sendable {
    private let synchronizer: Synchronizer
    let receiver: any FactsReceiver
    /// The server's revision when the run began.
    let revision: Int64

    init(_ synchronizer: Synchronizer, _ receiver: any FactsReceiver, revision: Int64) {
        self.synchronizer = synchronizer
        self.receiver = receiver
        self.revision = revision
    }

    var configuration: SyncConfiguration { synchronizer.configuration }
    var options: SyncOptions { synchronizer.options }
    var state: SyncState { synchronizer.state }
    var requests: GraphRequests { synchronizer.requests }
    var lists: GraphLists { GraphLists(requests: synchronizer.requests) }
    var receiverState: ReceiverState { synchronizer.requests.receiver }
    var senders: RequestGate { synchronizer.senders }
    var stop: StopSignal { synchronizer.stop }

    func text(of error: any Error) -> String { synchronizer.text(of: error) }
    func now() -> Int64 { synchronizer.now() }
}

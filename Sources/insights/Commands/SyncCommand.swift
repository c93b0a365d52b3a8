import ArgumentParser
import Dispatch
import Foundation
import GraphSync
import InsightsClient
import LicenseModel

extension SyncSource: ExpressibleByArgument {}

struct SyncCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync",
        abstract: "Read every customer's data from the vendor's APIs, and send it (operator only).",
        discussion: """
            Asks Microsoft Graph for the catalog, subscriptions, users and activity of every customer and sends what \
            is new, as `insights import` does with files. docs/sync.md says how the application is registered, which \
            permissions it needs and how to run this as a service.

            A customer that fails keeps no other waiting: what failed is in the table, its healthy sources are sent, \
            and the next run goes on where this one ended. Running again changes nothing.

            Exit code 0: all customers are up to date; 3: some failed; 1: nothing could be done. SIGTERM ends after \
            what is being sent.

            Examples:
              insights sync sync.json --check
              insights sync sync.json
              insights sync sync.json --customer contoso --only users --save answers
              insights sync sync.json --every 6h --metrics-file /var/lib/node_exporter/insights.prom
            """)

    @Argument(help: "Configuration (JSON).") var configurationFile: String
    @Option(help: ArgumentHelp("Only this customer or tenant; may be repeated.", valueName: "id"))
    var customer: [String] = []
    @Option(help: ArgumentHelp("Only this source; may be repeated.", valueName: "source")) var only: [SyncSource] = []
    @Option(
        help: ArgumentHelp(
            "Ask for no activity before this day. Default: the last 28 days.", valueName: "YYYY-MM-DD"))
    var since: String?
    @Option(
        help: ArgumentHelp(
            "Go on until SIGTERM; the pause counts from the start of the last run. Such as 90s, 30m, 6h, 1d.",
            valueName: "time"))
    var every: Pause?
    @Option(help: "Requests at once, of all customers together; of one tenant never more than four.")
    var parallel = 4
    @Option(help: ArgumentHelp("Keep every answer there, in files that import takes.", valueName: "folder"))
    var save: String?
    @Flag(help: "Ask and check, and send nothing.") var dryRun = false
    @Flag(help: "Only try which customers can be read, and which permissions are missing.") var check = false
    @Option(help: ArgumentHelp("Write metrics for Prometheus there after every run.", valueName: "file"))
    var metricsFile: String?
    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        guard (1...64).contains(parallel) else { throw ValidationError("--parallel must be within 1 to 64") }
        guard !check || every == nil else { throw ValidationError("--check and --every exclude each other") }
        guard metricsFile == nil || !check && !dryRun else {
            throw ValidationError("--metrics-file tells of runs that send, not of --check and --dry-run")
        }
    }

    func run() async throws {
        // What this process remembers is secret: it leaves no core behind.
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        let configuration = try SyncConfiguration.load(configurationFile)
        let progress = ProgressLine(isTerminal: Terminal.errorIsTerminal && every == nil)
        let telemetry = SyncTelemetry { counts in
            let pausing = counts.pausing == 0 ? "" : ", \(NumberText.count(Int64(counts.pausing))) waiting"
            progress.show(
                done: Int64(counts.customersDone), total: Int64(counts.customers), unit: "customers",
                prefix: check ? "check" : "sync",
                suffix: ", \(NumberText.count(counts.allRequests, "request", "requests"))\(pausing)")
        }
        let synchronizer = Synchronizer(
            configuration, try options(),
            state: try SyncState(folder: configuration.stateFolder, isReadOnly: check || dryRun),
            telemetry: telemetry, clock: { Date() }, describe: ErrorText.line(for:))
        let signals = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { synchronizer.stop.stop() }
            source.resume()
            return source
        }
        defer {
            signals.forEach { $0.cancel() }
            synchronizer.shutDown()
        }
        if check { return try await checkConfiguration(synchronizer, progress) }
        let metrics = metricsFile.map(SyncMetrics.init(path:))
        if let every {
            try await SyncService(command: self, synchronizer: synchronizer, metrics: metrics, pause: every).run()
        } else {
            try await runOnce(synchronizer, metrics, progress)
        }
    }

    private func options() throws -> SyncOptions {
        var options = SyncOptions()
        options.customers = customer
        if !only.isEmpty { options.sources = Set(only) }
        options.since = try since.map { try OptionText.day($0, "--since") }
        options.parallel = parallel
        options.saveFolder = save
        options.isDryRun = dryRun
        return options
    }

    /// One run with a connection of its own; nil when a signal ended it before its end.
    func outcomes(
        _ synchronizer: Synchronizer, onOutcome: @escaping @Sendable (CustomerOutcome) -> Void
    ) async throws -> [CustomerOutcome]? {
        // The signal ends what is read; the connection stays for what is being sent.
        try await connection.connect { client in
            try await synchronizer.stop.cancelable {
                try await synchronizer.runOnce(SyncReceiver(client: client), onOutcome: onOutcome)
            }
        }
    }

    private func runOnce(
        _ synchronizer: Synchronizer, _ metrics: SyncMetrics?, _ progress: ProgressLine
    ) async throws {
        let began = ContinuousClock.now
        let outcomes: [CustomerOutcome]?
        do {
            outcomes = try await self.outcomes(synchronizer) { _ in }
            progress.clear()
        } catch {
            progress.clear()
            metrics?.record(nil, hasFailed: true, synchronizer: synchronizer)
            try metrics?.write(synchronizer.telemetry.counts)
            throw error
        }
        let done = outcomes ?? []
        for note in synchronizer.notes { Terminal.writeError("note: \(note)") }
        metrics?.record(outcomes, hasFailed: !done.isEmpty && done.allSatisfy(\.hasFailed), synchronizer: synchronizer)
        try metrics?.write(synchronizer.telemetry.counts)
        let view = SyncView(outcomes: done, isDryRun: dryRun)
        try view.print(connection.output)
        Terminal.writeError(view.summary(synchronizer.telemetry.counts, took: .now - began))
        if synchronizer.stop.isStopping { return }
        if !done.isEmpty, done.allSatisfy(\.hasFailed) {
            let first = done[0].reasons.first?.message ?? ""
            throw CommandFailure("no customer could be brought up to date; \(done[0].customerID): \(first)")
        }
        if done.contains(where: \.hasFailed) { throw ExitCode(3) }
    }

    private func checkConfiguration(_ synchronizer: Synchronizer, _ progress: ProgressLine) async throws {
        // Whatever becomes of it.
        defer { progress.clear() }
        guard let check = try await synchronizer.stop.cancelable({ try await synchronizer.check() }) else { return }
        progress.clear()
        try SyncCheckView(check: check).print(connection.output)
        if let failure = check.listFailure { throw failure }
        if !check.customers.isEmpty, check.customers.allSatisfy({ !$0.isReadable }) {
            throw CommandFailure("no customer can be read")
        }
        if check.customers.contains(where: { !$0.isReadable }) { throw ExitCode(3) }
    }
}

/// A time such as `90s`, `30m`, `6h` or `1d`.
struct Pause: ExpressibleByArgument {
    let duration: Duration

    init?(argument: String) {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let unit = argument.last.flatMap({ units[$0] }), let number = Int64(argument.dropLast()),
            (1...100_000).contains(number), number * unit <= 31 * 86_400
        else { return nil }
        duration = .seconds(number * unit)
    }
}

import ArgumentParser
import Authentication
import Datastore
import DatastoreSQLite
import Foundation
import InsightsServer
import InsightsWeb
import Logging
import RPCEngine
import ServiceLifecycle

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the server until SIGTERM or SIGINT, then drain.",
        discussion: """
            When ready, prints one line: ready listen=HOST:PORT admin=HOST:PORT

            Example:
              insightsd serve --tls-cert server.pem --tls-key server.key --client-ca ca.pem --data /var/lib/insights
            """)

    @OptionGroup var options: ServeOptions

    // A flag alone, not a setting: kept in a file it would accept whatever is lost later.
    @Flag(
        name: .customLong("accept-older-store"),
        help: "For one start: go on with a store that lacks acknowledged changes, or is another one. Put on record.")
    var acceptsOlderStore = false

    func run() async throws {
        let settings: Settings
        do {
            settings = try Settings(try await SettingsSource(options))
            try settings.checkFiles()
        } catch let error as SettingsError {
            throw fail(error.description)
        }
        // A file that may grow no more is an error of the write, not the end of the process.
        signal(SIGXFSZ, SIG_IGN)
        let log = ServerLog(settings)
        defer { log.flush() }
        let logger = log.logger
        let signals = ProcessSignals(log)
        logger.info("starting", metadata: ["data": "\(settings.data)", "store": "\(settings.store)"])
        let strangers = StrangerLog(logger: logger, clock: .system)
        let opened: OpenedStore
        let server: PartnerInsightsServer
        let admin: AdminPort
        do {
            let limit = DescriptorLimit.raised(loops: settings.loops)
            try makeDataFolder(settings.data)
            opened = try openStore(settings, acceptsOlder: acceptsOlderStore)
            for remark in opened.remarks { logger.warning("\(remark)") }
            server = try makeServer(settings, limit, opened, log: log, strangers: strangers)
            admin = try AdminPort(
                server: server, endpoint: settings.adminListen, most: limit.adminConnections, logger: logger)
        } catch {
            log.complain(describe(error))
            endAtOnce(log)
        }
        let serving = GRPCService(
            server: server, admin: admin.address, settings: settings, logger: logger, strangers: strangers
        ) { log.flush(within: .milliseconds(20)) }
        let watcher = CertificateWatcher(server: server, settings: settings, logger: logger)
        var configuration = ServiceGroupConfiguration(
            services: ([admin, watcher, serving] as [any Service]).map {
                .init(service: $0, failureTerminationBehavior: .gracefullyShutdownGroup)
            }, logger: quiet(logger))
        configuration.maximumGracefulShutdownDuration = .seconds(settings.shutdownGrace + 30)
        let group = ServiceGroup(configuration: configuration)
        signals.serve {
            Task { await group.triggerGracefulShutdown() }
        } reload: {
            watcher.reload()
        }
        do {
            try await group.run()
        } catch {
            log.complain(describe(error))
            endAtOnce(log)
        }
    }

    /// Without what the C library does at an orderly end: the threads of whatever was begun, such as a fetch of an
    /// issuer's keys, still use what it would take apart.
    private func endAtOnce(_ log: ServerLog) -> Never {
        log.flush()
        fflush(nil)
        _exit(1)
    }

    /// Percent of the places for connections that are for verified certificates.
    private static let percentForVerified = 10

    private func makeServer(
        _ settings: Settings, _ limit: DescriptorLimit, _ opened: OpenedStore, log: ServerLog, strangers: StrangerLog
    ) throws -> PartnerInsightsServer {
        var limits = settings.numbers.engine
        limits.maxConnections = min(
            try limit.connections(wanted: settings.numbers[.maxConnections]), limits.connectionsWithinMemory)
        // Without authorities nobody can show a certificate.
        if settings.clientCA != nil { limits.percentForVerified = Self.percentForVerified }
        if limits.maxConnections < settings.numbers[.maxConnections] {
            log.logger.warning(
                "--max-connections is lowered to what the limit of open files and the memory budget carry",
                metadata: [
                    "wanted": .stringConvertible(settings.numbers[.maxConnections]),
                    "connections": .stringConvertible(limits.maxConnections),
                    "open_files": .stringConvertible(limit.files),
                    "memory_budget": .stringConvertible(limits.memoryBudget),
                ])
        }
        let issuers = try IssuerSetup(
            settings, logger: log.logger, strangers: strangers, sharesStore: opened.store.isShared)
        var parts = PartnerInsightsServerParts(
            store: opened.store, dataFolder: settings.data, trustDomain: try TrustDomain(settings.trustDomain),
            tokens: issuers.tokens, settings: settings.numbers.services,
            clock: .system, logger: log.logger, callLines: log.lines)
        parts.lostLogLines = log.lostLines
        parts.strangers = strangers
        parts.storeFolder = settings.store.folder
        parts.acceptsOlderStore = acceptsOlderStore
        parts.keysFolder = settings.keys
        let pages =
            settings.web.contains(.pages)
            ? PageRoutes(
                offersExport: settings.web.contains(.api), offersSignIn: issuers.signIn != nil) : nil
        var routes: [WebRoute] = settings.web.contains(.api) ? [OpenAPI.route] : []
        if settings.web.contains(.legacy) { routes += LegacyResources(scale: settings.legacyPercent).routes }
        if let pages { routes += pages.routes }
        parts.signIn = issuers.signIn
        if !settings.web.isEmpty, let signIn = issuers.signIn {
            routes +=
                SignInRoutes(
                    signIn, now: ServerClock.system.unixSeconds, ticks: ServerClock.system.monotonicNanoseconds
                ).all
        }
        parts.webRoutes = routes
        return try PartnerInsightsServer(parts) { [routes] calls in
            let connect = settings.web.contains(.api) ? ConnectHandler() : nil
            let web =
                settings.web.isEmpty
                ? nil : WebSite(connect: connect, routes: routes, pages: pages, work: calls.work)
            return transport(settings, limits, calls, web: web) {
                EngineEventLog.write($0, to: log.logger, strangers: strangers)
            }
        }
    }

    private func transport(
        _ settings: Settings, _ limits: RPCEngine.Limits, _ calls: ServedCalls, web: (any WebHandler)?,
        onEvent: @escaping @Sendable (EngineEvent) -> Void
    ) -> ServerConfiguration {
        ServerConfiguration(
            host: settings.listen.host, port: settings.listen.port, loops: settings.loops,
            tls: TLSConfiguration(
                certificateChainPEM: settings.tlsCert, keyPEM: settings.tlsKey, clientCAPEM: settings.clientCA,
                crlPEM: settings.crl, minimumVersion: settings.tlsMinimum),
            limits: limits, methods: calls.methods, webRoutes: calls.webRoutes, interceptor: calls.pipeline, web: web,
            hostNames: settings.publicURL.map { [$0.host] } ?? [], wallClock: ServerClock.system.unixSeconds,
            onEvent: onEvent)
    }
}

/// Opens the store, or makes one unless the data folder tells of one with acknowledged changes.
func openStore(_ settings: Settings, acceptsOlder: Bool = false) throws -> OpenedStore {
    let history = try settings.history()
    do {
        return try settings.store.open(
            makesNew: acceptsOlder || history.isEmpty, name: try ServerName.load(folder: settings.data),
            requiresStandby: settings.requiresStandby)
    } catch {
        if error as? DatastoreError == .missing, let fault = history.fault(of: nil) { throw fault }
        throw error
    }
}

/// The store's folder, made when missing and closed to others.
func makeDataFolder(_ path: String) throws {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
        guard isFolder.boolValue else { throw SettingsError(description: "--data: \(path) is not a folder") }
        return
    }
    do {
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
        throw SettingsError(description: "--data: the folder \(path) cannot be made")
    }
}

/// One line for the person who started the command.
func describe(_ error: any Error) -> String {
    if let error = error as? TrustDomainError { return "--trust-domain \(error.reason)" }
    return "\(error)"
}

/// A command that does one thing and ends; a failure is one line on standard error.
protocol MaintenanceCommand: AsyncParsableCommand {
    func work() async throws
}

extension MaintenanceCommand {
    func run() async throws {
        do {
            try await work()
        } catch {
            throw fail(describe(error))
        }
    }
}

/// Prints one line on standard error and makes the exit code 1.
func fail(_ line: String) -> ExitCode {
    FileHandle.standardError.write(Data("insightsd: \(line)\n".utf8))
    return ExitCode(1)
}

import ArgumentParser
import Authentication
import DatastoreSQLite
import Foundation
import InsightsServer
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

    func run() async throws {
        let settings: Settings
        do {
            settings = try Settings(try await SettingsSource(options))
            try settings.checkFiles()
        } catch let error as SettingsError {
            throw fail(error.description)
        }
        let log = ServerLog(settings)
        defer { log.flush() }
        let logger = log.logger
        let signals = ProcessSignals(log)
        logger.info("starting", metadata: ["data": "\(settings.data)", "store": "\(settings.store)"])
        let server: PartnerInsightsServer
        do {
            server = try makeServer(settings, log: log)
        } catch {
            log.complain(describe(error))
            throw ExitCode(1)
        }
        let admin = AdminService(server: server, endpoint: settings.adminListen, logger: logger)
        let serving = GRPCService(server: server, admin: admin, settings: settings, logger: logger)
        let watcher = CertificateWatcher(server: server, settings: settings, logger: logger)
        var configuration = ServiceGroupConfiguration(
            services: [admin, watcher, serving], logger: quiet(logger))
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
            throw ExitCode(1)
        }
    }

    private func makeServer(_ settings: Settings, log: ServerLog) throws -> PartnerInsightsServer {
        try makeDataFolder(settings.data)
        let store = try SQLiteDatastore.open(path: settings.store)
        var parts = PartnerInsightsServerParts(
            store: store, dataFolder: settings.data, trustDomain: try TrustDomain(settings.trustDomain),
            tokens: try makeTokenVerifier(settings, logger: log.logger), settings: settings.numbers.services,
            clock: .system,
            logger: log.logger)
        parts.lostLogLines = log.lostLines
        return try PartnerInsightsServer(parts) { methods, interceptor in
            transport(settings, methods: methods, interceptor: interceptor, logger: log.logger)
        }
    }

    private func transport(
        _ settings: Settings, methods: [MethodEntry], interceptor: any CallInterceptor, logger: Logger
    ) -> ServerConfiguration {
        return ServerConfiguration(
            host: settings.listen.host, port: settings.listen.port, loops: settings.loops,
            tls: TLSConfiguration(
                certificateChainPEM: settings.tlsCert, keyPEM: settings.tlsKey, clientCAPEM: settings.clientCA,
                crlPEM: settings.crl, minimumVersion: settings.tlsMinimum),
            limits: settings.numbers.engine, methods: methods, interceptor: interceptor,
            onEvent: { EngineEventLog.write($0, to: logger) })
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

/// Prints one line on standard error and makes the exit code 1.
func fail(_ line: String) -> ExitCode {
    FileHandle.standardError.write(Data("insightsd: \(line)\n".utf8))
    return ExitCode(1)
}

import Foundation
import Glibc
import InsightsServer
import Logging
import RPCEngine
import ServiceLifecycle

/// The gRPC server as a service: starts, says so, waits for the shutdown, drains.
struct GRPCService: Service {
    let server: PartnerInsightsServer
    /// Where the admin port listens.
    let admin: String
    let settings: Settings
    let logger: Logger
    let strangers: StrangerLog
    /// Before the process ends whatever hangs.
    let atEnd: @Sendable () -> Void

    func run() async throws {
        let address: BoundAddress
        do {
            address = try server.start()
        } catch EngineError.listen(let wanted, let reason) {
            throw SettingsError(description: "--listen: \(wanted): \(reason)")
        }
        // The one line on standard output: whoever started the server waits for it.
        FileHandle.standardOutput.write(Data("ready listen=\(address) admin=\(admin)\n".utf8))
        logger.info("serving", metadata: ["listen": "\(address)", "admin": "\(admin)"])
        try? await gracefulShutdown()
        logger.info("draining", metadata: ["grace_s": .stringConvertible(settings.shutdownGrace)])
        let grace = Duration.seconds(settings.shutdownGrace)
        endInAnyCase(after: grace + Self.closingTime)
        // Draining blocks its thread, which must not be one of the tasks'.
        let clean = await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: server.shutdown(grace: grace)) }
        }
        strangers.summarize(atOnce: true)
        logger.info("stopped", metadata: ["clean": .stringConvertible(clean)])
    }
}

extension GRPCService {
    /// What closing may take after the grace, which it does in far less unless a disk hangs.
    private static let closingTime = Duration.milliseconds(950)

    /// Whoever stopped the process waits for no disk: what was acknowledged is durable, and the next start does the
    /// rest.
    private func endInAnyCase(after time: Duration) {
        Thread.detachNewThread {
            Thread.sleep(forTimeInterval: time / .seconds(1))
            logger.warning("stopped before everything was put away")
            atEnd()
            _exit(0)
        }
    }
}

/// Looks at the TLS files once a second: has them read again when one changed, and warns before one runs out.
struct CertificateWatcher: Service {
    let server: PartnerInsightsServer
    let settings: Settings
    let logger: Logger

    func run() async throws {
        var before = stamps()
        // The fault that the log knows of: one that lasts is told once, not once a second.
        var told: String?
        var warnings = ExpiryWarnings(logger: logger)
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            warnings.look(at: server.tlsExpiries, now: ServerClock.system.unixSeconds())
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: .seconds(1)) }
            let now = stamps()
            guard now != before else {
                told = nil
                continue
            }
            // After a failure tried again in a second, for a writer may be half-way through.
            told = reload(told: told)
            if told == nil { before = now }
        }
    }

    /// Reads the files again; when they cannot be used the old ones stay in force.
    ///
    /// - Parameter told: the fault that the log has already; nil tells any.
    /// - Returns: why the files cannot be used; nil when they are.
    @discardableResult
    func reload(told: String? = nil) -> String? {
        do {
            try server.reloadTLS()
            logger.info("TLS files read again")
            return nil
        } catch {
            let reason = "\(error)"
            if reason != told {
                logger.warning("TLS files cannot be used; the old ones stay", metadata: ["reason": "\(reason)"])
            }
            return reason
        }
    }

    private func stamps() -> [String] {
        [settings.tlsCert, settings.tlsKey, settings.clientCA, settings.crl].compactMap { $0 }.map { path in
            // Follows links: mounted secrets are replaced by turning a link to another folder.
            var file = stat()
            guard stat(path, &file) == 0 else { return path }
            let time = file.st_mtim
            return "\(path) \(file.st_dev) \(file.st_ino) \(file.st_size) \(time.tv_sec) \(time.tv_nsec)"
        }
    }
}

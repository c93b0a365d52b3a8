import FlyingFox
import FlyingSocks
import Foundation
import Glibc
import InsightsServer
import Logging
import RPCEngine
import ServiceLifecycle

/// The gRPC server as a service: starts, says so, waits for the shutdown, drains.
struct GRPCService: Service {
    let server: PartnerInsightsServer
    let admin: AdminService
    let settings: Settings
    let logger: Logger

    func run() async throws {
        let adminAddress = try await admin.address()
        let address: BoundAddress
        do {
            address = try server.start()
        } catch EngineError.listen(let wanted, let reason) {
            throw SettingsError(description: "--listen: \(wanted): \(reason)")
        }
        // The one line on standard output: whoever started the server waits for it.
        FileHandle.standardOutput.write(Data("ready listen=\(address) admin=\(adminAddress)\n".utf8))
        logger.info("serving", metadata: ["listen": "\(address)", "admin": "\(adminAddress)"])
        try? await gracefulShutdown()
        logger.info("draining", metadata: ["grace_s": .stringConvertible(settings.shutdownGrace)])
        let grace = Duration.seconds(settings.shutdownGrace)
        // Draining blocks its thread, which must not be one of the tasks'.
        let clean = await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: server.shutdown(grace: grace)) }
        }
        logger.info("stopped", metadata: ["clean": .stringConvertible(clean)])
    }
}

/// Health and metrics over plain HTTP, on loopback unless asked otherwise.
final class AdminService: Service {
    private let http: HTTPServer
    private let endpoint: Endpoint
    private let logger: Logger

    init(server: PartnerInsightsServer, endpoint: Endpoint, logger: Logger) {
        self.endpoint = endpoint
        self.logger = logger
        http = HTTPServer(
            config: .init(
                address: Self.socketAddress(endpoint), timeout: 10, logger: .disabled), handler: Self.handler(server))
    }

    func run() async throws {
        if !endpoint.isLoopback {
            logger.warning("health and metrics are open to other machines", metadata: ["admin": "\(endpoint.text)"])
        }
        do {
            try await cancelWhenGracefulShutdown { try await self.http.run() }
        } catch {
            // A stopped listener ends its run with an error; one that fails while serving is a fault.
            guard Task.isShuttingDownGracefully || error is CancellationError else { throw Self.named(error, endpoint) }
        }
    }

    /// Where it listens, once it does.
    func address() async throws -> String {
        try await http.waitUntilListening(timeout: 10)
        return switch await http.listeningAddress {
        case .ip4(let host, let port): Endpoint(host: host, port: port).text
        case .ip6(let host, let port): Endpoint(host: host, port: port).text
        default: endpoint.text
        }
    }

    /// An error of the listening socket as the option that asked for it.
    private static func named(_ error: any Error, _ endpoint: Endpoint) -> any Error {
        guard case SocketError.failed(_, let number, _) = error else { return error }
        return SettingsError(description: "--admin-listen: \(endpoint.text): \(String(cString: strerror(number)))")
    }

    private static func socketAddress(_ endpoint: Endpoint) -> any SocketAddress {
        let host = endpoint.host == "localhost" ? "127.0.0.1" : endpoint.host
        if host.contains(":"), let address = try? sockaddr_in6.inet6(ip6: host, port: endpoint.port) { return address }
        if let address = try? sockaddr_in.inet(ip4: host, port: endpoint.port) { return address }
        return sockaddr_in6.loopback(port: endpoint.port)
    }

    private static func handler(_ server: PartnerInsightsServer) -> some HTTPHandler {
        ClosureHTTPHandler { request in
            guard request.method == .GET || request.method == .HEAD else {
                return HTTPResponse(statusCode: .methodNotAllowed)
            }
            switch request.path {
            case "/healthz", "/health":
                let healthy = server.isHealthy
                return text(healthy ? "ok\n" : "unavailable\n", healthy ? .ok : .serviceUnavailable)
            case "/metrics":
                return text(server.metrics(), .ok)
            default:
                return HTTPResponse(statusCode: .notFound)
            }
        }
    }

    private static func text(_ body: String, _ status: HTTPStatusCode) -> HTTPResponse {
        HTTPResponse(
            statusCode: status, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
            body: Data(body.utf8))
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

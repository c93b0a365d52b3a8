import GRPCCore
import GRPCNIOTransportHTTP2Posix
import InsightsAPI

/// The typed client: one method per RPC, over HTTP/2 with TLS. Failures are `InsightsClientError`. Reads that find the
/// server unavailable are tried again, at most four times within about two seconds.
public struct InsightsClient: Sendable {
    typealias Transport = HTTP2ClientTransport.Posix

    let settings: ConnectionSettings
    let metadata: Metadata
    let access: PBAccessService.Client<Transport>
    let customers: PBCustomersService.Client<Transport>
    let ingestion: PBIngestService.Client<Transport>
    let insights: PBInsightsService.Client<Transport>

    /// Connects, runs the body and disconnects. The connection is opened by the first call.
    public static func withConnection<Result: Sendable>(
        _ settings: ConnectionSettings, _ body: (InsightsClient) async throws -> Result
    ) async throws -> Result {
        let transport: Transport
        do {
            transport = try Transport(
                target: target(settings), transportSecurity: .tls(try security(settings)), config: configuration())
        } catch let error as InsightsClientError {
            throw error
        } catch {
            throw InsightsClientError(
                code: .invalidArgument, message: "the certificate, key or authority file cannot be used")
        }
        return try await withGRPCClient(transport: transport) { client in
            try await body(InsightsClient(client, settings: settings))
        }
    }

    private init(_ client: GRPCClient<Transport>, settings: ConnectionSettings) {
        self.settings = settings
        var metadata = Metadata()
        if let token = settings.token { metadata.addString("Bearer \(token)", forKey: "authorization") }
        self.metadata = metadata
        access = PBAccessService.Client(wrapping: client)
        customers = PBCustomersService.Client(wrapping: client)
        ingestion = PBIngestService.Client(wrapping: client)
        insights = PBInsightsService.Client(wrapping: client)
    }

    private func unary(within time: Duration) -> CallOptions {
        var options = CallOptions.defaults
        options.timeout = time
        options.maxResponseMessageBytes = settings.maximumResponseBytes
        return options
    }

    /// Streams last as long as they move.
    var streaming: CallOptions {
        var options = CallOptions.defaults
        options.maxResponseMessageBytes = settings.maximumResponseBytes
        return options
    }

    /// One call within the deadline. A read that finds the server unavailable is tried again while time is left; the
    /// transport's own retries are not used, because they go on waiting when the call has failed for good.
    func call<Value: Sendable>(
        isRead: Bool, _ body: (CallOptions) async throws -> Value
    ) async throws -> Value {
        let clock = ContinuousClock()
        let deadline = clock.now + settings.timeout
        var pause = Duration.milliseconds(150)
        var attempts = isRead ? 4 : 1
        while true {
            attempts -= 1
            do {
                return try await body(unary(within: max(clock.now.duration(to: deadline), .milliseconds(1))))
            } catch let error as RPCError {
                guard error.code == .unavailable, attempts > 0, clock.now + pause < deadline else {
                    throw InsightsClientError(error, server: settings.server)
                }
                try await clock.sleep(for: pause)
                pause *= 2
            } catch let error as RuntimeError {
                throw InsightsClientError(code: .unavailable, message: error.message)
            }
        }
    }

    private static func target(_ settings: ConnectionSettings) -> any ResolvableTarget {
        if settings.isIPv4 { return .ipv4(address: settings.host, port: settings.port) }
        if settings.isIPv6 { return .ipv6(address: settings.host, port: settings.port) }
        return .dns(host: settings.host, port: settings.port)
    }

    private static func security(_ settings: ConnectionSettings) throws -> Transport.TransportSecurity.TLS {
        guard (settings.certificateFile == nil) == (settings.keyFile == nil) else {
            throw InsightsClientError(
                code: .invalidArgument, message: "a client certificate needs its key, and a key its certificate")
        }
        return .defaults {
            if let certificate = settings.certificateFile, let key = settings.keyFile {
                $0.certificateChain = [.file(path: certificate, format: .pem)]
                $0.privateKey = .file(path: key, format: .pem)
            }
            if let authority = settings.authorityFile {
                $0.trustRoots = .certificates([.file(path: authority, format: .pem)])
            }
        }
    }

    private static func configuration() -> Transport.Config {
        .defaults {
            $0.backoff.initial = .milliseconds(200)
            $0.backoff.max = .seconds(5)
            $0.connection.keepalive = .init(time: .seconds(60), timeout: .seconds(20), allowWithoutCalls: false)
        }
    }
}

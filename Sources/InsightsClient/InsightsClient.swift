import GRPCCore
import InsightsAPI
import RPCTransport

/// The typed client: one method per RPC, over HTTP/2 with TLS. Failures are `InsightsClientError`. Reads that find the
/// server unavailable or are asked to come back soon are tried again, at most four times in all; writes only if no
/// server has seen them.
public struct InsightsClient: Sendable {
    let settings: ConnectionSettings
    let metadata: Metadata
    let access: any PBAccessService.ClientProtocol
    let customers: any PBCustomersService.ClientProtocol
    let ingestion: any PBIngestService.ClientProtocol
    let insights: any PBInsightsService.ClientProtocol

    /// Connects, runs the body and disconnects. The connection is opened by the first call.
    public static func withConnection<Result: Sendable>(
        _ settings: ConnectionSettings, _ body: (InsightsClient) async throws -> Result
    ) async throws -> Result {
        let transport: HTTP2Transport
        do {
            transport = try HTTP2Transport(settings.transport)
        } catch {
            throw InsightsClientError(code: .invalidArgument, message: "\(error)")
        }
        return try await withGRPCClient(transport: transport) { client in
            try await body(InsightsClient(client, settings: settings))
        }
    }

    /// Over a transport that the caller brings. Of the settings, token, deadline and size of answers count; the server
    /// is named in messages.
    public init<Transport>(_ client: GRPCClient<Transport>, settings: ConnectionSettings) {
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

    /// One call within the deadline, and again as ``RetrySchedule`` allows while time is left. The retries of
    /// grpc-swift are not used: they would repeat writes too.
    func call<Value: Sendable>(
        isRead: Bool, _ body: (CallOptions) async throws -> Value
    ) async throws -> Value {
        let clock = ContinuousClock()
        let deadline = clock.now + settings.timeout
        var schedule = RetrySchedule(isRepeatable: isRead, attempts: 4)
        while true {
            do {
                return try await body(unary(within: max(clock.now.duration(to: deadline), .milliseconds(1))))
            } catch let error as RPCError {
                guard let pause = schedule.pause(after: error), clock.now + pause < deadline else {
                    throw InsightsClientError(error, server: settings.server)
                }
                try await clock.sleep(for: pause)
            } catch let error as RuntimeError {
                throw InsightsClientError(code: .unavailable, message: error.message)
            }
        }
    }
}

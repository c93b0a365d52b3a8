public import GRPCCore
import Synchronization
import Threads

/// gRPC over HTTP/2 and TLS, on nghttp2 and OpenSSL: one thread and, as a rule, one connection, which is opened by the
/// first call. When the server goes away or refuses a call unseen, the call is sent again on the next connection.
///
/// A call fails with UNAVAILABLE once every server was tried in vain, unless its options say to wait.
public final class HTTP2Transport: ClientTransport {
    public typealias Bytes = [UInt8]

    private struct State {
        var isConnected = false
        var takesCalls = true
        /// Running `withStream`s.
        var calls = 0
    }

    private let loop: TransportLoop
    private let servers: String
    private let state = Mutex(State())

    /// Reads the certificates; nothing is opened yet.
    public init(_ configuration: TransportConfiguration) throws {
        guard !configuration.servers.isEmpty else { throw TransportSetupError(description: "no server is given") }
        guard (configuration.certificateFile == nil) == (configuration.keyFile == nil) else {
            throw TransportSetupError(description: "a client certificate needs its key, and a key its certificate")
        }
        loop = try TransportLoop(configuration)
        servers = configuration.servers.map(\.description).joined(separator: ", ")
    }

    public var retryThrottle: RetryThrottle? { nil }

    public func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? { nil }

    /// Runs the transport until it is shut down and its calls have ended, or the task is cancelled.
    public func connect() async throws {
        try state.withLock { state in
            guard !state.isConnected else {
                throw RPCError(code: .failedPrecondition, message: "the transport was connected before")
            }
            state.isConnected = true
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Void, any Error>) in
                let loop = loop
                let isRunning = BackgroundThread.start {
                    loop.run()
                    ended.resume()
                }
                guard !isRunning else { return }
                state.withLock { $0.takesCalls = false }
                loop.end()
                ended.resume(throwing: TransportSetupError(description: "no thread is left"))
            }
        } onCancel: {
            state.withLock { $0.takesCalls = false }
            loop.mailbox.post(.stop)
        }
    }

    /// Takes no more calls; ends with the last one that runs.
    public func beginGracefulShutdown() {
        let isIdle = state.withLock { state in
            state.takesCalls = false
            return state.calls == 0
        }
        if isIdle { loop.mailbox.post(.stop) }
    }

    public func withStream<T: Sendable>(
        descriptor: MethodDescriptor, options: CallOptions,
        _ closure: (RPCStream<Inbound, Outbound>, ClientContext) async throws -> T
    ) async throws -> T {
        try state.withLock { state in
            guard state.takesCalls else {
                throw RPCError(code: .failedPrecondition, message: "the transport is closed")
            }
            state.calls += 1
        }
        defer { endCall() }
        let call = Call(path: "/\(descriptor.fullyQualifiedMethod)", options: options, mailbox: loop.mailbox)
        defer { call.leave() }
        let stream = RPCStream(
            descriptor: descriptor, inbound: RPCAsyncSequence(wrapping: CallInbound(call: call)),
            outbound: RPCWriter.Closable(wrapping: CallOutbound(call: call)))
        return try await closure(
            stream, ClientContext(descriptor: descriptor, remotePeer: servers, localPeer: "this client"))
    }

    private func endCall() {
        let isLast = state.withLock { state in
            state.calls -= 1
            return state.calls == 0 && !state.takesCalls
        }
        if isLast { loop.mailbox.post(.stop) }
    }
}

import InsightsAPI
import RPCEngine
import SwiftProtobuf
import Synchronization

/// `grpc.health.v1.Health`, answered without a credential: it tells no more than that somebody listens.
final class HealthService: Sendable {
    private struct State {
        var serving = true
        var watchers: [UInt64: StreamWaker] = [:]
    }

    private let state = Mutex(State())
    private let services: Set<String>
    /// Open watches in total; one more is refused, since nobody is asked who watches.
    static let maximumWatchers = 1_000

    /// - Parameter services: full names of what is served; the empty name means the whole server.
    init(services: [String]) {
        self.services = Set(services + [""])
    }

    var isServing: Bool { state.withLock { $0.serving } }

    /// Says `NOT_SERVING` from now on, so that balancers send no new calls to a server that drains.
    func stopServing() {
        let watchers = state.withLock { state in
            state.serving = false
            return state.watchers.values.map { $0 }
        }
        for watcher in watchers { watcher.wake() }
    }

    var methods: [MethodEntry] {
        [
            MethodEntry(
                path: "/grpc.health.v1.Health/Check",
                handler: .unary { (call, request, reply) throws(RPCStatus) in
                    let name = try self.serviceName(in: request)
                    guard self.services.contains(name) else { throw RPCStatus(.notFound, "unknown service") }
                    reply.append(contentsOf: Self.response(serving: self.isServing))
                }, maxMessageBytes: 1_024),
            MethodEntry(
                path: "/grpc.health.v1.Health/Watch",
                handler: .serverStream { (call, request) throws(RPCStatus) in
                    let name = try self.serviceName(in: request)
                    return try HealthWatch(
                        health: self, call: call.id, waker: call.makeWaker(), known: self.services.contains(name))
                }, maxMessageBytes: 1_024),
        ]
    }

    private func serviceName(in request: RawSpan) throws(RPCStatus) -> String {
        do {
            return try Grpc_Health_V1_HealthCheckRequest(serializedBytes: request.copied()).service
        } catch {
            throw RPCStatus(.invalidArgument, "the message is no HealthCheckRequest")
        }
    }

    fileprivate func watch(_ call: UInt64, _ waker: StreamWaker) -> Bool {
        state.withLock { state in
            guard state.watchers.count < Self.maximumWatchers else { return false }
            state.watchers[call] = waker
            return true
        }
    }

    fileprivate func unwatch(_ call: UInt64) {
        state.withLock { _ = $0.watchers.removeValue(forKey: call) }
    }

    /// `HealthCheckResponse`: field 1, `SERVING` = 1, `NOT_SERVING` = 2, `SERVICE_UNKNOWN` = 3.
    fileprivate static func response(serving: Bool, known: Bool = true) -> [UInt8] {
        [0x08, known ? (serving ? 1 : 2) : 3]
    }
}

/// One `Watch` call: a message now and one at each change.
private final class HealthWatch: MessageSource {
    private let health: HealthService
    private let call: UInt64
    private let waker: StreamWaker
    private let known: Bool
    private var told: Bool?
    private var isDraining = false

    init(health: HealthService, call: UInt64, waker: StreamWaker, known: Bool) throws(RPCStatus) {
        self.health = health
        self.call = call
        self.waker = waker
        self.known = known
        guard health.watch(call, waker) else {
            throw Refusal.tooManyWatches(limit: HealthService.maximumWatchers)
        }
    }

    func next(into reply: inout [UInt8]) throws(RPCStatus) -> SourceStep {
        let serving = health.isServing
        guard told != serving else {
            if isDraining { throw Refusal.shuttingDown }
            return .pending
        }
        told = serving
        reply.append(contentsOf: HealthService.response(serving: serving, known: known))
        return .message
    }

    func cancel() { health.unwatch(call) }

    /// A watch has no end of its own and would use up the whole grace.
    func draining() {
        isDraining = true
        waker.wake()
    }

    deinit { health.unwatch(call) }
}

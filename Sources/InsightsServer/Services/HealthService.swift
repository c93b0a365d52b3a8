import InsightsAPI
import RPCEngine
import SwiftProtobuf
import Synchronization

/// `grpc.health.v1.Health`, answered without a credential: it tells no more than that somebody listens.
final class HealthService: Sendable {
    private struct State {
        var serving = true
        var watchers: [UInt64: Watcher] = [:]
        /// Of connections without a verified certificate, in total and by connection.
        var strangers = 0
        var byConnection: [UInt64: Int] = [:]
    }

    private struct Watcher {
        let waker: StreamWaker
        /// The connection, when it has no verified certificate.
        let stranger: UInt64?
    }

    private let state = Mutex(State())
    private let services: Set<String>
    private let isUpToDate: @Sendable () -> Bool
    /// Open watches in total; one more is refused, since nobody is asked who watches.
    static let maximumWatchers = 1_000
    /// Those of connections without a verified certificate: strangers cannot take all.
    static let maximumStrangers = 900
    static let maximumOfStranger = 100

    /// - Parameters:
    ///   - services: full names of what is served; the empty name means the whole server.
    ///   - isUpToDate: whether calls are answered; whoever changes it calls `tell`.
    init(services: [String], isUpToDate: @escaping @Sendable () -> Bool = { true }) {
        self.services = Set(services + [""])
        self.isUpToDate = isUpToDate
    }

    var isServing: Bool { !isStopping && isUpToDate() }
    var isStopping: Bool { state.withLock { !$0.serving } }

    /// Says `NOT_SERVING` from now on, so that balancers send no new calls to a server that drains.
    func stopServing() {
        state.withLock { $0.serving = false }
        tell()
    }

    /// Has everybody who watches look again.
    func tell() {
        for watcher in state.withLock({ $0.watchers.values.map(\.waker) }) { watcher.wake() }
    }

    func check(_ call: CallContext, _ request: RawSpan, _ reply: inout [UInt8]) throws(RPCStatus) {
        guard services.contains(try serviceName(in: request)) else { throw RPCStatus(.notFound, "unknown service") }
        reply.append(contentsOf: Self.response(serving: isServing))
    }

    func watch(_ call: CallContext, _ request: RawSpan) throws(RPCStatus) -> any MessageSource {
        try HealthWatch(health: self, call: call, known: services.contains(try serviceName(in: request)))
    }

    private func serviceName(in request: RawSpan) throws(RPCStatus) -> String {
        do {
            return try Grpc_Health_V1_HealthCheckRequest(serializedBytes: request.copied()).service
        } catch {
            throw RPCStatus(.invalidArgument, "the message is no HealthCheckRequest")
        }
    }

    /// Nil when the watch was taken, else the limit that it runs into.
    fileprivate func watch(_ call: UInt64, _ waker: StreamWaker, stranger: UInt64?) -> Int? {
        state.withLock { state in
            guard state.watchers.count < Self.maximumWatchers else { return Self.maximumWatchers }
            if let stranger {
                let own = state.byConnection[stranger, default: 0]
                guard own < Self.maximumOfStranger else { return Self.maximumOfStranger }
                guard state.strangers < Self.maximumStrangers else { return Self.maximumStrangers }
                state.strangers += 1
                state.byConnection[stranger] = own + 1
            }
            state.watchers[call] = Watcher(waker: waker, stranger: stranger)
            return nil
        }
    }

    fileprivate func unwatch(_ call: UInt64) {
        state.withLock { state in
            guard let stranger = state.watchers.removeValue(forKey: call)?.stranger else { return }
            state.strangers -= 1
            let left = state.byConnection[stranger, default: 1] - 1
            state.byConnection[stranger] = left > 0 ? left : nil
        }
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

    init(health: HealthService, call: CallContext, known: Bool) throws(RPCStatus) {
        self.health = health
        self.call = call.id
        waker = call.makeWaker()
        self.known = known
        let isVerified = call.connection.peerCertificate?.verification.isTrusted == true
        if let limit = health.watch(call.id, waker, stranger: isVerified ? nil : call.connection.id) {
            throw Refusal.tooManyWatches(limit: limit)
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

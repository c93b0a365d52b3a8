import CLinux
import Foundation
import Glibc
import InsightsServer
import Logging
import ServiceLifecycle
import Synchronization

/// Health and metrics over plain HTTP, on loopback unless asked otherwise: one thread, a bounded number of connections,
/// each with one request and little time. Nothing that happens here ends the server.
final class AdminPort: Service {
    /// Connections at once, where the limit of open files carries them. One more takes the place of the oldest that
    /// has not sent its request yet, or else of the oldest that has its answer, or else waits for it.
    static let mostConnections = 64
    /// From the accept to the end of the answer.
    static let connectionTime = Duration.seconds(10)
    /// Time that the listener rests after an error of `accept`, in nanoseconds.
    private static let rest: UInt64 = 500_000_000
    /// Nanoseconds between two lines about such errors.
    private static let silence: UInt64 = 60_000_000_000
    /// Milliseconds after which the thread looks at the time at the latest.
    private static let tick: Int32 = 250

    /// Where it listens.
    let address: String
    private let listener: Int32
    private let most: Int
    private let endpoint: Endpoint
    private let server: PartnerInsightsServer
    private let logger: Logger
    private let slow: SlowAnswers
    private let isStopped = Atomic(false)

    /// Listens; nothing is answered before `run`.
    ///
    /// - Parameter most: connections at once.
    init(server: PartnerInsightsServer, endpoint: Endpoint, most: Int, logger: Logger) throws(SettingsError) {
        self.server = server
        self.endpoint = endpoint
        self.most = most
        self.logger = logger
        guard let slow = SlowAnswers() else { throw SettingsError(description: "--admin-listen: no descriptors left") }
        self.slow = slow
        (listener, address) = try Self.listen(endpoint)
    }

    deinit { close(listener) }

    func run() async throws {
        if !endpoint.isLoopback {
            logger.warning("health and metrics are open to other machines", metadata: ["admin": "\(endpoint.text)"])
        }
        Thread.detachNewThread { self.serve() }
        try? await gracefulShutdown()
        isStopped.store(true, ordering: .relaxed)
    }

    private static func listen(_ endpoint: Endpoint) throws(SettingsError) -> (descriptor: Int32, address: String) {
        var address = sockaddr_storage()
        var length: socklen_t = 0
        let host = endpoint.host == "localhost" ? "127.0.0.1" : endpoint.host
        guard engine_resolve(host, String(endpoint.port), &address, &length) == 0 else {
            throw SettingsError(description: "--admin-listen: \(endpoint.text): not an address of this machine")
        }
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(Int32(address.ss_family), type, 0)
        var bound = sockaddr_storage()
        guard descriptor >= 0, engine_set_int_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) == 0,
            engine_bind(descriptor, &address, length) == 0, Glibc.listen(descriptor, 128) == 0,
            engine_local_address(descriptor, &bound) == 0
        else {
            let reason = String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            throw SettingsError(description: "--admin-listen: \(endpoint.text): \(reason)")
        }
        var name = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let port = engine_address_text(&bound, &name, socklen_t(name.count))
        let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return (descriptor, Endpoint(host: text, port: UInt16(clamping: port)).text)
    }

    // MARK: The thread

    private func serve() {
        var connections: [AdminConnection] = []
        var restUntil: UInt64 = 0
        var silentUntil: UInt64 = 0
        var number: UInt64 = 0
        while !isStopped.load(ordering: .relaxed) {
            let isFull = connections.count >= most && Self.placeToTake(in: connections) == nil
            let isResting = isFull || ServerClock.system.monotonicNanoseconds() < restUntil
            // poll passes over a descriptor of -1.
            var waiting = [
                pollfd(fd: isResting ? -1 : listener, events: Int16(POLLIN), revents: 0),
                pollfd(fd: slow.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            waiting += connections.map { pollfd(fd: $0.descriptor, events: $0.events, revents: 0) }
            if poll(&waiting, nfds_t(waiting.count), Self.tick) < 0, errno != EINTR {
                usleep(UInt32(Self.rest / 1_000))
                continue
            }
            let now = ServerClock.system.monotonicNanoseconds()
            for index in connections.indices where waiting[index + 2].revents != 0 {
                let connection = connections[index].number
                connections[index].advance { answer(to: $0, on: connection) }
            }
            slow.keep(only: connections.filter { $0.phase == .waiting }.map(\.number))
            for ready in slow.take() {
                guard let index = connections.firstIndex(where: { $0.number == ready.connection }) else { continue }
                connections[index].answer(ready.answer)
            }
            connections.removeAll { connection in
                guard connection.phase == .over || now > connection.deadline else { return false }
                close(connection.descriptor)
                return true
            }
            guard waiting[0].revents != 0, let failure = accept(into: &connections, &number, now: now) else { continue }
            restUntil = now &+ Self.rest
            guard now >= silentUntil else { continue }
            silentUntil = now &+ Self.silence
            logger.warning("admin port: accepting paused", metadata: ["reason": "\(failure)"])
        }
        for connection in connections { close(connection.descriptor) }
    }

    /// Nil for an answer that comes later.
    private func answer(to request: AdminRequest, on connection: UInt64) -> [UInt8]? {
        guard AdminAnswer.isSlow(request) else { return AdminAnswer.bytes(to: request, of: server) }
        slow.make(for: connection) { [server] in AdminAnswer.bytes(to: request, of: server) }
        return nil
    }

    private static func placeToTake(in connections: [AdminConnection]) -> Int? {
        let phases: [AdminConnection.Phase] = [.reading, .lingering, .waiting]
        return phases.lazy.compactMap { phase in connections.firstIndex { $0.phase == phase } }.first
    }

    /// Takes what waits.
    ///
    /// - Returns: why the listener has to rest; nil when it need not.
    private func accept(into connections: inout [AdminConnection], _ number: inout UInt64, now: UInt64) -> String? {
        for _ in 0..<most {
            let taken = connections.count >= most ? Self.placeToTake(in: connections) : nil
            if connections.count >= most, taken == nil { return nil }
            var address = sockaddr_storage()
            let descriptor = engine_accept(listener, &address)
            if descriptor < 0 {
                switch errno {
                case EAGAIN: return nil
                // Of the connection that was to be taken, not of the listener.
                case EINTR, ECONNABORTED, EPROTO, EPERM, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
                    EOPNOTSUPP, ENETUNREACH:
                    continue
                default: return String(cString: strerror(errno))
                }
            }
            if let taken { close(connections.remove(at: taken).descriptor) }
            let time = UInt64(Self.connectionTime.components.seconds) &* 1_000_000_000
            number += 1
            connections.append(AdminConnection(descriptor: descriptor, number: number, deadline: now &+ time))
        }
        return nil
    }
}

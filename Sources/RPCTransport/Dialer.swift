import Glibc

/// Finds a server that answers: all of them in turn, from the one that answered last, and every address of each; then
/// a pause that grows. Touched by the loop's thread alone.
final class Dialer {
    private enum State {
        case idle
        case resolving(ServerAddress, number: Int, until: UInt64)
        case connecting(Connection, until: UInt64)
        /// Before this nobody is tried again.
        case resting(until: UInt64)
    }

    private unowned let loop: TransportLoop
    private var state = State.idle
    /// The server that is tried first.
    private var preferred = 0
    private var round: [ServerAddress] = []
    private var addresses: [ResolvedAddress] = []
    private var failures: [(server: ServerAddress, reason: Reason)] = []
    private var lookups = 0
    private var backoff: UInt64
    /// Connections in a row that were lost before a call had come to its end.
    private var disappointments = 0
    private static let maximumDisappointments = 3

    init(_ loop: TransportLoop) {
        self.loop = loop
        backoff = loop.configuration.initialBackoff.nanoseconds
    }

    /// Begins a round unless one is running or it is too early.
    func want() {
        guard case .idle = state else { return }
        let servers = loop.configuration.servers
        round = Array(servers[preferred...] + servers[..<preferred])
        failures = []
        nextServer()
    }

    var due: UInt64? {
        switch state {
        case .idle: nil
        case .resolving(_, _, let until), .connecting(_, let until), .resting(let until): until
        }
    }

    func tick() {
        guard let due, loop.now >= due else { return }
        switch state {
        case .idle: break
        case .resting:
            state = .idle
            loop.lookAgain()
        case .resolving(let server, _, _): failed(server, Reason("the host could not be looked up in time"))
        case .connecting(let connection, _): connection.close(Reason("it did not answer in time"))
        }
    }

    private func nextServer() {
        guard !round.isEmpty else { return rest() }
        let server = round.removeFirst()
        if let address = ResolvedAddress.numeric(server.host, port: server.port) {
            addresses = [address]
            return nextAddress(of: server)
        }
        lookups += 1
        state = .resolving(server, number: lookups, until: deadline)
        if !ResolvedAddress.find(server, number: lookups, tell: loop.mailbox) {
            failed(server, Reason("no thread is left to look the host up"))
        }
    }

    private var deadline: UInt64 { loop.now + loop.configuration.connectTimeout.nanoseconds }

    func resolved(_ number: Int, _ result: Result<[ResolvedAddress], Reason>) {
        guard case .resolving(let server, number, _) = state else { return }
        switch result {
        case .success(let found):
            addresses = found
            nextAddress(of: server)
        case .failure(let reason): failed(server, reason)
        }
    }

    private func nextAddress(of server: ServerAddress, after reason: Reason = Reason("the host has no address")) {
        guard !addresses.isEmpty else { return failed(server, reason) }
        switch addresses.removeFirst().connect() {
        case .success(let socket):
            let connection = Connection(socket, to: server, loop: loop)
            state = .connecting(connection, until: deadline)
            loop.add(connection)
        case .failure(let reason): nextAddress(of: server, after: reason)
        }
    }

    /// A connection closed before it was ready.
    func closed(_ connection: Connection, _ reason: Reason) {
        guard case .connecting(let current, _) = state, current === connection else { return }
        nextAddress(of: connection.server, after: reason)
    }

    private func failed(_ server: ServerAddress, _ reason: Reason) {
        failures.append((server, reason))
        nextServer()
    }

    func succeeded(_ connection: Connection) {
        preferred = loop.configuration.servers.firstIndex(of: connection.server) ?? 0
        state = .idle
    }

    /// The server does answer calls.
    func proved() {
        disappointments = 0
        backoff = loop.configuration.initialBackoff.nanoseconds
    }

    /// A server took the connection and gave it up again: another, and not at once.
    func disappointed(_ reason: Reason) {
        guard case .idle = state else { return }
        disappointments += 1
        preferred = (preferred + 1) % loop.configuration.servers.count
        pause()
        if disappointments >= Self.maximumDisappointments { loop.unreachable(reason) }
    }

    private func pause() {
        let chance = Double.random(in: 0.8...1.2)
        state = .resting(until: loop.now + UInt64(Double(backoff) * chance))
        backoff = min(backoff * 8 / 5, loop.configuration.maximumBackoff.nanoseconds)
    }

    private func rest() {
        pause()
        let reasons = Set(failures.map(\.reason))
        if reasons.count == 1, let reason = reasons.first { return loop.unreachable(reason) }
        loop.unreachable(Reason(failures.map { "\($0.server) \($0.reason.words)" }.joined(separator: "; ")))
    }
}

import Glibc
import Threads

/// A gRPC server over TLS: one event loop per thread, each with its own listener on the same port.
public final class Server: Sendable {
    private struct State {
        var loops: [EventLoop] = []
        var threads: [pthread_t] = []
        var started = false
        var drained = false
        var tls: TLSConfiguration
        var generation: UInt64 = 1
    }

    private let configuration: ServerConfiguration
    private let shared: ServerShared
    private let state: Locked<State>

    /// Reads the certificates and checks the methods; nothing is opened yet.
    public init(configuration: ServerConfiguration) throws(EngineError) {
        guard configuration.loops >= 0, configuration.loops <= 1_024 else {
            throw .configuration("loops must be between 0 and 1,024")
        }
        self.configuration = configuration
        var files = configuration.tls
        files.offersHTTP1 = configuration.web != nil
        let tls = try TLSContext(files, generation: 1)
        shared = try ServerShared(configuration, tls: tls)
        state = Locked(State(tls: files))
    }

    /// Listens and serves. A server starts once.
    @discardableResult
    public func start() throws(EngineError) -> BoundAddress {
        // A peer that goes away while we write must be an error of that write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        tellRemarks()
        return try state.withLock { state throws(EngineError) in
            guard !state.started else { throw .configuration("the server was started before") }
            let count = configuration.loops > 0 ? configuration.loops : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
            if configuration.port != 0 { try Listener.probe(host: configuration.host, port: configuration.port) }
            let first = try Listener.open(host: configuration.host, port: configuration.port)
            var loops = [try EventLoop(shared: shared, index: 0, listener: first.fd)]
            for index in 1..<max(1, count) {
                let next = try Listener.open(host: configuration.host, port: first.bound.port)
                loops.append(try EventLoop(shared: shared, index: index, listener: next.fd))
            }
            state.started = true
            for loop in loops {
                if let thread = Server.spawn(loop) {
                    state.threads.append(thread)
                    state.loops.append(loop)
                }
            }
            guard state.threads.count == loops.count else {
                for loop in state.loops { loop.post(.stop) }
                throw .system(call: "pthread_create", error: EAGAIN)
            }
            return first.bound
        }
    }

    private static func spawn(_ loop: EventLoop) -> pthread_t? {
        var thread = pthread_t()
        // Balanced by takeRetainedValue in the new thread, or by release below when there is none.
        let argument = Unmanaged.passRetained(loop)
        let result = pthread_create(
            &thread, nil,
            { pointer in
                guard let pointer else { return nil }
                Unmanaged<EventLoop>.fromOpaque(pointer).takeRetainedValue().run()
                return nil
            }, argument.toOpaque())
        if result != 0 {
            argument.release()
            return nil
        }
        return thread
    }

    /// Counts up with every successful ``reloadTLS()``.
    public var tlsGeneration: UInt64 { shared.tlsGeneration }

    /// Ends of the server's certificate and the revocation lists that are in force.
    public var tlsExpiries: [TLSExpiry] { shared.currentTLS().expiries }

    /// Reads the certificate files again. New handshakes use them, and the next call of every open connection is
    /// judged by the new CA and CRL. On an error everything stays as it was.
    public func reloadTLS() throws(EngineError) {
        let generation = try state.withLock { state throws(EngineError) in
            let context = try TLSContext(state.tls, generation: state.generation + 1)
            state.generation += 1
            shared.replaceTLS(context)
            return state.generation
        }
        tellRemarks()
        configuration.onEvent(.tlsReloaded(generation: generation))
    }

    /// Stops accepting, tells every peer to go away, waits until the running calls have ended or `grace` is over, and
    /// then ends what is left with UNAVAILABLE. Blocks; returns whether all calls ended by themselves in time.
    @discardableResult
    public func drain(grace: Duration) -> Bool {
        let (loops, threads) = state.withLock { state -> ([EventLoop], [pthread_t]) in
            guard !state.drained else { return ([], []) }
            state.drained = true
            return (state.loops, state.threads)
        }
        let nanoseconds = grace.nanoseconds
        for loop in loops { loop.post(.drain(grace: nanoseconds)) }
        let clean = Server.wait(nanoseconds) { loops.allSatisfy { $0.unsettledCount == 0 } }
        // A moment for the last bytes to be read: the end of the calls, or UNAVAILABLE after the grace.
        _ = Server.wait(700_000_000) { loops.allSatisfy { $0.connectionCount == 0 } }
        for loop in loops { loop.post(.stop) }
        for thread in threads { pthread_join(thread, nil) }
        return clean
    }

    private func tellRemarks() {
        for event in shared.currentTLS().remarks { configuration.onEvent(event) }
    }

    private static func wait(_ nanoseconds: UInt64, until done: () -> Bool) -> Bool {
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: .nanoseconds(Int64(clamping: nanoseconds)))
        while !done() {
            if clock.now >= end { return false }
            usleep(2_000)
        }
        return true
    }

    /// What peers make the process hold, and how much they may.
    public var memory: MemoryAccount { shared.memory }

    public var statistics: ServerStatistics {
        let loops = state.withLock { $0.loops }
        var total = ServerStatistics()
        for loop in loops { loop.statistics.add(to: &total) }
        return total
    }
}

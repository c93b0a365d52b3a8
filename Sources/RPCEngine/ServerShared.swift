import Glibc
import Synchronization

/// What all event loops of a server have in common; everything in it is immutable or locked.
final class ServerShared: Sendable {
    let limits: Limits
    let methods: MethodTable
    let interceptor: any CallInterceptor
    let onEvent: @Sendable (EngineEvent) -> Void
    let prebuilt = PrebuiltHeaders()
    let sessionTemplate: SessionTemplate
    let wallClock: @Sendable () -> Int64
    /// Everything that peers make the process hold.
    let memory: MemoryAccount
    /// The part of it that connections on which nobody was admitted yet may take with their calls.
    let strangers: MemoryAccount

    private let tls: Locked<TLSContext>
    private let generation: Atomic<UInt64>
    private let connections = Locked(ConnectionCounts())
    private let connectionNumbers = Atomic<UInt64>(1)

    private struct ConnectionCounts {
        var total = 0
        var byAddress: [UInt64: Int] = [:]
    }

    init(_ configuration: ServerConfiguration, tls: TLSContext) throws(EngineError) {
        limits = configuration.limits
        methods = try MethodTable(configuration.methods, limits: configuration.limits)
        interceptor = configuration.interceptor
        onEvent = configuration.onEvent
        sessionTemplate = try SessionTemplate()
        wallClock = configuration.wallClock ?? { Int64(time(nil)) }
        memory = MemoryAccount(limit: configuration.limits.memoryBudget)
        strangers = MemoryAccount(limit: configuration.limits.memoryBudget / 4)
        generation = Atomic(tls.generation)
        self.tls = Locked(tls)
    }

    var tlsGeneration: UInt64 { generation.load(ordering: .acquiring) }

    func currentTLS() -> TLSContext { tls.withLock { $0 } }

    /// Every call that begins after this returns is judged by the new context.
    func replaceTLS(_ context: TLSContext) {
        tls.withLock { current in
            if context.generation > current.generation {
                current = context
                generation.store(context.generation, ordering: .releasing)
            }
        }
    }

    func nextConnectionNumber() -> UInt64 { connectionNumbers.wrappingAdd(1, ordering: .relaxed).oldValue }

    /// Why a new connection cannot be taken, or nil after it was counted.
    func admit(_ address: UInt64) -> String? {
        connections.withLock { counts in
            if counts.total >= limits.maxConnections { return "limit of \(limits.maxConnections) connections" }
            let own = counts.byAddress[address, default: 0]
            if own >= limits.maxConnectionsPerAddress {
                return "limit of \(limits.maxConnectionsPerAddress) connections of one address"
            }
            counts.total += 1
            counts.byAddress[address] = own + 1
            return nil
        }
    }

    func release(_ address: UInt64) {
        connections.withLock { counts in
            counts.total -= 1
            let left = counts.byAddress[address, default: 1] - 1
            counts.byAddress[address] = left > 0 ? left : nil
        }
    }
}

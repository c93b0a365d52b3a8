import Glibc
import Synchronization
import Threads

/// What all event loops of a server have in common; everything in it is immutable or locked.
final class ServerShared: Sendable {
    let limits: Limits
    let methods: MethodTable
    let interceptor: any CallInterceptor
    let web: (any WebHandler)?
    let webRoutes: [Route]
    let onEvent: @Sendable (EngineEvent) -> Void
    let prebuilt = PrebuiltHeaders()
    let sessionTemplate: SessionTemplate
    /// Nil where HTTP/2 alone is spoken.
    let http1Template: HTTP1Template?
    /// Names of hosts, besides those of the certificate, that requests of HTTP/1.1 may be for; in lower case.
    let hostNames: Set<String>
    let wallClock: @Sendable () -> Int64
    /// Everything that peers make the process hold.
    let memory: MemoryAccount
    /// The part of it that connections on which nobody was admitted yet may take with their calls.
    let strangers: MemoryAccount

    private let tls: Locked<TLSContext>
    private let generation: Atomic<UInt64>
    private let connections: Locked<ConnectionCounts>
    private let connectionNumbers = Atomic<UInt64>(1)

    init(_ configuration: ServerConfiguration, tls: TLSContext) throws(EngineError) {
        limits = configuration.limits
        connections = Locked(
            ConnectionCounts(
                most: limits.maxConnections, mostOfAddress: limits.maxConnectionsPerAddress,
                percentForVerified: limits.percentForVerified))
        methods = try MethodTable(configuration.methods, limits: configuration.limits)
        interceptor = configuration.interceptor
        web = configuration.web
        webRoutes = configuration.webRoutes.enumerated().map { position, entry in
            Route(
                entry: entry, index: configuration.methods.count + position,
                limit: configuration.limits.maxMessageBytes)
        }
        onEvent = configuration.onEvent
        sessionTemplate = try SessionTemplate()
        http1Template = configuration.web == nil ? nil : try HTTP1Template()
        hostNames = Set(configuration.hostNames.map { $0.lowercased() })
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

    // MARK: Places for connections

    func admit(_ newcomer: ConnectionCounts.Newcomer) -> ConnectionCounts.Admission {
        connections.withLock { counts in
            let admission = counts.admit(newcomer)
            if case .toShowCertificate(let leaving?) = admission {
                // Its loop, which may be another, hears of it and closes it. The descriptor is still its own: before it
                // is closed it leaves the crowd, under this lock.
                shutdown(leaving.descriptor, Int32(SHUT_RDWR))
            }
            return admission
        }
    }

    func spoke(_ id: UInt64) { connections.withLock { $0.spoke(id) } }

    func leaveCrowd(_ id: UInt64) -> Bool { connections.withLock { $0.leaveCrowd(id) } }

    func closedWithoutPlace() { connections.withLock { $0.closedWithoutPlace() } }

    func verified(_ address: UInt64) { connections.withLock { $0.verified(address) } }

    func mayStay(_ address: UInt64) -> Bool { connections.withLock { $0.mayStay(address) } }

    func release(_ address: UInt64, isVerified: Bool) {
        connections.withLock { $0.release(address, isVerified: isVerified) }
    }
}

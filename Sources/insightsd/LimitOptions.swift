import ArgumentParser
import InsightsServer
import LicenseModel
import RPCEngine

extension NumberOption {
    private static let engine = RPCEngine.Limits()
    private static let services = ServiceSettings()

    static let maxConnections = NumberOption(
        "max-connections", "Connections in total", unit: "connections", engine.maxConnections, in: 1...1_000_000)
    static let maxConnectionsPerAddress = NumberOption(
        "max-connections-per-address", "Connections of one IPv4 address or IPv6 /64 network", unit: "connections",
        engine.maxConnectionsPerAddress, in: 1...1_000_000)
    static let memoryBudget = NumberOption(
        "memory-budget", "What callers may make the process hold, by default a quarter of the memory", unit: "MiB",
        MachineMemory.total / (4 << 20), in: 4...(16 << 20))
    static let handshakeTimeout = NumberOption(
        "handshake-timeout", "Time for the TLS handshake", engine.handshakeTimeout, upTo: 300)
    static let prefaceTimeout = NumberOption(
        "preface-timeout", "Time from the handshake to the first bytes of HTTP/2", engine.prefaceTimeout, upTo: 300)
    static let headersTimeout = NumberOption(
        "headers-timeout", "Time for the headers of a call, from first byte to last", engine.headersTimeout, upTo: 300)
    static let requestTimeout = NumberOption(
        "request-timeout", "Time for the request message of a call that takes one", engine.requestTimeout, upTo: 3_600)
    static let idleTimeout = NumberOption(
        "idle-timeout", "Time after which a connection without calls ends", engine.idleTimeout, upTo: 86_400)
    static let maxConnectionAge = NumberOption(
        "max-connection-age", "Age at which a connection takes no new calls, give or take a tenth",
        engine.maxConnectionAge, upTo: 604_800)
    static let connectionAgeGrace = NumberOption(
        "connection-age-grace", "Time that its running calls get then", engine.connectionAgeGrace, upTo: 86_400)
    static let keepaliveInterval = NumberOption(
        "keepalive-interval", "Silence after which a connection is pinged", engine.keepaliveInterval ?? .seconds(60),
        upTo: 86_400)
    static let keepaliveTimeout = NumberOption(
        "keepalive-timeout", "Time for the answer to that ping", engine.keepaliveTimeout, upTo: 3_600)
    static let maxStreams = NumberOption(
        "max-streams", "Calls at once on one connection", unit: "calls", engine.maxConcurrentStreams, in: 1...100_000)
    static let maxHeaderBytes = NumberOption(
        "max-header-bytes", "Headers of a call: names, values and 32 bytes each", unit: "bytes",
        engine.maxHeaderListBytes, in: 1_024...1_048_576)
    static let maxMessageBytes = NumberOption(
        "max-message-bytes", "Largest message, as sent and as decompressed", unit: "bytes",
        FactLimits.defaultMaximumMessageBytes, in: 1_024...(256 << 20))
    static let maxBatchFacts = NumberOption(
        "max-batch-facts", "Facts in a batch", unit: "facts", services.maxBatchFacts, in: 1...10_000_000)
    static let partnerRate = NumberOption(
        "partner-rate", "Calls of a partner, over all its connections", unit: "calls/s",
        services.partnerLimit.perSecond, in: 1...RateLimit.maximum)
    static let partnerBurst = NumberOption(
        "partner-burst", "Calls of a partner at once", unit: "calls", services.partnerLimit.burst,
        in: 1...RateLimit.maximum)
    static let partnerExports = NumberOption(
        "partner-exports", "Exports of a partner at once", unit: "exports", services.partnerExports, in: 1...10_000)
    static let partnerReads = NumberOption(
        "partner-reads", "Long reads of a partner that wait for their turn", unit: "calls",
        services.partnerReads, in: 1...1_000_000)
    static let revisionWait = NumberOption(
        "revision-wait", "Time for which a read waits for the revision that it asks for", services.revisionWait,
        upTo: 60)
    static let staleReads = NumberOption(
        "stale-reads", "Age of what is answered, where other servers are on the store", services.staleReads,
        upTo: 3_600)
    static let partnerChanges = NumberOption(
        "partner-changes", "Changes of a partner that wait for their turn", unit: "changes",
        services.partnerChanges, in: 1...10_000)
    static let auditSegmentBytes = NumberOption(
        "audit-segment-bytes", "Size after which a segment of the audit chain is followed by the next", unit: "bytes",
        services.auditSegmentBytes, in: 65_536...(1 << 30))

    /// The limits, in the order of the documentation, with their flags.
    static let limits: [(option: NumberOption, flag: KeyPath<LimitOptions, Int?> & Sendable)] = [
        (maxConnections, \.maxConnections), (maxConnectionsPerAddress, \.maxConnectionsPerAddress),
        (memoryBudget, \.memoryBudget),
        (handshakeTimeout, \.handshakeTimeout), (prefaceTimeout, \.prefaceTimeout),
        (headersTimeout, \.headersTimeout), (requestTimeout, \.requestTimeout), (idleTimeout, \.idleTimeout),
        (maxConnectionAge, \.maxConnectionAge), (connectionAgeGrace, \.connectionAgeGrace),
        (keepaliveInterval, \.keepaliveInterval), (keepaliveTimeout, \.keepaliveTimeout),
        (maxStreams, \.maxStreams), (maxHeaderBytes, \.maxHeaderBytes), (maxMessageBytes, \.maxMessageBytes),
        (maxBatchFacts, \.maxBatchFacts), (partnerRate, \.partnerRate), (partnerBurst, \.partnerBurst),
        (partnerExports, \.partnerExports), (partnerReads, \.partnerReads), (revisionWait, \.revisionWait),
        (staleReads, \.staleReads), (partnerChanges, \.partnerChanges),
        (auditSegmentBytes, \.auditSegmentBytes),
    ]
}

/// The flags of the limits.
struct LimitOptions: ParsableArguments {
    @Option(help: NumberOption.maxConnections.help) var maxConnections: Int?
    @Option(help: NumberOption.maxConnectionsPerAddress.help) var maxConnectionsPerAddress: Int?
    @Option(help: NumberOption.memoryBudget.help) var memoryBudget: Int?
    @Option(help: NumberOption.handshakeTimeout.help) var handshakeTimeout: Int?
    @Option(help: NumberOption.prefaceTimeout.help) var prefaceTimeout: Int?
    @Option(help: NumberOption.headersTimeout.help) var headersTimeout: Int?
    @Option(help: NumberOption.requestTimeout.help) var requestTimeout: Int?
    @Option(help: NumberOption.idleTimeout.help) var idleTimeout: Int?
    @Option(help: NumberOption.maxConnectionAge.help) var maxConnectionAge: Int?
    @Option(help: NumberOption.connectionAgeGrace.help) var connectionAgeGrace: Int?
    @Option(help: NumberOption.keepaliveInterval.help) var keepaliveInterval: Int?
    @Option(help: NumberOption.keepaliveTimeout.help) var keepaliveTimeout: Int?
    @Option(help: NumberOption.maxStreams.help) var maxStreams: Int?
    @Option(help: NumberOption.maxHeaderBytes.help) var maxHeaderBytes: Int?
    @Option(help: NumberOption.maxMessageBytes.help) var maxMessageBytes: Int?
    @Option(help: NumberOption.maxBatchFacts.help) var maxBatchFacts: Int?
    @Option(help: NumberOption.partnerRate.help) var partnerRate: Int?
    @Option(help: NumberOption.partnerBurst.help) var partnerBurst: Int?
    @Option(help: NumberOption.partnerExports.help) var partnerExports: Int?
    @Option(help: NumberOption.partnerReads.help) var partnerReads: Int?
    @Option(help: NumberOption.revisionWait.help) var revisionWait: Int?
    @Option(help: NumberOption.staleReads.help) var staleReads: Int?
    @Option(help: NumberOption.partnerChanges.help) var partnerChanges: Int?
    @Option(help: NumberOption.auditSegmentBytes.help) var auditSegmentBytes: Int?
}

extension NumberSettings {
    private func seconds(_ option: NumberOption) -> Duration { .seconds(self[option]) }

    /// Those of the transport; what cannot be told keeps its default.
    var engine: RPCEngine.Limits {
        var limits = RPCEngine.Limits()
        limits.maxConnections = self[.maxConnections]
        limits.maxConnectionsPerAddress = self[.maxConnectionsPerAddress]
        limits.memoryBudget = self[.memoryBudget] << 20
        limits.handshakeTimeout = seconds(.handshakeTimeout)
        limits.prefaceTimeout = seconds(.prefaceTimeout)
        limits.headersTimeout = seconds(.headersTimeout)
        limits.requestTimeout = seconds(.requestTimeout)
        limits.idleTimeout = seconds(.idleTimeout)
        limits.maxConnectionAge = seconds(.maxConnectionAge)
        limits.connectionAgeGrace = seconds(.connectionAgeGrace)
        limits.keepaliveInterval = seconds(.keepaliveInterval)
        limits.keepaliveTimeout = seconds(.keepaliveTimeout)
        limits.maxConcurrentStreams = self[.maxStreams]
        limits.maxHeaderListBytes = self[.maxHeaderBytes]
        limits.maxMessageBytes = self[.maxMessageBytes]
        return limits
    }

    /// Those of the services.
    var services: ServiceSettings {
        var services = ServiceSettings()
        services.maxBatchFacts = self[.maxBatchFacts]
        services.partnerExports = self[.partnerExports]
        services.memoryBudget = self[.memoryBudget] << 20
        services.partnerReads = self[.partnerReads]
        services.revisionWait = seconds(.revisionWait)
        services.staleReads = seconds(.staleReads)
        services.partnerChanges = self[.partnerChanges]
        services.auditSegmentBytes = self[.auditSegmentBytes]
        services.partnerLimit =
            RateLimit(perSecond: self[.partnerRate], burst: self[.partnerBurst]) ?? services.partnerLimit
        services.advice = advice
        return services
    }
}

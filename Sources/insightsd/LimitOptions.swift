import ArgumentParser
import InsightsServer
import LicenseModel
import RPCEngine

/// A limit that `serve` can be told: the one place of its name, default and bounds.
struct LimitOption: Sendable {
    let name: String
    let meaning: String
    let unit: String
    let standard: Int
    let bounds: ClosedRange<Int>

    init(_ name: String, _ meaning: String, unit: String, _ standard: Int, in bounds: ClosedRange<Int>) {
        self.name = name
        self.meaning = meaning
        self.unit = unit
        self.standard = standard
        self.bounds = bounds
    }

    /// A time in whole seconds.
    fileprivate init(_ name: String, _ meaning: String, _ standard: Duration, upTo most: Int) {
        self.init(name, meaning, unit: "s", Int(standard.components.seconds), in: 1...most)
    }

    fileprivate var help: ArgumentHelp { ArgumentHelp("\(meaning) (default \(standard) \(unit)).", valueName: "n") }
}

extension LimitOption {
    private static let engine = RPCEngine.Limits()
    private static let services = ServiceSettings()

    static let maxConnections = LimitOption(
        "max-connections", "Connections in total", unit: "connections", engine.maxConnections, in: 1...1_000_000)
    static let maxConnectionsPerAddress = LimitOption(
        "max-connections-per-address", "Connections of one IPv4 address or IPv6 /64 network", unit: "connections",
        engine.maxConnectionsPerAddress, in: 1...1_000_000)
    static let handshakeTimeout = LimitOption(
        "handshake-timeout", "Time for the TLS handshake", engine.handshakeTimeout, upTo: 300)
    static let prefaceTimeout = LimitOption(
        "preface-timeout", "Time from the handshake to the first bytes of HTTP/2", engine.prefaceTimeout, upTo: 300)
    static let headersTimeout = LimitOption(
        "headers-timeout", "Time for the headers of a call, from first byte to last", engine.headersTimeout, upTo: 300)
    static let requestTimeout = LimitOption(
        "request-timeout", "Time for the request message of a call that takes one", engine.requestTimeout, upTo: 3_600)
    static let idleTimeout = LimitOption(
        "idle-timeout", "Time after which a connection without calls ends", engine.idleTimeout, upTo: 86_400)
    static let maxConnectionAge = LimitOption(
        "max-connection-age", "Age at which a connection takes no new calls, give or take a tenth",
        engine.maxConnectionAge, upTo: 604_800)
    static let connectionAgeGrace = LimitOption(
        "connection-age-grace", "Time that its running calls get then", engine.connectionAgeGrace, upTo: 86_400)
    static let keepaliveInterval = LimitOption(
        "keepalive-interval", "Silence after which a connection is pinged", engine.keepaliveInterval ?? .seconds(60),
        upTo: 86_400)
    static let keepaliveTimeout = LimitOption(
        "keepalive-timeout", "Time for the answer to that ping", engine.keepaliveTimeout, upTo: 3_600)
    static let maxStreams = LimitOption(
        "max-streams", "Calls at once on one connection", unit: "calls", engine.maxConcurrentStreams, in: 1...100_000)
    static let maxHeaderBytes = LimitOption(
        "max-header-bytes", "Headers of a call: names, values and 32 bytes each", unit: "bytes",
        engine.maxHeaderListBytes, in: 1_024...1_048_576)
    static let maxMessageBytes = LimitOption(
        "max-message-bytes", "Largest message, as sent and as decompressed", unit: "bytes", engine.maxMessageBytes,
        in: 1_024...(256 << 20))
    static let maxBatchFacts = LimitOption(
        "max-batch-facts", "Facts in a batch", unit: "facts", services.maxBatchFacts, in: 1...10_000_000)
    static let partnerRate = LimitOption(
        "partner-rate", "Calls of a partner, over all its connections", unit: "calls/s",
        services.partnerLimit.perSecond, in: 1...RateLimit.maximum)
    static let partnerBurst = LimitOption(
        "partner-burst", "Calls of a partner at once", unit: "calls", services.partnerLimit.burst,
        in: 1...RateLimit.maximum)
    static let partnerExports = LimitOption(
        "partner-exports", "Exports of a partner at once", unit: "exports", services.partnerExports, in: 1...10_000)
    static let partnerReads = LimitOption(
        "partner-reads", "Lists, explanations and advice of a partner that wait for their turn", unit: "calls",
        services.partnerReads, in: 1...1_000_000)
    static let auditSegmentBytes = LimitOption(
        "audit-segment-bytes", "Size after which a segment of the audit chain is followed by the next", unit: "bytes",
        services.auditSegmentBytes, in: 65_536...(1 << 30))

    /// All, in the order of the documentation, with their flags.
    static let all: [(option: LimitOption, flag: KeyPath<LimitOptions, Int?> & Sendable)] = [
        (maxConnections, \.maxConnections), (maxConnectionsPerAddress, \.maxConnectionsPerAddress),
        (handshakeTimeout, \.handshakeTimeout), (prefaceTimeout, \.prefaceTimeout),
        (headersTimeout, \.headersTimeout), (requestTimeout, \.requestTimeout), (idleTimeout, \.idleTimeout),
        (maxConnectionAge, \.maxConnectionAge), (connectionAgeGrace, \.connectionAgeGrace),
        (keepaliveInterval, \.keepaliveInterval), (keepaliveTimeout, \.keepaliveTimeout),
        (maxStreams, \.maxStreams), (maxHeaderBytes, \.maxHeaderBytes), (maxMessageBytes, \.maxMessageBytes),
        (maxBatchFacts, \.maxBatchFacts), (partnerRate, \.partnerRate), (partnerBurst, \.partnerBurst),
        (partnerExports, \.partnerExports), (partnerReads, \.partnerReads),
        (auditSegmentBytes, \.auditSegmentBytes),
    ]
}

/// The flags of the limits.
struct LimitOptions: ParsableArguments {
    @Option(help: LimitOption.maxConnections.help) var maxConnections: Int?
    @Option(help: LimitOption.maxConnectionsPerAddress.help) var maxConnectionsPerAddress: Int?
    @Option(help: LimitOption.handshakeTimeout.help) var handshakeTimeout: Int?
    @Option(help: LimitOption.prefaceTimeout.help) var prefaceTimeout: Int?
    @Option(help: LimitOption.headersTimeout.help) var headersTimeout: Int?
    @Option(help: LimitOption.requestTimeout.help) var requestTimeout: Int?
    @Option(help: LimitOption.idleTimeout.help) var idleTimeout: Int?
    @Option(help: LimitOption.maxConnectionAge.help) var maxConnectionAge: Int?
    @Option(help: LimitOption.connectionAgeGrace.help) var connectionAgeGrace: Int?
    @Option(help: LimitOption.keepaliveInterval.help) var keepaliveInterval: Int?
    @Option(help: LimitOption.keepaliveTimeout.help) var keepaliveTimeout: Int?
    @Option(help: LimitOption.maxStreams.help) var maxStreams: Int?
    @Option(help: LimitOption.maxHeaderBytes.help) var maxHeaderBytes: Int?
    @Option(help: LimitOption.maxMessageBytes.help) var maxMessageBytes: Int?
    @Option(help: LimitOption.maxBatchFacts.help) var maxBatchFacts: Int?
    @Option(help: LimitOption.partnerRate.help) var partnerRate: Int?
    @Option(help: LimitOption.partnerBurst.help) var partnerBurst: Int?
    @Option(help: LimitOption.partnerExports.help) var partnerExports: Int?
    @Option(help: LimitOption.partnerReads.help) var partnerReads: Int?
    @Option(help: LimitOption.auditSegmentBytes.help) var auditSegmentBytes: Int?
}

/// The limits in force.
struct LimitSettings {
    private var given: [String: Int] = [:]

    init() {}

    init(_ source: SettingsSource) throws(SettingsError) {
        for (option, _) in LimitOption.all { given[option.name] = try source.int(option.name, in: option.bounds) }
    }

    subscript(option: LimitOption) -> Int { given[option.name] ?? option.standard }

    private func seconds(_ option: LimitOption) -> Duration { .seconds(self[option]) }

    /// Those of the transport; what cannot be told keeps its default.
    var engine: RPCEngine.Limits {
        var limits = RPCEngine.Limits()
        limits.maxConnections = self[.maxConnections]
        limits.maxConnectionsPerAddress = self[.maxConnectionsPerAddress]
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
        services.partnerReads = self[.partnerReads]
        services.auditSegmentBytes = self[.auditSegmentBytes]
        services.partnerLimit =
            RateLimit(perSecond: self[.partnerRate], burst: self[.partnerBurst]) ?? services.partnerLimit
        return services
    }
}

import InsightsServer
import Logging
import RPCEngine

/// Connection events as log lines. Openings and closings are `debug`: there may be thousands a second.
enum EngineEventLog {
    /// - Parameters:
    ///   - logger: for what callers do not cause.
    ///   - strangers: for connections: nobody is known yet who could be held to a rate.
    static func write(_ event: EngineEvent, to logger: Logger, strangers: StrangerLog) {
        switch event {
        case .connectionOpened(let id, let remote):
            strangers.log(.debug, "connection opened", metadata: ["connection": "\(id)", "remote": "\(remote)"])
        case .connectionClosed(let id, let remote, let reason):
            strangers.log(
                .debug, "connection closed",
                metadata: ["connection": "\(id)", "remote": "\(remote)", "reason": "\(reason)"])
        case .connectionRefused(let remote, let reason):
            strangers.log(.notice, "connection refused", metadata: ["remote": "\(remote)", "reason": "\(reason)"])
        case .handshakeFailed(let remote, let reason):
            strangers.log(.info, "handshake failed", metadata: ["remote": "\(remote)", "reason": "\(reason)"])
        case .abuse(let id, let remote, let kind):
            strangers.log(
                .warning, "abuse", metadata: ["connection": "\(id)", "remote": "\(remote)", "kind": "\(kind)"])
        case .acceptPaused(let reason):
            strangers.log(.warning, "accepting paused", metadata: ["reason": "\(reason)"])
        case .authorityAlone(let reason):
            logger.warning("a client authority without its root", metadata: ["reason": "\(reason)"])
        case .revocationListUnusable(let reason):
            logger.warning("a revocation list cannot be used", metadata: ["reason": "\(reason)"])
        case .tlsReloaded(let generation):
            logger.info("TLS reloaded", metadata: ["generation": "\(generation)"])
        }
    }
}

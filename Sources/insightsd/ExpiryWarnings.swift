import Foundation
import Logging
import RPCEngine

/// Warns when a certificate or revocation list is about to run out, and when it has: each once.
struct ExpiryWarnings {
    private enum Stage: Hashable {
        case soon
        case over
    }

    private struct Warning: Hashable {
        let expiry: TLSExpiry
        let stage: Stage
    }

    private let logger: Logger
    /// Of what is in force now; forgotten with the files.
    private var told: Set<Warning> = []

    init(logger: Logger) { self.logger = logger }

    /// - Parameter now: Unix seconds.
    mutating func look(at expiries: [TLSExpiry], now: Int64) {
        told = told.filter { expiries.contains($0.expiry) }
        for expiry in expiries {
            // Both are valid up to and including the second of their end.
            let stage: Stage
            if now > expiry.end {
                stage = .over
            } else if now > expiry.end - Self.notice(expiry.kind) {
                stage = .soon
            } else {
                continue
            }
            guard told.insert(Warning(expiry: expiry, stage: stage)).inserted else { continue }
            let end = Date(timeIntervalSince1970: TimeInterval(expiry.end)).formatted(.iso8601)
            logger.warning(
                Self.text(expiry.kind, stage), metadata: ["file": "\(expiry.file)", "end": "\(end)"])
        }
    }

    /// Seconds before the end: a list lives for days, a certificate for months.
    private static func notice(_ kind: TLSExpiry.Kind) -> Int64 {
        switch kind {
        case .serverCertificate: 30 * 86_400
        case .revocationList: 86_400
        }
    }

    private static func text(_ kind: TLSExpiry.Kind, _ stage: Stage) -> Logger.Message {
        switch (kind, stage) {
        case (.serverCertificate, .soon): "the server's certificate runs out within 30 days"
        case (.serverCertificate, .over): "the server's certificate has run out: clients refuse it"
        case (.revocationList, .soon): "a revocation list runs out within a day"
        case (.revocationList, .over): "a revocation list has run out: certificates of its authority are refused"
        }
    }
}

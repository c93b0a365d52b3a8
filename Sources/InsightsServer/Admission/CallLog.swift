import Logging
import RPCEngine

/// One line per call, written when it has ended. Nothing that a message or a credential says is in it.
struct CallLog: Sendable {
    private let logger: Logger
    private let strangers: StrangerLog

    init(logger: Logger, strangers: StrangerLog) {
        self.logger = logger
        self.strangers = strangers
    }

    /// Successful calls and refusals are `info`; faults of the server are `error`.
    ///
    /// - Parameter unlogged: earlier calls of the partner, refused for their rate like this one, that got no line.
    func write(_ call: CallContext, record: CallRecord?, outcome: CallOutcome, unlogged: Int) {
        let level: Logger.Level =
            switch outcome.code {
            case .internalError, .unknown, .dataLoss: .error
            default: .info
            }
        guard logger.logLevel <= level else { return }
        guard record?.caller != nil else {
            return strangers.log(
                level, "call", metadata: Self.metadata(call, record: record, outcome: outcome, unlogged: unlogged))
        }
        logger.log(
            level: level, "call",
            metadata: Self.metadata(call, record: record, outcome: outcome, unlogged: unlogged))
    }

    private static func metadata(
        _ call: CallContext, record: CallRecord?, outcome: CallOutcome, unlogged: Int
    ) -> Logger.Metadata {
        let principal = record?.caller?.principal
        var metadata: Logger.Metadata = [
            "request_id": .string(String(call.connection.id, radix: 36) + "-" + String(call.id, radix: 36)),
            "principal": .string(principal?.name ?? ""),
            "partner": .string(principal?.partner?.text ?? ""),
            // Of a method that is not served, only that: its name is the caller's to choose.
            "method": .string(call.methodIndex >= 0 ? call.path : "unknown"),
            "code": .string(outcome.code.name),
            "duration_us": .stringConvertible(outcome.durationNanoseconds / 1_000),
            "request_bytes": .stringConvertible(outcome.requestBytes),
            "response_bytes": .stringConvertible(outcome.responseBytes),
            "remote": .string(call.connection.remoteAddress),
        ]
        if unlogged > 0 { metadata["unlogged"] = .stringConvertible(unlogged) }
        return metadata
    }
}

import Logging
import RPCEngine

/// One line per call, written when it has ended. Nothing that a message or a credential says is in it.
struct CallLog: Sendable {
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
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
        logger.log(level: level, "call", metadata: metadata)
    }
}

import Logging
import RPCEngine

/// One line per call, written when it has ended. Nothing that a message or a credential says is in it.
struct CallLog: Sendable {
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    /// Successful calls and refusals are `info`; faults of the server are `error`.
    func write(_ call: CallContext, record: CallRecord?, outcome: CallOutcome) {
        let level: Logger.Level =
            switch outcome.code {
            case .internalError, .unknown, .dataLoss: .error
            default: .info
            }
        guard logger.logLevel <= level else { return }
        let principal = record?.caller?.principal
        logger.log(
            level: level, "call",
            metadata: [
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
            ])
    }
}

import InsightsAPI
import LogLines
import Logging
import RPCEngine

/// One line per call, written when it has ended. Nothing that a message or a credential says is in it.
struct CallLog: Sendable {
    private let lines: LineLogHandler
    private let strangers: StrangerLog
    private let form: FlatLine.Form
    /// `method` by `Method.rawValue`.
    private let methods: [FlatLine.Fragment]

    init(lines: LineLogHandler, strangers: StrangerLog) {
        self.lines = lines
        self.strangers = strangers
        let form = FlatLine.Form(lines, .info, Self.message)
        self.form = form
        methods = Method.allCases.map { FlatLine.Fragment(form, [("method", $0.path)]) }
    }

    private static let message: Logger.Message = "call"

    /// Successful calls and refusals are `info`; faults of the server are `error`.
    ///
    /// - Parameter unlogged: earlier calls of the partner, refused for their rate like this one, that got no line.
    func write(_ call: CallContext, record: CallRecord?, outcome: CallOutcome, unlogged: Int) {
        let level = Self.level(of: outcome.code)
        guard lines.logLevel <= level else { return }
        guard let caller = record?.caller else {
            return strangers.log(
                level, Self.message,
                metadata: Self.metadata(call, caller: nil, outcome: outcome, unlogged: unlogged))
        }
        guard level == .info, methods.indices.contains(call.methodIndex) else {
            let metadata = Self.metadata(call, caller: caller, outcome: outcome, unlogged: unlogged)
            return lines.sink.write(line: lines.line(level, Self.message, metadata))
        }
        lines.write(line(call, caller: caller, outcome: outcome, unlogged: unlogged))
    }

    /// The same in every line about a call.
    static func requestID(of call: CallContext) -> String {
        String(call.connection.id, radix: 36) + "-" + String(call.id, radix: 36)
    }

    static func level(of code: RPCStatus.Code) -> Logger.Level {
        switch code {
        case .internalError, .unknown, .dataLoss: .error
        default: .info
        }
    }

    /// What `metadata` says, at the level `info`, of a method that is served.
    private func line(_ call: CallContext, caller: Caller, outcome: CallOutcome, unlogged: Int) -> FlatLine {
        var line = FlatLine(form)
        line.add("code", outcome.code.name)
        line.add("duration_us", outcome.durationNanoseconds / 1_000)
        line.add(methods[call.methodIndex])
        line.add(caller.logFragment(form, remote: call.connection.remoteAddress))
        line.add("request_bytes", outcome.requestBytes)
        line.add("request_id", base36: call.connection.id, call.id)
        line.add("response_bytes", outcome.responseBytes)
        if unlogged > 0 { line.add("unlogged", UInt64(unlogged)) }
        return line
    }

    static func metadata(
        _ call: CallContext, caller: Caller?, outcome: CallOutcome, unlogged: Int
    ) -> Logger.Metadata {
        let principal = caller?.principal
        var metadata: Logger.Metadata = [
            "request_id": .string(requestID(of: call)),
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

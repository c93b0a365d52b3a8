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
        let form = FlatLine.Form(lines, .info, Self.message, keys: Key.allCases.map(\.name))
        self.form = form
        methods = Method.allCases.map { FlatLine.Fragment(form, [(Key.method.rawValue, $0.path)]) }
    }

    /// Of a line's metadata, in their order.
    enum Key: Int, CaseIterable {
        case code, duration, method, partner, principal, remote, requestBytes, requestID, responseBytes, unlogged

        var name: String {
            switch self {
            case .code: "code"
            case .duration: "duration_us"
            case .method: "method"
            case .partner: "partner"
            case .principal: "principal"
            case .remote: "remote"
            case .requestBytes: "request_bytes"
            case .requestID: "request_id"
            case .responseBytes: "response_bytes"
            case .unlogged: "unlogged"
            }
        }
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
        line.add(Key.code.rawValue, outcome.code.name)
        line.add(Key.duration.rawValue, outcome.durationNanoseconds / 1_000)
        line.add(methods[call.methodIndex])
        line.add(caller.logFragment(form, remote: call.connection.remoteAddress))
        line.add(Key.requestBytes.rawValue, outcome.requestBytes)
        line.add(Key.requestID.rawValue, base36: call.connection.id, call.id)
        line.add(Key.responseBytes.rawValue, outcome.responseBytes)
        if unlogged > 0 { line.add(Key.unlogged.rawValue, UInt64(unlogged)) }
        return line
    }

    static func metadata(
        _ call: CallContext, caller: Caller?, outcome: CallOutcome, unlogged: Int
    ) -> Logger.Metadata {
        let principal = caller?.principal
        var metadata: Logger.Metadata = [
            Key.requestID.name: .string(requestID(of: call)),
            Key.principal.name: .string(principal?.name ?? ""),
            Key.partner.name: .string(principal?.partner?.text ?? ""),
            // Of a method that is not served, only that: its name is the caller's to choose.
            Key.method.name: .string(call.methodIndex >= 0 ? call.path : "unknown"),
            Key.code.name: .string(outcome.code.name),
            Key.duration.name: .stringConvertible(outcome.durationNanoseconds / 1_000),
            Key.requestBytes.name: .stringConvertible(outcome.requestBytes),
            Key.responseBytes.name: .stringConvertible(outcome.responseBytes),
            Key.remote.name: .string(call.connection.remoteAddress),
        ]
        if unlogged > 0 { metadata[Key.unlogged.name] = .stringConvertible(unlogged) }
        return metadata
    }
}

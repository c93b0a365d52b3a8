import Glibc
import InsightsServer
import LogLines
import Logging

/// The server's log: one bounded line per event on standard error, written by a thread of its own.
struct ServerLog {
    let logger: Logger
    /// The same lines without the logger.
    let lines: LineLogHandler
    private let sink: QueuedSink

    private static let label = "insightsd"

    /// How long the end of the process waits for a reader of its last lines.
    private static let patience = Duration.seconds(2)

    init(_ settings: Settings) {
        let level = Logger.Level(rawValue: settings.logLevel) ?? .info
        let format: LogLines.LogFormat = settings.logFormat == .json ? .json : .text
        let nowhere = LineLogHandler(label: Self.label, format: format, level: level, sink: NoSink())
        let sink = QueuedSink(descriptor: STDERR_FILENO) { lost in
            nowhere.line(.warning, "log lines lost", ["lines": .stringConvertible(lost)])
        }
        self.sink = sink
        let lines = LineLogHandler(label: Self.label, format: format, level: level, sink: sink)
        self.lines = lines
        logger = Logger(label: Self.label) { _ in lines }
    }

    var lostLines: @Sendable () -> UInt64 {
        { [sink] in sink.lostLines }
    }

    /// To be called before the process ends, whichever way.
    func flush() { flush(within: Self.patience) }

    func flush(within time: Duration) { sink.flush(within: time) }

    /// A line for the person who started the command, behind everything logged before.
    func complain(_ line: String) {
        sink.write(line: Array("insightsd: \(line)\n".utf8))
        flush()
    }
}

/// For a handler that only makes lines.
private struct NoSink: LogSink {
    func write(line: [UInt8]) {}
}

/// For libraries that log each of their steps: problems only.
func quiet(_ logger: Logger) -> Logger {
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .error)
    return quiet
}

import InsightsServer
import Logging

/// The server's logger: one bounded line per event on standard error.
func makeLogger(_ settings: Settings) -> Logger {
    let level = Logger.Level(rawValue: settings.logLevel) ?? .info
    let format: InsightsServer.LogFormat = settings.logFormat == .json ? .json : .text
    return Logger(label: "insightsd") { label in
        LineLogHandler(label: label, format: format, level: level)
    }
}

/// For libraries that log each of their steps: problems only.
func quiet(_ logger: Logger) -> Logger {
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .error)
    return quiet
}
